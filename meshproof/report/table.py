"""What the terminal shows at the end: the table of steps, the refuted checks, one verdict line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from meshproof.report import summary
from meshproof.report.redact import redact_run
from meshproof.results import CheckResult, RunResult, Status, StepResult

_COLOURS = {"green": "32", "red": "31", "yellow": "33", "dim": "2"}
_OF_VERDICT = {"proven": "green", "refuted": "red", "incomplete": "yellow", "skipped": "yellow"}

Paint = Callable[[str, str], str]


def wants_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Colour is for terminals only, and never where NO_COLOR is set to anything."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def render(run: RunResult, *, colour: bool = False) -> str:
    """The table of steps, and below it what was not proven, with what was expected and observed."""
    run = redact_run(run)
    paint = _painter(colour)
    names = [step.section for step in run.steps]
    width = max([len("step"), *map(len, names)])
    lines = [paint(f"  {'step':<{width}}  {'checks':>9}  {'seconds':>7}", "dim")]
    lines += [_row(step, width, paint) + _aside(summary.when(step, run), paint) for step in run.steps]
    for step in run.steps:
        lines += _story(step, paint)
    return "\n".join(lines)


def verdict_line(run: RunResult, report: Path, *, colour: bool = False) -> str:
    """The verdict in one line: how many checks, of which versions, how long, and where to read on.

    Below it stands what the verdict must not be read without, such as that the run was resumed.
    """
    run = redact_run(run)
    said = "checks" if run.verdict == "proven" else "checks proven"
    parts = [f"{summary.proven(run.checks)} of {len(run.checks)} {said}"]
    parts += [f"{name} {version}" for name, version in summary.versions(run, "kgateway", "istio", "kubernetes")]
    parts.append(summary.length(run))
    paint = _painter(colour)
    verdict = paint(run.verdict.upper(), _OF_VERDICT[run.verdict])
    caveats = [f"  {paint(line, 'yellow')}" for line in summary.caveats(run)]
    return "\n".join([f"{verdict}  {', '.join(parts)} → {report}", *caveats])


def _painter(colour: bool) -> Paint:
    def paint(text: str, name: str) -> str:
        return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if colour else text

    return paint


def _row(step: StepResult, width: int, paint: Paint) -> str:
    done, count = summary.proven(step.checks), len(step.checks)
    return f"{_mark(step.status, paint)} {step.section:<{width}}  {f'{done} of {count}':>9}  {step.seconds:>7.1f}"


def _mark(status: Status, paint: Paint) -> str:
    return paint(summary.MARKS[status], _OF_VERDICT[status])


def _aside(text: str, paint: Paint) -> str:
    return f"  {paint(text, 'dim')}" if text else ""


def _story(step: StepResult, paint: Paint) -> list[str]:
    lines: list[str] = []
    if step.error:
        lines += ["", f"{_mark('refuted', paint)} {step.section}: {_indented(step.error)}"]
    reasons = {check.reason if check.status == "skipped" else None for check in step.checks}
    if len(step.checks) > 1 and len(reasons) == 1 and None not in reasons:
        told = f"{len(step.checks)} checks skipped: {_indented(step.checks[0].reason)}"
        return [*lines, "", f"{_mark('skipped', paint)} {step.section}: {told}"]
    for check in step.checks:
        if check.status != "proven":
            lines += ["", f"{_mark(check.status, paint)} {check.claim} {paint(f'[{check.id}]', 'dim')}"]
        if check.status == "refuted":
            lines += [f"    {name}: {_indented(text)}" for name, text in _evidence(check) if text]
        elif check.status == "skipped":
            lines.append(f"    skipped: {_indented(check.reason)}")
    return lines


def _evidence(check: CheckResult) -> tuple[tuple[str, str], ...]:
    return ("expected", check.expected), ("observed", check.observed), ("reason", check.reason)


def _indented(text: str) -> str:
    return text.rstrip().replace("\n", "\n      ")
