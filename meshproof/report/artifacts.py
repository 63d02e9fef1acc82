"""What the folder of a run has in it."""

from __future__ import annotations

from pathlib import Path

from meshproof.report import diagnostics, html, junit, markdown, results_json, summary, timeline
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.results import RunResult


def write_all(run: RunResult, folder: Path) -> None:
    """Write results.json, junit.xml, summary.md, timeline.svg, report.html and own errors, if any; secrets taken out.

    Raises:
        MachineCannot: A file cannot be written.
    """
    run = redact_run(run)
    results_json.write(run, folder / "results.json")
    junit.write(run, folder / "junit.xml")
    markdown.write(run, folder / markdown.NAME)
    timeline.write(run, folder / "timeline.svg")
    if bugs := summary.tracebacks(run):
        write_text(folder / summary.OWN_ERRORS, "\n".join(bugs))
    indexes = {step.slug: diagnostics.folder_of(folder, step.slug) / diagnostics.INDEX for step in run.steps}
    gathered = {slug: str(index.relative_to(folder)) for slug, index in indexes.items() if index.is_file()}
    html.write(run, folder / "report.html", diagnostics=gathered)
