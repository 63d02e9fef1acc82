"""The way of a request as it was judged: the answer, and who handled it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from meshproof.kube.workloads import Pod
from meshproof.path.ask import Answer, Answers
from meshproof.path.link import Seen


@dataclass(frozen=True)
class Way:
    """One request that was judged: `gateway` and `app` are the containers of the pods that handled it, where seen."""

    answer: Answer
    gateway: tuple[str, ...] = ()
    app: tuple[str, ...] = ()


def ways_of(seen: Seen) -> tuple[Way, ...]:
    """One for each answer among what was seen; requests that carried more than a plain one are left out."""
    pods = [pod for pod in _pods(seen) if pod.living]
    named = {pod.name: _containers(pod) for pod in pods}
    at = {pod.ip: _containers(pod) for pod in pods}
    return tuple(
        Way(answer, named.get(answer.gateway, ()), at.get(answer.host, ()))
        for answers in seen.found.values()
        if isinstance(answers, Answers) and not answers.ask.headers
        for answer in answers.each
    )


def _pods(seen: Seen) -> Iterator[Pod]:
    for found in seen.found.values():
        if isinstance(found, tuple):
            yield from (each for each in cast("tuple[object, ...]", found) if isinstance(each, Pod))


def _containers(pod: Pod) -> tuple[str, ...]:
    return tuple(container.name for container in pod.containers)
