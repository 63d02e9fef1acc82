"""The list of our clusters, and the deletion of one. The container engine is stood in for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from snapshots import always

from meshproof.cluster import Record, ours
from meshproof.cluster.record import Mark
from meshproof.engine import Engine, Silence
from meshproof.environment import STARTED_FOR
from meshproof.errors import BadInput, MachineCannot
from meshproof.kube.api import Api
from meshproof.run import Background, Completed

ADDRESS = "unix:///sock"
MARK = Mark("node:1", {"kgateway": "2.4.0", "istio": "1.31", "kubernetes": "1.35.4", "helm": "4"}, ADDRESS, 86400.0)
LISTING = '{{.Label "io.x-k8s.kind.cluster"}} {{.State}}'


@dataclass(frozen=True)
class StandInEngine(Engine):
    """An engine with containers, by cluster, that remembers what is removed."""

    containers: dict[str, str] = field(default_factory=dict[str, str])

    def docker(self, *args: str, **_: Any) -> Completed:
        """Answer what is asked of it here, and nothing else."""
        match args:
            case ("ps", "--all", "--filter", "label=io.x-k8s.kind.cluster", "--format", form) if form == LISTING:
                out = "".join(f"{name} {state}\n" for name, state in self.containers.items())
            case ("ps", "--all", "--quiet", "--filter", label):
                out = "".join(f"id-of-{name}\n" for name in self.containers if label.endswith(f"cluster={name}"))
            case ("rm", "--force", "--volumes", *ids):
                out = "".join(self.containers.pop(each.removeprefix("id-of-")) for each in ids)
            case _:
                raise AssertionError(args)
        return Completed(args, 0, out, "", 0.0)


@pytest.fixture
def containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine has; the API server of each cluster answers."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    held: dict[str, str] = {}
    monkeypatch.setattr(ours, "find_engine", always(StandInEngine("found", "20", {"DOCKER_HOST": ADDRESS}, held)))
    monkeypatch.setattr(Api, "__init__", always(None))
    monkeypatch.setattr(Api, "answers", always(True))
    return held


def made(name: str, mark: Mark | None = MARK) -> Record:
    record = Record(name)
    record.folder.mkdir(parents=True)
    if mark:
        record.write(mark)
    return record


def left_in(record: Record) -> list[str]:
    return sorted(path.name for path in record.folder.parent.iterdir())


@pytest.mark.parametrize(
    ("container", "answers", "changes", "state", "kept"),
    [
        ("running", True, {"kept": "asked"}, "running", "yes"),
        ("running", False, {"kept": "failed"}, "broken: does not answer", "its runbook failed"),
        ("exited", True, {"kept": "unknown", "engine": None}, "stopped", "not known"),
        ("running", True, {"doing": "in use"}, "left by a killed run", "no"),
        ("", True, {"kept": "asked"}, "gone", "yes"),
        ("running", True, {"engine": ""}, "not seen: its engine does not answer", "no"),
    ],
)
def test_a_cluster_is_listed_with_its_state_and_why_it_is_kept(
    containers: dict[str, str],
    container: str,
    answers: bool,
    changes: dict[str, Any],
    state: str,
    kept: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Api, "answers", always(answers))
    made("mine", replace(MARK, **changes))
    containers |= {"theirs": "running", **({"mine": container} if container else {})}
    (listed,) = ours.list_clusters()
    assert (listed.name, listed.state, listed.kept) == ("mine", state, kept)
    assert listed.made_of == "kgateway 2.4.0, istio 1.31, kubernetes 1.35.4"
    assert listed.since.startswith("1970-01-0")


def test_one_that_a_run_uses_is_listed_with_its_pid_and_is_not_deleted(containers: dict[str, str]) -> None:
    record = made("mine", replace(MARK, doing="being made"))
    with record.locked(print, 1):
        pid = record.user()
        (listed,) = ours.list_clusters()
        assert listed.state == f"being made by pid {pid}"
        with pytest.raises(BadInput, match=rf"cluster mine: in use by a run with pid {pid}; end that first"):
            ours.delete_cluster("mine", print)
    assert record.folder.exists()
    assert containers == {}


def test_clusters_are_listed_where_no_engine_answers(
    containers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ours.render(ours.list_clusters()) == "meshproof has no clusters"
    made("one")
    Record("of-an-older-meshproof").lock.touch()  # which left the locks
    made("two", None)
    containers["one"] = "running"

    def silent() -> Engine:
        raise MachineCannot("DOCKER_HOST names one that does not answer")

    for engine in (silent, always(Silence("there is no docker client"))):
        monkeypatch.setattr(ours, "find_engine", engine)
        assert {each.state for each in ours.list_clusters()} == {"not seen: its engine does not answer"}
    head, one, two = ours.render(ours.list_clusters()).splitlines()
    assert head.split() == ["name", "state", "kept", "since", "made", "of"]
    assert one.index("kgateway 2.4.0") == head.index("made of")
    assert two == "two   not seen: its engine does not answer  no"


def test_one_is_deleted_with_all_that_is_its_and_others_stay(containers: dict[str, str], tmp_path: Path) -> None:
    record, other = made("mine"), made("other")
    containers |= {"mine": "running", "other": "running"}
    said: list[str] = []
    env = {STARTED_FOR: str(record.kubeconfig)}
    with Background("sleep", "60", log_path=tmp_path / "log", env=env) as forward:
        ours.delete_cluster("mine", said.append)
        assert not forward.running()
    assert containers == {"other": "running"}
    assert left_in(other) == ["other"]
    assert said == ["cluster mine is deleted"]
    ours.delete_cluster("other", said.append)
    assert (containers, left_in(other)) == ({}, [])


def test_one_that_is_gone_leaves_nothing_and_without_a_mark_a_cluster_is_not_ours(containers: dict[str, str]) -> None:
    said: list[str] = []
    record = made("mine")
    ours.delete_cluster("mine", said.append)
    made("mine", None)
    containers["mine"] = "running"
    ours.delete_cluster("mine", said.append)
    assert said == ["cluster mine was gone; what was known of it is, too"] * 2
    assert (containers, left_in(record)) == ({"mine": "running"}, [])


def test_one_that_meshproof_did_not_make_is_refused_and_ours_are_named(containers: dict[str, str]) -> None:
    containers["theirs"] = "running"
    with pytest.raises(BadInput, match="cluster theirs: meshproof has none of that name; it has none"):
        ours.delete_cluster("theirs", print)
    made("one")
    made("two")
    with pytest.raises(BadInput, match=r"it has one, two\. Nothing was changed"):
        ours.delete_cluster("theirs", print)
    assert containers == {"theirs": "running"}


def test_one_whose_engine_does_not_answer_stays_known(
    containers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = made("mine", replace(MARK, engine="tcp://elsewhere"))
    containers["mine"] = "running"
    with pytest.raises(MachineCannot, match=f"at tcp://elsewhere, and the one that answers is at {ADDRESS}"):
        ours.delete_cluster("mine", print)
    monkeypatch.setattr(ours, "find_engine", always(Silence("it is stopped")))
    with pytest.raises(MachineCannot, match=r"no container engine answers \(it is stopped\)"):
        ours.delete_cluster("mine", print)
    assert record.mark() is not None
    assert containers == {"mine": "running"}


def test_our_own_engine_is_started_for_the_deletion(
    containers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = ours.own_daemon().env["DOCKER_HOST"]
    record = made("mine", replace(MARK, engine=address))
    containers["mine"] = "exited"
    monkeypatch.setattr(ours, "find_engine", always(Silence("it is stopped")))
    monkeypatch.setattr(ours, "ensure_engine", always(StandInEngine("own", "20", {"DOCKER_HOST": address}, containers)))
    ours.delete_cluster("mine", print)
    assert (containers, left_in(record)) == ({}, [])
