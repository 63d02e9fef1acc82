from __future__ import annotations

import io
import json
import re
import tempfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_runs import STARTED, a_refuted_run, a_run

from meshproof.errors import BadInput, MachineCannot
from meshproof.kube.inventory import Difference
from meshproof.report import (
    artifacts,
    html,
    junit,
    markdown,
    pauses,
    results_json,
    run_folder,
    summary,
    table,
    timeline,
)
from meshproof.report.redact import redact_run
from meshproof.results import CheckResult, Moment, RunResult, StepResult

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodHRwYmluIn0.c2lnbmF0dXJl"
ESCAPE, NUL, SURROGATE, NO_CHARACTER = chr(27), chr(0), chr(0xD800), chr(0xFFFE)
HOSTILE = f"<script>alert('&\"]]>{{{{ 7*7 }}}}</script>{ESCAPE}[31mred{NUL}"
# Of the refuted run: without the one that is refuted, and those of the section that broke.
STILL_PROVEN = len(a_run().checks) - 1 - len(a_run().steps[-2].checks)


def poisoned(text: str) -> RunResult:
    """A run in which every text is the one given."""
    run = a_refuted_run()
    check = CheckResult("a.check", text, text, text, "refuted", 1.0, text)
    moments = (Moment(text, "command", STARTED, 1.0, text), Moment(text, "wait", STARTED, 1.0, text))
    step = StepResult(
        "a", text, (text,), STARTED, 2.0, (check, replace(check, status="skipped")), (text,), moments, text
    )
    return replace(run, versions={text: text}, choices={text: text}, steps=(step,))


def a_run_that_changed() -> RunResult:
    """The proven run, whose first step is known to have changed something, and whose second changed nothing."""
    run = a_run()
    changes = (Difference("added", "Secret", "ns/a"), Difference("changed", "Gateway.x", "ns/http", ("spec.a",)))
    first, second, *others = run.steps
    return replace(run, steps=(replace(first, changes=changes), replace(second, changes=()), *others))


# results.json


def test_results_json_has_the_documented_keys(tmp_path: Path) -> None:
    results_json.write(a_refuted_run(), tmp_path / "results.json")
    run = json.loads((tmp_path / "results.json").read_text())
    assert [*run] == [
        *("schema", "tool", "versions", "choices", "started", "finished", "verdict", "exit_code", "totals"),
        *("steps", "resumed", "asked", "notes"),
    ]
    assert run["started"] == "2026-01-01T00:00:00.250000Z"
    assert run["verdict"] == "refuted"
    step = run["steps"][3]
    assert set(step) == {
        *("slug", "section", "commands", "started", "seconds", "checks"),
        *("departures", "moments", "error", "tracebacks", "changes", "ways"),
    }
    assert set(step["checks"][0]) == {"id", "claim", "expected", "observed", "status", "seconds", "reason"}
    assert step["commands"][1] == "kubectl rollout restart deployment/httpbin -n httpbin"
    assert [check["id"] for check in step["checks"] if check["status"] == "refuted"] == ["route.forged-xfcc-dropped"]


@pytest.mark.parametrize("run", [a_run(), a_refuted_run(), a_run_that_changed()])
def test_results_json_is_read_back_as_it_was(run: RunResult, tmp_path: Path) -> None:
    results_json.write(run, tmp_path / "results.json")
    back = results_json.read(tmp_path / "results.json")
    # Times are kept to the microsecond, so rounding is the only difference there may be.
    assert back.started == pytest.approx(run.started, abs=1e-6)
    assert _without_times(back) == _without_times(run)
    results_json.write(back, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "results.json").read_text()


def _without_times(run: RunResult) -> RunResult:
    def step(one: StepResult) -> StepResult:
        return replace(one, started=0.0, moments=tuple(replace(moment, started=0.0) for moment in one.moments))

    return replace(run, started=0.0, steps=tuple(step(one) for one in run.steps))


@settings(deadline=None, max_examples=25)  # the machine is shared
@given(st.text())
def test_results_json_keeps_any_text(text: str) -> None:
    run = redact_run(poisoned(text))
    with tempfile.TemporaryDirectory() as folder:
        results_json.write(run, Path(folder) / "results.json")
        assert results_json.read(Path(folder) / "results.json") == run


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file"),
        ("{", "not a results file"),
        ("[]", "not a results file"),
        ('{"versions": {}, "choices": {}}', "'started' is missing"),
    ],
)
def test_a_results_file_that_cannot_be_read_is_named(content: str | None, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInput, match=complaint) as caught:
        results_json.read(path)
    assert str(path) in str(caught.value)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("meshproof.report.files.os.fsync", full)
    with pytest.raises(MachineCannot, match="No space left on device"):
        results_json.write(a_run(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
    assert path.read_text() == "old"


# JUnit


def test_junit_counts_and_tells_the_story() -> None:
    run = a_refuted_run()
    checks, skipped = len(run.checks), len(run.steps[-2].checks)
    root = ElementTree.fromstring(junit.render(run))  # noqa: S314 - our own text
    counts = [root.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == [f"{checks + 2}", "1", "1", f"{skipped}"], "two more: the step that broke, and the verdict"
    assert [suite.get("name") for suite in root][:2] == ["Before you begin", "Install Istio"]
    cases = root.findall("testsuite/testcase")
    assert len(cases) == checks + 2
    (failed,) = [case for case in cases if case.find("failure") is not None]
    assert failed.get("name") == "route.forged-xfcc-dropped"
    assert "observed: By=spiffe://forged" in (failed.findtext("failure") or "")
    (broken,) = [case for case in cases if case.find("error") is not None]
    assert broken.get("name") == "exclude"
    assert "InvalidKind" in (broken.findtext("error") or "")
    assert sum(case.find("skipped") is not None for case in cases) == skipped


def test_junit_is_xml_whatever_programs_printed() -> None:
    ElementTree.fromstring(junit.render(poisoned(HOSTILE + SURROGATE + NO_CHARACTER)))  # noqa: S314


# The terminal


def test_the_table_counts_proven_checks_per_step() -> None:
    lines = table.render(a_run()).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["step", "checks", "seconds"],
        ["✓", "Before", "you", "begin", "2", "of", "2", "17.4"],
        ["✓", "Install", "Istio", "1", "of", "1", "12.2"],
    ]
    assert len(lines) == 1 + len(a_run().steps)
    assert len({len(line) for line in lines}) == 1


def test_the_table_tells_what_was_refuted_and_skipped() -> None:
    text = table.render(a_refuted_run())
    assert "✗ Route to a service in the mesh     8 of 9" in text
    assert "[route.forged-xfcc-dropped]\n    expected: 1 element, ours\n    observed: By=spiffe://forged" in text
    assert "Exclude a service from mTLS: the route exclude-service: not ready after 60 s" in text
    assert "Exclude a service from mTLS: 5 checks skipped: the route was not accepted" in text


def test_the_verdict_is_one_line() -> None:
    checks = len(a_run().checks)
    line = table.verdict_line(a_run(), Path("artifacts/x/report.html"))
    versions = "kgateway 2.4.0, Istio 1.31-dev, Kubernetes 1.35.4"
    assert line == f"PROVEN  {checks} of {checks} checks, {versions}, 52 s → artifacts/x/report.html"
    assert table.verdict_line(a_refuted_run(), Path("r")).startswith(
        f"REFUTED  {STILL_PROVEN} of {checks} checks proven, "
    )
    assert table.verdict_line(replace(a_run(), steps=()), Path("r")).startswith("INCOMPLETE  0 of 0 checks proven, ")


def test_colour_is_for_terminals_that_want_it() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert table.wants_colour(Terminal(), {})
    assert table.wants_colour(Terminal(), {"NO_COLOR": ""})
    assert not table.wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert not table.wants_colour(Terminal(), {"TERM": "dumb"})
    assert not table.wants_colour(io.StringIO(), {})
    plain, coloured = table.render(a_refuted_run()), table.render(a_refuted_run(), colour=True)
    assert ESCAPE not in plain
    assert re.sub(ESCAPE + r"\[\d+m", "", coloured) == plain != coloured


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (99, "99 s"), (185, "3 min 05 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert summary.duration(seconds) == text


# The page and the picture


class _Page(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_all_there_is_to_see() -> None:
    run = a_refuted_run()
    page = _Page(html.render(run))
    assert f"{STILL_PROVEN} of {len(run.checks)} checks proven" in page.text
    for step in run.steps:
        for text in (step.section, *step.commands, *step.departures, *(moment.output for moment in step.moments)):
            assert text.strip() in page.text
        for check in step.checks:
            for text in (check.id, check.claim, check.expected, check.observed, check.reason):
                assert text in page.text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {check.id for check in run.checks} < set(ids)


def test_the_page_needs_nothing_from_anywhere() -> None:
    text = html.render(a_refuted_run(), diagnostics={"route": "d/route/i.txt", "before": "d/before/i.txt"})
    page = _Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    assert not re.search(r"@import|url\(", text)
    targets = [attributes["href"] or "" for _, attributes in page.tags if "href" in attributes]
    inner = {target[1:] for target in targets if target.startswith("#")}
    assert inner <= {attributes.get("id") for _, attributes in page.tags}
    beside = {target for target in targets if not target.startswith("#")}
    assert beside == {"results.json", "junit.xml", "timeline.svg", "d/route/i.txt"}, "a proven step has none"


def test_the_page_points_to_diagnostics_only_where_there_are_some() -> None:
    assert "diagnostics/" not in html.render(a_refuted_run())


def test_the_page_and_the_picture_escape_everything() -> None:
    page, picture = html.render(poisoned(HOSTILE)), timeline.render(poisoned(HOSTILE))
    assert "<script" not in page + picture
    assert "{{ 7*7 }}" in _Page(page).text
    assert ESCAPE not in page + picture
    assert NUL not in page + picture
    ElementTree.fromstring(picture)  # noqa: S314


def test_outputs_are_joined_to_their_commands_whatever_the_order() -> None:
    step = a_run().steps[0]  # it ran in another order
    assert [moment and moment.label for _, moment in step.ran] == list(step.commands)
    assert [moment.kind for moment in step.others] == ["wait", "wait", "observe"]


def two_equal_commands() -> StepResult:
    """A step that types the same thing twice; the later one was tied to the first place."""
    later, earlier = (Moment("curl a", "command", STARTED + at, 1.0, f"answer {at}", at % 4) for at in (4, 2))
    return replace(a_run().steps[0], commands=("curl a", "kubectl b", "curl a"), moments=(earlier, later))


def test_each_of_two_equal_commands_has_its_own_output() -> None:
    step = two_equal_commands()
    earlier, later = step.moments
    assert step.ran == (("curl a", later), ("kubectl b", None), ("curl a", earlier)), "whatever the order in time"
    page = html.render(replace(a_run(), steps=(step,)))
    assert page.index("answer 4") < page.index("kubectl b") < page.index("answer 2")
    assert "Waits and observations" not in page


def test_a_file_of_an_earlier_version_is_read_and_its_commands_are_tied_by_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results_json.write(replace(a_run(), steps=(two_equal_commands(),)), path)
    run = json.loads(path.read_text())
    del run["steps"][0]["changes"]
    for moment in run["steps"][0]["moments"]:
        del moment["command"]
    path.write_text(json.dumps({**run, "allowed_skips": []}))
    [step] = results_json.read(path).steps
    assert [moment and moment.output for _, moment in step.ran] == ["answer 2", None, "answer 4"]
    assert step.changes is None


def test_nothing_in_the_picture_lies_over_another_thing() -> None:
    for run in (a_run(), a_refuted_run()):
        root = ElementTree.fromstring(timeline.render(run))  # noqa: S314
        width = float((root.get("viewBox") or "").split()[2])
        boxes: list[tuple[float, float, float]] = []
        for group in root.iter("{http://www.w3.org/2000/svg}g"):
            bar = group.find("{http://www.w3.org/2000/svg}rect")
            label = group.find("{http://www.w3.org/2000/svg}text")
            assert bar is not None
            assert label is not None
            x, length, y = (float(bar.get(name) or "") for name in ("x", "width", "y"))
            reach = len(label.text or "") * timeline.LETTER
            at = float(label.get("x") or "")
            start, end = (at - reach, x + length) if label.get("text-anchor") == "end" else (x, at + reach)
            boxes.append((y, start, end))
        assert len(boxes) == sum(len(step.moments) for step in run.steps)
        assert all(0 <= start < end <= width for _, start, end in boxes)
        for y, start, end in boxes:
            assert sum(other == y and start < last and first < end for other, first, last in boxes) == 1


def test_the_picture_begins_with_the_first_step() -> None:
    early = replace(a_run(), started=STARTED - 1200)
    assert timeline.render(early) == timeline.render(a_run())


@pytest.mark.parametrize("run", [replace(a_run(), steps=()), replace(a_run(), versions={}, choices={})])
def test_runs_with_nothing_in_them_are_shown_too(run: RunResult) -> None:
    ElementTree.fromstring(timeline.render(run))  # noqa: S314
    assert "checks proven" in html.render(run)
    ElementTree.fromstring(junit.render(run))  # noqa: S314
    assert "step" in table.render(run)


def test_no_writer_lets_a_secret_through(tmp_path: Path) -> None:
    run = poisoned(f"see {JWT} there")
    assert JWT not in table.render(run)
    for writer, name in (
        (results_json, "a.json"),
        (junit, "a.xml"),
        (timeline, "a.svg"),
        (html, "a.html"),
        (markdown, "a.md"),
    ):
        writer.write(run, tmp_path / name)
        text = (tmp_path / name).read_text()
        assert JWT not in text
        assert "redacted" in text


# The folder


def test_a_run_folder_has_its_time_and_the_link_follows_once_it_has_ended(tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    first = run_folder.new_run_folder(root, "2.4.0 / 1.31-dev", started=STARTED)
    second = run_folder.new_run_folder(root, "2.4.0 / 1.31-dev", started=STARTED)
    assert [first.name, second.name] == ["20260101T000000Z-2.4.0-1.31-dev", "20260101T000000Z-2.4.0-1.31-dev-2"]
    assert not (root / "latest").exists()
    for folder in (first, second):
        run_folder.make_latest(folder)
        assert (root / "latest").readlink() == Path(folder.name)
    assert run_folder.new_run_folder(root, "../../x", started=STARTED).parent == root
    assert run_folder.new_run_folder(root, started=STARTED).name == "20260101T000000Z"
    assert len(list(root.iterdir())) == 5


def test_what_the_user_keeps_under_the_links_name_stays(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(BadInput, match="latest"):
        run_folder.new_run_folder(tmp_path, started=STARTED)
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_a_run_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineCannot, match="Not a directory"):
        run_folder.new_run_folder(tmp_path / "file" / "artifacts")


def test_write_all_writes_its_files(tmp_path: Path) -> None:
    artifacts.write_all(a_refuted_run(), tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert names == ["junit.xml", "report.html", "results.json", "summary.md", "timeline.svg"]
    assert results_json.read(tmp_path / "results.json").verdict == "refuted"


def test_long_pauses_between_steps_are_cut_from_the_timeline_and_nothing_else_moves() -> None:
    run = a_run()
    assert pauses.cut(run) is run
    moved = tuple(
        replace(
            step, started=step.started + 3600, moments=tuple(replace(m, started=m.started + 3600) for m in step.moments)
        )
        for step in run.steps[3:]
    )
    cut = pauses.cut(replace(run, steps=(*run.steps[:3], *moved)))
    assert cut.steps[:3] == run.steps[:3]
    shift = run.steps[3].started - cut.steps[3].started
    for before, after in zip(run.steps[3:], cut.steps[3:], strict=True):
        assert before.started - after.started == pytest.approx(shift)
        assert [m.started - n.started for m, n in zip(before.moments, after.moments, strict=True)] == pytest.approx(
            [shift] * len(before.moments)
        )
    third = run.steps[2]
    end = max(third.started + third.seconds, *(m.started + m.seconds for m in third.moments))
    assert cut.steps[3].started - end == pytest.approx(pauses.LONGEST_S)
    assert "pauses over 10 s are cut" in timeline.render(replace(run, steps=(*run.steps[:3], *moved)))
    assert "pauses" not in timeline.render(run)
