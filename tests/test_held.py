"""An existing cluster that is held for notebooks: who finds it, with what, and when it is nobody's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from snapshots import PARTS, always

from meshproof.choices import TAKING_NOTEBOOK, Choices
from meshproof.cluster import Cluster, Record
from meshproof.errors import BadInput, ClusterGone
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.releases import cells
from meshproof.results import RunResult
from meshproof.runbook import held, open_proof
from meshproof.runbook.held import Held
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.existing import Existing
from meshproof.survey.ours import our_names

CHOICES = Choices(
    kgateway="2.4.0",
    images="source",
    cluster="existing",
    kubeconfig="/k",
    context="theirs",
    yes=True,
    change="controller",
)
NAMES = replace(our_names(), istio_namespace="mesh-system", revision="stable")
MAKES = Makes(
    istio=False,
    gateway_class=False,
    labels={"made-by": "us"},
    class_values={"waypoint": {"enabled": False}},
    asides=(Aside(Ref(DEPLOYMENT, "edge", "edge"), None, "[{}]", "[]"),),
)

Begin = Callable[..., Proof]


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Begins a proof on an existing cluster of a name, whose kubeconfig still leads there."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def begin(name: str = "0abc", folder: str = "a-run") -> Proof:
        record = Record(name, existing=True)
        record.work.mkdir(parents=True)
        (tmp_path / folder).mkdir(exist_ok=True)
        parts = replace(
            PARTS,
            versions={"istio": "1.30.0", "kubernetes": "1.35.4"},
            images={**PARTS.images, "proxyv2": "theirs/proxyv2:1"},
        )
        cluster = Cluster(name, record.kubeconfig, parts, record.work, further="/k")
        monkeypatch.setattr(held, "prepare", always(PARTS))
        monkeypatch.setattr(Existing, "of", always(Existing("/k", None, cells()[0])))  # pyright: ignore[reportArgumentType]
        monkeypatch.setattr(Existing, "record", always(record))
        return Proof(
            cluster, cells()[0], CHOICES, print, into=tmp_path / folder, names=NAMES, makes=MAKES, notes=("beware",)
        )

    return begin


def record_of(proof: Proof) -> Record:
    return Record(proof.cluster.name, existing=True)


def test_whoever_comes_next_works_with_what_was_agreed_to(begun: Begin) -> None:
    proof = begun()
    proof.ledger.write(RunResult({}, {}, 1.0, ()))
    held.hold(proof, kept="asked")
    found = held.find("")
    assert found == record_of(proof)
    there = held.attach(found, Progress(live=False))
    assert (there.choices, there.names, there.makes, there.notes) == (CHOICES, NAMES, MAKES, ("beware",))
    assert (there.cluster, there.folder) == (proof.cluster, proof.folder)


def test_a_cluster_that_was_let_go_is_found_by_nobody_and_what_is_known_of_it_goes(begun: Begin) -> None:
    proof = begun()
    held.hold(proof, kept="asked")
    held.let_go(proof)
    with pytest.raises(ClusterGone, match=r"^no existing cluster is taken, .* 02-your-own-cluster.ipynb takes it"):
        open_proof(cluster="existing")
    with record_of(proof).locked(print, 1):
        pass
    assert not record_of(proof).folder.exists()


def test_a_run_has_its_own_cluster_and_a_reader_the_one_taken_last(
    begun: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, of_a_run = begun("0aa", "one"), begun("0bb", "two"), begun("0cc", "three")
    held.hold(second, kept="asked")
    held.hold(first, kept="asked")
    with record_of(of_a_run).locked(print, 1), held.held(of_a_run):
        assert held.find("") == held.find("elsewhere") == record_of(first)
        assert held.find(str(tmp_path / "three")) == record_of(of_a_run)
        monkeypatch.chdir(tmp_path)
        assert held.find("three") == record_of(of_a_run)
    assert held.find("three") == record_of(first)


def test_what_a_killed_run_held_is_found_by_nobody(begun: Begin) -> None:
    proof = begun()
    held.hold(proof, kept="")
    with record_of(proof).locked(print, 1):
        assert Held.of(record_of(proof))
    assert Held.of(record_of(proof)) is None
    with pytest.raises(ClusterGone, match="the existing cluster: is not the one that was taken"):
        held.attach(record_of(proof), Progress(live=False))


def test_a_kubeconfig_that_leads_elsewhere_by_now_is_not_followed(
    begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = begun()
    held.hold(proof, kept="asked")
    monkeypatch.setattr(Existing, "record", always(Record("0other", existing=True)))
    with pytest.raises(ClusterGone, match="is not the one that was taken"):
        open_proof(cluster="existing")


def test_a_note_that_cannot_be_read_is_named(begun: Begin) -> None:
    proof = begun()
    held.hold(proof, kept="asked")
    (record_of(proof).folder / held.NOTE).write_text("{}")
    with pytest.raises(BadInput, match=r"held.json: expected what meshproof notes .* once the folder \S+ is deleted$"):
        held.find("")


@pytest.mark.parametrize(
    ("word", "value", "told"),
    [
        ("REVISION", "blue", "REVISION=blue: the cluster of context theirs was taken with REVISION=stable; leave"),
        ("ACCESS", "load-balancer", "ACCESS=load-balancer: the cluster of context theirs was taken with ACCESS=port"),
    ],
)
def test_other_choices_than_those_it_was_taken_with_are_refused(begun: Begin, word: str, value: str, told: str) -> None:
    proof = begun()
    with pytest.raises(BadInput) as refused:
        held.check_same(proof, Choices.parse({"CLUSTER": "existing", word: value}, "notebooks"), "notebooks")
    assert str(refused.value).startswith(told)


def test_what_is_not_chosen_is_as_it_was_when_it_was_taken(begun: Begin) -> None:
    held.hold(begun(), kept="asked")
    book = open_proof(cluster="existing", kgateway="2.4.0", revision="stable", access="port-forward", images="auto")
    assert book.proof.choices == CHOICES
    assert repr(book) == "the runbook on cluster of context theirs"
    held.check_same(book.proof, replace(CHOICES, kubeconfig="k", context="", yes=False, change=""), TAKING_NOTEBOOK)
