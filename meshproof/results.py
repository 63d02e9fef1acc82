"""What a run found: checks within steps within a run, and the verdict that follows. The shape of results.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from meshproof.errors import Refuted

Status = Literal["proven", "refuted", "skipped"]
Verdict = Literal["proven", "refuted", "incomplete"]


@dataclass(frozen=True)
class CheckResult:
    """One claim held against what was seen.

    `seconds` runs from the start of the step's observation to the moment this claim was settled.
    `reason` says why a claim is refuted or was skipped; it is empty for a proven one.
    """

    id: str
    claim: str
    expected: str
    observed: str
    status: Status
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Moment:
    """A stretch of time within a step, for the timeline: a command, a wait, an observation.

    `started` is in seconds since the epoch.
    """

    label: str
    kind: Literal["command", "wait", "observe"]
    started: float
    seconds: float
    output: str = ""


@dataclass(frozen=True)
class StepResult:
    """A step that was run: what was typed, what was departed from, what was seen.

    `started` is in seconds since the epoch. `error` is set when a command failed or readiness did not
    come; a run with such a step is never proven.
    """

    slug: str
    section: str
    commands: tuple[str, ...]
    started: float
    seconds: float
    checks: tuple[CheckResult, ...]
    departures: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()
    error: str = ""

    def check(self, check_id: str) -> CheckResult:
        """The result of one check.

        Raises:
            KeyError: The step has no check of that id.
        """
        for result in self.checks:
            if result.id == check_id:
                return result
        raise KeyError(f"step {self.slug} has no check {check_id}; it has {', '.join(c.id for c in self.checks)}")

    def proven(self, check_id: str) -> bool:
        """True when the check is proven.

        Raises:
            Refuted: It is not; the message tells the story. The step's own error is told in short: in full it stands
                in the table, once.
        """
        __tracebackhide__ = True  # of pytest: what is of interest is the line that asserts the claim
        result = self.check(check_id)
        if result.status == "proven":
            return True
        broken = f"the step did not complete: {self.error.splitlines()[0]}" if self.error else ""
        raise Refuted(
            f"{self.section}: {result.claim} [{result.id}]\n"
            f"  {result.status}: {result.reason}\n"
            f"  expected: {result.expected}\n"
            f"  observed: {result.observed}" + (f"\n  {broken}" if broken not in result.reason else "")
        )


@dataclass(frozen=True)
class RunResult:
    """A whole run. `started` is in seconds since the epoch; `folder` is not part of it."""

    versions: Mapping[str, str]
    choices: Mapping[str, str]
    started: float
    steps: tuple[StepResult, ...]
    allowed_skips: frozenset[str] = field(default_factory=frozenset[str])

    @property
    def verdict(self) -> Verdict:
        """The worst that happened.

        `refuted` if any check is; `incomplete` if a step did not complete, a check was skipped that the
        cell does not allow, or none ran.
        """
        checks = [check for step in self.steps for check in step.checks]
        if any(check.status == "refuted" for check in checks):
            return "refuted"
        skipped = [check for check in checks if check.status == "skipped" and check.id not in self.allowed_skips]
        broken = any(step.error for step in self.steps)
        return "incomplete" if skipped or broken or not checks else "proven"
