from __future__ import annotations

import os
from pathlib import Path

import pytest
from snapshots import PARTS

from meshproof.cluster import Cluster
from meshproof.cluster.kind import KindCluster


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
