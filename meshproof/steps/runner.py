"""`run_step`: the one way in which suite, runbook and command run a step of the page."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.errors import MeshproofError, NotReady
from meshproof.results import CheckResult, Moment, StepResult
from meshproof.run import end_all
from meshproof.steps.model import Claim, Command, Look, Ready, Step, Together
from meshproof.wait import Clock, wait_for

SUCCESSES = 3
EVERY_S = 0.25


@dataclass(frozen=True)
class Unseen:
    """What a look gives when it could not be taken."""

    reason: str


Seen = Mapping[Look[Any], Any]
# A fault may show as an object without a field, or as a page that is not what it should be: no look may end the run.
_UNSEEN = (MeshproofError, LookupError, TypeError, ValueError, AttributeError, OSError)


def run_step(step: Step, cluster: Cluster, clock: Clock | None = None) -> StepResult:
    """Run a step's commands, wait until it is ready, and hold its claims against what is then seen.

    A claim is proven when it held in three looks in a row, and refuted when it did not within the
    step's time. Where readiness does not come the claims are looked at all the same, so that the result says
    what is wrong. Where a command fails, a claim that does not hold is refuted and one that does is skipped.

    Args:
        step: The step.
        cluster: Where it runs.
        clock: Source of time and pauses while claims are judged; the real one by default.
    """
    started = time.time()
    moments: list[Moment] = []
    error, failed = "", False
    with ThreadPoolExecutor(1) as beside:
        try:
            if step.prepare:
                step.prepare(cluster)
            run_commands(step.commands, cluster, moments)
        except MeshproofError as problem:
            error, failed = str(problem), True
        early = beside.submit(look_at, _looks(step, "beside"), cluster)
        try:
            if not failed:
                await_ready(step.ready, cluster, moments)
        except NotReady as problem:
            error = str(problem)
        seen = {**early.result(), **look_at(_looks(step, "once"), cluster)}
    with _moment("claims", "observe", moments):
        judging = _Judging(step.claims, cluster, seen, clock or Clock())
        checks = judging.once(error) if failed else judging.until_settled(step.settle_timeout_s)
    return StepResult(
        slug=step.slug,
        section=step.section,
        commands=tuple(command.text for command in step.documented),
        started=started,
        seconds=time.time() - started,
        checks=checks,
        departures=step.departures,
        moments=tuple(moments),
        error=error,
    )


def skip_step(step: Step, reason: str) -> StepResult:
    """The result of a step that was not run; its checks are skipped, which is never green."""
    return StepResult(
        slug=step.slug,
        section=step.section,
        commands=tuple(command.text for command in step.documented),
        started=time.time(),
        seconds=0.0,
        checks=tuple(CheckResult(c.id, c.sentence, "", "", "skipped", reason=reason) for c in step.claims),
        departures=step.departures,
    )


def undo_step(step: Step, cluster: Cluster) -> None:
    """Take a step back.

    Raises:
        CommandFailed: One of its undo commands failed.
    """
    run_commands(step.undo, cluster, [])


def look_at(looks: Sequence[Look[Any]], cluster: Cluster) -> Seen:
    """Take looks; one that fails gives `Unseen` with the reason."""

    def take(look: Look[Any]) -> Any:
        try:
            return look.take(cluster)
        except MeshproofError as problem:
            return Unseen(str(problem))
        except _UNSEEN as problem:
            return Unseen(f"not as expected: {problem!r}")

    return {look: take(look) for look in looks}


def run_commands(commands: Sequence[Command | Together], cluster: Cluster, moments: list[Moment]) -> None:
    """Run commands in order, groups side by side, adding a moment for each.

    Raises:
        CommandFailed: One failed; those after it are not run.
    """

    def run_one(command: Command) -> None:
        with _moment(command.text, "command", moments) as moment:
            if command.unless and command.unless(cluster):
                moment.output = "(nothing to do: the cluster is already so)"
            else:
                moment.output = command.run(cluster)

    for entry in commands:
        if isinstance(entry, Command):
            run_one(entry)
            continue
        with ThreadPoolExecutor(len(entry.commands)) as pool:
            futures = [pool.submit(run_one, command) for command in entry.commands]
            try:
                for future in futures:
                    future.result()
            except KeyboardInterrupt:
                end_all()  # an interrupt reaches this thread only, and leaving the pool waits for the others
                raise


def await_ready(conditions: Sequence[Ready[Any]], cluster: Cluster, moments: list[Moment]) -> None:
    """Wait for conditions one after the other, adding a moment for each.

    Raises:
        NotReady: One did not come in its time.
    """
    for condition in conditions:
        state = Claim("", "it is ready", (condition.look,), condition.judge)
        what = condition.look.what
        with _moment(f"wait for {what}", "wait", moments), cluster.api.watching(*condition.watch) as clock:
            wait_for(
                lambda state=state: judge(state, look_at(state.looks, cluster)),
                lambda finding: finding.holds,
                what=what,
                timeout_s=condition.timeout_s,
                every_s=1.0,
                clock=clock,
            )


def _looks(step: Step, when: Literal["beside", "once", "each"]) -> list[Look[Any]]:
    return list(dict.fromkeys(look for claim in step.claims for look in claim.looks if look.when == when))


@dataclass
class _Judging:
    """Claims being looked at, again and again, until each has held often enough in a row."""

    claims: Sequence[Claim]
    cluster: Cluster
    fixed: Seen
    clock: Clock
    streaks: dict[str, int] = field(default_factory=dict[str, int])
    settled_s: dict[str, float] = field(default_factory=dict[str, float])
    last: dict[str, Finding] = field(default_factory=dict[str, Finding])
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock.now()

    def once(self, error: str) -> tuple[CheckResult, ...]:
        """One look only: nothing is proven, since the step did not get where its claims apply."""
        self._round()
        reason = f"the step did not complete: {error.splitlines()[0]}"
        return tuple(self._result(claim, reason) for claim in self.claims)

    def until_settled(self, timeout_s: float) -> tuple[CheckResult, ...]:
        """Look until all claims have held three times in a row, or the time is over."""
        with contextlib.suppress(NotReady):  # what did not settle is refuted below
            wait_for(
                self._round,
                lambda streaks: min(streaks, default=SUCCESSES) >= SUCCESSES,
                what="claims",
                timeout_s=timeout_s,
                every_s=EVERY_S,
                clock=self.clock,
            )
        return tuple(self._result(claim, "") for claim in self.claims)

    def _round(self) -> tuple[int, ...]:
        each = list(dict.fromkeys(look for claim in self.claims for look in claim.looks if look.when == "each"))
        seen = {**self.fixed, **look_at(each, self.cluster)}
        for claim in self.claims:
            finding = judge(claim, seen)
            self.last[claim.id] = finding
            self.streaks[claim.id] = self.streaks.get(claim.id, 0) + 1 if finding.holds else 0
            if self.streaks[claim.id] == SUCCESSES:
                self.settled_s[claim.id] = self.clock.now() - self.started
        return tuple(self.streaks.values())

    def _result(self, claim: Claim, error: str) -> CheckResult:
        finding = self.last[claim.id]
        proven = not error and self.streaks[claim.id] >= SUCCESSES
        unsure = "skipped" if error and finding.holds else "refuted"
        reason = "" if proven else error or ("did not hold for long enough" if finding.holds else "did not hold")
        return CheckResult(
            id=claim.id,
            claim=claim.sentence,
            expected=finding.expected,
            observed=finding.observed,
            status="proven" if proven else unsure,
            seconds=round(self.settled_s.get(claim.id, self.clock.now() - self.started), 3),
            reason=reason,
        )


def judge(claim: Claim, seen: Seen) -> Finding:
    """Hold one claim against what was seen; what could not be seen does not hold."""
    missing = [look for look in claim.looks if look not in seen or isinstance(seen[look], Unseen)]
    if missing:
        reasons = [seen[look].reason if look in seen else "not looked at" for look in missing]
        return Finding(
            False, claim.sentence, "; ".join(f"{m.what}: {r}" for m, r in zip(missing, reasons, strict=True))
        )
    try:
        return claim.judge(*(seen[look] for look in claim.looks))
    except _UNSEEN as problem:
        return Finding(False, claim.sentence, str(problem))


@dataclass
class _moment:  # noqa: N801 - reads as a statement
    label: str
    kind: Literal["command", "wait", "observe"]
    moments: list[Moment]
    output: str = ""
    started: float = 0.0

    def __enter__(self) -> _moment:
        self.started = time.time()
        return self

    def __exit__(self, *_: object) -> None:
        moment = Moment(self.label, self.kind, self.started, time.time() - self.started, self.output)
        self.moments.append(moment)
