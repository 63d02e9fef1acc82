"""What a run found: checks within steps within a run, and the verdict that follows. The shape of results.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from meshproof import errors
from meshproof.errors import Refuted
from meshproof.kube.inventory import Difference
from meshproof.path.way import Way

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

    `started` is in seconds since the epoch. `command` says which of the step's commands it is of, by its place.
    """

    label: str
    kind: Literal["command", "wait", "observe"]
    started: float
    seconds: float
    output: str = ""
    command: int | None = None


@dataclass(frozen=True)
class StepResult:
    """A step that was run: what was typed, what was departed from, what was seen.

    `started` is in seconds since the epoch. `error` is set when a command failed or readiness did not
    come; a run with such a step is never proven. `tracebacks` are of meshproof's own bugs that the step met:
    a check that met one is skipped. `changes` is what the step changed in the cluster, None where nobody looked.
    `ways` are the requests that its claims were judged by.
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
    tracebacks: tuple[str, ...] = ()
    changes: tuple[Difference, ...] | None = None
    ways: tuple[Way, ...] = ()

    @property
    def ran(self) -> tuple[tuple[str, Moment | None], ...]:
        """Each command as it was typed, with the moment in which it ran, where there was one."""
        moments = {moment.command: moment for moment in self.moments}
        return tuple((command, moments.get(number)) for number, command in enumerate(self.commands))

    @property
    def others(self) -> tuple[Moment, ...]:
        """Moments that are of no command as typed, in the order of time."""
        others = (moment for moment in self.moments if moment.command is None)
        return tuple(sorted(others, key=lambda moment: moment.started))

    @property
    def ended(self) -> float:
        """When it had found what it found, in seconds since the epoch."""
        return self.started + self.seconds

    @property
    def status(self) -> Status:
        """How it came out as a whole, in the words of its checks: the worst of them, refuted where it broke."""
        statuses = {check.status for check in self.checks}
        if self.error or "refuted" in statuses:
            return "refuted"
        return "proven" if statuses == {"proven"} else "skipped"

    @property
    def complete(self) -> bool:
        """It came to its end, and every check is proven."""
        return self.status == "proven"

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
class Resumption:
    """A run taken up on a cluster where an earlier one, or a reader, had come to the end of a section.

    Attributes:
        start: Number of the section that it went on from; those before it are as they were found earlier.
        at: When, in seconds since the epoch.
        differences: What was different in the cluster since the end of the section before.
        lapsed: Claims of earlier sections that were proven then and did not hold any more.
    """

    start: int
    at: float
    differences: tuple[str, ...] = ()
    lapsed: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunResult:
    """A whole run. `started` is in seconds since the epoch; `folder` is not part of it.

    `resumed` tells each time that it was taken up again. `asked` is how many checks were asked for by name,
    None where all of them were. `notes` must be told beside the verdict.
    """

    versions: Mapping[str, str]
    choices: Mapping[str, str]
    started: float
    steps: tuple[StepResult, ...]
    resumed: tuple[Resumption, ...] = ()
    asked: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """What a command ends with for this verdict, whichever way the run was started."""
        return errors.PROVEN if self.verdict == "proven" else errors.REFUTED

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """All checks, in order."""
        return tuple(check for step in self.steps for check in step.checks)

    @property
    def subset(self) -> bool:
        """Fewer checks than there are were asked for."""
        return self.asked is not None and self.asked < len(self.checks)

    def found_earlier(self, step: StepResult) -> bool:
        """Whether a step was found before the run was last taken up."""
        return bool(self.resumed) and step.started < self.resumed[-1].at

    @property
    def verdict(self) -> Verdict:
        """The worst that happened.

        `refuted` if any check is; `incomplete` if a step did not complete, a check was skipped or none ran; and where
        a subset was asked for, or what an earlier run had proven did not hold any more when this one was taken up.
        """
        if any(check.status == "refuted" for check in self.checks):
            return "refuted"
        skipped = any(check.status == "skipped" for check in self.checks)
        broken = any(step.error for step in self.steps)
        lapsed = any(each.lapsed for each in self.resumed)
        whole = bool(self.checks) and not self.subset
        return "proven" if whole and not (skipped or broken or lapsed) else "incomplete"
