"""One HTML file of all executed notebooks, with a table of contents and nothing outside of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, cast

from markupsafe import Markup

from meshproof.report import summary
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.report.templates import render
from meshproof.results import RunResult
from meshproof.runbook.execution.papermill import ANCHOR
from meshproof.runbook.shown import STYLE

_LINK = re.compile(r'<a href="(\d\d-[a-z-]+)\.ipynb(?:#[^"]*)?"[^>]*>(.*?)</a>', re.DOTALL)


@dataclass(frozen=True)
class Chapter:
    """A notebook in the book; `failed` when one of its cells did."""

    anchor: str
    title: str
    body: str
    failed: bool


def write(executed: Sequence[Path], run: RunResult, path: Path) -> None:
    """Write the book.

    Raises:
        MachineCannot: The file cannot be written.
    """
    from pygments.formatters import HtmlFormatter  # comes with nbconvert

    code_style = cast(str, cast(Any, HtmlFormatter)(style="default").get_style_defs(".highlight"))
    page = render(
        "runbook/execution/html_book.html.j2",
        chapters=[chapter(path, {each.stem for each in executed}) for path in executed],
        run=run,
        caveats=summary.caveats(redact_run(run)),
        style=Markup(f"{code_style}{STYLE}"),  # noqa: S704 - the highlighter's and our own
        safe=Markup,
    )
    write_text(path, page)


def title_of(cells: Sequence[Any]) -> str:
    """A notebook's title: its first heading, which comes after papermill's note when a cell failed."""
    headings = (cell.source for cell in cells if cell.cell_type == "markdown" and cell.source.startswith("# "))
    return next(headings, "").partition("\n")[0].removeprefix("# ")


def _with_own_notes(cells: Sequence[Any]) -> list[Any]:
    """Cells with papermill's two notes on a failure in the book's own words, the first below the title."""
    notes = [cell for cell in cells if "papermill-error-cell-tag" in cell.metadata.get("tags", [])]
    kept = [cell for cell in cells if cell not in notes[:1]] if len(notes) > 1 else list(cells)
    for note in notes:
        note.source = f'<span id="{ANCHOR}">**It stopped here:**</span>'
    if len(notes) > 1:
        notes[0].source = f"**This notebook stopped before its end:** [where](#{ANCHOR})."
        kept.insert(1, notes[0])
    return kept


def chapter(path: Path, stems: Collection[str] = ()) -> Chapter:
    """Render one executed notebook; `stems` are the chapters that its links may lead to."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = cast(Any, nbformat).read(path, as_version=4)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    if any("injected-parameters" in each for each in tags):  # the values of this run stand for the declared ones
        notebook.cells = [cell for cell in notebook.cells if "parameters" not in cell.metadata.get("tags", [])]
    notebook.cells = _with_own_notes(notebook.cells)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    exporter = cast(Any, HTMLExporter)(
        template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True, exclude_anchor_links=True
    )
    body, _ = exporter.from_notebook_node(notebook)
    # Links between notebooks lead to their chapters; one to a notebook that was not executed is only its words.
    body = _LINK.sub(lambda link: f'<a href="#{link[1]}">{link[2]}</a>' if link[1] in stems else link[2], body)
    body = body.replace(f"<style>{STYLE}</style>", "")  # each picture brings it; in the book once is enough
    # An id must be the only one of its kind in a page.
    body = body.replace('id="cell-id=', f'id="{path.stem}-')
    body = re.sub(rf'(id="|href="#){ANCHOR}"', rf'\g<1>{path.stem}-stopped"', body)
    title = escape(title_of(notebook.cells) or path.stem)
    return Chapter(path.stem, title, body, any(output.output_type == "error" for output in outputs))
