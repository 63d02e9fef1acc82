"""A block of a page: where it stands, what it really is, and by what it is known again."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "command", "manifest in a command", "manifest", "values", "fragment", "session", "sample output", "other"
]
SHELL_KINDS: frozenset[Kind] = frozenset({"command", "manifest in a command"})

_PATHS = re.compile(r'paths\s*=\s*"([^"]*)"')


@dataclass(frozen=True)
class Tab:
    """One of several ways to go on: its label, and those of all of them."""

    label: str
    labels: Sequence[str]


@dataclass(frozen=True)
class Place:
    """Where a block stands.

    Attributes:
        line: Its first line, that of its opening fence; counted from 1.
        column: That of the fence.
        end: Its last line, that of its closing fence.
        section: The heading above it.
        item: The number of its list item, such as 2.1; empty outside of a numbered list.
        tab: The tab, or the bullet that is one, that it stands in.
    """

    line: int
    column: int
    end: int
    section: str = ""
    item: str = ""
    tab: Tab | None = None


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        number: Counted from 1 over the page.
        language: What its fence says it is, in lower case.
        info: The whole of what its fence says.
        kind: What it really is.
        source: Its text as the page has it.
        text: The same with what it includes put in.
        unknown: Includes that are not known; in `text` a word stands for each.
        unresolved: Other shortcodes within, which Hugo alone resolves.
    """

    number: int
    place: Place
    language: str
    info: str
    kind: Kind
    source: str
    text: str
    unknown: Sequence[str] = ()
    unresolved: Sequence[str] = ()

    @property
    def fingerprint(self) -> str:
        """By what it is known again, wherever it stands and however it is indented."""
        return hash_of(normal(self.source), 16)

    @property
    def paths(self) -> Sequence[str]:
        """The tests for which its fence is labelled; a tester that goes by labels leaves it out without one."""
        found = _PATHS.search(self.info)
        return tuple(filter(None, re.split(r"[,\s]+", found.group(1)))) if found else ()


def normal(text: str) -> str:
    """A block's text without common indentation, blanks at the ends of lines, and empty lines around it.

    Source: solo-io/docs-tests, README.md, on fingerprints; those of both are the same.
    """
    return textwrap.dedent("\n".join(line.rstrip() for line in text.split("\n"))).strip()


def hash_of(text: str, digits: int) -> str:
    """The first hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
