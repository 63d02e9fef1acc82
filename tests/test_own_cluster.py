"""The notebook of a cluster of one's own: what it shows of survey and plan, and what taking it needs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from snapshots import PARTS, always

from meshproof.choices import CONTROLLER, Choices
from meshproof.cluster import Cluster, Record
from meshproof.errors import BadInput
from meshproof.kube.kinds import DEPLOYMENT, GATEWAY, Ref
from meshproof.path.istiods import Istiod
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.releases import cells
from meshproof.runbook import held, own_cluster, survey
from meshproof.steps.setting import Makes
from meshproof.survey.existing import Existing
from meshproof.survey.found import Controller, Found, GatewayApi, Node, TheirGateway

CELL = cells()[0]
FOUND = Found(
    server="https://theirs:6443",
    context="theirs",
    kubernetes="1.35.4",
    nodes=(Node("one", "1.35.4", "amd64", ready=True, images=frozenset()),),
    istiods=(
        Istiod(Ref(DEPLOYMENT, "mesh", "istiod-stable"), "stable", CELL.istio, "corp-1", "corp.example", "proxyv2:1"),
        Istiod(Ref(DEPLOYMENT, "mesh", "istiod-next"), "next", CELL.istio, "corp-1", "corp.example", "proxyv2:2"),
    ),
    controllers=(Controller(Ref(DEPLOYMENT, "edge", "edge"), CELL.kgateway, None),),
    gateways=(TheirGateway(Ref(GATEWAY, "shop", "<shop>"), {}),),
    gateway_api=GatewayApi("1.6.1", "standard"),
    kgateway_crds=True,
    classes={"kgateway": "kgateway.dev/kgateway"},
    balancers=(0, 0),
    policies=(),
    mesh_wide=(),
    cni=False,
    namespaces={},
)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """What is known here of a cluster that may be looked at and changed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    there = Record("0abc", existing=True)
    monkeypatch.setattr(Existing, "of", always(Existing("/k", None, CELL)))  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(Existing, "look", always(FOUND))
    monkeypatch.setattr(Existing, "record", always(there))
    monkeypatch.setattr("meshproof.survey.existing.missing", always(()))
    monkeypatch.setattr(held, "prepare", always(PARTS))
    return there


@pytest.fixture
def begun(record: Record, monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """The folders with which a proof was begun on that cluster."""
    folders: list[Path | None] = []

    @contextlib.contextmanager
    def begin(choices: Choices, progress: Progress, into: Path | None) -> Generator[Proof]:
        folders.append(into)
        with record.locked(progress.say, 1):
            record.work.mkdir(parents=True)
            cluster = Cluster(record.name, record.kubeconfig, PARTS, record.work, further="/k")
            yield Proof(
                cluster, CELL, replace(choices, context="theirs"), progress.say, into=into, makes=Makes(istio=False)
            )

    monkeypatch.setattr(own_cluster, "begun_on_existing", begin)
    return folders


def rows(html: str) -> list[str]:
    """The names of a table's rows, each once, and what stands beside them."""
    return re.findall(r"<(?:th|td)[^>]*>(.*?)</", html)


def test_what_is_there_is_a_table_in_which_each_kind_of_thing_is_named_once(record: Record) -> None:
    there = survey(change=CONTROLLER, revision="stable")
    html = there._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "What is there: https://theirs:6443, context theirs" in html
    assert rows(html).count("istiod") == 1
    assert '<th rowspan="2">istiod</th>' in html
    assert "Gateway shop/&lt;shop&gt;" in html
    assert "meshproof&#39;s own" not in html
    assert repr(there).startswith("What is there: https://theirs:6443, context theirs, nothing is changed by looking\n")


def test_the_plan_is_a_table_of_what_is_used_made_and_changed(record: Record) -> None:
    html = survey(change=CONTROLLER, revision="stable").plan.html
    assert {"used as found", "made, and gone at the end", "changed, and put back"} <= set(rows(html))
    assert "nothing of somebody else" not in html


def test_where_it_cannot_be_proved_it_is_said_with_what_would_help(record: Record) -> None:
    with pytest.raises(BadInput, match=r"would serve our Gateway as well(.|\n)*with CHANGE=controller, the plan"):
        _ = survey(revision="stable").plan
    with pytest.raises(BadInput, match="choose one with REVISION="):
        _ = survey(change=CONTROLLER).plan


def test_it_is_not_taken_without_a_yes(record: Record, begun: list[Path | None]) -> None:
    with pytest.raises(BadInput, match=r'^the plan needs a yes: yes="1" .* Nothing was changed$'):
        survey(change=CONTROLLER, revision="stable").take()
    with pytest.raises(BadInput, match="YES=True: not supported; allowed: "):
        survey(yes=True)  # pyright: ignore[reportArgumentType] - as readers write it
    assert begun == []


def test_it_is_taken_once_and_then_opened(record: Record, begun: list[Path | None]) -> None:
    first = survey(change=CONTROLLER, revision="stable", yes="1").take()
    assert begun == [first.proof.folder]
    assert first.proof.folder == record.work
    mark = record.mark()
    assert mark is not None
    assert mark.kept == "asked"
    assert "of context theirs, taken for this run" in first._repr_html_()  # pyright: ignore[reportPrivateUsage]
    again = survey(change=CONTROLLER).take()
    assert len(begun) == 1
    assert again.proof.folder == first.proof.folder
    assert "of context theirs, found running" in again._repr_html_()  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(BadInput, match="was taken with REVISION="):
        survey(revision="next").take()


def test_what_the_notebooks_have_made_is_not_told_as_left_by_a_run_that_was_ended(
    record: Record, begun: list[Path | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Existing, "look", always(replace(FOUND, left=Makes(istio=False))))
    there = survey(yes="1")
    assert "left by a run that was ended" in repr(there)
    there.take()
    assert "left by a run that was ended" not in repr(there)
    assert "what these notebooks have made is left out" in repr(there)
