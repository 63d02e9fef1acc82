"""`make runbook` as a whole, with notebooks and cluster stood in for: how it ends, and what it leaves and says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from links import Page
from page_runs import a_walk, place
from snapshots import PARTS, always

from meshproof.choices import Choices
from meshproof.cluster import Cluster, Record
from meshproof.errors import BadInput, MachineCannot, Refuted
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.proof.ledger import Ledger
from meshproof.releases import cells
from meshproof.report import results_json
from meshproof.results import RunResult
from meshproof.runbook import held
from meshproof.runbook.execution import resume
from meshproof.runbook.execution import run as module
from meshproof.steps import PAGE
from meshproof.steps.setting import Makes

ALL = len(a_walk().checks)


@dataclass
class Run:
    """Stands in for everything but the order of things, and remembers what was asked for."""

    cluster: Cluster
    finds: RunResult
    fails_at: str = ""
    error: Exception = field(default_factory=lambda: Refuted("x is not so"))
    runs: bool = True
    answers: bool = True
    executed: list[str] = field(default_factory=list[str])
    asked: dict[str, Any] = field(default_factory=dict[str, Any])
    taken_up: list[int] = field(default_factory=list[int])
    ended: list[Path] = field(default_factory=list[Path])

    def execute(self, source: Path, copy: Path, given: dict[str, str], say: Callable[[str], None]) -> None:
        self.executed.append(source.name)
        copy.write_text(source.read_text())
        if source.name == self.fails_at:
            raise self.error
        Ledger(self.cluster.work).write(self.finds)

    @contextlib.contextmanager
    def kind_cluster(self, name: str, *_: Any, **how: Any) -> Generator[Cluster]:
        self.asked = {"name": name, **how}
        yield self.cluster

    def is_running(self, name: str) -> bool:
        return self.runs

    def is_answering(self) -> bool:
        return self.answers

    def take_up(self, cluster: Cluster, choices: object, start: int, say: object) -> None:
        self.taken_up.append(start)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    work = tmp_path / "work"
    work.mkdir()
    it = Run(Cluster("mine", tmp_path / "kubeconfig", PARTS, work), a_walk())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "parts_of", always((PARTS, None)))
    monkeypatch.setattr(module, "running", it.is_running)
    monkeypatch.setattr(module, "register_kernel", always(None))
    monkeypatch.setattr(module, "kind_cluster", it.kind_cluster)
    monkeypatch.setattr(module, "execute", it.execute)
    monkeypatch.setattr(module, "end_forwards", it.ended.append)
    monkeypatch.setattr(resume, "take_up", it.take_up)
    monkeypatch.setattr(Cluster, "answers", it.is_answering)
    return it


def test_all_notebooks_are_executed_in_order_and_leave_results_and_book(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert module.run_runbook(Choices(name="mine")) == 0
    assert run.executed == sorted(run.executed)
    assert len(run.executed) == 1 + len(PAGE)
    assert run.taken_up == [0]
    assert (run.asked["keep"], run.asked["keep_on_failure"], run.asked["must_exist"]) == (False, True, False)
    left = tmp_path / "artifacts" / "latest"
    assert results_json.read(left / "results.json").verdict == "proven"
    assert (left / "runbook" / "book.html").read_text().count("<section id=") == 1 + len(PAGE)
    for page in (Page(left / "report.html"), Page(left / "runbook" / "book.html")):
        assert len(page.links) > 7
        assert page.dead() == []
    assert run.ended == [run.cluster.kubeconfig] * len(run.executed)
    assert f"PROVEN  {ALL} of {ALL} checks" in capsys.readouterr().out


def test_a_run_that_is_not_proven_in_the_end_is_not_green(run: Run) -> None:
    first, *rest = run.finds.steps
    refuted = replace(first, checks=(replace(first.checks[0], status="refuted"), *first.checks[1:]))
    run.finds = replace(run.finds, steps=(refuted, *rest))
    assert module.run_runbook(Choices()) == 1
    run.finds = replace(run.finds, steps=tuple(rest))
    assert module.run_runbook(Choices()) == 1


def test_a_failure_keeps_what_was_executed_and_says_how_to_go_on(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.fails_at = "30-route-over-mtls.ipynb"
    with pytest.raises(Refuted, match="x is not so"):
        module.run_runbook(Choices(name="mine", images="source"))
    assert run.executed[-1] == run.fails_at
    copies = sorted(path.name for path in (tmp_path / "artifacts" / "latest" / "runbook").iterdir())
    assert copies == [*run.executed, "book.html"]
    told = "".join(capsys.readouterr())
    assert "to go on once it is mended: make runbook IMAGES=source NAME=mine FROM=route" in told
    run.answers = False
    with pytest.raises(Refuted):
        module.run_runbook(Choices())
    told = "".join(capsys.readouterr())
    assert "does not answer any more" in told
    assert "to go on" not in told


def test_the_first_error_is_the_one_that_is_raised_whatever_goes_wrong_after_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise MachineCannot("no room")

    monkeypatch.setattr("meshproof.report.artifacts.write_all", full)
    with pytest.raises(MachineCannot, match="no room"):
        module.run_runbook(Choices())
    run.fails_at = "00-index.ipynb"
    with pytest.raises(Refuted, match="x is not so"):
        module.run_runbook(Choices())
    assert "no room" in "".join(capsys.readouterr())


def test_a_resumed_run_needs_its_cluster_and_begins_where_it_was_told(run: Run) -> None:
    assert module.run_runbook(Choices(name="mine", start="exclude")) == 0
    assert run.executed == ["00-index.ipynb", "40-exclude-a-service.ipynb", "50-clean-up.ipynb"]
    assert run.taken_up == [place("exclude")]
    assert run.asked["must_exist"]
    run.runs = False
    with pytest.raises(BadInput, match="cluster meshproof: does not run"):
        module.run_runbook(Choices(start="exclude"))
    assert run.taken_up == [place("exclude")]


@pytest.mark.parametrize("fails_at", ["", "30-route-over-mtls.ipynb"])
def test_on_an_existing_cluster_the_notebooks_find_it_until_it_is_given_back_and_then_the_book_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    there = Record("0abc", existing=True)
    there.work.mkdir(parents=True)
    cluster = replace(run.cluster, name=there.name)
    book = tmp_path / "artifacts" / "latest" / "runbook" / "book.html"
    seen: list[object] = []

    @contextlib.contextmanager
    def proof_of(choices: Choices, progress: Progress) -> Generator[Proof]:
        proof = Proof(cluster, cells()[0], choices, progress.say, makes=Makes(istio=False))
        with there.locked(progress.say, 1):
            try:
                yield proof
            finally:  # it is given back
                seen.append((there.mark(), list(proof.results), book.exists()))

    def execute(source: Path, copy: Path, given: dict[str, str], say: Callable[[str], None]) -> None:
        seen.append(held.find(given["artifacts"]))
        run.execute(source, copy, given, say)

    monkeypatch.setattr(module, "proof_of", proof_of)
    monkeypatch.setattr(module, "execute", execute)
    choices = Choices(cluster="existing", yes=True)
    run.fails_at = fails_at
    with pytest.raises(Refuted, match="x is not so") if fails_at else contextlib.nullcontext():
        module.run_runbook(choices)
    *during, at_the_end = seen
    assert during == [there] * len(run.executed)
    assert at_the_end == (None, list(PAGE), False), "what the notebooks found is known, and nobody finds it any more"
    assert book.read_text().count("<section id=") == len(run.executed)
    assert run.executed[:3] == ["00-index.ipynb", "02-your-own-cluster.ipynb", "01-before-you-begin.ipynb"]
    assert run.executed[-1] == (fails_at or "55-give-the-cluster-back.ipynb")
    told = "".join(capsys.readouterr())
    assert "to go on once" not in told, "it is given back: there is nothing to go on from"
    assert "make runbook" not in told
