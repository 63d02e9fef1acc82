"""Which containers the pods of a workload have. A count comes before content: no pod at all never holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from meshproof.checks.finding import Finding
from meshproof.kube.workloads import Container, Pod


def names(pod: Pod) -> tuple[str, ...]:
    """Names of the containers that kubectl's READY counts, in the pod's order."""
    return tuple(container.name for container in pod.containers)


def has_exactly(pods: Sequence[Pod], expected: Collection[str]) -> Finding:
    """Every pod has exactly these containers, in any order and native sidecar or not, and all of them are ready.

    Pods that are terminating or over, such as evicted ones, are listed, and left out of the count.
    """
    wanted = sorted(expected)
    counted = [pod for pod in pods if pod.living]
    seen = [describe(pod) for pod in pods]
    return Finding(
        holds=bool(counted) and all(sorted(names(pod)) == wanted and pod.all_ready for pod in counted),
        expected=f"{', '.join(expected)}; READY {len(wanted)}/{len(wanted)}",
        observed="; ".join(seen if counted else ["no pod", *seen]),
    )


def injected_by(pods: Sequence[Pod], revision: str) -> Finding:
    """Every living pod was given its sidecar by the istiod of this revision."""
    living = [pod for pod in pods if pod.living]
    return Finding(
        holds=bool(living) and all(pod.injected_by == revision for pod in living),
        expected=f"pods injected by revision {revision}",
        observed="; ".join(f"{pod.name}: {_injector(pod)}" for pod in living) or "no pod",
    )


def _injector(pod: Pod) -> str:
    return f"injected by revision {pod.injected_by}" if pod.injected_by else "not injected"


def describe(pod: Pod) -> str:
    """A pod in one line: `http-7f9 2/3: kgateway-proxy, sds, istio-proxy (not ready)`."""
    state = " terminating" if pod.terminating else "" if pod.living else f" {pod.phase.lower()}"
    return f"{pod.name} {pod.ready}{state}: {', '.join(_describe(container) for container in pod.containers)}"


def _describe(container: Container) -> str:
    notes = [
        note
        for note, applies in (("native sidecar", container.native_sidecar), ("not ready", not container.ready))
        if applies
    ]
    return f"{container.name} ({', '.join(notes)})" if notes else container.name
