"""A section of the page that was run in a notebook, and what its cells show of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from meshproof.errors import Refuted
from meshproof.kube.workloads import Pod
from meshproof.report.redact import redact
from meshproof.results import StepResult
from meshproof.runbook.shown import Shown, claims, commands, pods
from meshproof.runbook.shown.claimed import Claimed, Run


class Show(Protocol):
    """What makes a panel of a result, as found now or earlier."""

    def __call__(self, result: StepResult, /, *, earlier: bool = False) -> Shown:
        """Make it."""
        ...


@dataclass(frozen=True, repr=False)
class Section:
    """A section that was run. As a cell's value it shows what was typed and what that changed.

    Once its `run` is over, since it was run again or was not run at all this time, it shows what was found then.
    """

    result: StepResult
    before: tuple[Pod, ...]
    after: tuple[Pod, ...]
    run: Run = field(default_factory=Run)

    @property
    def pods(self) -> Shown:
        """The pods of gateway, app and control planes with their containers, and what is new about them."""
        return pods.pods_table(self.before, self.after)

    @property
    def claims(self) -> Shown:
        """Each claim, proven or refuted, with what was expected and what was seen."""
        return self._claimed(claims.claims_table)

    @property
    def departures(self) -> Shown:
        """Where the page's own words do not hold, and what was done instead."""
        return claims.departures_list(self.result)

    def confirm(self) -> Shown:
        """Say that the section is proven, or that it was.

        Raises:
            Refuted: It is not; each claim that failed is named.
        """
        if self.result.complete:
            return self._claimed(claims.proven_note)
        failed = [check for check in self.result.checks if check.status != "proven"]
        told = [f"{c.claim} [{c.id}]: {c.reason}\n  expected: {c.expected}\n  observed: {c.observed}" for c in failed]
        problem = [f"step: {self.result.error}"] if self.result.error else []
        head = f"{self.result.section}: {len(failed)} of {len(self.result.checks)} claims are not proven"
        raise Refuted(redact("\n".join([head, *problem, *told])))

    def _claimed(self, show: Show) -> Shown:
        now, earlier = show(self.result, earlier=self.run.over), show(self.result, earlier=True)
        return Claimed(now.html, now.text, earlier, self.run)

    def _repr_html_(self) -> str:
        return commands.what_ran(self.result, earlier=self.run.over).html

    def __repr__(self) -> str:
        return f"{self.result.section}, run in {self.result.seconds:.1f} s"
