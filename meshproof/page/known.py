"""The blocks of the page that the steps prove, known again by hashes alone; and how near a changed one is to which.

Of a block's text there is its fingerprint and a sketch: a short hash of each word and sign, so that two texts can be
compared without either being there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec
from rapidfuzz.distance import Indel

from meshproof.page.block import Block, hash_of, normal

OURS = 0.25  # of the known blocks: with fewer of them unchanged and in order, a page is another one
NEAR = 0.5  # below it a block is not a changed one but a new one
# What a score is made of: text decides, and of twins their place.
_TEXT, _SECTION, _ITEM, _TAB, _ORDER = 0.6, 0.15, 0.1, 0.05, 0.1
_PIECES = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Known:
    """A block of the page, and what in this project stands for it.

    Attributes:
        number: Its number on the page.
        fingerprint: Of its text.
        step: The slug of the section that does what it says.
        checks: Ids of the claims that say whether it did.
        section: A hash of the heading above it.
        item: The number of its list item.
        tab: A hash of its tab's label, or empty.
        sketch: A hash of each word and sign of its text.
    """

    number: int
    fingerprint: str
    step: str
    section: str
    sketch: str
    item: str = ""
    tab: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Near:
    """The known block that a changed one is nearest to, and how near, from 0 to 1."""

    known: Known
    score: float


@dataclass(frozen=True)
class Recognised:
    """What of a page is known.

    Attributes:
        ours: Whether it is the page, changed or not; of another one nothing is said.
        same: Known blocks that are unchanged, by the number of the page's block.
        near: Those that are changed, with the nearest that is not there unchanged.
        gone: Known blocks that no block of the page is, or is near to.
    """

    ours: bool
    same: Mapping[int, Known]
    near: Mapping[int, Near]
    gone: Sequence[Known]


Blocks = Mapping[int, Known]  # by the number of the page's block


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    block: tuple[Known, ...]


@cache
def known_blocks() -> Sequence[Known]:
    """The blocks of the page, in order."""
    return msgspec.toml.decode(files("meshproof.page").joinpath("known.toml").read_bytes(), type=_File).block


def known_from(block: Block, step: str, checks: tuple[str, ...] = ()) -> Known:
    """How a block is known from then on, and what stands for it."""
    place = block.place
    tab = hash_of(place.tab.label, 8) if place.tab else ""
    section, text = hash_of(place.section, 8), normal(block.source)
    sketch = " ".join(hash_of(piece, 4) for piece in _PIECES.findall(text))
    return Known(block.number, block.fingerprint, step, section, sketch, place.item, tab, checks)


def recognise(blocks: Sequence[Block], table: Sequence[Known]) -> Recognised:
    """Which blocks of a page are known, and which are near to one; a changed block is never taken for one."""
    prints = {each.fingerprint for each in table}
    if not table or sum(block.fingerprint in prints for block in blocks) < OURS * len(table):
        return Recognised(False, {}, {}, ())
    there = {block.number: known_from(block, "") for block in blocks}
    same = dict(_aligned(there, table, lambda each: (each.fingerprint, each.section, each.item, each.tab)))
    aligned = {**same, **_aligned(*_left(there, table, same), lambda each: (each.fingerprint,))}
    if len(aligned) < OURS * len(table):
        return Recognised(False, {}, {}, ())
    same = dict(aligned)
    for number, each in _left(there, table, same)[0].items():  # those that were moved
        moved = [known for known in _left(there, table, same)[1] if known.fingerprint == each.fingerprint]
        same |= {number: moved[0]} if moved else {}
    changed, free = _left(there, table, same)
    near = _nearest(changed, free, aligned, len(table))
    named = {each.known.number for each in near.values()}
    return Recognised(True, same, near, [each for each in free if each.number not in named])


def _aligned(there: Blocks, table: Sequence[Known], key: Callable[[Known], tuple[str, ...]]) -> Blocks:
    """Blocks with the same key as a known one, in the order of the table."""
    numbers = list(there)
    pairs = Indel.opcodes([key(each) for each in table], [key(each) for each in there.values()])
    return {
        numbers[page]: table[known]
        for pair in pairs
        if pair.tag == "equal"
        for known, page in zip(range(pair.src_start, pair.src_end), range(pair.dest_start, pair.dest_end), strict=True)
    }


def _left(there: Blocks, table: Sequence[Known], same: Blocks) -> tuple[Blocks, Sequence[Known]]:
    """The blocks of the page and of the table that are not yet found to be the same."""
    found = {each.number for each in same.values()}
    page = {number: each for number, each in there.items() if number not in same}
    return page, [each for each in table if each.number not in found]


def _nearest(changed: Blocks, free: Sequence[Known], aligned: Blocks, last: int) -> Mapping[int, Near]:
    """The known block that each changed one is nearest to; none is that of two, the nearer pair comes first."""
    pairs: list[tuple[float, int, Known]] = []
    for number, there in changed.items():
        between = _between(number, aligned, last)
        pairs += [(_score(each, there, each.number in between), number, each) for each in free]
    near: dict[int, Near] = {}
    taken: set[int] = set()
    for score, number, each in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2].number)):
        if score >= NEAR and number not in near and each.number not in taken:
            near[number] = Near(each, score)
            taken.add(each.number)
    return near


def _between(number: int, aligned: Blocks, last: int) -> range:
    """The numbers of the known blocks that may stand where a block stands, between its unchanged neighbours."""
    before = max((each.number for at, each in aligned.items() if at < number), default=0)
    after = min((each.number for at, each in aligned.items() if at > number), default=last + 1)
    return range(before + 1, after)


def _score(here: Known, there: Known, in_order: bool) -> float:
    text = Indel.normalized_similarity(here.sketch.split(), there.sketch.split())
    place = _SECTION * (here.section == there.section) + _ITEM * (here.item == there.item)
    return _TEXT * text + place + _TAB * (here.tab == there.tab) + _ORDER * in_order
