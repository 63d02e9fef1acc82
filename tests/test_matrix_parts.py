"""The parts of a matrix by themselves: its cells, its room, what differs, what is told meanwhile, its workflow."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import STARTED, a_refuted_run, a_run
from test_doctor import GOOD, LINUX

from meshproof import errors, yamls
from meshproof.choices import Choices
from meshproof.doctor import GIB
from meshproof.errors import BadInput
from meshproof.inotify import Inotify
from meshproof.matrix import conformance, html
from meshproof.matrix.cells import Planned, code, plan, slug
from meshproof.matrix.columns import columns_of
from meshproof.matrix.differences import differences, trimmed
from meshproof.matrix.outcome import SAID, Ended, Found, Outcome
from meshproof.matrix.result import MatrixResult
from meshproof.matrix.room import at_once
from meshproof.matrix.watch import Watch
from meshproof.matrix.workflow import workflow
from meshproof.releases import cells
from meshproof.results import RunResult, Status
from meshproof.wait import Clock

ROOT = Path(__file__).parents[1]
ENDED = Ended("id", errors.PROVEN, STARTED, 61.0)


def planned(**choices: object) -> list[Planned]:
    return list(plan(replace(Choices(), **choices), lambda _: "source", lambda _: None))


def outcome(number: int, run: RunResult | None, code: int = errors.PROVEN) -> Outcome:
    found = (Found(run, Path(f"/m/{number}/artifacts/1")),) if run else ()
    return Outcome(planned()[number], replace_code(code) if run else None, found)


def replace_code(code: int) -> Ended:
    return Ended("id", code, STARTED, 61.0)


def test_each_cell_has_a_name_of_its_own_that_kind_takes() -> None:
    assert len({slug(cell) for cell in cells()}) == len(cells()) == len(planned())
    assert all(re.fullmatch("[a-z0-9][a-z0-9-]{0,40}", each.choices.name) for each in planned())


def test_words_narrow_it() -> None:
    assert [each.cell for each in planned(kgateway="2.2.0")] == [cell for cell in cells() if cell.kgateway == "2.2.0"]
    with pytest.raises(BadInput, match="not supported together"):
        planned(kgateway="2.2.0", kubernetes="1.36.3")
    with pytest.raises(BadInput, match=r"NAME=a{30}-.*41 at most"):
        planned(name="a" * 30)


def test_what_has_not_the_form_that_is_asked_for_is_left_out_and_told() -> None:
    told: list[str] = []
    asked = replace(Choices(), images="published")
    kept = [each.cell for each in plan(asked, lambda _: "published", told.append)]
    assert kept == [cell for cell in cells() if cell.published]
    assert len(told) == len(cells()) - len(kept) > 0


def test_a_verdict_is_one_of_cell_choices_and_code() -> None:
    (first, *others) = planned()
    assert len({each.identity for each in (first, *others)}) == len(cells())
    for choice in ({"revision": "canary"}, {"tabs": "all"}, {"access": "load-balancer"}):
        assert planned(**choice)[0].identity != first.identity
    assert planned(name="mine")[0].identity == first.identity
    assert planned(parallel="2", again=True)[0].identity == first.identity


def test_the_code_is_all_that_proves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    monkeypatch.setattr("meshproof.matrix.cells.CODE", [tmp_path / "library"])
    seen = [code.__wrapped__()]
    for change in (lambda: (tmp_path / "library/a.yaml").write_text("1"), (tmp_path / "library/a.yaml").unlink):
        change()
        seen.append(code.__wrapped__())
    assert seen[0] == seen[2] != seen[1]


@pytest.mark.parametrize(
    ("asked", "memory_gib", "left", "number", "told"),
    [
        ("", 16, 1000, 2, "2 clusters at once (2 cores; room for 7 by memory, 31 by inotify instances)"),
        ("", 64, 1000, 2, "2 clusters at once (2 cores; "),
        ("4", 64, 1000, 4, "4 clusters at once (as asked for)"),
        ("9", 64, 1000, 4, "4 clusters at once (as asked for)"),
        ("2", 5, 1000, 1, "PARALLEL=2: no room for so many, memory would not do; one cluster at once"),
        ("", 5, 1000, 1, "one cluster at once (2 cores; room for 1 by memory"),
        ("3", 16, 70, 2, "PARALLEL=3: no room for so many, inotify instances would not do; 2 clusters at once"),
        ("", 16, 10, 1, "one cluster at once (2 cores; room for 7 by memory, 0 by inotify instances; sysctl -w"),
    ],
)
def test_how_many_at_once(asked: str, memory_gib: int, left: int, number: int, told: str) -> None:
    kernel = replace(LINUX, inotify=Inotify(left, 524288))
    machine = replace(GOOD, memory_available_bytes=memory_gib * GIB, kernel=kernel)
    found, why = at_once(asked, 4, machine, processors=2)
    assert (found, why.startswith(told)) == (number, True), why


def test_one_cell_is_not_run_twice_at_once() -> None:
    assert at_once("", 1, GOOD, processors=8)[0] == 1


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        ("http-596fc9679b-8nz56 3/3: sds; http-65db769d4b-rvhks 1/1 terminating: kgateway-proxy", "http-* 3/3: sds"),
        ("Hash=45356c34528d85408814d1353d8444e626e362ac3b176d4d85d262d5d38ddb08;Subject", "Hash=<hash>;Subject"),
        ("4 objects, as of 2026-11-25 13:58:17: none", "4 objects, as of <moment>: none"),
        ("plain.example: 10.244.0.10:8080", "plain.example: <address>:8080"),
        ("not ready after 10 s", "not ready after <time>"),
        ("from local/proxyv2:1.31-dev and v2.4.0", "from local/proxyv2:<istio> and v2.4.0"),
        ("httpbin-plaintext and go-httpbin stay", "httpbin-plaintext and go-httpbin stay"),
        ("200, 1 TLS handshake", "200, 1 TLS handshake"),
    ],
)  # fmt: skip
def test_what_every_run_has_its_own_is_no_difference(seen: str, kept: str) -> None:
    assert trimmed(seen, {"istio": "1.31-dev", "kgateway": "2.4.0"}) == kept


def changed(check_id: str, status: Status, observed: str, run: RunResult) -> RunResult:
    steps = tuple(
        replace(step, checks=tuple(
            replace(each, status=status, observed=observed) if each.id == check_id else each for each in step.checks
        ))
        for step in run.steps
    )  # fmt: skip
    return replace(run, steps=steps)


def test_what_differs_is_told_by_check_and_what_does_not_is_not() -> None:
    assert differences(columns_of([outcome(0, a_run()), outcome(1, a_run())])) == []
    other = changed("before.response", "proven", "200, and slower", changed("route.xfcc-by", "refuted", "no", a_run()))
    verdict, seen = differences(columns_of([outcome(0, a_run()), outcome(1, other), outcome(2, a_run())]))
    assert (verdict.check, verdict.of_verdicts) == ("route.xfcc-by", True), "before what was only seen differently"
    assert (seen.check, seen.of_verdicts) == ("before.response", False)
    titles = [slug(cell) for cell in cells()]
    assert [group.columns for group in seen.groups] == [(titles[0], titles[2]), (titles[1],)]


def test_a_cell_that_was_not_run_differs_in_nothing_and_is_not_proven() -> None:
    result = MatrixResult([outcome(0, a_run()), outcome(1, None)], STARTED, 70.0)
    assert differences(columns_of(result.outcomes)) == []
    assert (result.outcomes[1].verdict, result.outcomes[1].reason) == ("not proven", "not run")
    assert (result.verdict, result.exit_code) == ("incomplete", errors.REFUTED)


def test_a_run_that_says_proven_is_not_believed_where_its_command_does_not() -> None:
    assert outcome(0, a_run(), errors.REFUTED).verdict == "not proven"
    assert outcome(0, a_refuted_run(), errors.PROVEN).verdict == "not proven"
    assert outcome(0, a_refuted_run(), errors.REFUTED).verdict == "refuted"
    incomplete = replace(a_run(), asked=1)
    assert outcome(0, incomplete, errors.REFUTED).reason.startswith("incomplete: ")


def test_the_page_shows_what_it_is_given_as_text() -> None:
    hostile = changed("route.xfcc-by", "refuted", "<script>alert(1)</script>", a_run())
    page = html.render(
        MatrixResult([outcome(0, a_run()), outcome(1, hostile, 1), outcome(2, None)], STARTED, 7.0), Path("/m")
    )
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert 'href="0/artifacts/1/report.html#route"' in page
    assert "<h1>Refuted</h1>" in page
    assert page.count(">not proven<") + page.count("not proven</td>") == 1


def test_the_report_in_the_manner_of_gateway_apis_is_no_such_report(tmp_path: Path) -> None:
    result = MatrixResult([outcome(0, a_run()), outcome(1, a_refuted_run(), 1)], STARTED, 7.0)
    conformance.write(result, tmp_path / "c.yaml")
    proven, refuted = yamls.load_file(tmp_path / "c.yaml")
    assert not proven["apiVersion"].startswith("gateway.networking.k8s.io")
    assert proven["kind"] != "ConformanceReport"
    assert proven["profiles"][0]["core"] == {
        "result": "success",
        "statistics": {"Passed": len(a_run().checks), "Failed": 0, "Skipped": 0},
    }
    core = refuted["profiles"][0]["core"]
    assert (core["result"], core["failedTests"]) == ("failure", ["route.forged-xfcc-dropped"])
    assert core["statistics"]["Skipped"] == len(core["skippedTests"]) > 0


class Time:
    now_s = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, lambda _: None)


def test_what_the_runs_say_is_told_line_by_line_and_silence_never_lasts(tmp_path: Path) -> None:
    first, second = planned()[:2]
    stream, time = io.StringIO(), Time()
    watch = Watch([first, second], tmp_path, stream, live=False, clock=time.clock())
    watch.look()
    assert stream.getvalue() == ""
    (tmp_path / first.slug).mkdir()
    said = tmp_path / first.slug / SAID
    said.write_text("Before you begin\n  2 of 2 checks")  # the second line is not whole yet
    watch.look()
    assert stream.getvalue() == f"{first.slug:<{max(len(first.slug), len(second.slug))}}  Before you begin\n"
    time.now_s = 4.9
    watch.look()
    assert stream.getvalue().count("\n") == 1
    time.now_s = 5.0
    watch.look()
    assert stream.getvalue().splitlines()[1] == f"… 0 of 2 ended, 5 s: {first.slug}: Before you begin 5 s"
    with said.open("a") as file:
        file.write(" proven\n")
    ENDED.write(tmp_path / first.slug)
    watch.look()
    lines = stream.getvalue().splitlines()
    assert lines[2].endswith("    2 of 2 checks proven")
    assert lines[3].endswith("=> not proven (left no results), 1:01")
    time.now_s = 20.0
    watch.look()
    assert stream.getvalue().splitlines()[4] == "… 1 of 2 ended, 20 s: starting"


def test_on_a_terminal_the_last_line_is_where_all_stand(tmp_path: Path) -> None:
    stream, time = io.StringIO(), Time()
    watch = Watch(planned()[:1], tmp_path, stream, live=True, clock=time.clock())
    time.now_s = 3.0
    watch.look()
    assert stream.getvalue() == "\r\x1b[K… 0 of 1 ended, 3 s: starting"


def test_the_workflow_is_of_these_cells() -> None:
    path = ROOT / ".github/workflows/matrix.yml"
    assert path.read_text() == workflow(), "stale: make matrix WORKFLOW=1 > .github/workflows/matrix.yml"
    (written,) = yamls.load_file(path)
    jobs = written["jobs"]["cell"]["strategy"]["matrix"]["include"]
    assert [job["slug"] for job in jobs] == [slug(cell) for cell in cells()]


def test_its_actions_are_pinned_as_those_of_the_other_workflow() -> None:
    pins = [
        set(re.findall(r"uses: (.*)", (ROOT / f".github/workflows/{name}.yml").read_text()))
        for name in ("e2e", "matrix")
    ]
    assert pins[1]
    assert pins[1] <= pins[0]
