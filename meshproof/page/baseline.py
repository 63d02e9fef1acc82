"""What a page lost since an earlier coverage of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshproof.page.coverage import Coverage, Row
from meshproof.page.verdict import FALLS, STANDS


@dataclass(frozen=True)
class Compared:
    """What differs from an earlier coverage.

    Attributes:
        lost: Blocks that fall and did not before, each with what it was then.
        unseen: How many blocks stood before, of which this time nothing was said.
    """

    lost: Sequence[tuple[Row, str]]
    unseen: int


def compare(now: Coverage, then: Coverage) -> Compared:
    """Compare by text and place; of a block that has been changed, by its place alone."""
    by_text = {_key(row, row.fingerprint): row for row in then.blocks}
    by_place = {_key(row, ""): row for row in then.blocks}
    lost: list[tuple[Row, str]] = []
    unseen = 0
    for row in now.blocks:
        before = by_text.get(_key(row, row.fingerprint)) or by_place.get(_key(row, ""))
        if row.verdict in FALLS and (before is None or before.verdict not in FALLS):
            lost.append((row, before.verdict if before else "not there"))
        elif before and before.verdict in STANDS and row.verdict not in STANDS:
            unseen += 1
    return Compared(lost, unseen)


def _key(row: Row, fingerprint: str) -> tuple[str, ...]:
    return fingerprint, row.section, row.item, row.tab, row.kind if not fingerprint else ""
