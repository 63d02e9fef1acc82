"""The runbook around its notebooks: what is asked for, where a run may start, and what comes first."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from page_runs import a_walk, place
from report_runs import STARTED
from snapshots import PARTS, SETTING, always

from meshproof.checks.finding import Finding
from meshproof.choices import Choices
from meshproof.cluster import Cluster, Record
from meshproof.cluster.record import Mark
from meshproof.errors import BadInput, ClusterGone, MachineCannot, NotReady, Refuted
from meshproof.kube import inventory
from meshproof.kube.inventory import Difference, Name
from meshproof.path.link import Link
from meshproof.path.mesh import Mesh
from meshproof.proof import Proof, position
from meshproof.proof.position import Elsewhere, Held
from meshproof.releases import cells
from meshproof.report import summary
from meshproof.results import Resumption, RunResult, StepResult
from meshproof.runbook import Runbook, Section, held, notebooks, open_proof, runbook
from meshproof.runbook.execution import lab, resume
from meshproof.runbook.execution.run import Order, chosen
from meshproof.runbook.shown.claimed import Claimed
from meshproof.steps import PAGE, Setting, Step
from meshproof.steps.install_istio import inventory_name
from meshproof.steps.model import shell
from meshproof.steps.setting import Makes

INVENTORY = inventory_name(SETTING)

RESULTS = {step.slug: step for step in a_walk().steps}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster("mine", tmp_path / "kubeconfig", PARTS, tmp_path)


@pytest.fixture
def proof(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proof:
    """A proof on a cluster that nobody can reach, whose mesh is known."""

    def known(*_: object) -> Mesh:
        return SETTING.mesh

    monkeypatch.setattr("meshproof.proof.proof.find_mesh", known)
    return Proof(cluster, cells()[0], Choices(), lambda _: None, into=tmp_path)


def found(proof: Proof, *steps: StepResult) -> None:
    """Let a proof know of these sections, as of an earlier process."""
    proof.ledger.write(replace(a_walk(), steps=steps))
    proof.recall()


def kept(proof: Proof) -> list[str]:
    """The sections that whoever comes next on this cluster knows of."""
    run = proof.ledger.read()
    return [step.slug for step in run.steps] if run else []


Holds = Callable[..., None]


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> Holds:
    """Lets the looks of `position` find that every claim holds but for some sections', and istiod where it is."""
    monkeypatch.setattr(position, "istiod_address", always("istiod"))
    monkeypatch.setattr(Cluster, "api", None)

    def but_for(*slugs: str) -> None:
        def hold(asked: Sequence[str], until: str, *_: Any, **__: Any) -> list[Held]:
            return [
                Held(slug, claim.id, claim.sentence, Finding(slug not in slugs, "so", "otherwise"))
                for slug in asked
                for claim in position.lasting(slug, SETTING, until)
            ]

        monkeypatch.setattr(position, "hold", hold)

    return but_for


def test_an_order_has_defaults_and_what_make_passes_on() -> None:
    plain = Order.of(Choices())
    assert (plain.name, plain.start, plain.goes_on) == ("meshproof", 0, False)
    assert plain.again(place("enable")) == "make runbook NAME=meshproof FROM=enable"
    assert plain.again(0) == "make runbook NAME=meshproof"
    for word in ("route", str(place("route"))):
        asked = Order.of(Choices(name="rb", start=word, keep=True))
        assert (asked.name, asked.start, asked.goes_on) == ("rb", place("route"), True)
    assert asked.again(place("exclude")) == "make runbook KEEP=1 NAME=rb FROM=exclude"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            {"FROM": str(len(PAGE))},
            f"FROM={len(PAGE)}: expected a section, by its number or its name: 0 before, 1 istio, ",
        ),
        ({"FROM": "-1"}, "FROM=-1"),
        ({"FROM": "rout"}, "FROM=rout: expected a section, by its number or its name; nearest is route: 0 before, "),
        ({"NAME": "Not_A_Name"}, "NAME=Not_A_Name: expected lower-case letters"),
        ({"COLOUR": "red"}, "COLOUR"),
        ({"CLUSTER": "minikube"}, "minikube"),
        ({"CLUSTER": "existing", "FROM": "route"}, "FROM=route: a run in an existing cluster gives it back at its end"),
    ],
)
def test_an_order_that_cannot_be_used_is_bad_input(words: dict[str, str], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Order.of(Choices.parse(words, "runbook"))


def test_a_run_from_a_section_on_has_the_index_and_the_sections_from_there() -> None:
    def stems(choices: Choices) -> list[str]:
        return [path.stem for path in chosen(notebooks.notebook_paths(), Order.of(choices))]

    walk = [
        "10-install-istio",
        "20-enable-the-integration",
        "30-route-over-mtls",
        "40-exclude-a-service",
        "50-clean-up",
    ]
    assert stems(Choices()) == ["00-index", "01-before-you-begin", *walk]
    assert stems(Choices(start="exclude")) == ["00-index", *walk[-2:]]
    there = stems(Choices(cluster="existing"))
    assert there == ["00-index", "02-your-own-cluster", "01-before-you-begin", *walk, "55-give-the-cluster-back"], (
        "somebody else's cluster is looked at before anything is made there"
    )


def test_a_missing_notebook_is_named_before_anything_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in notebooks.notebook_paths():
        (tmp_path / path.name).touch()
    (tmp_path / "30-route-over-mtls.ipynb").unlink()
    monkeypatch.setattr(notebooks, "NOTEBOOKS_DIR", tmp_path)
    with pytest.raises(BadInput, match=r"notebook missing: \S+/30-route-over-mtls.ipynb;"):
        notebooks.notebook_paths()


def test_a_resumed_run_needs_the_sections_before_it_and_names_the_first_that_is_missing(
    proof: Proof, holds: Holds
) -> None:
    holds()
    found(proof, RESULTS["before"], RESULTS["enable"])
    with pytest.raises(
        NotReady, match=r"^FROM=route: section 1 \(istio\) has not .* make runbook NAME=mine FROM=istio$"
    ):
        resume.take_up(proof.cluster, Choices(), place("route"), print)
    found(proof, *({**RESULTS, "enable": replace(RESULTS["enable"], error="cut short")}).values())
    with pytest.raises(NotReady, match=r"FROM=exclude: section \d \(enable\) .* FROM=enable$"):
        resume.take_up(proof.cluster, Choices(), place("exclude"), print)


def test_a_resumed_run_says_what_differs_and_where_to_start_instead(proof: Proof, holds: Holds) -> None:
    found(proof, *RESULTS.values())
    holds("istio")
    with pytest.raises(NotReady, match=r"not where section \d \(route\) starts; what differs:\n  - istiod is") as told:
        resume.take_up(proof.cluster, Choices(), place("route"), print)
    assert "expected: so\n    observed: otherwise" in str(told.value)
    assert str(told.value).endswith("\n  mend it, or start earlier: make runbook NAME=mine FROM=istio")
    holds()
    earlier = list(PAGE)[: place("route")]
    lasting = [claim.id for slug in earlier for claim in position.lasting(slug, SETTING, "route")]
    assert [each.id for each in position.verify(proof, place("route"))] == lasting
    assert {"istio.istiod-ready", "enable.gateway-containers"} <= set(lasting)


def test_a_resumed_run_of_another_revision_is_bad_input(
    proof: Proof, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*_: object) -> str:
        raise BadInput("REVISION=blue: no istiod of revision blue is in istio-system, which has default")

    found(proof, *RESULTS.values())
    holds()
    monkeypatch.setattr(position, "istiod_address", other)
    with pytest.raises(BadInput, match="REVISION=blue"):
        resume.take_up(proof.cluster, Choices(), place("route"), print)
    assert kept(proof) == list(PAGE), "nothing was changed"
    assert position.verify(proof, 1), "before there is an istiod, none is asked for"


def test_what_a_later_section_ends_is_asked_until_then_and_not_after() -> None:
    ended = {claim.id: claim.until for make in PAGE.values() for claim in make(SETTING).claims if claim.until}
    assert len(ended) > 2
    for id_, until in ended.items():
        slug, order = id_.partition(".")[0], list(PAGE)
        earlier = order[order.index(until) - 1]
        assert id_ not in {claim.id for claim in position.lasting(slug, SETTING, until)}
        if earlier != slug:
            assert id_ in {claim.id for claim in position.lasting(slug, SETTING, earlier)}
    assert {claim.id for claim in position.lasting("route", SETTING, "exclude")} >= {"route.xfcc-by", "route.xfcc-uri"}


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
        Runbook(proof).run("route")
    assert str(told.value).splitlines()[0] == "10-install-istio.ipynb comes first: run it, then come back here."
    assert "20-enable" not in str(told.value)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether something of the page is there to clean up: the first entry; tests may change it."""
    something = [True]

    def clean(*_: object) -> bool:
        return not something[0]

    monkeypatch.setattr(position, "clean", clean)
    return something


def test_the_clean_up_is_open_from_anywhere_once_there_is_something_to_compare_with(
    proof: Proof, holds: Holds, there: list[bool]
) -> None:
    assert {"before", "istio", "enable", "route"} <= set(position.needs("exclude", SETTING))
    holds("before", "istio", "enable", "route", "exclude")  # as half-way through it
    with pytest.raises(NotReady, match=r"10-install-istio.ipynb comes first: it notes"):
        Runbook(proof).run("cleanup")


def test_a_run_from_the_clean_up_on_needs_the_page_to_stand(proof: Proof, holds: Holds, left: list[bool]) -> None:
    found(proof, *RESULTS.values())
    with pytest.raises(Elsewhere, match=r"^the inventory .* start where it is taken$") as told:
        position.verify(proof, place("cleanup"))
    assert told.value.first == "istio"
    (proof.cluster.work / INVENTORY).touch()
    holds("istio", "route")
    lapsed = position.lapsed(position.verify(proof, place("cleanup")))
    assert {each.slug for each in lapsed} == {"istio", "route"}
    left[0] = False
    with pytest.raises(NotReady, match=r"^FROM=cleanup: nothing of the page is .* start earlier: .* FROM=istio$"):
        resume.take_up(proof.cluster, Choices(), place("cleanup"), print)


def test_a_clean_up_that_is_proven_is_shown_again_where_nothing_is_left_to_clean_up(
    proof: Proof, there: list[bool], left: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    stubs = Stubs(monkeypatch)
    said: list[str] = []
    proof.announce = said.append
    proof.ledger.write(a_walk())
    left[0] = False
    cleanup = Runbook(proof).run("cleanup").result
    assert cleanup.checks == RESULTS["cleanup"].checks
    assert (stubs.ran, said) == (
        [],
        ["Not run again: nothing of the page is there to clean up. Shown is what was found when it ran."],
    )
    left[0] = True  # the page was walked again
    (proof.cluster.work / INVENTORY).touch()
    Runbook(proof).run("cleanup")
    assert stubs.ran == ["cleanup"]


def test_an_existing_cluster_is_let_go_once_nothing_of_the_run_is_there(
    cluster: Cluster, there: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ours = [("Namespace ours",), (), ()]
    link = Link[tuple[str, ...]]("what is ours", (), lambda _: ours.pop(0))
    monkeypatch.setattr(runbook, "what_is_ours", always(link))
    monkeypatch.setattr(position, "what_is_ours", always(link))
    restored = replace(RESULTS["cleanup"], slug="restore")
    stubs = Stubs(monkeypatch, {"restore": restored})
    said: list[str] = []
    proof = Proof(
        cluster, cells()[0], Choices(cluster="existing"), said.append, into=tmp_path, makes=Makes(istio=False)
    )
    record = Record(cluster.name, existing=True)
    record.work.mkdir(parents=True)
    held.hold(proof, kept="asked")
    Runbook(proof).run("restore")
    assert record.mark(), "something of it stays: it can be given back again"
    proof.ledger.forget()
    Runbook(proof).run("restore")
    assert record.mark() is None
    section = Runbook(proof).run("restore")
    assert stubs.ran == ["restore", "restore"]
    assert said == ["Not run again: nothing of this run is there any more. Shown is what was found when it ran."]
    assert section.result == proof.results["restore"]


def test_a_run_from_the_clean_up_on_is_no_proof_where_nothing_is_left_to_clean_up(
    cluster: Cluster, proof: Proof, holds: Holds, left: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F2: thirty claims were called proven on a cluster from which Istio had gone long before."""
    assert left == [True], "something is left, but not what the sections left"
    proof.ledger.write(a_walk())
    (cluster.work / INVENTORY).touch()
    holds("istio", "enable", "route", "exclude")
    said: list[str] = []
    resume.take_up(cluster, Choices(), place("cleanup"), said.append)
    assert re.match(r"cluster mine is not as section \d \(exclude\) left it; what does not hold any more:$", said[0])
    proof.recall()
    Stubs(monkeypatch, {"cleanup": replace(RESULTS["cleanup"], started=time.time())})
    proof.run_and_keep("cleanup")
    assert proof.result().verdict == "incomplete"
    [resumed] = proof.result().resumed
    assert (resumed.start, resumed.differences) == (place("cleanup"), ())
    assert any("[istio.istiod-ready]" in claim for claim in resumed.lapsed)
    holds()
    resume.take_up(cluster, Choices(), place("cleanup"), said.append)
    proof.recall()
    assert [each.lapsed for each in proof.resumed] == [()], "taken up at the same place, it begins anew"


def test_a_resumed_run_forgets_what_was_found_from_its_start_on_but_only_when_it_may_start(
    cluster: Cluster, proof: Proof, holds: Holds
) -> None:
    proof.ledger.write(a_walk())
    holds("enable")
    with pytest.raises(NotReady, match=r"not where section \d \(route\) starts"):
        resume.take_up(cluster, Choices(), place("route"), lambda _: None)
    assert kept(proof) == list(PAGE)
    holds()
    resume.take_up(cluster, Choices(), place("route"), lambda _: None)
    assert kept(proof) == list(PAGE)[: place("route")]


def test_a_resumed_run_says_what_is_different_since_the_section_before_it_ended(
    cluster: Cluster, proof: Proof, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds()
    monkeypatch.setattr(Cluster, "api", None)
    proof.ledger.write(a_walk())
    then = {Name("Secret", "ns/same"): "{}"}
    now = {**then, Name("Deployment", "ns/new"): "{}"}
    monkeypatch.setattr(inventory, "take_inventory", always(now))
    said: list[str] = []
    resume.take_up(cluster, Choices(), 2, said.append)
    assert said[0].startswith("cluster mine is where section 2 (enable) starts: ")
    assert len(said) == 1  # nothing to compare with
    proof.ledger.note("istio", then)
    resume.take_up(cluster, Choices(), 2, said.append)
    assert said[2:] == ["  different since the end of section 1 (istio): added Deployment ns/new"]
    proof.recall()
    [resumed] = proof.resumed
    assert (resumed.start, resumed.differences, resumed.lapsed) == (2, ("added Deployment ns/new",), ())
    assert resumed.at == pytest.approx(time.time(), abs=60)


class Stubs:
    """Takes the place of what `Runbook.run` does to a cluster, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, found: Mapping[str, StepResult] = RESULTS) -> None:
        self.found = found
        self.ran, self.closed, self.raises = list[str](), 0, None
        monkeypatch.setattr(Proof, "run", self.run)
        monkeypatch.setattr(Cluster, "close", self.close)
        monkeypatch.setattr("meshproof.runbook.runbook.observe.pods", always(()))
        monkeypatch.setattr(Cluster, "api", None)
        monkeypatch.setattr("meshproof.kube.inventory.take_inventory", self.inventory)
        self.inventories = iter([{}, {Name("Secret", "ns/new"): "{}"}] * 9)

    raises: Exception | None

    def run(self, slug: str) -> StepResult:
        self.ran.append(slug)
        return self.found[slug]

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
    proof.ledger.write(a_walk())  # the later sections stood once
    monkeypatch.setattr(position, "past", always(""))
    section = Runbook(proof).run("enable")
    assert (stubs.ran, stubs.closed) == (["enable"], 1)
    assert kept(proof) == list(PAGE)[: place("enable") + 1]
    assert section.result == proof.results["enable"]
    assert section.result.changes == (Difference("added", "Secret", "ns/new"),)
    proof.recall()
    assert proof.results["enable"].changes == section.result.changes
    assert proof.ledger.noted("enable") == {Name("Secret", "ns/new"): "{}"}


def test_a_section_says_what_it_found_then_once_it_was_run_again_or_could_not_be(
    proof: Proof, holds: Holds, there: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    holds()
    Stubs(monkeypatch)
    found = summary.moment(RESULTS["istio"].ended)
    first = Runbook(proof).run("istio")
    assert first.claims.text == f"Claims: 1 of 1 proven, found {found}"
    assert first.confirm().text == f"Install Istio: its claim is proven, found {found}"
    verdict = Runbook(proof).verdict()
    holds("before")
    with pytest.raises(NotReady, match="comes first"):
        Runbook(proof).run("istio")
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
    proof.ledger.write(a_walk())
    section = Runbook(proof).run("istio")
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
        Runbook(proof).run("before")
    assert "before" in kept(proof)
    with pytest.raises(ClusterGone):
        Runbook(proof).commands("before")


def test_a_section_that_later_ones_stand_on_is_not_run_again(proof: Proof, holds: Holds) -> None:
    results = {slug: RESULTS[slug] for slug in ("before", "istio", "enable")}
    holds()
    assert position.past("istio", results, SETTING, proof.cluster) == "enable"
    assert position.past("enable", results, SETTING, proof.cluster) == ""
    assert position.past("route", results, SETTING, proof.cluster) == ""
    refuted = replace(RESULTS["istio"], checks=(replace(RESULTS["istio"].checks[0], status="refuted"),))
    assert position.past("istio", {**results, "istio": refuted}, SETTING, proof.cluster) == ""
    holds("enable")  # it was taken back by hand: nothing stands on the section any more
    assert position.past("istio", results, SETTING, proof.cluster) == ""


def test_what_only_looks_holds_no_earlier_section_fast_and_hides_none_that_does(
    proof: Proof, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(setting: Setting) -> Step:
        return Step("look", "Look", (shell("kubectl", "get", "pods"),), (), PAGE["istio"](setting).claims)

    page: dict[str, Callable[[Setting], Step]] = {}
    for slug, make in PAGE.items():
        page |= {slug: make, "look": look} if slug == "route" else {slug: make}
    monkeypatch.setattr(position, "PAGE", page)
    walked = {slug: RESULTS[slug] for slug in list(PAGE)[: place("route") + 1]}
    looked = {**walked, "look": replace(RESULTS["istio"], slug="look")}
    excluded = {**looked, "exclude": RESULTS["exclude"]}
    holds()
    assert position.past("route", looked, SETTING, proof.cluster) == "", "nothing that was done would go"
    assert position.past("route", excluded, SETTING, proof.cluster) == "exclude"
    holds("look")
    assert position.past("route", excluded, SETTING, proof.cluster) == "exclude"
    assert "look" not in position.needs("exclude", SETTING), "to run it again would mend nothing"


def test_what_was_found_is_recalled_in_page_order(proof: Proof) -> None:
    proof.recall()
    assert proof.results == {}
    found(proof, *reversed(a_walk().steps))
    assert list(proof.results) == list(PAGE)
    proof.ledger.path.write_text("{")
    with pytest.raises(BadInput):
        proof.recall()
    proof.ledger.forget()
    proof.recall()
    assert proof.results == {}


def test_what_was_found_changes_through_the_proofs_own_methods_only(proof: Proof) -> None:
    for name, value in {"results": dict(RESULTS), "resumed": ()}.items():
        with pytest.raises(AttributeError, match="no setter"):
            setattr(proof, name, value)
    with pytest.raises(TypeError, match="does not support item assignment"):
        proof.results["before"] = RESULTS["before"]  # pyright: ignore[reportIndexIssue]


def test_what_was_found_from_a_section_on_is_history_once_that_runs_again(cluster: Cluster, proof: Proof) -> None:
    resumed = tuple(Resumption(place(slug), STARTED) for slug in ("enable", "exclude"))
    proof.ledger.write(replace(a_walk(), resumed=resumed))
    proof.recall()
    assert (list(proof.results), proof.resumed) == (list(PAGE), resumed)
    proof.stand_at("route")
    assert (list(proof.results), proof.resumed) == (list(PAGE)[: place("route") + 1], resumed[:1])
    proof.stand_at("istio")
    assert (list(proof.results), proof.resumed) == (["before", "istio"], ())
    proof.ledger.forget()
    proof.recall()
    assert (proof.results, proof.resumed) == ({}, ())


def test_the_lab_opens_copies_of_its_own_each_time_and_is_not_the_latest_run(tmp_path: Path) -> None:
    first, second = lab.copies(notebooks.notebook_paths(), tmp_path), lab.copies(notebooks.notebook_paths(), tmp_path)
    assert first != second
    for folder in (first, second):
        assert [path.name for path in sorted(folder.iterdir())] == [path.name for path in notebooks.notebook_paths()]
        assert (folder / notebooks.INDEX).read_bytes() == (notebooks.NOTEBOOKS_DIR / notebooks.INDEX).read_bytes()
    assert not (tmp_path / "latest").exists()


def section(result: StepResult) -> Section:
    return Section(result, (), ())


def test_a_section_is_confirmed_only_when_every_claim_is_proven_and_the_step_completed() -> None:
    route = RESULTS["route"]
    assert f"all {len(route.checks)} claims are proven" in section(route).confirm().html
    for status in ("refuted", "skipped"):
        bad = replace(route.checks[0], status=status, observed="nothing")
        with pytest.raises(Refuted, match=r"1 of \d+ claims are not proven\n.*\n  expected: .*\n  observed: nothing"):
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
    monkeypatch.setattr(runbook, "parts_of", always((PARTS, None)))
    monkeypatch.setattr(runbook, "running", always(True))
    record = Record("mine")
    record.work.mkdir(parents=True)
    record.write(Mark(PARTS.node_image, doing="in use"))
    with pytest.raises(ClusterGone, match=r"cluster mine: a run that used it was killed\. 01-before-you-begin"):
        open_proof(name="mine")
    with record.locked(print, 1):  # the run lives, and this is one of its notebooks
        assert open_proof(name="mine", artifacts=str(tmp_path)).proof.cluster.name == "mine"
    record.write(Mark(PARTS.node_image))
    assert not open_proof(name="mine", make=True).made
