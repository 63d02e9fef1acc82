"""Shell text as commands, read and not run.

Source: tree-sitter-bash 0.25, grammar.js, for the names of its nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bash.language()))
_ONWARD = frozenset({"program", "pipeline", "redirected_statement", "command", "declaration_command"})
_PLAIN = re.compile(r"[\w.+-]+")
# Commands after which there may be programs that were not there before.
_BRINGERS = frozenset(
    {
        "source",
        ".",
        "eval",
        "alias",
        "sh",
        "bash",
        "zsh",
        "apt",
        "apt-get",
        "brew",
        "pip",
        "go",
        "npm",
        "make",
        "install",
    }
)


@dataclass(frozen=True)
class Here:
    """A here-document: its text, and whether the shell puts variables into it."""

    text: str
    expanded: bool


@dataclass(frozen=True)
class Command:
    """A simple command.

    Attributes:
        words: Its name and arguments as they are written.
        line: Its line within the block, from 0.
        reached: Whether it is run whatever the commands before it say.
        here: Its here-document.
    """

    words: Sequence[str]
    line: int
    reached: bool
    here: Here | None = None

    @property
    def name(self) -> str:
        """Its name, where it is written out; else nothing."""
        return self.words[0] if _PLAIN.fullmatch(self.words[0]) else ""


@dataclass(frozen=True)
class Use:
    """Where a variable's value is used: its name, the word around it, and the line within the block, from 0."""

    name: str
    word: str
    line: int


@dataclass(frozen=True)
class Script:
    """What a block's text is to a shell.

    Attributes:
        commands: In order.
        sets: The variables that it sets.
        uses: The variables that it uses without saying what stands for one that is not set.
        broken: The line, from 0, from which on it is no shell; None where all of it is.
        brings: Whether programs may be there after it that were not there before.
    """

    commands: Sequence[Command]
    sets: frozenset[str]
    uses: Sequence[Use]
    broken: int | None
    brings: bool


@lru_cache(maxsize=4096)
def parse(text: str) -> Script:
    """Read a shell text; one that is none is read as far as it goes."""
    root = _PARSER.parse(text.encode("utf-8", "surrogatepass")).root_node
    commands: list[Command] = []
    sets: set[str] = set()
    uses: list[Use] = []
    broken: list[int] = []
    brings = False
    for node, reached in _walk(root):
        if node.is_error or node.is_missing:
            broken.append(node.start_point.row)
        match node.type:
            case "command":
                commands.append(Command(_words(node), node.start_point.row, reached, _here(node)))
            case "declaration_command" | "unset_command":
                commands.append(Command((_text(node).partition(" ")[0],), node.start_point.row, reached))
            case "variable_assignment":
                sets.add(_text(node).partition("=")[0].rstrip("+"))
            case "for_statement" | "select_statement":
                sets |= {_text(child) for child in node.children if child.type == "variable_name"}
            case "function_definition":
                brings = True
            case "simple_expansion":
                uses.append(Use(_text(node)[1:], _text(_whole(node)), node.start_point.row))
            case "expansion" if len(node.children) == 3:  # ${name}, and nothing that says what else it may be
                uses.append(Use(_text(node)[2:-1], _text(_whole(node)), node.start_point.row))
            case _:
                pass
    for command in commands:
        sets |= set(command.words[1:]) if command.words[0] in ("read", "mapfile", "readarray") else set()
    brings = brings or "PATH" in sets or any(map(_brings, commands))
    return Script(commands, frozenset(sets), uses, min(broken, default=None), brings)


def _brings(command: Command) -> bool:
    """It runs what nobody here has read, installs, or writes where programs are."""
    words = command.words[1:] if command.words[0] == "sudo" else command.words
    return words[:1] != () and (words[0] in _BRINGERS or any("/bin" in word for word in words[1:]))


def _walk(root: Node) -> Iterator[tuple[Node, bool]]:
    """All nodes in order, each with whether it is reached whatever the commands before it say."""
    waiting = [(root, True)]
    while waiting:
        node, reached = waiting.pop()
        yield node, reached
        first_only = node.type == "list"
        onward = reached and (node.type in _ONWARD or first_only)
        waiting += reversed([(child, onward and not (first_only and at)) for at, child in enumerate(node.children)])


def _words(command: Node) -> tuple[str, ...]:
    skipped = ("variable_assignment", "file_redirect", "herestring_redirect")
    return tuple(_text(child) for child in command.children if child.type not in skipped) or ("",)


def _here(command: Node) -> Here | None:
    """The here-document that a command is given."""
    around = command.parent
    for redirect in around.children if around and around.type == "redirected_statement" else ():
        if redirect.type == "heredoc_redirect":
            parts = {child.type: child for child in redirect.children}
            if body := parts.get("heredoc_body"):
                start = parts.get("heredoc_start")
                return Here(_text(body), not start or not re.search(r"['\"\\]", _text(start)))
    return None


def _whole(node: Node) -> Node:
    """The word that a piece of it stands in."""
    while node.parent and node.parent.type in ("string", "concatenation"):
        node = node.parent
    return node


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
