"""The columns of a matrix's table: a run of the page each, or a cell that has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshproof.matrix.outcome import Found, Outcome
from meshproof.releases import CHOICES
from meshproof.report import summary
from meshproof.results import CheckResult, RunResult, StepResult


@dataclass(frozen=True)
class Column:
    """One run of the page in a cell; `found` is None where the cell has none."""

    outcome: Outcome
    found: Found | None

    @property
    def run(self) -> RunResult | None:
        """The run itself."""
        return self.found and self.found.run

    @property
    def head(self) -> Sequence[tuple[str, str]]:
        """What it is about: the versions, and what else sets it apart from other columns."""
        cell = self.outcome.planned.cell
        versions = [(summary.product(part), str(getattr(cell, part))) for part in CHOICES]
        return [*versions, ("", self.found.way if self.found else "")]

    @property
    def title(self) -> str:
        """The same in one phrase."""
        way = f" {self.found.way}" if self.found and self.found.way else ""
        return f"{self.outcome.slug}{way}"

    def step(self, slug: str) -> StepResult | None:
        """Its result of a step; None where it has none."""
        return next((step for step in self.run.steps if step.slug == slug), None) if self.run else None

    def check(self, check_id: str) -> CheckResult | None:
        """Its result of a check; None where it has none."""
        return next((check for check in self.run.checks if check.id == check_id), None) if self.run else None


def columns_of(outcomes: Sequence[Outcome]) -> Sequence[Column]:
    """The columns of these cells, in order."""
    return [Column(outcome, found) for outcome in outcomes for found in outcome.found or (None,)]


def rows_of(columns: Sequence[Column]) -> Sequence[tuple[str, str]]:
    """The steps that any of them has: slug and section, in page order."""
    return list(
        {step.slug: (step.slug, step.section) for column in columns if column.run for step in column.run.steps}.values()
    )
