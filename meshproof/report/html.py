"""report.html: a run as one page to look at, with nothing outside of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from meshproof.report import summary, timeline
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.results import RunResult

# Carriage returns are among them.
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


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
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["duration"] = summary.duration
    template = environment.from_string(_resource("report.html.j2"))
    page = template.render(
        run=run,
        style=Markup(_resource("report.css")),  # noqa: S704 - a file of this package
        picture=Markup(timeline.render(run)),  # noqa: S704 - it escapes what it shows
        checks=run.checks,
        proven=summary.proven(run.checks),
        caveats=summary.caveats(run),
        own_errors=summary.OWN_ERRORS if summary.tracebacks(run) else "",
        when={step.slug: summary.when(step, run) for step in run.steps},
        versions=summary.versions(run),
        choices=run.choices.items(),
        began=summary.moment(run.started),
        length=summary.length(run),
        failed=[(step, check) for step in run.steps for check in step.checks if check.status == "refuted"],
        broken=[step for step in run.steps if step.error],
        skipped=[(step, check) for step in run.steps for check in step.checks if check.status == "skipped"],
        proven_of=summary.proven,
        mark=summary.MARKS,
        diagnostics=diagnostics or {},
    )
    return without_terminal_codes(page)


def without_terminal_codes(text: str) -> str:
    """The same text without the colours and other codes that programs send to terminals."""
    return _TERMINAL_CODES.sub("", text)


def _resource(name: str) -> str:
    return resources.files("meshproof.report").joinpath(name).read_text(encoding="utf-8")
