"""A page as it is read: its blocks in order, and what it takes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meshproof.page.block import Block
from meshproof.page.includes import REUSE, Expanded, Includes, IncludesItself, included
from meshproof.page.kinds import kind_of
from meshproof.page.markdown import Fence, fences
from meshproof.page.remark import Remark, UnreadablePage
from meshproof.page.shortcodes import Lines, Region, Shortcodes, find_shortcodes
from meshproof.page.source import read_file, tidied

HIDDEN = frozenset({"doc-test"})  # what they enclose is on no reader's page


@dataclass(frozen=True)
class Include:
    """A place where the page takes a text from elsewhere; `unknown` are those, it or within it, that are not known."""

    path: str
    line: int
    unknown: Sequence[str]


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        origin: How its file is named.
        sha256: Of the file.
        blocks: Its own, in order.
        brought: Those of the texts that it includes, each at the line of its include; they have no number.
        includes: What it takes from elsewhere.
        hidden: How many pieces are there for tests alone, and on no reader's page.
        remarks: What is odd.
    """

    origin: str
    sha256: str
    blocks: Sequence[Block]
    brought: Sequence[Block]
    includes: Sequence[Include]
    hidden: int
    remarks: Sequence[Remark]

    @property
    def unknown(self) -> Sequence[str]:
        """Includes that are not known, each once."""
        return tuple(dict.fromkeys(path for include in self.includes for path in include.unknown))


def read_page(given: str, includes: Includes) -> Page:
    """Read the page in a file.

    Raises:
        BadInput: There is no such file, it is no Markdown, or as for `parse_page`.
    """
    text, sha256 = read_file(given)
    return parse_page(text, given, includes, sha256)


def parse_page(given: str, origin: str = "page", includes: Includes | None = None, sha256: str = "") -> Page:
    """Read the text of a page.

    Raises:
        UnreadablePage: Its markup leaves open what the blocks are.
    """
    includes = includes or Includes()
    text, remarks = (source := tidied(given)).text, list(source.remarks)
    codes = find_shortcodes(text)
    hidden = [region for region in codes.regions if region.opener.name in HIDDEN]
    found = list(fences(_blanked(text, hidden), codes))
    remarks += [*codes.remarks, *map(_never_ended, (fence for fence in found if not fence.ended))]
    taken, brought = _taken(text, codes, found, includes, remarks)
    if fatal := [each for each in remarks if each.fatal]:
        raise UnreadablePage(origin, fatal)
    blocks = [_block(number, fence, includes) for number, fence in enumerate(found, 1)]
    return Page(origin, sha256, blocks, brought, taken, len(hidden), sorted(remarks))


def _taken(
    text: str, codes: Shortcodes, blocks: Sequence[Fence], includes: Includes, remarks: list[Remark]
) -> tuple[Sequence[Include], Sequence[Block]]:
    """What a page takes from elsewhere, and the blocks that come with it."""
    taken: list[Include] = []
    brought: list[Block] = []
    lines = Lines(text)
    within_blocks = {line for fence in blocks for line in range(fence.place.line, fence.place.end + 1)}
    known: dict[str, tuple[Expanded, Sequence[Fence]]] = {}
    for code in codes.each:
        if (path := included(code)) is None:
            continue
        line, column = lines.place(code.start)
        try:
            expanded, within = known.get(path) or known.setdefault(path, _opened(text[code.start : code.end], includes))
        except IncludesItself as error:
            remarks.append(Remark(line, column, f"an include is part of itself: {error}", fatal=True))
            continue
        taken.append(Include(path, line, expanded.unknown))
        for fence in within if line not in within_blocks else ():
            place = replace(fence.place, line=line, column=column, end=line)
            brought.append(_block(0, replace(fence, place=place), includes))
    return taken, brought


def _opened(code: str, includes: Includes) -> tuple[Expanded, Sequence[Fence]]:
    """What a shortcode includes, and the blocks of it: a text of one line has none."""
    expanded = includes.expand(code)
    text = expanded.text
    return expanded, list(fences(text, find_shortcodes(text))) if "\n" in text else []


def _block(number: int, fence: Fence, includes: Includes) -> Block:
    source = fence.content.rstrip("\n")
    expanded = includes.expand(source)
    language = re.split(r"[\s,{]", fence.info, maxsplit=1)[0].lower()
    within = find_shortcodes(source).each if "{{" in source else ()
    return Block(
        number,
        fence.place,
        language,
        fence.info,
        kind_of(language, expanded.text),
        source,
        expanded.text,
        expanded.unknown,
        tuple(dict.fromkeys(code.name for code in within if code.name != REUSE)),
    )


def _blanked(text: str, regions: Sequence[Region]) -> str:
    """A text with as many lines, those in some regions empty."""
    lines = text.split("\n")
    for region in regions:
        lines[region.first - 1 : region.last] = [""] * (region.last - region.first + 1)
    return "\n".join(lines)


def _never_ended(fence: Fence) -> Remark:
    where = "but by the list item or quote around it" if fence.contained else "so that all below is in it"
    told = f"a fence begins here and is not ended, {where}"
    return Remark(fence.place.line, fence.place.column, told, fatal=not fence.contained)
