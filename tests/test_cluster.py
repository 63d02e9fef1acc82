from __future__ import annotations

from pathlib import Path

from snapshots import PARTS

from meshproof.cluster import Cluster


def test_a_half_made_cluster_can_be_closed(tmp_path: Path) -> None:
    empty = tmp_path / "kubeconfig"
    empty.touch()
    Cluster("half", empty, PARTS, tmp_path).close()
