"""What is odd on a page: where, and in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meshproof.errors import BadInput


@dataclass(frozen=True, order=True)
class Remark:
    """Something odd at a place of the page, both counted from 1; a fatal one leaves open what the blocks are."""

    line: int
    column: int
    sentence: str
    fatal: bool = False


class UnreadablePage(BadInput):
    """A page whose markup does not say where a block begins or ends; the message has a line for each place."""

    def __init__(self, origin: str, remarks: Iterable[Remark]) -> None:
        self.remarks = tuple(sorted(remarks))
        super().__init__("\n".join(f"{origin}:{each.line}:{each.column}: {each.sentence}" for each in self.remarks))
