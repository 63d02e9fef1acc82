"""What a verdict must not be read without stands beside it wherever it stands: resumed, a subset, our own errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_runs import a_resumed_run, a_run

from meshproof.report import artifacts, html, junit, results_json, summary, table
from meshproof.results import Resumption, RunResult
from meshproof.runbook.execution import html_book
from meshproof.runbook.shown.verdict import verdict_table

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodHRwYmluIn0.c2lnbmF0dXJl"
RESUMED = "resumed at section 5 (cleanup), 2026-01-01 01:00:41 UTC: the sections before it are as found earlier"
DIFFERS = "differs from the end of section 4 (exclude) by: added Deployment.apps ns/new"


def as_book(run: RunResult, folder: Path) -> str:
    html_book.write([], run, folder / "book.html")
    return (folder / "book.html").read_text()


READERS: dict[str, Callable[[RunResult, Path], str]] = {
    "terminal": lambda run, folder: table.verdict_line(run, folder / "report.html"),
    "report": lambda run, _: html.render(run),
    "junit": lambda run, _: junit.render(run),
    "notebook": lambda run, _: verdict_table(run).html,
    "book": as_book,
}


def told(reader: str, run: RunResult, folder: Path) -> str:
    return unescape(READERS[reader](run, folder))


@pytest.mark.parametrize("reader", READERS)
def test_a_resumed_run_says_so_wherever_its_verdict_stands(reader: str, tmp_path: Path) -> None:
    text = told(reader, a_resumed_run(), tmp_path)
    assert RESUMED in text
    assert DIFFERS in text
    assert "resumed at" not in told(reader, a_run(), tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_a_subset_says_so_wherever_its_verdict_stands(reader: str, tmp_path: Path) -> None:
    run = a_run()
    text = told(reader, replace(run, asked=5), tmp_path)
    assert f"a subset of the page: 5 of {len(run.checks)} checks asked for; no proof of the page" in text
    assert "incomplete" in text.lower()
    assert "a subset" not in told(reader, replace(run, asked=len(run.checks)), tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_our_own_errors_are_pointed_to_wherever_the_verdict_stands(reader: str, tmp_path: Path) -> None:
    run = a_run()
    broken = replace(run.steps[0], tracebacks=("Traceback: KeyError\n", "Traceback: TypeError\n"))
    assert "own errors, 2 of them: the tracebacks are in own-errors.txt" in told(
        reader, replace(run, steps=(broken, *run.steps[1:])), tmp_path
    )


def test_each_section_says_when_it_was_found_where_that_was_before_the_run() -> None:
    run = a_resumed_run()
    earlier = len(run.steps) - 1
    rows = [line for line in table.render(run).splitlines() if line.startswith("✓")]
    assert ["before this run" in row for row in rows] == [True] * earlier + [False]
    assert rows[0].endswith("found 2026-01-01 00:00:18 UTC, before this run")
    assert html.render(run).count(", before this run") == earlier
    assert verdict_table(run).html.count(", before this run") == earlier
    assert "before this run" not in table.render(a_run())


def test_the_times_of_a_resumed_run_add_up_and_the_pause_is_nobodys() -> None:
    run = a_resumed_run()
    *earlier, last = run.steps
    taken = sum(step.seconds for step in earlier)
    assert summary.seconds(run) == pytest.approx(taken + 1 + last.seconds)
    assert summary.seconds(a_resumed_run(pause_s=90000)) == pytest.approx(summary.seconds(run))
    assert summary.length(run) == f"{summary.duration(summary.seconds(run))}, {taken:.0f} s of it before it was resumed"
    assert "resumed" not in summary.length(a_run())
    nothing_since = replace(run, steps=(*earlier, replace(last, seconds=0.0)))
    assert summary.seconds(nothing_since) == pytest.approx(taken)


def test_a_resumed_run_is_proven_unless_what_it_stood_on_did_not_hold_any_more() -> None:
    run = a_resumed_run()
    assert (run.verdict, run.exit_code) == ("proven", 0)
    lapsed = replace(run.resumed[0], lapsed=("istiod is ready [istio.istiod-ready]",))
    run = replace(run, resumed=(lapsed,))
    assert (run.verdict, run.exit_code) == ("incomplete", 1)
    assert "  did not hold any more: istiod is ready [istio.istiod-ready]" in summary.caveats(run)


def test_many_differences_are_counted_and_all_of_them_kept(tmp_path: Path) -> None:
    many = tuple(f"added Secret ns/s{number}" for number in range(67))
    run = replace(a_run(), resumed=(Resumption(5, 0.0, many),))
    lines = summary.caveats(run)
    assert len(lines) == 1 + summary.MANY + 1
    assert lines[-1] == f"  … and {67 - summary.MANY} more, in results.json"
    results_json.write(run, tmp_path / "results.json")
    assert results_json.read(tmp_path / "results.json").resumed[0].differences == many


def test_junit_is_not_green_for_a_run_that_is_incomplete_only_as_a_whole() -> None:
    def errors(run: RunResult) -> list[str]:
        root = ElementTree.fromstring(junit.render(run))  # noqa: S314 - our own text
        return [case.get("name", "") for case in root.iter("testcase") if case.find("error") is not None]

    assert errors(a_run()) == []
    assert errors(a_resumed_run()) == []
    assert errors(replace(a_run(), asked=6)) == ["verdict"]


def test_results_json_has_what_was_taken_up_and_reads_what_an_earlier_version_wrote(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results_json.write(replace(a_resumed_run(), asked=7), path)
    written = json.loads(path.read_text())
    assert written["resumed"] == [
        {
            "start": 5,
            "at": "2026-01-01T01:00:41.850000Z",
            "differences": ["added Deployment.apps ns/new"],
            "lapsed": [],
        }
    ]
    assert written["asked"] == 7
    back = results_json.read(path)
    assert (back.resumed[0].start, back.asked) == (5, 7)
    del written["resumed"], written["asked"]
    for step in written["steps"]:
        del step["tracebacks"]
    path.write_text(json.dumps(written))
    assert (results_json.read(path).resumed, results_json.read(path).asked) == ((), None)


def test_no_secret_is_in_what_is_told_beside_a_verdict(tmp_path: Path) -> None:
    run = a_run()
    steps = (replace(run.steps[0], tracebacks=(f"token {JWT}",)), *run.steps[1:])
    run = replace(run, steps=steps, resumed=(Resumption(5, 0.0, (f"a {JWT}",), (f"b {JWT}",)),))
    artifacts.write_all(run, tmp_path)
    assert (tmp_path / "own-errors.txt").read_text() == "token <redacted>"
    texts = [path.read_text() for path in tmp_path.iterdir()] + [told(reader, run, tmp_path) for reader in READERS]
    assert not [text for text in texts if JWT in text]


@pytest.mark.parametrize("reader", READERS)
def test_what_must_be_known_of_an_existing_cluster_is_told_wherever_the_verdict_stands(
    reader: str, tmp_path: Path
) -> None:
    note = "Deployment edge/edge is kgateway 2.4.9; what is proved is 2.4.0"
    assert note in told(reader, replace(a_run(), notes=(note,)), tmp_path)


def test_the_report_of_an_existing_cluster_leads_to_its_survey() -> None:
    there = replace(a_run(), choices={**a_run().choices, "cluster": "existing"})
    assert 'href="survey.txt"' in html.render(there)
    assert "survey.txt" not in html.render(a_run())
