"""Hugo's shortcodes in a page: `{{< name >}}` and `{{% name %}}`, with what they enclose.

Hugo finds them before it reads Markdown, so also in code and in HTML comments.

Source: https://gohugo.io/content-management/shortcodes/
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from meshproof.page.remark import Remark

ENCLOSING = frozenset({"tabs", "tab", "callout", "doc-test"})  # those that enclose something wherever they are used

_BEGIN = re.compile(r"\{\{([<%])")
_NAME = re.compile(r"\s*(/?)\s*([\w][\w./-]*)")
_PARAMETER = re.compile(
    r"""\s*(?:([\w-]+)\s*=\s*)?(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`|((?!/?[>%]\}\})[^\s"`=]+?(?=\s|/?[>%]\}\})))"""
)
_END = re.compile(r"\s*(/?)\s*([>%])\}\}")


@dataclass(frozen=True)
class Shortcode:
    """One shortcode, by its offsets in the text.

    Attributes:
        closing: Whether it ends what one before it began.
        alone: Whether it closes itself, as in `{{< name />}}`.
        given: Its parameters without a name.
        named: Those with one.
    """

    name: str
    start: int
    end: int
    closing: bool = False
    alone: bool = False
    given: Sequence[str] = ()
    named: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Region:
    """What a shortcode encloses, from the line on which it begins to that on which it ends; lines count from 1."""

    opener: Shortcode
    first: int
    last: int
    parent: Region | None


class Lines:
    """Where the lines of a text begin: offsets become places."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


@dataclass(frozen=True)
class Shortcodes:
    """All shortcodes of a text, what they enclose, and what is odd about them."""

    each: Sequence[Shortcode]
    regions: Sequence[Region]
    remarks: Sequence[Remark]

    @cached_property
    def tabs(self) -> Mapping[int, Sequence[Region]]:
        """The tabs of each `tabs`, by where that begins."""
        found: dict[int, list[Region]] = {}
        for region in self.regions:
            if region.opener.name == "tab" and region.parent and region.parent.opener.name == "tabs":
                found.setdefault(region.parent.opener.start, []).append(region)
        return found


def find_shortcodes(text: str) -> Shortcodes:
    """All shortcodes of a text; those in `{{</* … */>}}` are shown and not used, and left out."""
    lines = Lines(text)
    remarks: list[Remark] = []
    each = list(_scan(text, lines, remarks))
    return Shortcodes(each, _pair(each, lines, remarks), remarks)


def _scan(text: str, lines: Lines, remarks: list[Remark]) -> Iterator[Shortcode]:
    at = 0
    while begin := _BEGIN.search(text, at):
        mark, at = begin.group(1), begin.end()
        if text.startswith("/*", at):
            end = text.find("*/" + mark.replace("<", ">") + "}}", at)
            at = end if end >= 0 else at
            continue
        found = _read(text, begin, mark)
        if found is None:
            line = lines.place(begin.start())
            remarks.append(Remark(*line, f"a shortcode begins here with {{{{{mark} and cannot be read", fatal=True))
            continue
        yield found
        at = found.end


def _read(text: str, begin: re.Match[str], mark: str) -> Shortcode | None:
    name = _NAME.match(text, begin.end())
    if name is None:
        return None
    given: list[str] = []
    named: dict[str, str] = {}
    at = name.end()
    while parameter := _PARAMETER.match(text, at):
        key, quoted, raw, bare = parameter.groups()
        value = next(each for each in (quoted, raw, bare) if each is not None)
        if key:
            named[key] = value
        else:
            given.append(value)
        at = parameter.end()
    end = _END.match(text, at)
    if end is None or end.group(2) != mark.replace("<", ">"):
        return None
    return Shortcode(
        name.group(2), begin.start(), end.end(), bool(name.group(1)), bool(end.group(1)), tuple(given), named
    )


def _pair(each: Sequence[Shortcode], lines: Lines, remarks: list[Remark]) -> Sequence[Region]:
    """What encloses what. One that is closed anywhere encloses something everywhere, as Hugo demands."""
    enclosing = ENCLOSING | {code.name for code in each if code.closing}
    regions: list[Region] = []
    slots: list[tuple[Shortcode, int]] = []  # those that are open, and where their region goes
    found: dict[int, tuple[Shortcode, int, int]] = {}
    order: list[tuple[int, int]] = []  # opener and parent by number, as they begin
    for code in each:
        if code.closing:
            if slots and slots[-1][0].name == code.name:
                opener, number = slots.pop()
                found[number] = opener, lines.place(opener.start)[0], lines.place(code.start)[0]
            else:
                inside = f"; open is {slots[-1][0].name}" if slots else ""
                told = f"the shortcode /{code.name} ends what was not begun{inside}"
                remarks.append(Remark(*lines.place(code.start), told, fatal=True))
        elif code.name in enclosing and not code.alone:
            order.append((len(order), slots[-1][1] if slots else -1))
            slots.append((code, len(order) - 1))
    for opener, _ in slots:
        told = f"the shortcode {opener.name} is never ended"
        remarks.append(Remark(*lines.place(opener.start), told, fatal=True))
    made: dict[int, Region] = {}
    for number, parent in order:
        if number in found:
            made[number] = Region(*found[number], made.get(parent))
            regions.append(made[number])
    return regions
