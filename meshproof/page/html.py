"""report.html of a page: its structure, with a verdict beside each block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from meshproof.page.block import Block
from meshproof.page.coverage import Coverage, Row
from meshproof.page.reading import Page
from meshproof.page.verdict import FALLS, STANDS, Verdict
from meshproof.report import templates
from meshproof.report.files import write_text

FILE = "report.html"
Placed = tuple[Block, Row]


def write(page: Page, coverage: Coverage, summary: str, folder: Path) -> None:
    """Write report.html into a folder.

    Args:
        page: What the blocks are.
        coverage: What is said of them.
        summary: The same in a few lines.
        folder: That of the run.

    Raises:
        MachineCannot: The file cannot be written.
    """
    text = templates.render(
        "page/page.html.j2",
        style=templates.style("report/report.css", "page/page.css"),
        coverage=coverage,
        summary=summary,
        sections=list(_sections(page, coverage)),
        state=_state,
    )
    write_text(folder / FILE, text)


def _sections(page: Page, coverage: Coverage) -> Iterator[tuple[str, Sequence[tuple[str, Sequence[Placed]]]]]:
    """The blocks by heading, and within it by the number of their list item."""
    placed = list(zip(page.blocks, coverage.blocks, strict=True))
    for section, within in groupby(placed, key=lambda each: each[1].section):
        yield section, [(item, list(each)) for item, each in groupby(within, key=lambda each: each[1].item)]


def _state(verdict: Verdict) -> str:
    """The state that a verdict is shown in."""
    return "proven" if verdict in STANDS else "refuted" if verdict in FALLS else "skipped"
