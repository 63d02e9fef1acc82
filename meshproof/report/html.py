"""report.html: a run as one page to look at, with nothing outside of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from meshproof.choices import EXISTING
from meshproof.report import request, summary, templates, timeline
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.results import RunResult, StepResult


def write(run: RunResult, path: Path, *, diagnostics: Mapping[str, str] | None = None) -> None:
    """Write the page, secrets taken out.

    Args:
        run: What to show.
        path: The file.
        diagnostics: Where each step's diagnostics begin, by slug, as seen from the file.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, render(run, diagnostics=diagnostics))


def render(run: RunResult, *, diagnostics: Mapping[str, str] | None = None) -> str:
    """The page as text: one file, light or dark as the reader prefers, readable on a phone and on paper."""
    run = redact_run(run)
    return templates.render(
        "report/report.html.j2",
        run=run,
        style=templates.style("report/report.css"),
        picture=Markup(timeline.render(run)),  # noqa: S704 - it escapes what it shows
        checks=run.checks,
        caveats=summary.caveats(run),
        survey=summary.SURVEY if run.choices.get("cluster") == EXISTING else "",
        own_errors=summary.OWN_ERRORS if summary.tracebacks(run) else "",
        when={step.slug: summary.when(step, run) for step in run.steps},
        versions=summary.versions(run),
        length=summary.length(run),
        failed=[(step, check) for step in run.steps for check in step.checks if check.status == "refuted"],
        broken=[step for step in run.steps if step.error],
        skipped=[(step, check) for step in run.steps for check in step.checks if check.status == "skipped"],
        diagnostics=diagnostics or {},
        ways={step.slug: _pictures(step) for step in run.steps},
    )


def _pictures(step: StepResult) -> list[Mapping[str, str]]:
    """A picture of each way that a judged request went; those that went alike are one."""
    alike = {(request.title(way), request.told(way)): way for way in reversed(step.ways)}
    drawn = sorted(alike.items(), key=lambda item: step.ways.index(item[1]))
    return [
        {"title": title, "picture": Markup(request.draw(way))}  # noqa: S704 - its template escapes what it shows
        for (title, _), way in drawn
    ]
