"""What shell and parser alone decide of a block of commands."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshproof.page import bash
from meshproof.page.block import SHELL_KINDS, Block
from meshproof.page.kept import Kept
from meshproof.page.reading import Page
from meshproof.page.shell import Script, Use, parse
from meshproof.page.verdict import Judged

# No program of any system begins with a dash. Of the others, one may be missing on this machine only.
_ELSEWHERE = {"open": "macOS", "pbcopy": "macOS", "pbpaste": "macOS", "clip": "Windows"}
_LINK = re.compile(r"\[[^\]\n]+\]\([^)\n]+\)")
_PLACEHOLDER = re.compile(r"<[A-Za-z][\w. -]*>")
_URL = re.compile(r"https?://[^\s'\"]*")
_HOSTLESS = re.compile(r"https?://(?:[^/?#@]*@)?(?=[:/?#]|\Z)")


@dataclass(frozen=True)
class Said:
    """What was found: verdicts by the numbers of blocks, and for the others the programs that are not here."""

    verdicts: Mapping[int, Judged]
    missing: Mapping[int, str]


def by_shell(page: Page, tools: Path | None, kept: Kept) -> Said:
    """The blocks that cannot work as they are written.

    Args:
        page: As it was read.
        tools: A folder of programs that are there beside those on the PATH.
        kept: Where a block is kept that a program was given.
    """
    scripts = {each.number: parse(each.text) for each in page.blocks if _is_shell(each)}
    missing = bash.missing((each.name for script in scripts.values() for each in script.commands if each.name), tools)
    verdicts: dict[int, Judged] = {}
    absent: dict[int, str] = {}
    earlier: set[str] | None = set() if not page.unknown else None  # what is set before; None where that is not known
    brings = False
    for block in sorted((*page.brought, *page.blocks), key=lambda each: each.place.line):
        if not _is_shell(block):
            continue
        script = scripts.get(block.number) or parse(block.text)
        gone: frozenset[str] = frozenset() if brings or script.brings else missing
        if block.number:  # not one that is brought
            judged = _broken(block, script, kept) or _no_command(block, script, gone)
            judged = judged or (None if earlier is None else _no_host(block, script, earlier))
            names = dict.fromkeys(each.name for each in script.commands if each.name in gone)
            verdicts |= {block.number: judged} if judged else {}
            absent |= {block.number: ", ".join(names)} if names else {}
        brings = brings or script.brings
        earlier = None if earlier is None or brings else earlier | script.sets
    return Said(verdicts, absent)


def placeholders(block: Block) -> Sequence[str]:
    """What a block leaves for the reader to fill in."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(block.text)))


def _is_shell(block: Block) -> bool:
    return block.kind in SHELL_KINDS and not block.unresolved


def _broken(block: Block, script: Script, kept: Kept) -> Judged | None:
    """It is no shell: parser and shell agree. What an unknown include stands for is taken for a word."""
    if script.broken is None or not (complaint := bash.syntax_error(block.text)):
        return None
    if placeholders(block) and not bash.syntax_error(_PLACEHOLDER.sub("word", block.text)):
        return None  # what the reader fills in may make it one
    link = _LINK.search(block.text)
    cause = f"; a Markdown link is inside the command: {link.group()}" if link else ""
    file = kept.file(block, ".sh", block.text)
    return Judged("cannot work", "parsed", f"bash: {complaint}{cause}", repeat=f"bash -n {shlex.quote(file)}")


def _no_command(block: Block, script: Script, missing: Collection[str]) -> Judged | None:
    """A command that is reached whatever the others say is none on any system like this one."""
    for command in script.commands:
        if not command.reached or command.name not in missing:
            continue
        if command.name.startswith("-"):
            why = "no command, but goes with the line before it, which does not end in a backslash"
        elif command.name in _ELSEWHERE:
            why = f"a command of {_ELSEWHERE[command.name]}, and none here ({sys.platform})"
        else:
            continue
        repeat = f"bash -c 'type -- {command.name}'"
        told = f"line {_line(block, command.line)}: {command.name} is {why}"
        return Judged("cannot work", "parsed", told, repeat=repeat)
    return None


def _no_host(block: Block, script: Script, before: Collection[str]) -> Judged | None:
    """A URL has no host, since no block sets the variable that stands for it."""
    known = {*before, *script.sets, *os.environ}
    unset = [use for use in script.uses if use.name not in known]
    for use in unset:
        url = _URL.search(_without(use.word, unset))
        if url and _HOSTLESS.match(url.group()):
            told = f"{use.name} is set by no block before, and stands for the host of {use.word}"
            return Judged("cannot work", "parsed", f"line {_line(block, use.line)}: {told}")
    return None


def _without(word: str, unset: Collection[Use]) -> str:
    """A word as the shell makes it, with nothing for what is not set."""
    for use in unset:
        word = word.replace(f"${{{use.name}}}", "")
        word = re.sub(rf"\${re.escape(use.name)}\b", "", word)
    return word


def _line(block: Block, within: int) -> int:
    """The line of the page of a line of a block."""
    return block.place.line + 1 + within
