"""What is said of a block, and on what it rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal[
    "holds as written",
    "holds when corrected",
    "no effect",
    "cannot work",
    "is what was seen",
    "differs",
    "not reached",
    "drifted",
    "unknown",
]
Evidence = Literal["parsed", "dry-run", "executed", "left-out"]

STANDS: frozenset[Verdict] = frozenset({"holds as written", "is what was seen"})
FALLS: frozenset[Verdict] = frozenset({"holds when corrected", "no effect", "cannot work", "differs"})
OPEN: frozenset[Verdict] = frozenset({"not reached", "drifted", "unknown"})  # never counted; the page is not covered


@dataclass(frozen=True)
class Judged:
    """A verdict.

    Attributes:
        verdict: As it is counted.
        evidence: The strongest look that was taken at the block.
        seen: What was seen, or why nothing could be.
        correction: A unified diff with which the block was seen to hold, or empty.
        repeat: A command that shows the same again, or empty.
    """

    verdict: Verdict
    evidence: Evidence
    seen: str = ""
    correction: str = ""
    repeat: str = ""
