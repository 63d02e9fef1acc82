from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from snapshots import PARTS

from meshproof.cluster import Cluster
from meshproof.cluster.kind import KindCluster
from meshproof.environment import STARTED_FOR
from meshproof.processes import end_started_with


def test_a_half_made_cluster_can_be_closed(tmp_path: Path) -> None:
    empty = tmp_path / "kubeconfig"
    empty.touch()
    Cluster("half", empty, PARTS, tmp_path).close()


def test_clusters_side_by_side_do_not_move_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chdir(_: object) -> None:
        raise AssertionError("the current folder belongs to the whole process")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "chdir", chdir)
    kind = KindCluster("one", tmp_path / "one" / "kubeconfig", "node", tmp_path / "tools", {})
    assert (kind.kind_path, kind.kubectl_path) == (tmp_path / "tools" / "kind", tmp_path / "tools" / "kubectl")
    assert list(tmp_path.iterdir()) == []


def test_what_runs_for_a_cluster_is_known_as_its_and_leaves_nothing_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho 'Forwarding from 127.0.0.1:4321 -> 80'\nexec sleep 60\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    work = tmp_path / "work"
    work.mkdir()
    cluster = Cluster("mine", tmp_path / "kubeconfig", PARTS, work)
    made = cluster.run(sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())").stdout.strip()
    assert Path(made).parent == work
    forward = cluster.forward("ns", "pod/one", 80)
    with forward as url:
        assert url == "http://127.0.0.1:4321"
        assert list(work.glob("meshproof-forward-*/log"))
        assert end_started_with(STARTED_FOR, str(cluster.kubeconfig)) == 1
        assert not forward.process.alive()
    assert list(work.iterdir()) == [Path(made)]
