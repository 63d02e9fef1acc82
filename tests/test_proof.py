"""A proof: each section once and in page order, and nothing proven after one that did not complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from api_stand_in import Served, thing
from links import Page
from mesh_objects import LEFT, PLAIN, but, gateway
from page_runs import result_of
from snapshots import PARTS, SETTING

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.images import Parts
from meshproof.path.mesh import Mesh
from meshproof.proof import Proof
from meshproof.proof import proof as module
from meshproof.releases import cells
from meshproof.report import diagnostics
from meshproof.results import StepResult
from meshproof.run import Completed
from meshproof.steps import PAGE, RESTORE, Step
from meshproof.steps.install_istio import SWEEP
from meshproof.steps.model import Command, Ready, Together, flatten
from meshproof.steps.setting import Makes

GATHER = diagnostics.gather
MESH = Mesh(address="istiod-found.istio-system.svc:15012")


@dataclass
class StandIn(Served):
    """A cluster with some objects, made of parts."""

    parts: Parts = PARTS

    def kubectl(self, *args: str, **_: object) -> Completed:
        return Completed(args, 0, '{"items": []}', "", 0.1)


@dataclass
class Staged:
    """A proof whose steps are not run but recorded; `broken` and `refuted` name those that end badly."""

    root: Path
    cluster: StandIn = field(default_factory=StandIn)
    broken: str = ""
    refuted: str = ""
    ran: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])
    gathered: list[str] = field(default_factory=list[str])
    typed: list[str] = field(default_factory=list[str])

    def proof(self, makes: Makes | None = None) -> Proof:
        cluster, makes = cast(Cluster, self.cluster), makes or Makes()
        return Proof(
            cluster, cells()[0], Choices(images="auto"), self.said.append, self.root / "artifacts", makes=makes
        )

    def run_step(self, step: Step, _: Cluster) -> StepResult:
        self.ran.append(step.slug)
        self.typed += [command.text for command in step.documented]
        status = "refuted" if step.slug in (self.refuted, self.broken) else "proven"
        return result_of(step, status, error="it broke" if step.slug == self.broken else "")

    def await_ready(self, conditions: Sequence[Ready[Any]], *_: object) -> None:
        self.typed += [f"wait for {condition.link.what}" for condition in conditions]

    def run_commands(self, commands: Sequence[Command | Together], *_: object) -> None:
        self.typed += [command.text for command in flatten(commands)]

    def gather(self, _: object, folder: Path, **__: object) -> Path:
        self.gathered.append(folder.name)
        return folder / "index"

    def find_mesh(self, *_: object) -> Mesh:
        self.ran.append("find mesh")
        return MESH


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staged:
    stage = Staged(tmp_path)
    for name in ("run_step", "run_commands", "await_ready", "find_mesh"):
        monkeypatch.setattr(module, name, getattr(stage, name))
    monkeypatch.setattr(diagnostics, "gather", stage.gather)
    return stage


def test_a_section_runs_those_before_it_and_each_only_once(staged: Staged) -> None:
    proof = staged.proof()
    assert proof.step("istio").slug == "istio"
    assert proof.step("before").slug == "before"
    assert proof.step("istio") is proof.step("istio")
    assert staged.ran == ["before", "istio"]
    proof.step("cleanup")
    assert [slug for slug in staged.ran if slug != "find mesh"] == list(PAGE)
    assert proof.result().verdict == "proven"
    assert staged.gathered == []


def test_the_mesh_is_looked_up_once_after_istio_is_there_and_used(staged: Staged) -> None:
    staged.proof().step("cleanup")
    assert staged.ran.count("find mesh") == 1
    assert staged.ran.index("find mesh") == staged.ran.index("istio") + 1
    assert any(MESH.address in text for text in staged.typed)


@pytest.mark.parametrize("broken", ["before", "istio", "enable"])
def test_after_a_step_that_did_not_complete_nothing_is_run_or_proven(staged: Staged, broken: str) -> None:
    staged.broken = broken
    proof = staged.proof()
    last = proof.step("cleanup")
    assert {check.status for check in last.checks} == {"skipped"}
    assert {check.reason for check in last.checks} == {f"the step {broken} did not complete"}
    assert [slug for slug in staged.ran if slug != "find mesh"][-1] == broken
    assert [step.slug for step in proof.result().steps] == list(PAGE)
    assert proof.result().verdict == "refuted"


def test_a_refuted_check_is_looked_into_and_the_page_goes_on(staged: Staged) -> None:
    staged.refuted = "enable"
    proof = staged.proof()
    assert {check.status for check in proof.step("route").checks} == {"proven"}
    assert staged.gathered == ["enable"]
    assert any(f"0 of {len(proof.results['enable'].checks)} checks proven" in line for line in staged.said)


def taking_back(*slugs: str) -> list[str]:
    """What is done to take sections back, and what is waited for then."""
    commands = [command for slug in slugs for command in flatten(PAGE[slug](SETTING).undo)]
    swept = [SWEEP] * ("istio" in slugs)
    return [*(command.text for command in (*commands, *swept)), "wait for what there is of the page"]


@pytest.mark.parametrize("told", LEFT)
def test_a_kept_cluster_is_taken_back_by_what_is_there(staged: Staged, told: str) -> None:
    slug, left = LEFT[told]
    staged.cluster = StandIn(but(left))
    staged.proof().rewind()
    # What has Istio's proxy, or a label of its domain, is Istio's as well.
    both = told.startswith(("istio-proxy of", "istio.io/rev of"))
    assert staged.typed == taking_back(slug, *(["istio"] if both else []))
    [said] = staged.said
    assert said.startswith("taking the kept cluster back to where the page begins; found ")
    assert f"{slug}: {told}" in said


def test_of_several_sections_the_last_is_taken_back_first(staged: Staged) -> None:
    """As after the exclusion, when somebody has deleted the namespace istio-system."""
    lefts = [left for told, (_, left) in LEFT.items() if told != "Namespace istio-system"]
    staged.cluster = StandIn([*lefts, gateway("http-istio")])
    staged.proof().rewind()
    assert staged.typed == taking_back("exclude", "route", "enable", "istio")


@pytest.mark.parametrize(
    ("problem", "error", "bugs"),
    [
        (NotReady("istiod's Service: expected one"), "istiod's Service: expected one", 0),
        (KeyError("spec"), "meshproof's own error: KeyError: 'spec'", 1),
    ],
)
def test_what_goes_wrong_before_a_step_is_that_steps_error(
    staged: Staged, monkeypatch: pytest.MonkeyPatch, problem: Exception, error: str, bugs: int
) -> None:
    def fail(*_: object) -> Mesh:
        raise problem

    monkeypatch.setattr(module, "find_mesh", fail)
    proof = staged.proof()
    proof.step("cleanup")
    enable, route = proof.results["enable"], proof.results["route"]
    assert enable.error == error
    assert {(check.status, check.reason) for check in enable.checks} == {
        ("skipped", f"the step did not complete: {error}")
    }
    assert {check.reason for check in route.checks} == {"the step enable did not complete"}
    assert (staged.ran, staged.gathered, len(enable.tracebacks)) == (["before", "istio"], ["enable"], bugs)
    assert proof.result().verdict == "incomplete"
    folder = proof.write().parent
    assert (folder / "own-errors.txt").exists() == bool(bugs)
    assert ("tracebacks are in own-errors.txt" in proof.summary(colour=False)) == bool(bugs)
    assert ('href="own-errors.txt"' in (folder / "report.html").read_text()) == bool(bugs)


def test_a_step_that_broke_leaves_diagnostics_though_its_claims_hold(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(step: Step, cluster: Cluster) -> StepResult:
        return replace(staged.run_step(step, cluster), error="not gone after 90 s")

    monkeypatch.setattr(module, "run_step", broken)
    proof = staged.proof()
    assert proof.step("before").error == "not gone after 90 s"
    assert (staged.gathered, proof.result().verdict) == (["before"], "incomplete")


def test_what_was_found_is_kept_where_the_cluster_cannot_be_looked_into(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Path:
        raise TypeError("of ours")

    monkeypatch.setattr(module.diagnostics, "gather", fail)
    staged.refuted = "before"
    result = staged.proof().step("before")
    assert {check.status for check in result.checks} == {"refuted"}
    assert "could not be gathered: meshproof's own error: TypeError: of ours" in staged.said[-1]
    assert len(result.tracebacks) == 1


def test_a_kept_cluster_is_taken_back_even_where_the_mesh_is_half_installed(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> Mesh:
        raise NotReady("istiod's Service: none")

    monkeypatch.setattr(module, "find_mesh", missing)
    staged.cluster = StandIn([thing("Namespace", "istio-system")])
    staged.proof().rewind()
    assert staged.typed == taking_back("istio")


def test_what_cannot_be_taken_back_is_told_with_what_to_do(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    def stays(*_: object) -> None:
        raise NotReady("what there is of the page: istio: ClusterRole istio-mine")

    monkeypatch.setattr(module, "await_ready", stays)
    staged.cluster = StandIn([thing("ClusterRole", "istio-mine")])
    with pytest.raises(NotReady, match="istio-mine\n  take that away by hand, or delete the cluster; then try again"):
        staged.proof().rewind()


EXISTING = Makes(False, False, False, istio=False, labels={"of": "ours"})


def test_a_cluster_of_somebody_elses_is_given_back_after_the_page_and_one_of_ours_is_not(staged: Staged) -> None:
    proof = staged.proof(EXISTING)
    assert [step.slug for step in proof.result().steps] == [*PAGE, RESTORE.slug]
    proof.step(RESTORE.slug)
    assert [slug for slug in staged.ran if slug != "find mesh"] == [*PAGE, RESTORE.slug]
    assert proof.result().verdict == "proven"
    assert RESTORE.slug not in [step.slug for step in staged.proof().result().steps]


@pytest.mark.parametrize("broken", ["before", "enable", "cleanup"])
def test_a_cluster_of_somebody_elses_is_given_back_whatever_broke(staged: Staged, broken: str) -> None:
    staged.broken = broken
    proof = staged.proof(EXISTING)
    assert {check.status for check in proof.step(RESTORE.slug).checks} == {"proven"}
    assert [slug for slug in staged.ran if slug != "find mesh"][-2:] == [broken, RESTORE.slug]
    assert proof.result().verdict == "refuted"


@pytest.mark.parametrize("objects", [(), PLAIN])
def test_a_cluster_where_the_page_begins_is_left_alone(staged: Staged, objects: Sequence[dict[str, Any]]) -> None:
    staged.cluster = StandIn(list(objects))
    staged.proof().rewind()
    assert (staged.typed, staged.said) == ([], [])


def test_what_was_found_is_written_and_summed_up(staged: Staged) -> None:
    proof = staged.proof()
    proof.step("before")
    report = proof.write()
    assert report == proof.folder / "report.html"
    assert {path.name for path in proof.folder.iterdir()} >= {"results.json", "junit.xml", "report.html"}
    summary = proof.summary(colour=False)
    assert "Before you begin" in summary
    assert str(report.relative_to(staged.root)) in summary
    assert proof.result().choices["images"] == "source", "the form that was really used"


def test_a_run_that_did_not_reach_the_end_is_not_proven(staged: Staged) -> None:
    proof = staged.proof()
    proof.step("before")
    result = proof.result()
    assert [step.slug for step in result.steps] == list(PAGE)
    assert {check.reason for step in result.steps[1:] for check in step.checks} == {"not run"}
    assert result.verdict == "incomplete"


def test_every_link_of_the_report_leads_somewhere(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "gather", GATHER)
    staged.refuted, staged.broken = "enable", "route"
    proof = staged.proof()
    proof.step("cleanup")
    report = Page(proof.write())
    assert {"#route", "results.json", "diagnostics/enable/index.txt", "diagnostics/route/index.txt"} <= set(
        report.links
    )
    assert report.dead() == []
