"""A kind cluster from its making to its end: ours alone, reused when it was kept, deleted when it was not."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import urlsplit

from meshproof import yamls
from meshproof.cluster.cluster import Cluster
from meshproof.cluster.kind import KindCluster
from meshproof.cluster.node import Node
from meshproof.cluster.pulls import pull_images
from meshproof.cluster.record import Kept, Mark, Record, check_name
from meshproof.engine import Engine
from meshproof.environment import STARTED_FOR
from meshproof.errors import BadInput, CommandFailed, MachineCannot, MeshproofError
from meshproof.images import Parts
from meshproof.kube.api import Api

BUSY_TIMEOUT_S = 600.0
REACH_S = 3.0
COREDNS_PATCH = yamls.dump(
    {"spec": {"template": {"spec": {"containers": [{"name": "coredns", "readinessProbe": {"periodSeconds": 1}}]}}}}
)


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

    A cluster of ours that was kept before and still answers is used again, and kept again. One that a killed run left
    is made anew, since nobody knows how far that came; it stays only if that run was to keep it.

    Args:
        name: Its name.
        parts: What it is made of.
        engine: Where it runs.
        keep: Whether it stays.
        announce: Told what is going on, in plain lines.
        keep_on_failure: Whether it stays when what is done with it ends in an error of ours.
        must_exist: Whether it is to be one that runs already; it is then neither made nor replaced, and stays.

    Raises:
        BadInput: The name is not one that kind takes, a cluster of that name exists that is not ours, or, where it
            must exist, it does not or is made of something else.
        CommandFailed: kind could not create it; what it left is removed.
        MachineCannot: An image that it needs cannot be pulled.
    """
    check_name(name)
    record = Record(name)
    with record.locked(announce, BUSY_TIMEOUT_S):
        kind = _kind(record, parts, engine)
        _end_programs(record, announce)
        if must_exist:
            check_made_of(name, parts)
        previous = _previous(kind, record)
        found = must_exist or (previous is not None and _usable(previous, kind, record, announce))
        kept = _kept(keep=keep or must_exist, previous=previous, found=found)
        mark = Mark(parts.node_image, parts.versions, engine.address, time.time(), kept, "being made")
        if found and previous is not None:
            mark = replace(mark, made=previous.made, doing="in use")
        # The mark comes first: a cluster that is half made when we are killed is known as ours.
        record.write(mark)
        cluster = Cluster(name, record.kubeconfig, parts, record.work, Node.of(name, engine))
        cluster.work.mkdir(parents=True, exist_ok=True)
        whole, failing = found, True
        try:
            if not found:
                _create(kind, cluster, record, announce)
                mark = replace(mark, doing="in use")
                record.write(mark)
                whole = True
            for archive in parts.archives:
                kind.load(archive)
            pull_images(parts.pulled, parts.mirror, Node.of(name, engine), announce)
            yield cluster
            failing = False
        except MeshproofError:
            if keep_on_failure and not mark.kept:
                mark = replace(mark, kept="failed")
            raise
        finally:
            cluster.close()
            # Where something else went wrong already, that is the error to tell, not what goes wrong here after it.
            with contextlib.suppress(*([MeshproofError] if failing else [])):
                if not (mark.kept and whole):
                    _delete(kind, record, announce)
                elif kind.exists():
                    record.write(replace(mark, doing=""))
                    _tell_kept(record, announce)
                else:  # somebody deleted it meanwhile
                    record.forget()


def check_made_of(name: str, parts: Parts) -> None:
    """Refuse to take a cluster for one of these parts when it is not there, or was made of others.

    Raises:
        BadInput: It is so; the message names both.
    """
    mark = Record(name).mark()
    made_of = mark.node_image if mark else ""
    if made_of != parts.node_image:
        raise BadInput(
            f"cluster {name}: expected one of ours made of {parts.node_image}, found {made_of or 'none'}; "
            "nothing was changed. Give the versions and IMAGES that it was made with, or another NAME"
        )


def how_to_delete(name: str) -> str:
    """What to type to delete a cluster of ours, for whoever typed make, and for others."""
    return f"{'make' if 'MAKELEVEL' in os.environ else 'meshproof'} delete NAME={name}"


def _tell_kept(record: Record, announce: Callable[[str], None]) -> None:
    announce(f"cluster {record.name} is kept. To reach it: export KUBECONFIG={record.give_kubeconfig()}")
    announce(f"  to delete it: {how_to_delete(record.name)}")


def _kind(record: Record, parts: Parts, engine: Engine) -> KindCluster:
    record.folder.mkdir(parents=True, exist_ok=True)
    env = {**engine.env, STARTED_FOR: str(record.kubeconfig)}
    return KindCluster(record.name, record.kubeconfig, parts.node_image, parts.tools, env)


def _end_programs(record: Record, announce: Callable[[str], None]) -> None:
    """A kind that lives on would delete, when it fails, the cluster that we make: by its name."""
    if count := record.end_programs():
        announce(f"ended programs that an earlier run left at work on cluster {record.name}: {count}")


def _previous(kind: KindCluster, record: Record) -> Mark | None:
    """The mark of the cluster that is there; None where there is none.

    Raises:
        BadInput: There is one, and it is not ours.
    """
    if not kind.exists():
        return None
    mark = record.mark()
    if mark is None:
        raise BadInput(
            f"kind cluster {kind.name}: exists, and meshproof did not make it; nothing was changed. "
            f"Give another name (NAME=... or --cluster-name) or delete it: kind delete cluster --name {kind.name}"
        )
    return mark


def _usable(mark: Mark, kind: KindCluster, record: Record, announce: Callable[[str], None]) -> bool:
    """Whether a cluster of ours can be used as it is; one that cannot is deleted."""
    if trouble := _trouble(mark, kind, record):
        announce(f"cluster {kind.name} {trouble}: made anew")
        kind.delete()
        return False
    announce(f"cluster {kind.name} was kept by an earlier run: used again")
    return True


def _trouble(mark: Mark, kind: KindCluster, record: Record) -> str:
    """Why a cluster cannot be used as it is; empty where it can."""
    if mark.doing:
        return "was left by a run that was killed"
    if mark.node_image != kind.image:
        return "was kept by an earlier run, and is made of something else"
    with contextlib.suppress(MeshproofError):
        kind.write_kubeconfig()
        if Api(record.kubeconfig).answers():
            return ""
    return "was kept by an earlier run, and does not answer"


def _kept(*, keep: bool, previous: Mark | None, found: bool) -> Kept:
    """Why the cluster stays, if it does. What was not asked for goes with the cluster that it was about."""
    if keep:
        return "asked"
    return previous.kept if previous and (found or previous.kept == "asked") else ""


def _create(kind: KindCluster, cluster: Cluster, record: Record, announce: Callable[[str], None]) -> None:
    parts = cluster.parts
    announce(f"creating cluster {kind.name} (Kubernetes {parts.versions['kubernetes']})")
    shutil.rmtree(record.work, ignore_errors=True)
    record.work.mkdir()
    config = record.folder / "kind.yaml"
    config.write_text(yamls.dump(_kind_config(parts)))
    kind.create(config)
    # kubeadm's CoreDNS is asked whether it is ready every 10 s. It never is the first time, since the service
    # network comes up after it, and all that looks for a name waits with it. Nothing of it runs yet at this moment.
    try:
        cluster.kubectl("patch", "deployment", "coredns", "--namespace", "kube-system", "--patch", COREDNS_PATCH)
    except CommandFailed as error:
        if trouble := unreachable(cluster.api.server):
            raise MachineCannot(f"cluster {kind.name}: {trouble}\n{error}") from error
        raise


def unreachable(server: str) -> str:
    """Why an API server that kind has published cannot be reached from here; empty where it can."""
    parts = urlsplit(server)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 443), REACH_S).close()
    except OSError as error:
        return (
            f"its API server is published at {server} of the engine's machine, and nothing answers there from here "
            f"({error}). An engine must publish its ports on this machine, as Docker Desktop, colima and rootless "
            "Docker do; in a container that was given an engine's socket, run meshproof where the engine is, or share "
            "its network (--network host)"
        )
    return ""


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


def _delete(kind: KindCluster, record: Record, announce: Callable[[str], None]) -> None:
    try:
        kind.delete()
        record.forget()
    except BaseException:
        announce(f"cluster {kind.name} could not be deleted and remains; the next run of that name removes it")
        raise
