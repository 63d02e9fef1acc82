"""Pods with their containers and kubectl's READY, against what they were before a section."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from meshproof.checks.containers import names
from meshproof.kube.workloads import Container, Pod


def pods_rows(before: Sequence[Pod], after: Sequence[Pod]) -> str:
    """The rows of an HTML table; containers that a workload did not have before are marked, lost ones struck out."""
    return "".join(_row(before, pod) for pod in after if pod.living)


def pods_text(before: Sequence[Pod], after: Sequence[Pod]) -> str:
    """One line for each pod."""
    return "\n".join(
        f"{pod.namespace}/{pod.name} {_ready(before, pod)}: {', '.join(names(pod))}" for pod in after if pod.living
    )


def _row(before: Sequence[Pod], pod: Pod) -> str:
    earlier = _earlier(before, pod)
    had = {name for each in earlier for name in names(each)}
    chips = "".join(_chip(each, new=bool(earlier) and each.name not in had) for each in pod.containers)
    gone = "".join(f'<span class="chip gone">{escape(name)}</span>' for name in sorted(had - set(names(pod))))
    restarts = sum(container.restarts for container in pod.containers)
    return (
        f"<tr><td>{escape(pod.namespace)}</td><td>{escape(pod.name)}</td><td><b>{_ready(before, pod)}</b></td>"
        f"<td>{chips}{gone}</td><td>{restarts}</td></tr>"
    )


def _ready(before: Sequence[Pod], pod: Pod) -> str:
    was = [each.ready for each in _earlier(before, pod) if each.living]
    return f"{was[0]} → {pod.ready}" if was and was[0] != pod.ready else pod.ready


def _earlier(before: Sequence[Pod], pod: Pod) -> list[Pod]:
    return [each for each in before if _workload(each) == _workload(pod)]


def _workload(pod: Pod) -> tuple[str, str]:
    """What owns a pod over its generations: a ReplicaSet's name without its hash."""
    return pod.namespace, pod.owner.rpartition("-")[0]


def _chip(container: Container, *, new: bool) -> str:
    marks = [word for word, applies in (("new", new), ("waiting", not container.ready)) if applies]
    kind = "<i>native sidecar</i>" if container.native_sidecar else ""
    classes = " ".join(["chip", *marks])
    return f'<span class="{classes}" title="{escape(container.image)}">{escape(container.name)}{kind}</span>'
