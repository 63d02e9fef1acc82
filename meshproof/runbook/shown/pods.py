"""Pods with their containers and kubectl's READY, against what they were before a section."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from meshproof.checks.containers import names
from meshproof.kube.workloads import Pod
from meshproof.runbook.shown import Shown, panel


@dataclass(frozen=True)
class Row:
    """A pod, and what is different: READY, containers that its workload did not have before, and lost ones."""

    pod: Pod
    ready: str
    new: Collection[str]
    gone: Sequence[str]


def pods_table(before: Sequence[Pod], after: Sequence[Pod]) -> Shown:
    """Pods with READY and their containers; what a section brought stands out."""
    rows = [_row(before, pod) for pod in after if pod.living]
    text = "\n".join(f"{row.pod.namespace}/{row.pod.name} {row.ready}: {', '.join(names(row.pod))}" for row in rows)
    return panel("pods", "Pods", text=text, rows=rows)


def _row(before: Sequence[Pod], pod: Pod) -> Row:
    earlier = [each for each in before if _workload(each) == _workload(pod)]
    had = {name for each in earlier for name in names(each)}
    has = set(names(pod))
    was = [each.ready for each in earlier if each.living]
    ready = f"{was[0]} → {pod.ready}" if was and was[0] != pod.ready else pod.ready
    return Row(pod, ready, has - had if earlier else (), sorted(had - has))


def _workload(pod: Pod) -> tuple[str, str]:
    """What owns a pod over its generations: a ReplicaSet's name without its hash."""
    return pod.namespace, pod.owner.rpartition("-")[0]
