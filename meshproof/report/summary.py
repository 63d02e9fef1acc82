"""The few numbers and names that the table, the report and JUnit all show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a page is told with these, without all that a result is made of
    from meshproof.results import CheckResult, RunResult, Status, StepResult

SURVEY = "survey.txt"  # what an existing cluster had, and the plan for it
OWN_ERRORS = "own-errors.txt"  # tracebacks of meshproof's own bugs, beside the report
MANY = 10  # differences of one kind that are told beside a verdict
MARKS: Mapping[Status, str] = {"proven": "✓", "refuted": "✗", "skipped": "○"}
# How products write their own names; anything else is shown as it is spelled in the run.
_NAMES = {"istio": "Istio", "kubernetes": "Kubernetes", "gateway-api": "Gateway API"}


def proven(results: Iterable[CheckResult]) -> int:
    """How many of the checks are proven."""
    return sum(result.status == "proven" for result in results)


def ended(run: RunResult) -> float:
    """When the last step ended, in seconds since the epoch."""
    return max((step.ended for step in run.steps), default=run.started)


def seconds(run: RunResult) -> float:
    """How long the run took, from its start to the end of the last step that it ran.

    Sections that were found earlier count for what they took; the pause before they were taken up does not.
    """
    ran = [step for step in run.steps if step.seconds and not run.found_earlier(step)]
    return max(0.0, ended(replace(run, steps=tuple(ran))) - run.started) + earlier_seconds(run)


def earlier_seconds(run: RunResult) -> float:
    """How long the sections took that were found before the run was taken up."""
    return sum(step.seconds for step in run.steps if run.found_earlier(step))


def length(run: RunResult) -> str:
    """How long the run took, for people: `62 s, 54 s of it before it was taken up`."""
    earlier = earlier_seconds(run)
    return duration(seconds(run)) + (f", {duration(earlier)} of it before it was resumed" if earlier else "")


def caveats(run: RunResult) -> list[str]:
    """What must be said wherever the verdict stands, a line each; an indented one belongs to the one before."""
    told = list(run.notes)
    if run.subset:
        told.append(f"a subset of the page: {run.asked} of {len(run.checks)} checks asked for; no proof of the page")
    for each in run.resumed:
        at = f"{_titled(run, each.start)}, {moment(each.at)}"
        told.append(f"resumed at {at}: the sections before it are as found earlier")
        told += _some([f"  did not hold any more: {claim}" for claim in each.lapsed])
        before = f"  differs from the end of {_titled(run, each.start - 1)} by: "
        told += _some([f"{before}{difference}" for difference in each.differences])
    if bugs := tracebacks(run):
        told.append(
            f"meshproof's own errors, {len(bugs)} of them: the tracebacks are in {OWN_ERRORS} beside the report"
        )
    return told


def _titled(run: RunResult, number: int) -> str:
    return f"section {number} ({run.steps[number].slug})"


def _some(lines: list[str]) -> list[str]:
    more = [f"  … and {len(lines) - MANY} more, in results.json"] if len(lines) > MANY else []
    return [*lines[:MANY], *more]


def tracebacks(run: RunResult) -> tuple[str, ...]:
    """Of meshproof's own bugs that the run met, each once."""
    return tuple(dict.fromkeys(each for step in run.steps for each in step.tracebacks))


def when(step: StepResult, run: RunResult) -> str:
    """That a step was found before the run was taken up, and when; empty for one of this run."""
    return f"found {moment(step.ended)}, before this run" if run.found_earlier(step) else ""


def duration(length_s: float) -> str:
    """A length of time for people: `0.4 s`, `52 s`, `3 min 05 s`."""
    if length_s < 9.95:
        return f"{length_s:.1f} s"
    whole = round(length_s)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"


def moment(at_s: float) -> str:
    """A moment for people: `2026-01-01 00:00:00 UTC`."""
    return utc(at_s, "seconds").replace("T", " ").replace("Z", " UTC")


def utc(moment_s: float, timespec: str = "microseconds") -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def product(name: str) -> str:
    """A product's name as it is written."""
    return _NAMES.get(name.lower().replace("_", "-").replace(" ", "-"), name)


def versions(run: RunResult, *names: str) -> list[tuple[str, str]]:
    """Products and their versions, all of them or those named (where the run has them), ready to show."""
    given = {name.lower(): version for name, version in run.versions.items()} if names else run.versions
    return [(product(name), given[name]) for name in (names or given) if name in given]
