"""A kind cluster from its making to its end: ours alone, reused when it was kept, deleted when it was not."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import cast

from meshproof import yamls
from meshproof.cluster.cluster import Cluster
from meshproof.cluster.kind import KindCluster
from meshproof.engine import Engine
from meshproof.errors import BadInput, MeshproofError
from meshproof.images import Parts
from meshproof.kube.api import Api
from meshproof.lock import file_lock
from meshproof.paths import state_dir

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
MARK = "made-by-meshproof"
BUSY_TIMEOUT_S = 600.0
COREDNS_PATCH = yamls.dump(
    {"spec": {"template": {"spec": {"containers": [{"name": "coredns", "readinessProbe": {"periodSeconds": 1}}]}}}}
)


def check_name(name: str) -> None:
    """Refuse a cluster name that kind would not take, before anything is built for it.

    Raises:
        BadInput: It is not one that kind takes.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"cluster name {name!r}: expected lower-case letters, digits and dashes, 41 at most")


def folder_of(name: str) -> Path:
    """Where a cluster of ours keeps its kubeconfig and what is known of it; it need not exist."""
    return state_dir() / "clusters" / name


@contextlib.contextmanager
def kind_cluster(
    name: str,
    parts: Parts,
    engine: Engine,
    *,
    keep: bool,
    announce: Callable[[str], None],
    keep_on_failure: bool = False,
    must_exist: bool = False,
) -> Generator[Cluster]:
    """Bring up a cluster, yield it, and delete it unless it is to be kept.

    A cluster of ours that was kept before and still answers is used again, and kept again.

    Args:
        name: Its name.
        parts: What it is made of.
        engine: Where it runs.
        keep: Whether it stays.
        announce: Told what is going on, in plain lines.
        keep_on_failure: Whether it stays when what is done with it ends in an error of ours.
        must_exist: Whether it is to be one that runs already; it is then neither made nor replaced.

    Raises:
        BadInput: The name is not one that kind takes, a cluster of that name exists that is not ours, or, where it
            must exist, it does not or is made of something else.
        CommandFailed: kind could not create it; what it left is removed.
    """
    check_name(name)
    folder = folder_of(name)
    kubeconfig = folder / "kubeconfig"
    folder.mkdir(parents=True, exist_ok=True)
    kind = KindCluster(name, kubeconfig, parts.node_image, parts.tools, engine.env)
    busy = f"cluster {name} is used by another run; waiting for that to end"
    with file_lock(folder.with_name(f"{name}.lock"), busy, announce, timeout_s=BUSY_TIMEOUT_S):
        if must_exist:
            check_made_of(name, parts)
        made = not must_exist and _prepare(kind, folder, parts, announce)
        keep = keep or not made
        cluster = Cluster(name, kubeconfig, parts, folder / "work")
        cluster.work.mkdir(parents=True, exist_ok=True)
        whole, failing = not made, True
        try:
            if made:
                _create(kind, cluster, folder, announce)
                whole = True
            yield cluster
            failing = False
        except MeshproofError:
            keep = keep or keep_on_failure
            raise
        finally:
            cluster.close()
            # Where something else went wrong already, that is the error to tell, not what goes wrong here after it.
            with contextlib.suppress(*([MeshproofError] if failing else [])):
                if not (keep and whole):
                    _delete(kind, folder, announce)
                elif kind.exists():  # somebody may have deleted it meanwhile
                    _tell_kept(kind, engine, announce)


def check_made_of(name: str, parts: Parts) -> None:
    """Refuse to take a cluster for one of these parts when it is not there, or was made of others.

    Raises:
        BadInput: It is so; the message names both.
    """
    mark = folder_of(name) / MARK
    made_of = mark.read_text() if mark.is_file() else ""
    if made_of != parts.node_image:
        raise BadInput(
            f"cluster {name}: expected one of ours made of {parts.node_image}, found {made_of or 'none'}; "
            "nothing was changed. Give the versions and IMAGES that it was made with, or another NAME"
        )


def _tell_kept(kind: KindCluster, engine: Engine, announce: Callable[[str], None]) -> None:
    host = engine.env.get("DOCKER_HOST")
    prefix = f"DOCKER_HOST={host} " if host else ""
    announce(f"cluster {kind.name} is kept. To reach it: export KUBECONFIG={kind.kubeconfig_path}")
    announce(f"  to delete it: {prefix}{kind.kind_path} delete cluster --name {kind.name}")


def _prepare(kind: KindCluster, folder: Path, parts: Parts, announce: Callable[[str], None]) -> bool:
    """Decide whether the cluster is to be made; clears away a broken or outdated one of ours."""
    mark = folder / MARK
    if not kind.exists():
        mark.unlink(missing_ok=True)
        return True
    if not mark.exists():
        raise BadInput(
            f"kind cluster {kind.name}: exists, and meshproof did not make it; nothing was changed. "
            f"Give another name (NAME=... or --cluster-name) or delete it: kind delete cluster --name {kind.name}"
        )
    usable = False
    if mark.read_text() == parts.node_image:
        with contextlib.suppress(MeshproofError):
            usable = Api(kind.kubeconfig_path).answers()
    announce(f"cluster {kind.name} was kept by an earlier run: " + ("used again" if usable else "made anew"))
    if not usable:
        kind.delete()
    return not usable


def _create(kind: KindCluster, cluster: Cluster, folder: Path, announce: Callable[[str], None]) -> None:
    parts = cluster.parts
    announce(f"creating cluster {kind.name} (Kubernetes {parts.versions['kubernetes']})")
    shutil.rmtree(folder / "work", ignore_errors=True)
    (folder / "work").mkdir()
    config = folder / "kind.yaml"
    config.write_text(yamls.dump(_kind_config(parts)))
    # The mark comes first: a cluster that is half made when we are killed is known as ours.
    (folder / MARK).write_text(parts.node_image)
    kind.create(config)
    # kubeadm's CoreDNS is asked whether it is ready every 10 s. It never is the first time, since the service
    # network comes up after it, and all that looks for a name waits with it. Nothing of it runs yet at this moment.
    cluster.kubectl("patch", "deployment", "coredns", "--namespace", "kube-system", "--patch", COREDNS_PATCH)


def _kind_config(parts: Parts) -> Mapping[str, object]:
    """One node. Its controllers are alone: without an election they start some seconds sooner."""
    alone = {"extraArgs": {"leader-elect": "false"}}
    patch = yamls.dump({"kind": "ClusterConfiguration", "controllerManager": alone, "scheduler": alone})
    patches = cast(Sequence[str], parts.kind_config.get("kubeadmConfigPatches", ()))
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane"}],
        **parts.kind_config,
        "kubeadmConfigPatches": [*patches, patch],
    }


def _delete(kind: KindCluster, folder: Path, announce: Callable[[str], None]) -> None:
    try:
        kind.delete()
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        announce(f"cluster {kind.name} could not be deleted and remains; the next run of that name removes it")
        raise
