"""summary.md: a run on the page of a continuous integration, and its refuted claims as annotations there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from meshproof.errors import MachineCannot
from meshproof.report import github, summary
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.results import CheckResult, RunResult, StepResult

NAME = "summary.md"
LONGEST = 300  # characters of what was expected or observed; the report has all of it
ANNOTATIONS = 10  # GitHub shows no more of one kind for a step


def write(run: RunResult, path: Path) -> None:
    """Write the summary, secrets taken out.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, render(run))


def render(run: RunResult) -> str:
    """The verdict, what is refuted and why, then a table of the sections."""
    run = redact_run(run)
    proven, all_of_them = summary.proven(run.checks), len(run.checks)
    versions = ", ".join(" ".join(each) for each in summary.versions(run, "kgateway", "istio", "kubernetes"))
    departures = sum(len(step.departures) for step in run.steps)
    lines = [
        f"## {run.verdict.upper()}: {proven} of {all_of_them} checks",
        "",
        f"{_text(versions)}, {summary.length(run)}. {departures} departures from the page's words.",
        *(f"\n> {_text(caveat)}" for caveat in summary.caveats(run)),
    ]
    for step in run.steps:
        lines += [line for each in _stories(step) for line in ("", *each)]
    lines += ["", "| | section | checks | seconds |", "| --- | --- | ---: | ---: |"]
    lines += [_row(step) for step in run.steps]
    return "\n".join(lines) + "\n"


def for_github(run: RunResult, environ: Mapping[str, str]) -> list[str]:
    """Append the summary to that of the job, and give the lines that annotate it; nothing outside of GitHub's CI.

    Raises:
        MachineCannot: The job's summary cannot be written.
    """
    if page := environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(page).open("a", encoding="utf-8") as file:
                file.write(render(run))
        except OSError as error:
            raise MachineCannot(f"GITHUB_STEP_SUMMARY={page}: cannot be written: {error.strerror}") from error
    if not github.runs_this(environ):
        return []
    run = redact_run(run)
    broken = [("section did not complete", f"{step.section}: {step.error}") for step in run.steps if step.error]
    refuted = [(check.id, f"{check.claim}: {check.reason}") for check in run.checks if check.status == "refuted"]
    return [github.annotation("error", told, title=title) for title, told in (*broken, *refuted)[:ANNOTATIONS]]


def _stories(step: StepResult) -> list[list[str]]:
    broken = [[f"**{_text(step.section)}** did not complete:", "", *_quoted(step.error)]] if step.error else []
    return broken + [_story(check) for check in step.checks if check.status == "refuted"]


def _story(check: CheckResult) -> list[str]:
    return [
        f"**✗ {_text(check.claim)}** `{check.id}`",
        "",
        f"- {_text(check.reason)}",
        f"- expected: {_text(check.expected)}",
        f"- observed: {_text(check.observed)}",
    ]


def _row(step: StepResult) -> str:
    done = f"{summary.proven(step.checks)} of {len(step.checks)}"
    return f"| {summary.MARKS[step.status]} | {_text(step.section)} | {done} | {step.seconds:.1f} |"


def _quoted(text: str) -> list[str]:
    return ["```", *(line.replace("```", "'''") for line in text.splitlines()), "```"]


def _text(text: str) -> str:
    """In one line, cut, and with nothing in it that Markdown or HTML would take for its own."""
    line = " ".join(text.split())
    cut = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", cut)
