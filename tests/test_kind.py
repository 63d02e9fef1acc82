"""What is told when kind makes no cluster: kind and docker are programs that answer as theirs do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshproof.cluster.kind import KindCluster
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.inotify import REMEDY

KIND_SAYS = 'ERROR: failed to create cluster: could not find a log line that matches "Reached target"'
SYSTEMD_SAYS = "\\033[0;1;31mFailed to create inotify object: Too many open files\\033[0m\\r"
KUBELET_SAYS = "kubelet[123]: E0101 server.go:1] inotify_init: too many open files"


def failing(folder: Path, monkeypatch: pytest.MonkeyPatch, *, logs: str = "", journal: str = "") -> KindCluster:
    tools = folder / "tools"
    tools.mkdir()
    programs = {
        "kind": f"echo \"$@\" > {folder}/asked; echo '{KIND_SAYS}' >&2; exit 1",
        "docker": f"case $1 in logs) printf '{logs}\\n' >&2;; exec) printf '{journal}\\n';; esac",
    }
    for name, text in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    return KindCluster("mine", folder / "kubeconfig", "node:1", tools, dict(os.environ))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"logs": SYSTEMD_SAYS}, "'Failed to create inotify object: Too many open files'"),
        ({"journal": KUBELET_SAYS}, f"'{KUBELET_SAYS}'"),
    ],
)
def test_a_lack_of_inotify_is_named_though_only_the_node_tells_it(
    said: dict[str, str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MachineCannot) as raised:
        failing(tmp_path, monkeypatch, **said).create()
    first, *others = str(raised.value).splitlines()
    assert first.startswith(f"cluster mine: could not be made, its node says {told}: the kernel's inotify ")
    assert f"Type, where the engine runs: {REMEDY}; or delete another cluster" in first
    assert any(KIND_SAYS in line for line in others)
    assert "--retain" in (tmp_path / "asked").read_text().split()  # else there is no node left to ask


def test_another_failure_is_kinds_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandFailed, match="could not find a log line"):
        failing(tmp_path, monkeypatch, logs="Reached target Swap.").create()


def test_the_images_of_an_archive_are_given_to_the_nodes_of_this_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandFailed):
        failing(tmp_path, monkeypatch).load(Path("/extra/images.tar"))
    assert (tmp_path / "asked").read_text() == "load image-archive --quiet /extra/images.tar --name=mine\n"
