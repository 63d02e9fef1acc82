"""The fenced blocks of a Markdown text, each with its exact place.

Read by CommonMark, as Hugo does. A line with nothing but shortcodes is a block of its own: what they enclose is read
by Hugo apart, so that no paragraph goes on across them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from meshproof.page.block import Place, Tab
from meshproof.page.shortcodes import Region, Shortcodes

_ONLY_SHORTCODES = re.compile(r"(?:\{\{[<%](?:(?!\{\{[<%]).)*?[>%]\}\}[ \t]*)+")
_ANCHOR = re.compile(r"\s*\{#[^}]*\}\s*$")
_LABELS = ("tabName", "name", "title", "label")


@dataclass(frozen=True)
class Fence:
    """A fenced block as it is marked up.

    Attributes:
        ended: Whether its closing fence is there.
        contained: Whether it stands in a list item or a quote, with which it ends at the latest.
    """

    place: Place
    info: str
    content: str
    ended: bool
    contained: bool


def fences(text: str, codes: Shortcodes) -> Iterator[Fence]:
    """The fenced blocks of a text, in order. Those that are only indented are none."""
    tokens = _PARSER.parse(text)
    bullets = _bulleted_tabs(tokens)
    lines = text.split("\n")
    within = _Within(codes.regions)
    section = ""
    items: list[str] = []  # the number of each list item that is open, empty for a bullet
    labels: list[Tab | None] = []
    for index, token in enumerate(tokens):
        match token.type:
            case "heading_open":
                section = _ANCHOR.sub("", tokens[index + 1].content)
            case "list_item_open":
                items.append(token.info)
                labels.append(bullets.get(index))
            case "list_item_close":
                items.pop()
                labels.pop()
            case "fence":
                first, last = token.map or (0, 0)
                bullet = next((label for label in reversed(labels) if label), None)
                place = Place(
                    line=first + 1,
                    column=lines[first].find(token.markup) + 1,
                    end=last,
                    section=section,
                    item=".".join(filter(None, items)),
                    tab=_tab(within.at(first + 1), codes) or bullet,
                )
                ended = last - first > 1 and lines[last - 1].strip(" \t>").startswith(token.markup)
                yield Fence(place, token.info.strip(), token.content, ended, token.level > 0)
            case _:
                pass


def _shortcode(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line with nothing but shortcodes ends a paragraph and is none."""
    if state.is_code_block(start):
        return False
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not line.startswith("{{") or not _ONLY_SHORTCODES.fullmatch(line):
        return False
    if not silent:
        state.line = start + 1
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.before("fence", "shortcode", _shortcode, {"alt": ["paragraph", "reference", "blockquote"]})
    return parser


_PARSER = _parser()


class _Within:
    """The innermost region around a line, for lines that are asked for in order."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self._coming = list(reversed(regions))
        self._open: list[Region] = []

    def at(self, line: int) -> Region | None:
        while self._coming and self._coming[-1].first < line:
            self._open.append(self._coming.pop())
        while self._open and self._open[-1].last < line:
            self._open.pop()
        return self._open[-1] if self._open else None


def _tab(region: Region | None, codes: Shortcodes) -> Tab | None:
    """The innermost tab that a region is or stands in."""
    while region and not (region.opener.name == "tab" and region.parent and region.parent.opener.name == "tabs"):
        region = region.parent
    if region is None or region.parent is None:
        return None
    tabs = region.parent.opener
    labels = [_label(tabs.named, each, index) for index, each in enumerate(codes.tabs[tabs.start])]
    return Tab(labels[codes.tabs[tabs.start].index(region)], labels)


def _label(tabs: Mapping[str, str], tab: Region, index: int) -> str:
    """A tab's label: it is its own, or the one at its place in the list that its tabs have."""
    own = [*(tab.opener.named[name] for name in _LABELS if name in tab.opener.named), *tab.opener.given]
    listed = [each.strip() for each in tabs.get("items", "").split(",")]
    return own[0] if own else listed[index] if index < len(listed) else str(index + 1)


def _bulleted_tabs(tokens: Sequence[Token]) -> Mapping[int, Tab]:
    """Bullets that are tabs: two or more, each with a line that ends in a colon and then a block. By their tokens."""
    found: dict[int, Tab] = {}
    open_lists: list[list[int]] = []
    for index, token in enumerate(tokens):
        if token.type == "bullet_list_open" or token.type == "ordered_list_open":
            open_lists.append([])
        elif token.type == "list_item_open":
            open_lists[-1].append(index)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            items = open_lists.pop()
            heads = [_head(tokens, item) for item in items] if token.type == "bullet_list_close" else []
            if len(heads) > 1 and all(heads):
                found |= {item: Tab(head, heads) for item, head in zip(items, heads, strict=True)}
    return found


def _head(tokens: Sequence[Token], item: int) -> str:
    """The label of a bullet: its first paragraph without the colon, where a block follows; else nothing."""
    following = [token.type for token in tokens[item + 1 : item + 5]]
    if following != ["paragraph_open", "inline", "paragraph_close", "fence"]:
        return ""
    text = tokens[item + 2].content.strip(" *_`")
    return text.removesuffix(":").strip(" *_`") if text.endswith(":") else ""
