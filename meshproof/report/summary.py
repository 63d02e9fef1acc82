"""The few numbers and names that the table, the report and JUnit all show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from meshproof.results import CheckResult, RunResult

# How products write their own names; anything else is shown as it is spelled in the run.
_NAMES = {"istio": "Istio", "kubernetes": "Kubernetes", "gateway-api": "Gateway API"}


def checks(run: RunResult) -> tuple[CheckResult, ...]:
    """All checks of a run, in order."""
    return tuple(check for step in run.steps for check in step.checks)


def proven(results: Iterable[CheckResult]) -> int:
    """How many of the checks are proven."""
    return sum(result.status == "proven" for result in results)


def ended(run: RunResult) -> float:
    """When the last step ended, in seconds since the epoch."""
    return max((step.started + step.seconds for step in run.steps), default=run.started)


def seconds(run: RunResult) -> float:
    """How long the run took, from its start to the end of its last step."""
    return max(0.0, ended(run) - run.started)


def duration(length_s: float) -> str:
    """A length of time for people: `0.4 s`, `52 s`, `3 min 05 s`."""
    if length_s < 9.95:
        return f"{length_s:.1f} s"
    whole = round(length_s)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"


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
