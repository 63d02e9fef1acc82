"""The book: each executed notebook is a chapter, in the order given, and the table of contents leads to it."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest
from report_runs import a_refuted_run, a_run

from meshproof.results import RunResult
from meshproof.runbook.execution import html_book
from meshproof.runbook.execution.papermill import ANCHOR
from meshproof.runbook.shown import STYLE

new = cast(Any, nbformat).v4
TITLES = {"00-index": "The runbook", "20-later": "Certificates & <mTLS>", "10-earlier": "It stops"}
NOTE = f'<span id="{ANCHOR}">It stopped here; see <a href="#{ANCHOR}">the cell</a>.</span>'


def notebooks(folder: Path) -> list[Path]:
    """Three notebooks as papermill leaves them; a cell of the last one failed. Their names are not in order."""
    picture = new.new_output("display_data", {"text/html": f"<style>{STYLE}</style><p>a picture</p>"})
    error = new.new_output("error", ename="Refuted", evalue="no further", traceback=["no further"])
    link = new.new_markdown_cell("Next: [later](20-later.ipynb), [its end](20-later.ipynb#Steps)")
    cells = {
        "00-index": [heading("00-index"), link],
        "20-later": [
            heading("20-later"),
            new.new_code_cell("name = 'declared'", metadata={"tags": ["parameters"]}),
            new.new_code_cell("name = 'given'", metadata={"tags": ["injected-parameters"]}),
            new.new_code_cell("show()", outputs=[picture, picture]),
        ],
        "10-earlier": [new.new_markdown_cell(NOTE), heading("10-earlier"), new.new_code_cell("go()", outputs=[error])],
    }
    paths = [folder / f"{stem}.ipynb" for stem in cells]
    for path in paths:
        for number, cell in enumerate(cells[path.stem]):
            cell["id"] = f"cell-{number}"  # notebooks may share the ids of their cells
        cast(Any, nbformat).write(new.new_notebook(cells=cells[path.stem]), path)
    return paths


def heading(stem: str) -> Any:
    return new.new_markdown_cell(f"# {TITLES[stem]}\n\nWords of {stem}.\n\n## Steps")


def written(folder: Path, run: RunResult) -> str:
    html_book.write(notebooks(folder), run, folder / "book.html")
    return (folder / "book.html").read_text()


def test_the_contents_have_every_chapter_in_order_and_mark_the_one_that_failed(tmp_path: Path) -> None:
    page = written(tmp_path, a_run())
    [contents] = re.findall(r"<nav\b.*?</nav>", page, re.DOTALL)
    entries = re.findall(r'<li><a href="#([^"]*)"([^>]*)>(.*?)</a></li>', contents)
    assert [(anchor, unescape(words)) for anchor, _, words in entries] == [
        ("00-index", TITLES["00-index"]),
        ("20-later", TITLES["20-later"]),
        ("10-earlier", f"{TITLES['10-earlier']} ✗"),
    ]
    assert ["failed" in marks for _, marks, _ in entries] == [False, False, True]
    assert "<mTLS>" not in contents
    assert contents.count("<li>") == len(TITLES)


def test_each_chapter_is_where_the_contents_lead_and_has_what_its_notebook_has(tmp_path: Path) -> None:
    page = written(tmp_path, a_run())
    chapters = dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', page, re.DOTALL))
    assert list(chapters) == list(TITLES)
    for stem, body in chapters.items():
        assert re.findall(r"Words of ([\w-]+)\.", body) == [stem]
        assert body.count("<h1") == 1
    assert chapters["20-later"].count("<p>a picture</p>") == 2
    assert "no further" in chapters["10-earlier"]


def test_every_link_leads_to_one_place_within_the_book(tmp_path: Path) -> None:
    page = written(tmp_path, a_run())
    ids = Counter(re.findall(r'\bid="([^"]+)"', page))
    links = re.findall(r'\bhref="([^"]*)"', page)
    assert links.count("#20-later") == 3, "from the contents and twice from another notebook"
    assert [link for link in links if not link.startswith("#") or ids[link[1:]] != 1] == []
    assert [name for name, count in ids.items() if count > 1] == []


def test_the_note_of_a_failure_leads_to_the_cell_that_failed(tmp_path: Path) -> None:
    page = written(tmp_path, a_run())
    assert page.count('href="#10-earlier-stopped"') == 1
    assert page.count('id="10-earlier-stopped"') == 1


def test_a_link_to_a_notebook_that_was_not_executed_is_only_its_words(tmp_path: Path) -> None:
    index, _, failed = notebooks(tmp_path)
    html_book.write([index, failed], a_run(), tmp_path / "book.html")
    page = (tmp_path / "book.html").read_text()
    assert "Next: later, its end" in page
    assert "20-later" not in page


@pytest.mark.parametrize(("run", "verdict"), [(a_run(), "proven"), (a_refuted_run(), "refuted")])
def test_the_verdict_is_the_runs(run: RunResult, verdict: str, tmp_path: Path) -> None:
    page = written(tmp_path, run)
    assert re.findall(r'<span class="verdict (\w+)">(\w+)</span>', page) == [(verdict, verdict)]
    assert f"<title>meshproof runbook: {verdict}</title>" in page


def test_the_values_of_the_run_stand_for_the_declared_ones_and_the_style_is_there_once(tmp_path: Path) -> None:
    page = written(tmp_path, a_run())
    assert "given" in page
    assert "declared" not in page
    assert page.count(STYLE) == 1
    assert 'class="highlight' in page
    assert ".highlight" in page


def test_a_notebook_without_a_heading_goes_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "60-bare.ipynb"
    cast(Any, nbformat).write(new.new_notebook(cells=[new.new_markdown_cell("Words.")]), path)
    assert html_book.chapter(path).title == "60-bare"
