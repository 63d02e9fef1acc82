"""The clusters that meshproof made: which there are, in what state, and how one goes with all that is its."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

from meshproof.cluster.record import Kept, Mark, Record, records
from meshproof.engine import Engine, Silence, ensure_engine, find_engine, own_daemon
from meshproof.errors import BadInput, MachineCannot, MeshproofError
from meshproof.kube.api import Api

LABEL = "io.x-k8s.kind.cluster"  # by which kind itself knows the containers of a cluster
LOCK_TIMEOUT_S = 5.0
_KEPT: Mapping[Kept, str] = {"": "no", "asked": "yes", "failed": "its runbook failed", "unknown": "not known"}


@dataclass(frozen=True)
class Ours:
    """One cluster of ours, in words."""

    name: str
    state: str
    kept: str
    since: str
    made_of: str


def list_clusters() -> list[Ours]:
    """The clusters of ours; looks only."""
    known = records()
    engine = _answering() if known else Silence("not asked")
    nodes: Mapping[str, str] = _nodes(engine) if isinstance(engine, Engine) else {}
    return [_ours(record, record.mark() or Mark(""), engine, nodes) for record in known]


def render(clusters: Sequence[Ours]) -> str:
    """A table of them."""
    if not clusters:
        return "meshproof has no clusters"
    rows = [("name", "state", "kept", "since", "made of"), *map(astuple, clusters)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def delete_cluster(name: str, announce: Callable[[str], None]) -> None:
    """Delete one cluster of ours: its containers, what runs for it on this machine, and what is known of it.

    Args:
        name: Its name.
        announce: Told what is going on, in plain lines.

    Raises:
        BadInput: It is not one of ours, or a run uses it now.
        MachineCannot: The engine that it runs in does not answer, or cannot delete it; it is still known as ours.
    """
    record = Record(name)
    if record not in (known := records()):
        names = ", ".join(each.name for each in known) or "none"
        raise BadInput(f"cluster {name}: meshproof has none of that name; it has {names}. Nothing was changed")
    if (pid := record.user()) is not None:
        raise BadInput(f"cluster {name}: in use by a run with pid {pid}; end that first (Ctrl-C). Nothing was changed")
    with record.locked(announce, LOCK_TIMEOUT_S):
        mark = record.mark()
        record.end_programs()
        # Without a mark there may be a cluster of that name, but it is not ours.
        containers = _delete_containers(_engine_of(name, mark, announce), name) if mark else 0
        record.forget()
    announce(f"cluster {name} is deleted" if containers else f"cluster {name} was gone; what was known of it is, too")


def _answering() -> Engine | Silence:
    try:
        return find_engine()
    except MachineCannot as error:
        return Silence(str(error))


def _nodes(engine: Engine) -> Mapping[str, str]:
    """The state of the container of each kind cluster, by the cluster's name. Clusters of ours have one node."""
    form = f'{{{{.Label "{LABEL}"}}}} {{{{.State}}}}'
    listed = engine.docker("ps", "--all", "--filter", f"label={LABEL}", "--format", form).stdout
    return dict(line.split(" ", 1) for line in listed.splitlines())


def _ours(record: Record, mark: Mark, engine: Engine | Silence, nodes: Mapping[str, str]) -> Ours:
    named = [f"{part} {mark.versions[part]}" for part in ("kgateway", "istio", "kubernetes") if part in mark.versions]
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(mark.made)) if mark.made else ""
    made_of = ", ".join(named) or mark.node_image
    return Ours(record.name, _state(record, mark, engine, nodes), _KEPT[mark.kept], since, made_of)


def _state(record: Record, mark: Mark, engine: Engine | Silence, nodes: Mapping[str, str]) -> str:
    if (pid := record.user()) is not None:
        return f"{mark.doing or 'in use'} by pid {pid}"
    if isinstance(engine, Silence) or mark.engine not in (None, engine.address):
        return "not seen: its engine does not answer"
    if record.name not in nodes:
        return "gone"
    if mark.doing:
        return "left by a killed run"
    if nodes[record.name] != "running":
        return "stopped"
    try:
        return "running" if Api(record.kubeconfig).answers() else "broken: does not answer"
    except MeshproofError:
        return "broken: no kubeconfig"


def _engine_of(name: str, mark: Mark, announce: Callable[[str], None]) -> Engine:
    """The engine that a cluster was made in. Ours is started for it: a killed one has left its containers.

    Raises:
        MachineCannot: It does not answer.
    """
    own = mark.engine == own_daemon().env["DOCKER_HOST"]
    engine = ensure_engine(announce) if own else find_engine()
    if isinstance(engine, Silence):
        raise MachineCannot(
            f"cluster {name}: no container engine answers ({engine}), so that it cannot be deleted; nothing was "
            "changed. Start the engine, then try again"
        )
    if mark.engine not in (None, engine.address):
        raise MachineCannot(
            f"cluster {name}: made in the container engine at {mark.engine or 'its default address'}, and the one that "
            f"answers is at {engine.address or 'the default address'}; nothing was changed. "
            f"Name the first in DOCKER_HOST, then try again"
        )
    return engine


def _delete_containers(engine: Engine, name: str) -> int:
    """Delete a cluster's containers with their volumes, as kind does, and return how many there were."""
    containers = engine.docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={name}").stdout.split()
    if containers:
        engine.docker("rm", "--force", "--volumes", *containers)
    return len(containers)
