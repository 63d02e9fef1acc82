"""diagnostics/: what a cluster looked like when a check was refuted, gathered before anything is torn down.

Nothing here raises because of what it looks at: an item that cannot be had is noted in index.txt, and the next one
is tried. Everything written has its secrets taken out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from meshproof.errors import MeshproofError
from meshproof.report.redact import redact
from meshproof.run import Completed

CLUSTER_KINDS = (
    "nodes,namespaces,persistentvolumes,storageclasses,mutatingwebhookconfigurations,validatingwebhookconfigurations"
)
CUSTOM_GROUPS = ("gateway.networking.k8s.io", "gateway.kgateway.dev", "kgateway.dev", "istio.io", "x-k8s.io")
# Kinds that are gathered by themselves, or that only repeat others.
LEFT_OUT = (
    *("events", "events.events.k8s.io", "secrets"),
    *("endpoints", "controllerrevisions.apps", "leases.coordination.k8s.io"),
)
# All of a Secret that leaves kubectl. `describe` would not do: it prints the tokens of service accounts.
KEYS_ONLY = (
    '{{range .items}}{{println .type .metadata.name}}{{range $key, $value := .data}}{{println " " $key}}{{end}}{{end}}'
)
ENVOY_PATHS = ("config_dump?include_eds", "clusters", "certs", "stats", "listeners", "server_info")
ISTIOD_PATHS = ("debug/syncz", "debug/registryz", "debug/endpointz", "debug/configz", "debug/mesh", "metrics")
# Container to its admin port: kgateway's Envoy, and Istio's proxy beside it or beside an application.
ADMIN_PORTS = {"kgateway-proxy": 19000, "istio-proxy": 15000}
ISTIOD_CONTAINER, ISTIOD_PORT = "discovery", 15014

INDEX = "index.txt"
DEADLINE_S = 120.0
ITEM_S = 20.0
FILE_LIMIT_BYTES = 8_000_000
LOG_LINES = 5000


class Kubectl(Protocol):
    """A cluster that can be asked: kubectl bound to it, and ways into its pods."""

    def kubectl(self, *args: str, check: bool = True, timeout_s: float = 60.0) -> Completed:
        """Run kubectl against the cluster."""
        ...

    def forward(self, namespace: str, target: str, port: int) -> AbstractContextManager[str]:
        """Open a port of a pod on this machine, as a base URL, for as long as the context lasts."""
        ...


@dataclass(frozen=True)
class _Pod:
    """What is needed of a pod to read its logs and to find its proxies."""

    namespace: str
    name: str
    containers: tuple[str, ...]
    restarted: tuple[str, ...]

    @staticmethod
    def from_dict(pod: dict[str, Any]) -> _Pod:
        spec, status = pod["spec"], pod.get("status", {})
        states = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
        return _Pod(
            namespace=pod["metadata"]["namespace"],
            name=pod["metadata"]["name"],
            containers=tuple(one["name"] for one in [*spec.get("initContainers", []), *spec["containers"]]),
            restarted=tuple(one["name"] for one in states if one.get("restartCount", 0)),
        )


@dataclass
class _Gathering:
    """One go at a cluster: what it costs, and what came of it."""

    cluster: Kubectl
    folder: Path
    ends: float
    now: Callable[[], float]
    index: list[str] = field(default_factory=list[str])

    def item(self, name: str, read: Callable[[float], str]) -> str:
        """Read one thing within its time, write it, note how it went, and return it as read, empty if it was not."""
        left_s = min(ITEM_S, self.ends - self.now())
        if left_s <= 0:
            self.index.append(f"{name}: not gathered: the time for diagnostics was used up")
            return ""
        try:
            text = read(left_s)
            self._write(name, text)
        except (MeshproofError, httpx.HTTPError, OSError, ValueError, KeyError) as error:
            self.index.append(f"{name}: not gathered: {type(error).__name__}: {error}")
            return ""
        return text

    def kubectl(self, name: str, *args: str) -> str:
        """What kubectl prints; with what it complained of below, since half an answer is better than none."""

        def read(left_s: float) -> str:
            done = self.cluster.kubectl(*args, check=False, timeout_s=left_s)
            complaint = f"\n# exit code {done.code}\n{done.stderr}" if done.code else ""
            return done.stdout + complaint

        return self.item(name, read)

    def admin(self, folder: str, pod: _Pod, port: int, paths: Sequence[str]) -> None:
        """Pages of an admin endpoint that listens on a pod's own loopback address."""
        if self.ends <= self.now():
            self.index.append(f"{folder}/: not gathered: the time for diagnostics was used up")
            return
        try:
            with self.cluster.forward(pod.namespace, f"pod/{pod.name}", port) as base:
                for path in paths:
                    url = f"{base}/{path}"
                    self.item(f"{folder}/{path.partition('?')[0].replace('/', '-')}", lambda s, url=url: _get(url, s))
        except (MeshproofError, OSError) as error:
            self.index.append(f"{folder}/: not gathered: {type(error).__name__}: {error}")

    def _write(self, name: str, text: str) -> None:
        data = redact(text).encode("utf-8", "replace")
        note = ""
        if len(data) > FILE_LIMIT_BYTES:
            note = f", the first {FILE_LIMIT_BYTES} of {len(data)} bytes"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data[:FILE_LIMIT_BYTES])
        self.index.append(f"{name}: {min(len(data), FILE_LIMIT_BYTES)} bytes{note}")


def folder_of(run: Path, slug: str) -> Path:
    """Where the diagnostics of a step are, in the folder of its run."""
    return run / "diagnostics" / slug


def gather(
    cluster: Kubectl,
    folder: Path,
    *,
    namespaces: Sequence[str],
    deadline_s: float = DEADLINE_S,
    now: Callable[[], float] = time.monotonic,
) -> Path:
    """Write down all that helps to find out why a check was refuted, and return the path of the index.

    Args:
        cluster: Where to look.
        folder: Where to write; made where it is missing.
        namespaces: Those whose objects, events and logs are of interest.
        deadline_s: Seconds after which no further item is begun; one item takes `ITEM_S` at most.
        now: Source of time in seconds.

    Raises:
        OSError: Not even the index can be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = _Gathering(cluster, folder, now() + deadline_s, now)
    index = folder / INDEX
    try:
        # The proxies first: what they hold changes soonest, and tells most.
        pods = [pod for namespace in namespaces for pod in _pods(work, namespace)]
        for pod in pods:
            _proxies(work, pod)
        for pod in pods:
            _logs(work, pod)
        _objects(work, namespaces)
    finally:
        index.write_text(redact("\n".join(work.index) + "\n"), encoding="utf-8")
    return index


def _pods(work: _Gathering, namespace: str) -> list[_Pod]:
    text = work.kubectl(f"{namespace}/pods.json", "get", "pods", "-n", namespace, "-o", "json")
    try:
        return [_Pod.from_dict(pod) for pod in json.loads(text)["items"]]
    except (ValueError, KeyError, TypeError) as error:
        work.index.append(f"{namespace}/: its pods are unknown: {type(error).__name__}: {error}")
        return []


def _proxies(work: _Gathering, pod: _Pod) -> None:
    for container, port in ADMIN_PORTS.items():
        if container in pod.containers:
            work.admin(f"{pod.namespace}/{pod.name}/{container}", pod, port, ENVOY_PATHS)
    if ISTIOD_CONTAINER in pod.containers:
        work.admin(f"{pod.namespace}/{pod.name}/istiod", pod, ISTIOD_PORT, ISTIOD_PATHS)


def _logs(work: _Gathering, pod: _Pod) -> None:
    for container in pod.containers:
        args = ("logs", pod.name, "-n", pod.namespace, "-c", container, "--timestamps", f"--tail={LOG_LINES}")
        work.kubectl(f"{pod.namespace}/{pod.name}/{container}.log", *args)
        if container in pod.restarted:
            work.kubectl(f"{pod.namespace}/{pod.name}/{container}.previous.log", *args, "--previous")


def _objects(work: _Gathering, namespaces: Sequence[str]) -> None:
    work.kubectl("events.txt", "get", "events", "-A", "--sort-by=.lastTimestamp", "-o", "wide")
    namespaced = _kinds(work, "kinds-namespaced.txt", "--namespaced=true")
    clustered = _kinds(work, "kinds-cluster.txt", "--namespaced=false")
    for namespace in namespaces:
        work.kubectl(f"{namespace}/overview.txt", "get", "all", "-n", namespace, "-o", "wide")
        work.kubectl(f"{namespace}/pods-described.txt", "describe", "pods", "-n", namespace)
        if kinds := ",".join(kind for kind in namespaced if kind not in LEFT_OUT):
            work.kubectl(f"{namespace}/objects.yaml", "get", kinds, "-n", namespace, "-o", "yaml", "--ignore-not-found")
        work.kubectl(f"{namespace}/secrets.txt", "get", "secrets", "-n", namespace, "-o", f"go-template={KEYS_ONLY}")
    if custom := ",".join(kind for kind in (*namespaced, *clustered) if kind.endswith(CUSTOM_GROUPS)):
        work.kubectl("custom-objects.yaml", "get", custom, "-A", "-o", "yaml", "--ignore-not-found")
    work.kubectl("cluster-objects.yaml", "get", CLUSTER_KINDS, "-o", "yaml")
    work.kubectl("nodes-described.txt", "describe", "nodes")
    work.kubectl("definitions.txt", "get", "customresourcedefinitions")


def _kinds(work: _Gathering, name: str, which: str) -> list[str]:
    lines = work.kubectl(name, "api-resources", "--verbs=list", "-o", "name", which).partition("\n# exit code")[0]
    return lines.split()


def _get(url: str, timeout_s: float) -> str:
    response = httpx.get(url, timeout=timeout_s, trust_env=False)
    return response.raise_for_status().text
