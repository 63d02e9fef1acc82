"""From a scene to a diagnosis: each link looked at in the order of the way, and what follows from what."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from meshproof.diagnose import apps, backends, control, injection, leading, parameters, pods, secrets, wire
from meshproof.diagnose.diagnosis import SEVERITIES, Cause, Diagnosis, Hop, State, Verdict
from meshproof.diagnose.look import Look
from meshproof.diagnose.scene import Scene
from meshproof.path.link import Unseen

# In the order of the way; what each hangs on comes before it.
LINKS: dict[str, Callable[[Scene, Look], None]] = {
    "listener": leading.listener,
    "route": leading.route,
    "backend": backends.backend,
    "controller": control.controller,
    "parameters": parameters.parameters,
    "istiod": control.istiod,
    "gateway": pods.gateway,
    "sds": secrets.sds,
    "certificate": secrets.certificate,
    "cluster": secrets.cluster,
    "endpoints": apps.endpoints,
    "injection": injection.injection,
    "sidecar": apps.sidecar,
    "policies": wire.policies,
    "answers": wire.answers,
}


def judge(scene: Scene, requests: int = 0, skip: Sequence[str] = ()) -> Diagnosis:
    """Judge a scene.

    Args:
        scene: What was read.
        requests: How many requests were sent for it.
        skip: Findings that are not to be told, as `CODE` or `CODE:OBJECT`; the object may have stars.
    """
    looks = [_look(scene, link) for link in LINKS]
    found = _with_symptoms(looks)
    skipped = [each for each in found if _is_skipped(each, skip)]
    kept = [each for each in found if each not in skipped]
    hops = tuple(_hops(looks, kept))
    settled = not any(look.unsettled for look in looks)
    findings = (*_ordered(kept), *(_unseen(look) for look in looks if look.not_seen))
    return Diagnosis(
        host=scene.host,
        verdict=_verdict(findings, hops, settled=settled),
        settled=settled,
        hops=hops,
        findings=tuple(sorted(findings, key=lambda each: SEVERITIES.index(each.severity))),
        requests=requests,
        skipped=tuple(f"{each.code}:{each.object}" for each in skipped),
        taken=time.time(),
    )


def _look(scene: Scene, link: str) -> Look:
    look = Look(link)
    try:
        LINKS[link](scene, look)
    except Unseen as unseen:
        look.not_seen = str(unseen).splitlines()[0]
    return look


def _with_symptoms(looks: Sequence[Look]) -> list[Cause]:
    """The causes in the order of the way, and those symptoms that no cause before them explains."""
    found: list[Cause] = []
    for look in looks:
        found += look.causes
        if any(each.severity == "error" for each in found):
            look.see(*(f"follows: {each.sentence}" for each in look.symptoms))
        else:
            found += look.symptoms
    return found


def _hops(looks: Sequence[Look], kept: Sequence[Cause]) -> list[Hop]:
    """The way; a link behind the first broken one that has nothing wrong of its own is not reached."""
    broken = {each.link for each in kept if each.severity == "error"}
    hops: list[Hop] = []
    for look in looks:
        behind = any(hop.state == "broken" for hop in hops)
        state: State = "ok"
        if look.link in broken:
            state = "broken"
        elif behind:
            state = "not reached"
        elif look.not_seen or look.unsettled:
            state = "not seen"
        told = [*look.evidence, *([f"not settled: {look.unsettled}"] if look.unsettled else [])]
        told += [f"not seen: {look.not_seen}"] if look.not_seen else []
        hops.append(Hop(look.link, state, look.object or look.link, tuple(told)))
    return hops


def _verdict(findings: Sequence[Cause], hops: Sequence[Hop], *, settled: bool) -> Verdict:
    if any(each.severity == "error" and each.code != "unexplained" for each in findings):
        return "broken"
    if any(each.code == "unexplained" for each in findings):
        return "broken"
    return "healthy" if settled and all(hop.state == "ok" for hop in hops) else "unsure"


def _unseen(look: Look) -> Cause:
    told = f"{look.object or f'the link {look.link}'} was not seen: {WOULD_TELL[look.link]}"
    return Cause("not-seen", look.link, "unknown", told, look.object or look.link, (look.not_seen,))


def _ordered(found: Sequence[Cause]) -> list[Cause]:
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))


def _is_skipped(cause: Cause, skip: Sequence[str]) -> bool:
    pairs = [each.partition(":") for each in skip]
    return any(code == cause.code and (not of or fnmatchcase(cause.object, of)) for code, _, of in pairs)


WOULD_TELL = {
    "listener": "whether the Gateway takes the host",
    "route": "which route gets its requests",
    "backend": "whether the backend is there, and fit for mutual TLS",
    "controller": "whether the integration is switched on",
    "parameters": "whether the gateway's parameters are attached and right",
    "istiod": "whether istiod is ready and serves the namespaces",
    "gateway": "whether the gateway's pods have what mutual TLS needs",
    "sds": "whether Envoy can have its certificate",
    "certificate": "whether the gateway's certificate is valid and the mesh's",
    "cluster": "whether Envoy holds what was applied",
    "endpoints": "whether the app has pods that are ready",
    "injection": "who injects the app's pods, and why some have no sidecar",
    "sidecar": "whether the app's sidecars are ready and marked",
    "policies": "whether a policy forbids what the gateway speaks",
    "answers": "whether requests really arrive over mutual TLS",
}
