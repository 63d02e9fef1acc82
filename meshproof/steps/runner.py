"""`run_step`: the one way in which suite, runbook and command run a step of the page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from meshproof.cluster import Cluster
from meshproof.errors import MeshproofError
from meshproof.kube.pulls import unpullable
from meshproof.path.link import Link, When, look_at
from meshproof.path.way import ways_of
from meshproof.results import Moment, StepResult
from meshproof.run import end_all
from meshproof.steps.judging import Judging, judge, skipped
from meshproof.steps.model import Claim, Command, Ready, Step, Together, flatten
from meshproof.steps.own_errors import told, tracebacks
from meshproof.wait import Clock, wait_for

NOT_READY_SETTLE_S = 5.0


def run_step(step: Step, cluster: Cluster, clock: Clock | None = None) -> StepResult:
    """Run a step's commands, wait until it is ready, and hold its claims against what is then seen.

    A claim is proven when it held in three looks in a row, and refuted when it did not within the
    step's time. Where readiness does not come the claims are looked at all the same, so that the result says
    what is wrong. Where a command fails, a claim that does not hold is refuted and one that does is skipped.
    A bug of meshproof's own is no reason to lose what was found: it is told as such, with its traceback.

    Args:
        step: The step.
        cluster: Where it runs.
        clock: Source of time and pauses while claims are judged; the real one by default.
    """
    started = time.time()
    moments: list[Moment] = []
    problems: list[Exception] = []
    failed = False
    first = look_at(_links(step, "start"), cluster)
    with ThreadPoolExecutor(1) as beside:
        try:
            if step.prepare:
                step.prepare(cluster)
            run_commands(step.commands, cluster, moments)
        except Exception as problem:
            problems, failed = [problem], True
        early = beside.submit(look_at, _links(step, "beside"), cluster)
        try:
            if not failed:
                await_ready(step.ready, cluster, moments)
                run_commands(step.then, cluster, moments, len(flatten(step.commands)))
        except Exception as problem:
            problems = [problem]
        seen = first | early.result() | look_at(_links(step, "once"), cluster)
    error = "".join(map(told, problems))
    with _moment("claims", "observe", moments):
        judging = Judging(step.claims, cluster, seen, clock or Clock())
        # What is not ready will not settle either: it is only looked at often enough to tell what holds all the same.
        settle_s = min(step.settle_timeout_s, NOT_READY_SETTLE_S) if error else step.settle_timeout_s
        checks = judging.once(error) if failed else judging.until_settled(settle_s)
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
        tracebacks=tracebacks(*problems, *judging.bugs.values()),
        ways=ways_of(judging.seen),
    )


def skip_step(step: Step, reason: str) -> StepResult:
    """The result of a step that was not run; its checks are skipped, which is never green."""
    return StepResult(
        slug=step.slug,
        section=step.section,
        commands=tuple(command.text for command in step.documented),
        started=time.time(),
        seconds=0.0,
        checks=tuple(skipped(claim, reason) for claim in step.claims),
        departures=step.departures,
    )


def fail_step(step: Step, problem: Exception) -> StepResult:
    """The result of a step that could not begin, or that a bug of ours ended."""
    error = told(problem)
    reason = f"the step did not complete: {error.splitlines()[0]}"
    return replace(skip_step(step, reason), error=error, tracebacks=tracebacks(problem))


def run_commands(
    commands: Sequence[Command | Together], cluster: Cluster, moments: list[Moment], first: int = 0
) -> None:
    """Run commands in order, groups side by side, adding a moment for each; they are numbered from `first` on.

    Raises:
        CommandFailed: One failed; those after it are not run.
    """

    numbered = enumerate(flatten(commands), first)  # as a step's result has them

    def run_one(number: int, command: Command) -> None:
        with _moment(command.text, "command", moments, number) as moment:
            if command.unless and command.unless(cluster):
                moment.output = "(nothing to do: the cluster is already so)"
            else:
                moment.output = command.run(cluster)

    for entry in commands:
        if isinstance(entry, Command):
            run_one(*next(numbered))
            continue
        with ThreadPoolExecutor(len(entry.commands)) as pool:
            futures = [pool.submit(run_one, *each) for each in islice(numbered, len(entry.commands))]
            try:
                for future in futures:
                    future.result()
            except KeyboardInterrupt:
                end_all()  # an interrupt reaches this thread only, and leaving the pool waits for the others
                raise


def await_ready(conditions: Sequence[Ready[Any]], cluster: Cluster, moments: list[Moment]) -> None:
    """Wait for conditions one after the other, adding a moment for each.

    Raises:
        NotReady: One did not come in its time, or cannot, since an image cannot be pulled.
        Exception: A bug of ours; see `judge`.
    """
    for condition in conditions:
        state = Claim("", "it is ready", (condition.link,), condition.judge)
        what = condition.link.what
        with _moment(f"wait for {what}", "wait", moments), cluster.api.watching(*condition.link.watch) as clock:
            wait_for(
                lambda state=state: judge(state, look_at(state.links, cluster)),
                lambda finding: finding.holds,
                what=what,
                timeout_s=condition.timeout_s,
                every_s=1.0,
                failed=lambda finding, of=condition.link.of: None if finding.holds else _unpullable(cluster, of),
                clock=clock,
            )


def _unpullable(cluster: Cluster, of: object) -> str | None:
    """Why what is waited for will not come; None where that is not known, or cannot be seen."""
    with suppress(MeshproofError):
        return unpullable(cluster.api, of) or None
    return None


def _links(step: Step, when: When) -> list[Link[Any]]:
    return [link for claim in step.claims for link in claim.links if link.when == when]


@dataclass
class _moment:  # noqa: N801 - reads as a statement
    label: str
    kind: Literal["command", "wait", "observe"]
    moments: list[Moment]
    command: int | None = None
    output: str = ""
    started: float = 0.0

    def __enter__(self) -> _moment:
        self.started = time.time()
        return self

    def __exit__(self, *_: object) -> None:
        moment = Moment(self.label, self.kind, self.started, time.time() - self.started, self.output, self.command)
        self.moments.append(moment)
