"""A whole matrix: its cells, when and how it was run, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from meshproof import errors
from meshproof.matrix.outcome import Outcome


@dataclass(frozen=True)
class MatrixResult:
    """What a matrix found.

    Attributes:
        outcomes: Its cells, in the order of releases.toml.
        started: When it began, in seconds since the epoch.
        seconds: How long it took, the assembly of images included.
        at_once: How many cells were run at once; 0 where none was run.
        why: How that was decided.
        interrupted: Whether it was ended before its end.
    """

    outcomes: Sequence[Outcome]
    started: float
    seconds: float
    at_once: int = 0
    why: str = ""
    interrupted: bool = False

    @property
    def verdict(self) -> Literal["proven", "refuted", "incomplete"]:
        """The worst of its cells: refuted where one is, incomplete where one was not proven otherwise."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        if "refuted" in verdicts:
            return "refuted"
        return "proven" if verdicts == {"proven"} else "incomplete"

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        if self.interrupted:
            return errors.INTERRUPTED
        return errors.PROVEN if self.verdict == "proven" else errors.REFUTED
