"""matrix.html: all cells as one page to look at, with nothing outside of it but the runs' own reports."""

from __future__ import annotations

from pathlib import Path

from meshproof.matrix.columns import Column, columns_of, rows_of
from meshproof.matrix.differences import differences
from meshproof.matrix.outcome import REPORT
from meshproof.matrix.result import MatrixResult
from meshproof.report import templates
from meshproof.report.files import write_text
from meshproof.report.redact import redact


def write(result: MatrixResult, path: Path) -> None:
    """Write the page, secrets taken out.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, redact(render(result, path.parent)))


def render(result: MatrixResult, folder: Path) -> str:
    """The page as text; links are as seen from the matrix's folder."""
    columns = columns_of(result.outcomes)
    return templates.render(
        "matrix/matrix.html.j2",
        result=result,
        style=templates.style("report/report.css", "matrix/matrix.css"),
        columns=columns,
        links=[_link(column, folder) for column in columns],
        rows=rows_of(columns),
        differences=differences(columns),
        proven=sum(outcome.verdict == "proven" for outcome in result.outcomes),
        classes={"proven": "proven", "refuted": "refuted", "not proven": "skipped", "skipped": "skipped"},
    )


def _link(column: Column, folder: Path) -> str:
    return str((column.found.folder / REPORT).relative_to(folder)) if column.found else ""
