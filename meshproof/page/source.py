"""The file of a page, as a text with lines that end alike; what is odd about it is remarked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from meshproof.errors import BadInput
from meshproof.page.remark import Remark
from meshproof.page.shortcodes import Lines

_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".txt")
_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(?:.*?\n)??\1[ \t]*(?:\n|\Z)", re.DOTALL)
_ORDER = re.compile("[\u202a-\u202e\u2066-\u2069]")  # what is read is then not what is run


@dataclass(frozen=True)
class Source:
    """The text of a page, without its front matter but with as many lines, and what is odd about it."""

    text: str
    remarks: tuple[Remark, ...]


def read_file(given: str) -> tuple[str, str]:
    """The text of a page's file, and the SHA-256 of the file.

    Raises:
        BadInput: There is no such file, or it is no Markdown.
    """
    path = Path(given)
    if path.is_dir():
        raise BadInput(f"PAGE={given}: expected a Markdown file, found a folder")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"PAGE={given}: expected a Markdown file: {error.strerror}") from error
    if path.suffix.lower() not in _SUFFIXES:
        raise BadInput(f"PAGE={given}: expected a Markdown file, one that ends in {', '.join(_SUFFIXES)}")
    if not data.strip():
        raise BadInput(f"{given}:1:1: expected Markdown, found an empty file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"the byte 0x{data[error.start]:02x}"
        raise BadInput(f"{given}:{_place(data, error.start)}: expected a text in UTF-8, found {found}") from error
    if (at := data.find(b"\0")) >= 0:
        raise BadInput(f"{given}:{_place(data, at)}: expected a text, found the byte 0x00")
    return text, hashlib.sha256(data).hexdigest()


def tidied(text: str) -> Source:
    """A text as it is read on: without byte order mark and front matter, each line ended by a line feed."""
    remarks: list[Remark] = []
    if text.startswith("\ufeff"):
        remarks.append(Remark(1, 1, "begins with a byte order mark; it is read without"))
        text = text[1:]
    if (at := text.find("\r")) >= 0:
        line = text.count("\n", 0, at) + 1
        remarks.append(Remark(line, at - text.rfind("\n", 0, at), "ends in a carriage return, as others may; left out"))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\0", "\ufffd")  # as CommonMark has it
    if front := _FRONT_MATTER.match(text):
        text = "\n" * front.group().count("\n") + text[front.end() :]
    if _ORDER.search(text):
        lines = Lines(text)
        for found in _ORDER.finditer(text):
            told = f"the character U+{ord(found.group()):04X} changes the order in which what follows is shown"
            remarks.append(Remark(*lines.place(found.start()), told))
    return Source(text, tuple(remarks))


def _place(data: bytes, offset: int) -> str:
    line = data.count(b"\n", 0, offset) + 1
    before = data[data.rfind(b"\n", 0, offset) + 1 : offset]
    return f"{line}:{len(before.decode('utf-8', 'replace')) + 1}"
