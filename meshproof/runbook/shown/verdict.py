"""The run as a whole: its sections, its time, its verdict."""

from __future__ import annotations

from markupsafe import Markup

from meshproof.report import summary, timeline
from meshproof.report.redact import redact_run
from meshproof.results import RunResult
from meshproof.runbook.shown import EARLIER, Shown, panel


def timeline_picture(run: RunResult) -> Shown:
    """The timeline of all sections so far."""
    picture = Markup(timeline.render(run))  # noqa: S704 - it escapes what it shows
    return panel("picture", "Where the time went", picture=picture)


def verdict_table(run: RunResult, *, earlier: bool = False) -> Shown:
    """Sections with their checks, how long they took and when they were found, and the verdict with its caveats."""
    run = redact_run(run)
    title = f"Verdict{' then' * earlier}: {run.verdict}"
    return panel("verdict", title, EARLIER if earlier else "", run=run, caveats=summary.caveats(run))
