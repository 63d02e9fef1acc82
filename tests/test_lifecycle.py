"""What happens to a cluster at the end of a run, and which one is taken. kind is stood in for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from snapshots import PARTS, always

from meshproof.cluster import kind_cluster, lifecycle
from meshproof.engine import Engine
from meshproof.errors import BadInput, CommandFailed, Refuted
from meshproof.kube.api import Api


class StandIn:
    """kind, with one cluster or none."""

    there: ClassVar[bool] = False
    engine_answers: ClassVar[bool] = True
    deleted: ClassVar[int] = 0
    kind_path = Path("/tools/kind")

    def __init__(self, name: str, kubeconfig: Path, *_: object) -> None:
        self.name, self.kubeconfig_path = name, kubeconfig

    def exists(self) -> bool:
        if not StandIn.engine_answers:
            raise CommandFailed("kind get clusters", 1, "", "cannot connect")
        return StandIn.there

    def create(self, _: Path) -> None:
        StandIn.there = True

    def delete(self) -> None:
        self.exists()
        StandIn.there, StandIn.deleted = False, StandIn.deleted + 1


@pytest.fixture(autouse=True)
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    StandIn.there, StandIn.engine_answers, StandIn.deleted = False, True, 0

    monkeypatch.setattr(lifecycle, "KindCluster", StandIn)
    monkeypatch.setattr("meshproof.cluster.cluster.Cluster.kubectl", always(None))
    monkeypatch.setattr(Api, "__init__", always(None))
    monkeypatch.setattr(Api, "answers", always(True))


def bring_up(said: list[str], problem: BaseException | None = None, *, breaks_engine: bool = False, **how: Any) -> None:
    engine = Engine("own", "20.10", {"DOCKER_HOST": "unix:///sock"})
    with kind_cluster("mine", PARTS, engine, announce=said.append, **{"keep": False, **how}):
        StandIn.engine_answers = not breaks_engine
        if problem:
            raise problem


def test_a_cluster_that_was_made_goes_unless_it_is_to_be_kept_and_one_that_was_found_stays() -> None:
    bring_up([])
    assert (StandIn.there, StandIn.deleted) == (False, 1)
    said: list[str] = []
    bring_up(said, keep=True)
    assert any("is kept" in line for line in said)
    bring_up([])
    assert (StandIn.there, StandIn.deleted) == (True, 1)


def test_an_error_of_ours_keeps_it_where_that_is_wanted_and_an_interrupt_never() -> None:
    for how in ({}, {"keep_on_failure": True}):
        with pytest.raises(KeyboardInterrupt):
            bring_up([], KeyboardInterrupt(), **how)
        assert not StandIn.there
    with pytest.raises(Refuted):
        bring_up([], Refuted("x"))
    assert not StandIn.there
    with pytest.raises(Refuted):
        bring_up([], Refuted("x"), keep_on_failure=True)
    assert StandIn.there


def test_one_that_must_exist_is_never_made_nor_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"cluster mine: expected one of ours made of node:1, found none"):
        bring_up([], must_exist=True)
    bring_up([], keep=True)
    bring_up([], must_exist=True)
    mark = lifecycle.state_dir() / "clusters" / "mine" / lifecycle.MARK
    mark.write_text("node:2")
    with pytest.raises(BadInput, match=r"made of node:1, found node:2; nothing was changed"):
        bring_up([], must_exist=True)
    assert (StandIn.there, StandIn.deleted) == (True, 0)


def test_a_cluster_that_somebody_deleted_is_not_called_kept_and_a_dead_engine_hides_no_error() -> None:
    said: list[str] = []
    engine = Engine("own", "20.10")
    with kind_cluster("mine", PARTS, engine, keep=True, announce=said.append):
        StandIn.there = False
    assert not any("is kept" in line for line in said)
    for keep in (True, False):
        StandIn.engine_answers = True
        with pytest.raises(Refuted, match="the first"):
            bring_up(said, Refuted("the first"), keep=keep, breaks_engine=True)
