"""A page that was edited: each changed block is reported, with the known one that it was; none is taken for another."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

import pytest
from guide import GUIDE, INCLUDES, the_page, walkthrough

from meshproof.page.block import Block
from meshproof.page.known import Known, known_blocks, known_from, recognise
from meshproof.page.reading import parse_page, read_page

Lines = list[str]


def page_text() -> str:
    path = the_page()
    return path.read_text() if path else walkthrough()


def table_of(text: str) -> Sequence[Known]:
    return [known_from(block, "step") for block in parse_page(text).blocks]


def edits(lines: Lines, block: Block, chance: random.Random) -> Iterator[Lines]:
    """Four edits: a word is changed, a line grows, one is added, and one goes, or a letter of the only one."""
    inside = range(block.place.line, block.place.end - 1)
    at = chance.choice([line for line in inside if re.search(r"\w", lines[line])])
    word = chance.choice(list(re.finditer(r"\w+", lines[at])))
    yield replaced(lines, at, f"{lines[at][: word.start()]}changed{lines[at][word.end() :]}")
    at = chance.choice(inside)
    yield replaced(lines, at, f"{lines[at]} --more")
    at = chance.choice(inside)
    indent = lines[at][: block.place.column - 1]
    yield replaced(lines, at, f"{indent}something else", lines[at])
    at = chance.choice(inside)
    if len(inside) > 1:
        yield replaced(lines, at)
    else:
        yield replaced(lines, at, re.sub(r"\w(?=\w)", "", lines[at], count=1))


def replaced(lines: Lines, at: int, *by: str) -> Lines:
    return [*lines[:at], *by, *lines[at + 1 :]]


@pytest.mark.parametrize("seed", range(3))
def test_every_edit_of_every_block_is_reported_and_its_block_found(seed: int) -> None:
    text, chance = page_text(), random.Random(seed)  # noqa: S311 - no secret
    table, lines = table_of(text), page_text().split("\n")
    blocks = parse_page(text).blocks
    assert len(blocks) == 34
    right = asked = 0
    for block in blocks:
        for edited in edits(lines, block, chance):
            found = recognise(parse_page("\n".join(edited)).blocks, table)
            asked += 1
            assert block.number not in found.same
            assert all(number == known.number for number, known in found.same.items())
            assert len(found.same) == 33
            right += block.number in found.near and found.near[block.number].known.number == block.number
            assert all(near.known.number == number for number, near in found.near.items())
    assert asked == 136
    assert right / asked >= 0.98


@pytest.mark.parametrize("seed", range(10))
def test_ten_blocks_may_change_at_once(seed: int) -> None:
    """Then the nearest is one of several: text, place and tab decide."""
    text, chance = page_text(), random.Random(seed)  # noqa: S311 - no secret
    table, lines = table_of(text), text.split("\n")
    changed = chance.sample(parse_page(text).blocks, 10)
    for block in sorted(changed, key=lambda block: -block.place.line):  # from the end, so that lines keep their numbers
        at = next(line for line in range(block.place.line, block.place.end) if re.search(r"\w", lines[line]))
        word = chance.choice(list(re.finditer(r"\w+", lines[at])))
        lines = replaced(lines, at, f"{lines[at][: word.start()]}changed{lines[at][word.end() :]}")
    found = recognise(parse_page("\n".join(lines)).blocks, table)
    assert all(number == known.number for number, known in found.same.items())
    assert len(found.same) == 24
    assert sorted(found.near) == sorted(block.number for block in changed)
    assert {number: near.known.number for number, near in found.near.items()} == {
        number: number for number in found.near
    }


def test_a_block_that_is_gone_is_named_and_one_that_is_new_is_near_to_none() -> None:
    text = walkthrough()
    table = table_of(text)
    block = parse_page(text).blocks[4]
    lines = text.split("\n")
    gone = lines[: block.place.line - 1] + lines[block.place.end :]
    found = recognise(parse_page("\n".join(gone)).blocks, table)
    assert [known.number for known in found.gone] == [5]
    assert found.near == {}
    new = "\n```sh\necho something else altogether, and nowhere near\n```\n"
    found = recognise(parse_page(text + new).blocks, table)
    assert (found.near, found.gone, len(found.same)) == ({}, [], 34)
    found = recognise(parse_page("\n".join(gone) + new).blocks, table)
    assert ([known.number for known in found.gone], found.near, len(found.same)) == ([5], {}, 33)


def test_of_two_that_are_near_to_one_only_the_nearer_is_a_changed_one() -> None:
    text = walkthrough()
    block = next(block for block in parse_page(text).blocks if block.kind == "manifest in a command")
    lines = text.split("\n")
    once = [line.replace("place:", "plaice:") for line in lines[block.place.line - 1 : block.place.end]]
    twice = [line.replace("data:", "dada:") for line in once]
    edited = [*lines[: block.place.line - 1], *twice, *once, *lines[block.place.end :]]
    found = recognise(parse_page("\n".join(edited)).blocks, table_of(text))
    assert {number: near.known.number for number, near in found.near.items()} == {block.number + 1: block.number}


def test_a_block_that_was_moved_is_the_same() -> None:
    text = walkthrough()
    lines = text.split("\n")
    block = parse_page(text).blocks[7]
    moved = [
        *lines[: block.place.line - 1],
        *lines[block.place.end :],
        "",
        *lines[block.place.line - 1 : block.place.end],
    ]
    found = recognise(parse_page("\n".join(moved)).blocks, table_of(text))
    assert found.same[34].number == 8
    assert len(found.same) == 34


def test_blocks_that_were_moved_past_each_other_are_the_same() -> None:
    text = walkthrough()
    lines = text.split("\n")
    early, late = (parse_page(text).blocks[at].place for at in (2, 7))
    parts = [lines[place.line - 1 : place.end] for place in (late, early)]
    rest = [*lines[: early.line - 1], *lines[early.end : late.line - 1], *lines[late.end :]]
    found = recognise(parse_page("\n".join((*rest, "", *parts[0], "", *parts[1]))).blocks, table_of(text))
    assert [found.same[number].number for number in (33, 34)] == [8, 3]
    assert len(found.same) == 34


def test_of_another_page_nothing_is_said() -> None:
    found = recognise(read_page(str(GUIDE), INCLUDES).blocks, table_of(walkthrough()))
    assert (found.ours, found.same, found.near, found.gone) == (False, {}, {}, ())


def test_what_is_kept_of_the_page_is_hashes_alone() -> None:
    for known in known_blocks():
        assert re.fullmatch(r"[0-9a-f]{16}", known.fingerprint)
        assert re.fullmatch(r"[0-9a-f]{8}", known.section)
        assert re.fullmatch(r"([0-9a-f]{8})?", known.tab)
        assert all(re.fullmatch(r"[0-9a-f]{4}", piece) for piece in known.sketch.split())
    assert [known.number for known in known_blocks()] == list(range(1, 35))


@pytest.mark.skipif(the_page() is None, reason="the page is not here; PAGE= says where")
def test_what_is_kept_is_of_the_page() -> None:
    blocks = parse_page(page_text()).blocks
    kept = known_blocks()
    assert [known_from(block, known.step, known.checks) for block, known in zip(blocks, kept, strict=True)] == [
        known if "\n" not in known.sketch else known_from(block, known.step, known.checks)
        for block, known in zip(blocks, kept, strict=True)
    ]
    assert [known.sketch.split() for known in kept] == [known_from(block, "").sketch.split() for block in blocks]
    assert len({known.fingerprint for known in kept}) == 31
