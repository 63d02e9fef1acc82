"""Diagnosis: why requests for a host have no client certificate, or fail, in a cluster that is only read."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from meshproof.diagnose import envoys, reading
from meshproof.diagnose.diagnosis import Cause, Diagnosis, Hop, schema
from meshproof.diagnose.judging import judge
from meshproof.dialects import Dialect, dialect
from meshproof.errors import NotReady
from meshproof.kube.api import Api
from meshproof.path.link import NotSeen
from meshproof.wait import wait_for

PASSES_S = 2.0
PASSING = ("unexplained", "cluster.not-received")
__all__ = ["Cause", "Diagnosis", "Hop", "diagnose", "schema"]


def diagnose(
    api: Api,
    host: str,
    *,
    env: Mapping[str, str] | None = None,
    ask: bool = True,
    skip: Sequence[str] = (),
    gateway: str = "",
    kubectl: Sequence[str] = ("kubectl",),
    line: Dialect | None = None,
) -> Diagnosis:
    """Follow the way of a host through a cluster, and say what is the matter with it. Nothing is written.

    Args:
        api: The API server.
        host: The host.
        env: The environment of a kubectl that reaches the cluster; without it, Envoy and the answers are not seen.
        ask: Whether requests for the host are sent: a handful of `GET /headers`.
        skip: Findings that are not to be told, as `CODE` or `CODE:OBJECT`.
        gateway: The Gateway, as `NAMESPACE/NAME`, where several have the host.
        kubectl: How kubectl is typed in remedies.
        line: What kgateway calls things; as its newest line does by default.

    Raises:
        BadInput: There is no way of that host to follow.
        MachineCannot: The API server cannot be reached.
    """
    place = reading.Place(api, env)
    requests = 0

    def look() -> Diagnosis:
        nonlocal requests
        scene = reading.read(place, host, line or dialect("2.4"), gateway, kubectl)
        scene = replace(scene, logs=reading.logs(place, scene))
        with envoys.opened(place, scene) as accesses:
            scene = replace(scene, held=envoys.held(accesses, host))
            answered, sent = envoys.answers(accesses, scene) if ask else (NotSeen("ASK=0: no request was sent"), 0)
        requests += sent
        return judge(replace(scene, came_back=answered), requests, skip)

    found = look()
    if not _may_pass(found):
        return found
    seen = [found]
    with contextlib.suppress(NotReady):  # it does not pass
        wait_for(
            lambda: seen.append(look()) or seen[-1],
            lambda again: not _may_pass(again),
            what="what may be on its way to Envoy",
            timeout_s=PASSES_S,
            every_s=PASSES_S / 2,
        )
    return seen[-1]


def _may_pass(found: Diagnosis) -> bool:
    """Whether the first error is one that a change makes for a moment, until Envoy has received it."""
    return found.first is not None and found.first.code in PASSING
