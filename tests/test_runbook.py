"""The runbook around its notebooks: what is asked for, where a run may start, and what comes first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_runs import a_run
from snapshots import PARTS, SETTING, always

from meshproof.checks.finding import Finding
from meshproof.choices import Choices
from meshproof.cluster import Cluster, Record
from meshproof.cluster.record import Mark
from meshproof.errors import BadInput, ClusterGone, MachineCannot, NotReady, Refuted
from meshproof.kube import inventory
from meshproof.proof import Proof
from meshproof.releases import cells
from meshproof.report import summary
from meshproof.results import Resumption, RunResult, StepResult
from meshproof.runbook import Book, Section, kernel, lab, open_proof, resume, session, standing, state
from meshproof.runbook.claimed import Claimed
from meshproof.runbook.execute import Order, chosen
from meshproof.runbook.standing import ENDED_BY, Standing
from meshproof.steps import PAGE, Mesh
from meshproof.steps.install_istio import INVENTORY

RESULTS = {step.slug: step for step in a_run().steps}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster("mine", tmp_path / "kubeconfig", PARTS, tmp_path)


@pytest.fixture
def proof(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proof:
    """A proof on a cluster that nobody can reach, whose mesh is known."""

    def known(cluster: Cluster) -> Mesh:
        return SETTING.mesh

    monkeypatch.setattr("meshproof.proof.find_mesh", known)
    return Proof(cluster, cells()[0], Choices(), lambda _: None, into=tmp_path)


Holds = Callable[..., None]


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> Holds:
    """Lets the looks of `standing` find that every claim holds but for some sections'."""

    def but_for(*slugs: str) -> None:
        def look(asked: Sequence[str], until: str, *_: Any, **__: Any) -> list[Standing]:
            return [
                Standing(slug, claim.id, claim.sentence, Finding(slug not in slugs, "so", "otherwise"))
                for slug in asked
                for claim in standing.lasting(slug, SETTING, until)
            ]

        monkeypatch.setattr(standing, "look", look)

    return but_for


def test_an_order_has_defaults_and_what_make_passes_on() -> None:
    plain = Order.of(Choices())
    assert (plain.name, plain.start, plain.existing) == ("meshproof", 0, False)
    assert plain.again(2) == "make runbook NAME=meshproof FROM=2"
    asked = Order.of(Choices(name="rb", start="3", keep=True))
    assert (asked.name, asked.start, asked.existing) == ("rb", 3, True)
    assert asked.again(4) == "make runbook KEEP=1 NAME=rb FROM=4"
    asked = Order.of(Choices(cluster="existing", images="source"))
    assert asked.existing
    assert asked.again(3) == "make runbook IMAGES=source CLUSTER=existing NAME=meshproof FROM=3"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"FROM": "6"}, "FROM=6: expected the number of a section: 0 before, 1 istio, 2 enable, 3 route, 4 exclude"),
        ({"FROM": "-1"}, "FROM=-1"),
        ({"FROM": "route"}, "FROM=route"),
        ({"NAME": "Not_A_Name"}, "NAME=Not_A_Name: expected lower-case letters"),
        ({"COLOUR": "red"}, "COLOUR"),
        ({"CLUSTER": "minikube"}, "minikube"),
    ],
)
def test_an_order_that_cannot_be_used_is_bad_input(words: dict[str, str], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Order.of(Choices.parse(words, "runbook"))


def test_a_run_from_a_section_on_has_the_index_and_the_sections_from_there() -> None:
    paths = kernel.notebook_paths()
    assert chosen(paths, 0) == paths
    assert [path.stem for path in chosen(paths, 4)] == ["00-index", "40-exclude-a-service", "50-clean-up"]


def test_a_missing_notebook_is_named_before_anything_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in kernel.notebook_paths():
        (tmp_path / path.name).touch()
    (tmp_path / "30-route-over-mtls.ipynb").unlink()
    monkeypatch.setattr(kernel, "NOTEBOOKS_DIR", tmp_path)
    with pytest.raises(BadInput, match=r"notebook missing: \S+/30-route-over-mtls.ipynb;"):
        kernel.notebook_paths()


def test_a_resumed_run_needs_the_sections_before_it_and_names_the_first_that_is_missing(
    proof: Proof, holds: Holds
) -> None:
    holds()
    proof.results = {slug: RESULTS[slug] for slug in ("before", "enable")}
    with pytest.raises(NotReady, match=r"FROM=3: section 1 \(10-install-istio\).*make runbook NAME=mine FROM=1"):
        resume.verify(proof, 3)
    proof.results = {**RESULTS, "enable": replace(RESULTS["enable"], error="cut short")}
    with pytest.raises(NotReady, match=r"FROM=4: section 2 .* FROM=2"):
        resume.verify(proof, 4)


def test_a_resumed_run_says_what_differs_and_where_to_start_instead(proof: Proof, holds: Holds) -> None:
    proof.results = dict(RESULTS)
    holds("istio")
    with pytest.raises(NotReady, match=r"not where section 3 starts; what differs:\n  - istiod is rolled out") as told:
        resume.verify(proof, 3)
    assert "expected: so\n    observed: otherwise" in str(told.value)
    assert str(told.value).endswith("make runbook NAME=mine FROM=1")
    holds()
    lasting = [claim.id for slug in ("before", "istio", "enable") for claim in standing.lasting(slug, SETTING, "route")]
    assert [each.id for each in resume.verify(proof, 3)] == lasting
    assert {"istio.istiod-ready", "enable.gateway-containers"} <= set(lasting)


def test_what_a_later_section_ends_is_asked_until_then_and_not_after() -> None:
    for id_, until in ENDED_BY.items():
        slug, order = id_.partition(".")[0], list(PAGE)
        earlier = order[order.index(until) - 1]
        assert id_ not in {claim.id for claim in standing.lasting(slug, SETTING, until)}
        if earlier != slug:
            assert id_ in {claim.id for claim in standing.lasting(slug, SETTING, earlier)}
    assert {claim.id for claim in standing.lasting("route", SETTING, "exclude")} >= {"route.xfcc-by", "route.xfcc-uri"}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the cluster answers: the first entry; tests may change it."""
    answers = [True]

    def answer(cluster: Cluster) -> bool:
        return answers[0]

    monkeypatch.setattr(Cluster, "answers", answer)
    return answers


def test_a_section_that_comes_too_early_names_the_notebook_that_comes_first(
    proof: Proof, holds: Holds, there: list[bool]
) -> None:
    holds("istio", "enable")
    with pytest.raises(NotReady) as told:
        Book(proof).run("route")
    assert str(told.value).splitlines()[0] == "10-install-istio.ipynb comes first: run it, then come back here."
    assert "20-enable" not in str(told.value)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether something of the page is there to clean up: the first entry; tests may change it."""
    something = [True]

    def clean(*_: object) -> bool:
        return not something[0]

    monkeypatch.setattr(standing, "clean", clean)
    return something


def test_the_clean_up_is_open_from_anywhere_once_there_is_something_to_compare_with(
    proof: Proof, holds: Holds, there: list[bool]
) -> None:
    assert standing.needs("exclude") == ("before", "istio", "enable", "route")
    holds("before", "istio", "enable", "route", "exclude")  # as half-way through it
    with pytest.raises(NotReady, match=r"10-install-istio.ipynb comes first: it notes"):
        Book(proof).run("cleanup")


def test_a_run_from_the_clean_up_on_needs_the_page_to_stand(proof: Proof, holds: Holds, left: list[bool]) -> None:
    proof.results = dict(RESULTS)
    with pytest.raises(NotReady, match=r"FROM=5: the inventory .* make runbook NAME=mine FROM=1"):
        resume.verify(proof, 5)
    (proof.cluster.work / INVENTORY).touch()
    holds("istio", "route")
    lapsed = standing.differences(resume.verify(proof, 5))
    assert {each.slug for each in lapsed} == {"istio", "route"}
    left[0] = False
    with pytest.raises(NotReady, match=r"^FROM=5: nothing of the page is there to .* FROM=1$"):
        resume.verify(proof, 5)


def test_a_clean_up_that_is_proven_is_shown_again_where_nothing_is_left_to_clean_up(
    proof: Proof, there: list[bool], left: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    stubs = Stubs(monkeypatch)
    said: list[str] = []
    proof.announce = said.append
    state.save(a_run(), proof.cluster)
    left[0] = False
    cleanup = Book(proof).run("cleanup").result
    assert cleanup.checks == RESULTS["cleanup"].checks
    assert (stubs.ran, said) == (
        [],
        ["Not run again: nothing of the page is there to clean up. Shown is what was found when it ran."],
    )
    left[0] = True  # the page was walked again
    (proof.cluster.work / INVENTORY).touch()
    Book(proof).run("cleanup")
    assert stubs.ran == ["cleanup"]


def test_a_run_from_the_clean_up_on_is_no_proof_where_nothing_is_left_to_clean_up(
    cluster: Cluster, proof: Proof, holds: Holds, left: list[bool]
) -> None:
    """F2: thirty claims were called proven on a cluster from which Istio had gone long before."""
    assert left == [True], "something is left, but not what the sections left"
    state.save(a_run(), cluster)
    (cluster.work / INVENTORY).touch()
    holds("istio", "enable", "route", "exclude")
    said: list[str] = []
    resume.take_up(cluster, Choices(), 5, said.append)
    assert said[0] == "cluster mine is not as section 4 left it; what does not hold any more:"
    state.recall(proof)
    proof.results["cleanup"] = replace(RESULTS["cleanup"], started=time.time())
    assert proof.result().verdict == "incomplete"
    [resumed] = proof.result().resumed
    assert (resumed.start, resumed.differences) == (5, ())
    assert any("[istio.istiod-ready]" in claim for claim in resumed.lapsed)
    holds()
    resume.take_up(cluster, Choices(), 5, said.append)
    state.recall(proof)
    assert [each.lapsed for each in proof.resumed] == [()], "taken up at the same place, it begins anew"


def test_a_resumed_run_forgets_what_was_found_from_its_start_on_but_only_when_it_may_start(
    cluster: Cluster, proof: Proof, holds: Holds
) -> None:
    state.save(a_run(), cluster)
    holds("enable")
    with pytest.raises(NotReady, match="not where section 3 starts"):
        resume.take_up(cluster, Choices(), 3, lambda _: None)
    assert list(state.load(cluster)) == list(PAGE)
    holds()
    resume.take_up(cluster, Choices(), 3, lambda _: None)
    assert list(state.load(cluster)) == ["before", "istio", "enable"]


def test_a_resumed_run_says_what_is_different_since_the_section_before_it_ended(
    cluster: Cluster, proof: Proof, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds()
    monkeypatch.setattr(Cluster, "api", None)
    state.save(a_run(), cluster)
    then = {"Secret ns/same": "{}"}
    now = {**then, "Deployment ns/new": "{}"}
    monkeypatch.setattr(inventory, "take_inventory", always(now))
    said: list[str] = []
    resume.take_up(cluster, Choices(), 3, said.append)
    assert len(said) == 1  # nothing to compare with
    inventory.save(then, state.inventory_file(cluster, "enable"))
    resume.take_up(cluster, Choices(), 3, said.append)
    assert said[2:] == ["  different since the end of section 2: added Deployment ns/new"]
    state.recall(proof)
    [resumed] = proof.resumed
    assert (resumed.start, resumed.differences, resumed.lapsed) == (3, ("added Deployment ns/new",), ())
    assert resumed.at == pytest.approx(time.time(), abs=60)


class Stubs:
    """Takes the place of what `Book.run` does to a cluster, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ran, self.closed, self.raises = list[str](), 0, None
        monkeypatch.setattr(Proof, "run", self.run)
        monkeypatch.setattr(Cluster, "close", self.close)
        monkeypatch.setattr("meshproof.runbook.session.observe.pods", always(()))
        monkeypatch.setattr(Cluster, "api", None)
        monkeypatch.setattr("meshproof.kube.inventory.take_inventory", self.inventory)
        self.inventories = iter([{}, {"Secret ns/new": "{}"}] * 9)

    raises: Exception | None

    def run(self, slug: str) -> StepResult:
        self.ran.append(slug)
        return RESULTS[slug]

    def inventory(self, api: object) -> object:
        if self.raises and self.ran:
            raise self.raises
        return next(self.inventories)

    def close(self) -> None:
        self.closed += 1


def test_a_section_is_run_kept_with_what_it_changed_and_leaves_no_connection(
    proof: Proof, holds: Holds, there: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    holds()
    stubs = Stubs(monkeypatch)
    state.save(a_run(), proof.cluster)  # the later sections stood once
    monkeypatch.setattr(standing, "past", always(""))
    section = Book(proof).run("enable")
    assert (stubs.ran, stubs.closed) == (["enable"], 1)
    kept = state.load(proof.cluster)
    assert list(kept) == ["before", "istio", "enable"]
    assert kept["enable"].moments[-1].output == "added Secret ns/new"
    assert section.result == proof.results["enable"]
    assert inventory.load(state.inventory_file(proof.cluster, "enable")) == {"Secret ns/new": "{}"}


def test_a_section_says_what_it_found_then_once_it_was_run_again_or_could_not_be(
    proof: Proof, holds: Holds, there: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    holds()
    Stubs(monkeypatch)
    found = summary.moment(RESULTS["istio"].ended)
    first = Book(proof).run("istio")
    assert first.claims.text == f"Claims: 1 of 1 proven, found {found}"
    assert first.confirm().text == f"Install Istio: its claim is proven, found {found}"
    verdict = Book(proof).verdict()
    holds("before")
    with pytest.raises(NotReady, match="comes first"):
        Book(proof).run("istio")
    earlier = f"found {found}; in an earlier run, not looked at now"
    assert first.claims.text == f"Claims: 1 of 1 were proven, {earlier}"
    assert first.confirm().text == f"Install Istio: its claim was proven, {earlier}"
    assert "✓" not in first.claims.html + first.confirm().html
    assert isinstance(verdict, Claimed)
    assert verdict.run.over
    assert verdict.earlier.text == "Verdict then: incomplete, in an earlier run, not looked at now"


def test_a_section_that_is_shown_and_not_run_again_is_of_then(
    proof: Proof, holds: Holds, there: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    holds()
    stubs = Stubs(monkeypatch)
    state.save(a_run(), proof.cluster)
    section = Book(proof).run("istio")
    assert stubs.ran == []
    assert "1 of 1 were proven" in section.claims.text
    assert "in an earlier run, not looked at now" in section._repr_html_()  # pyright: ignore[reportPrivateUsage]


def test_a_cluster_that_goes_while_a_section_runs_is_told_in_one_sentence_and_what_was_found_is_kept(
    proof: Proof, holds: Holds, there: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    holds()
    stubs = Stubs(monkeypatch)
    stubs.raises = MachineCannot("HTTPSConnectionPool: Max retries exceeded")

    def answer(cluster: Cluster) -> bool:
        return not stubs.ran

    monkeypatch.setattr(Cluster, "answers", answer)
    with pytest.raises(ClusterGone, match=r"^cluster mine: does not run. 01-before-you-begin.ipynb makes it"):
        Book(proof).run("before")
    assert "before" in state.load(proof.cluster)
    with pytest.raises(ClusterGone):
        Book(proof).commands("before")


def test_a_section_that_later_ones_stand_on_is_not_run_again(proof: Proof, holds: Holds) -> None:
    results = {slug: RESULTS[slug] for slug in ("before", "istio", "enable")}
    holds()
    assert standing.past("istio", results, SETTING, proof.cluster) == "20-enable-the-integration stands on it"
    assert standing.past("enable", results, SETTING, proof.cluster) == ""
    assert standing.past("route", results, SETTING, proof.cluster) == ""
    refuted = replace(RESULTS["istio"], checks=(replace(RESULTS["istio"].checks[0], status="refuted"),))
    assert standing.past("istio", {**results, "istio": refuted}, SETTING, proof.cluster) == ""
    holds("enable")  # it was taken back by hand: nothing stands on the section any more
    assert standing.past("istio", results, SETTING, proof.cluster) == ""


def test_state_is_kept_in_page_order_and_forgets_what_came_after_a_section_run_again(cluster: Cluster) -> None:
    assert state.load(cluster) == {}
    run = a_run()
    state.save(replace(run, steps=tuple(reversed(run.steps))), cluster)
    assert list(state.load(cluster)) == list(PAGE)
    state.state_file(cluster).write_text("{")
    with pytest.raises(BadInput):
        state.load(cluster)
    state.forget(cluster)
    assert state.load(cluster) == {}


def test_what_was_found_from_a_section_on_is_history_once_that_runs_again(cluster: Cluster, proof: Proof) -> None:
    resumed = tuple(Resumption(start, 1e9 + start) for start in (2, 4))
    state.save(replace(a_run(), resumed=resumed), cluster)
    state.recall(proof)
    assert (list(proof.results), proof.resumed) == (list(PAGE), resumed)
    state.stand_at(proof, 3)
    assert (list(proof.results), proof.resumed) == (["before", "istio", "enable", "route"], resumed[:1])
    state.stand_at(proof, 1)
    assert (list(proof.results), proof.resumed) == (["before", "istio"], ())
    state.forget(cluster)
    state.recall(proof)
    assert (proof.results, proof.resumed) == ({}, ())


def test_the_lab_opens_copies_of_its_own_each_time_and_is_not_the_latest_run(tmp_path: Path) -> None:
    first, second = lab.copies(kernel.notebook_paths(), tmp_path), lab.copies(kernel.notebook_paths(), tmp_path)
    assert first != second
    for folder in (first, second):
        assert [path.name for path in sorted(folder.iterdir())] == [path.name for path in kernel.notebook_paths()]
        assert (folder / kernel.INDEX).read_bytes() == (kernel.NOTEBOOKS_DIR / kernel.INDEX).read_bytes()
    assert not (tmp_path / "latest").exists()


def section(result: StepResult) -> Section:
    return Section(result, (), ())


def test_a_section_is_confirmed_only_when_every_claim_is_proven_and_the_step_completed() -> None:
    route = RESULTS["route"]
    assert "all 9 claims are proven" in section(route).confirm().html
    for status in ("refuted", "skipped"):
        bad = replace(route.checks[0], status=status, observed="nothing")
        with pytest.raises(Refuted, match=r"1 of 9 claims are not proven\n.*\n  expected: .*\n  observed: nothing"):
            section(replace(route, checks=(bad, *route.checks[1:]))).confirm()
    with pytest.raises(Refuted, match="step: cut short"):
        section(replace(route, error="cut short")).confirm()


def test_secrets_do_not_reach_what_a_cell_shows() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----"
    route = RESULTS["route"]
    leaking = replace(route, checks=(replace(route.checks[0], observed=key),), error=key)
    run = RunResult({}, {}, 0.0, (leaking,))
    shown = section(run.steps[0])
    with pytest.raises(Refuted) as told:
        shown.confirm()
    html = shown._repr_html_()  # pyright: ignore[reportPrivateUsage]
    for text in (shown.claims.html, html, repr(shown), str(told.value)):
        assert "MIGHAgEAMBMGByqGSM49" not in text


def test_a_notebook_does_not_go_on_with_a_cluster_that_a_killed_run_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(session, "parts_of", always((PARTS, None)))
    monkeypatch.setattr(session, "running", always(True))
    record = Record("mine")
    record.work.mkdir(parents=True)
    record.write(Mark(PARTS.node_image, doing="in use"))
    with pytest.raises(ClusterGone, match=r"cluster mine: a run that used it was killed\. 01-before-you-begin"):
        open_proof(name="mine")
    with record.locked(print, 1):  # the run lives, and this is one of its notebooks
        assert open_proof(name="mine", artifacts=str(tmp_path)).proof.cluster.name == "mine"
    record.write(Mark(PARTS.node_image))
    assert not open_proof(name="mine", make=True).made
