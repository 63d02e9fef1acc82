"""What happens to a cluster at the end of a run, and which one is taken. kind is stood in for."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from snapshots import PARTS, always

from meshproof.cluster import Record, kind_cluster, lifecycle
from meshproof.cluster.record import MARK, Mark
from meshproof.engine import Engine
from meshproof.errors import BadInput, CommandFailed, MachineCannot, Refuted
from meshproof.kube.api import Api

MINE = Record("mine")


class StandIn:
    """kind, with one cluster or none."""

    there: ClassVar[bool] = False
    engine_answers: ClassVar[bool] = True
    deleted: ClassVar[int] = 0
    during: ClassVar[list[str]] = []
    loaded: ClassVar[list[Path]] = []
    written: ClassVar[int] = 0

    def __init__(self, name: str, kubeconfig: Path, image: str, *_: object) -> None:
        self.name, self.kubeconfig_path, self.image = name, kubeconfig, image

    def exists(self) -> bool:
        if not StandIn.engine_answers:
            raise CommandFailed("kind get clusters", 1, "", "cannot connect")
        return StandIn.there

    def create(self, _: Path) -> None:
        StandIn.there = True
        self.write_kubeconfig()
        StandIn.during.append(noted().doing)

    def write_kubeconfig(self) -> None:
        StandIn.written += 1
        self.kubeconfig_path.write_text(f"of kind, {StandIn.written}")

    def load(self, archive: Path) -> None:
        StandIn.loaded.append(archive)

    def delete(self) -> None:
        self.exists()
        StandIn.there, StandIn.deleted = False, StandIn.deleted + 1


@pytest.fixture(autouse=True)
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    StandIn.there, StandIn.engine_answers, StandIn.deleted, StandIn.during = False, True, 0, []
    StandIn.loaded = []

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


def test_a_kubeconfig_that_people_have_is_a_copy_and_what_they_make_of_it_leads_us_nowhere() -> None:
    said: list[str] = []
    bring_up(said, keep=True)
    record = Record("mine")
    assert any(line.endswith(f"export KUBECONFIG={record.given_kubeconfig}") for line in said)
    assert record.given_kubeconfig.read_text() == record.kubeconfig.read_text()
    assert record.given_kubeconfig.stat().st_mode & 0o77 == 0
    record.given_kubeconfig.write_text("another context")
    record.kubeconfig.write_text("another context")
    bring_up(said, keep=True)
    assert record.kubeconfig.read_text().startswith("of kind"), "taken from kind again"
    assert record.given_kubeconfig.read_text() == "another context", "it is theirs"


def test_images_that_the_node_lacks_are_loaded_into_a_new_cluster_and_into_a_kept_one() -> None:
    archive = Path("/extra/images.tar")
    engine = Engine("own", "20.10")
    for _ in range(2):
        with kind_cluster("mine", replace(PARTS, archives=[archive]), engine, announce=always(None), keep=True):
            pass
    assert StandIn.loaded == [archive, archive]
    bring_up([])
    assert StandIn.loaded == [archive, archive]


def noted() -> Mark:
    mark = MINE.mark()
    assert mark is not None
    return mark


def left_by_a_run(**how: Any) -> None:
    """A cluster as a run leaves it: one that was killed, where it was still doing something."""
    StandIn.there = True
    MINE.folder.mkdir(parents=True)
    MINE.write(replace(Mark(PARTS.node_image), **how))


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
    MINE.write(Mark("node:2"))
    with pytest.raises(BadInput, match=r"made of node:1, found node:2; nothing was changed"):
        bring_up([], must_exist=True)
    assert (StandIn.there, StandIn.deleted) == (True, 0)


def test_a_cluster_that_somebody_deleted_is_not_called_kept_and_a_dead_engine_hides_no_error() -> None:
    said: list[str] = []
    engine = Engine("own", "20.10")
    with kind_cluster("mine", PARTS, engine, keep=True, announce=said.append):
        StandIn.there = False
    assert not any("is kept" in line for line in said)
    assert list(MINE.folder.parent.iterdir()) == []
    for keep in (True, False):
        StandIn.engine_answers = True
        with pytest.raises(Refuted, match="the first"):
            bring_up(said, Refuted("the first"), keep=keep, breaks_engine=True)


def test_a_mark_says_what_is_done_with_a_cluster_and_whether_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)
    said: list[str] = []
    engine = Engine("own", "20.10", {"DOCKER_HOST": "unix:///sock"})
    with kind_cluster("mine", PARTS, engine, keep=True, announce=said.append):
        assert (noted().doing, noted().kept, MINE.user()) == ("in use", "asked", os.getpid())
        assert not MINE.cut_short()
    assert StandIn.during == ["being made"]
    assert (noted().doing, noted().kept, noted().engine, MINE.user()) == ("", "asked", "unix:///sock", None)
    assert noted().versions == PARTS.versions
    assert said[-2:] == [
        f"cluster mine is kept. To reach it: export KUBECONFIG={MINE.given_kubeconfig}",
        "  to delete it: meshproof delete NAME=mine",
    ]
    made = noted().made
    monkeypatch.setenv("MAKELEVEL", "1")
    bring_up(said)
    assert noted().made == made
    assert said[-1] == "  to delete it: make delete NAME=mine"


def test_nothing_is_left_of_a_cluster_that_goes() -> None:
    bring_up([])
    assert list(MINE.folder.parent.iterdir()) == []


@pytest.mark.parametrize("doing", ["being made", "in use"])
def test_one_that_a_killed_run_left_is_made_anew_and_goes(doing: str) -> None:
    left_by_a_run(doing=doing)
    assert MINE.cut_short()
    said: list[str] = []
    bring_up(said)
    assert said[0] == "cluster mine was left by a run that was killed: made anew"
    assert StandIn.during == ["being made"]
    assert (StandIn.there, StandIn.deleted) == (False, 2)
    assert list(MINE.folder.parent.iterdir()) == []


def test_one_that_was_to_be_kept_is_made_anew_and_kept_where_its_run_was_killed() -> None:
    left_by_a_run(doing="in use", kept="asked")
    bring_up([])
    assert (StandIn.there, StandIn.deleted) == (True, 1)
    assert (noted().doing, noted().kept) == ("", "asked")


@pytest.mark.parametrize(("kept", "stays"), [("asked", True), ("failed", False), ("unknown", False)])
def test_one_that_is_replaced_is_kept_only_where_that_was_asked_for(kept: str, stays: bool) -> None:
    left_by_a_run(node_image="node:2", kept=kept)
    said: list[str] = []
    bring_up(said)
    assert said[0] == "cluster mine was kept by an earlier run, and is made of something else: made anew"
    assert StandIn.there is stays


def test_the_mark_of_an_older_meshproof_is_understood_and_its_cluster_stays() -> None:
    MINE.folder.mkdir(parents=True)
    (MINE.folder / MARK).write_text(PARTS.node_image)
    StandIn.there = True
    said: list[str] = []
    bring_up(said)
    assert said[0] == "cluster mine was kept by an earlier run: used again"
    assert (StandIn.there, StandIn.deleted, noted().kept) == (True, 0, "unknown")


def test_a_mark_that_cannot_be_read_is_bad_input() -> None:
    left_by_a_run()
    for text in ("{", json.dumps({"node_image": "x", "colour": "red"})):
        (MINE.folder / MARK).write_text(text)
        with pytest.raises(BadInput, match="expected what meshproof writes about cluster mine, found something else"):
            bring_up([])
    assert StandIn.there


def test_one_that_somebody_else_made_is_refused_and_nothing_is_left_of_the_attempt() -> None:
    StandIn.there = True
    with pytest.raises(BadInput, match="kind cluster mine: exists, and meshproof did not make it"):
        bring_up([])
    assert StandIn.there
    assert list(MINE.folder.parent.iterdir()) == []


def test_one_kept_since_its_runbook_failed_says_so_and_an_existing_one_stays() -> None:
    with pytest.raises(Refuted):
        bring_up([], Refuted("x"), keep_on_failure=True)
    assert (noted().kept, noted().doing) == ("failed", "")
    MINE.write(replace(noted(), kept="", doing="in use"))  # killed, and then gone on with by FROM=
    bring_up([], must_exist=True)
    assert (StandIn.there, StandIn.deleted) == (True, 0)
    assert (noted().kept, noted().doing) == ("asked", "")


def test_programs_of_a_killed_run_are_ended_before_the_cluster_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Record, "end_programs", always(3))
    said: list[str] = []
    bring_up(said)
    assert said[0] == "ended programs that an earlier run left at work on cluster mine: 3"


def test_an_api_server_that_is_published_elsewhere_is_told_with_what_an_engine_must_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise CommandFailed("kubectl patch", 1, "", "connection refused")

    with socket.create_server(("127.0.0.1", 0)) as server:
        here = f"https://127.0.0.1:{server.getsockname()[1]}"
        assert lifecycle.unreachable(here) == ""
        monkeypatch.setattr("meshproof.cluster.cluster.Cluster.kubectl", refused)
        monkeypatch.setattr(Api, "server", here)
        with pytest.raises(CommandFailed, match="connection refused"):
            bring_up([])
    with pytest.raises(MachineCannot, match=f"^cluster mine: its API server is published at {here} of the engine's"):
        bring_up([])
