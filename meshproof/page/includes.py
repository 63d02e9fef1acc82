"""What a page takes from elsewhere: `reuse` shortcodes, resolved from a folder or a table, or named as not known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

from meshproof.errors import BadInput
from meshproof.page.shortcodes import Shortcode, find_shortcodes

REUSE = "reuse"
_DEEPEST = 20
_FRONT_MATTER = re.compile(r"^(?:---\n.*?\n---\n)?", re.DOTALL)


class IncludesItself(BadInput):
    """A text that is part of itself; the message has the way around."""


@dataclass(frozen=True)
class Expanded:
    """A text with what it includes put in; `unknown` are the includes for which a word stands."""

    text: str
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Includes:
    """The texts that a page may include, by the path by which it calls them; or a folder that has them."""

    table: Mapping[str, str] = field(default_factory=dict[str, str])
    folder: Path | None = None

    def find(self, path: str) -> str | None:
        """The text of an include, or None when it is not known."""
        path = path.strip("/")
        return self.table.get(path) if self.folder is None else _of_folder(self.folder, path)

    def expand(self, text: str, within: tuple[str, ...] = ()) -> Expanded:
        """Put in what a text includes, and what that includes; a word of its name stands for one that is not known.

        Raises:
            IncludesItself: A text is part of itself.
        """
        if "{{" not in text:
            return Expanded(text)
        parts: list[str] = []
        unknown: list[str] = []
        at = 0
        for code in find_shortcodes(text).each:
            if (path := included(code)) is None:
                continue
            if path in within or len(within) == _DEEPEST:
                raise IncludesItself(" includes ".join((*within, path)))
            found = self.find(path)
            inner = Expanded(stand_in(path), (path,)) if found is None else self.expand(found, (*within, path))
            parts += [text[at : code.start], inner.text.rstrip("\n")]
            unknown += inner.unknown
            at = code.end
        return Expanded("".join((*parts, text[at:])), tuple(dict.fromkeys(unknown)))


@cache
def _of_folder(folder: Path, path: str) -> str | None:
    """A text of a folder, without its front matter; None where there is none, or it is elsewhere."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return None
    try:
        return _FRONT_MATTER.sub("", file.read_text(encoding="utf-8-sig"), count=1)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: expected a text to include: {error}") from error


def included(code: Shortcode) -> str | None:
    """The path of what a shortcode includes; None where it includes nothing."""
    return code.given[0].strip("/") if code.name == REUSE and code.given and not code.closing else None


def stand_in(path: str) -> str:
    """The word that stands for an include that is not known."""
    return re.sub(r"[^a-z0-9-]+", "-", Path(path).stem.lower()).strip("-") or "include"


def read_includes(given: str) -> Includes:
    """What REUSE= names: a folder, or a TOML file with a text for each path.

    Raises:
        BadInput: It is neither.
    """
    if not given:
        return Includes()
    path = Path(given)
    if path.is_dir():
        return Includes(folder=path)
    try:
        table = msgspec.toml.decode(path.read_text(encoding="utf-8"), type=dict[str, str])
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        expected = "a folder, or a TOML file with a text for each path"
        raise BadInput(f"REUSE={given}: expected {expected}: {error}") from error
    return Includes({name.strip("/"): text for name, text in table.items()})
