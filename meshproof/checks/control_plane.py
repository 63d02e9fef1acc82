"""What the control planes must say: conditions, environment, parameters, labels, rendered charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import unified_diff

from meshproof.checks.finding import Finding
from meshproof.formats.certificate import issued_by, leaf_uris, leaf_validity
from meshproof.formats.spiffe import SpiffeId
from meshproof.kube.conditions import Condition, is_true
from meshproof.kube.objects import Gateway, Namespace, Parameters
from meshproof.kube.routes import HTTPRoute
from meshproof.kube.workloads import Deployment, Pod

DIFF_LINES = 10


def is_rolled_out(deployment: Deployment) -> Finding:
    """Every replica is updated and available, as `kubectl rollout status` decides."""
    seen = (
        f"generation {deployment.observed_generation} of {deployment.generation} observed; "
        f"{deployment.updated} updated, {deployment.available} available of {deployment.replicas}"
    )
    return Finding(deployment.rolled_out and deployment.available > 0, "rolled out, at least one replica", seen)


def accepted(gateway: Gateway, parameters: str) -> Finding:
    """The newest generation is accepted and programmed, and has these parameters (`KIND/NAME`, or none)."""
    holds = all(is_true(gateway.conditions, kind, gateway.generation) for kind in ("Accepted", "Programmed"))
    seen = f"parameters {gateway.parameters_ref or 'none'}; {_spoken(gateway.conditions)}"
    expected = f"parameters {parameters or 'none'}; Accepted and Programmed at generation {gateway.generation}"
    return Finding(holds and gateway.parameters_ref == parameters, expected, seen)


def routes_accepted(routes: Sequence[HTTPRoute], expected: int) -> Finding:
    """That many routes exist, and each is accepted with its references resolved at every parent."""
    conditions = [(route, parent) for route in routes for parent in route.parents]
    holds = len(routes) == expected and all(route.parents for route in routes)
    holds = holds and all(
        is_true(parent.conditions, kind, route.generation)
        for route, parent in conditions
        for kind in ("Accepted", "ResolvedRefs")
    )
    seen = [f"{route.namespace}/{route.name} at {p.parent}: {_spoken(p.conditions)}" for route, p in conditions]
    return Finding(holds, f"{expected} routes, Accepted and ResolvedRefs", "; ".join(seen) or "no route has a parent")


def has_env(pods: Sequence[Pod], container: str, name: str, value: str) -> Finding:
    """Every living pod has the container with the variable at that value."""
    seen = [(pod.name, _variable(pod, container, name)) for pod in pods if pod.living]
    return Finding(
        bool(seen) and all(said == f"{name}={value}" for _, said in seen),
        f"{name}={value} in container {container}",
        "; ".join(f"{pod}: {said}" for pod, said in seen) or "no pod",
    )


def has_image(pods: Sequence[Pod], container: str, image: str) -> Finding:
    """Every living pod runs the container from this image."""
    seen = [(pod.name, [part.image for part in pod.containers if part.name == container]) for pod in pods if pod.living]
    return Finding(
        bool(seen) and all(images == [image] for _, images in seen),
        f"{container} from {image}",
        "; ".join(f"{pod}: {container} from {', '.join(images) or 'nothing'}" for pod, images in seen) or "no pod",
    )


def same_rendering(plain: str, with_values: str, control: str, values_name: str) -> Finding:
    """The values change nothing in what the chart renders, while values that do work change something."""
    if plain == control:
        return Finding(False, "values that are known to work change the manifests", "they change nothing")
    return Finding(
        plain == with_values and bool(plain),
        f"the same manifests with and without {values_name}",
        _difference(plain, with_values) or f"{len(plain.splitlines())} lines, none differs",
    )


def from_root(chains: Mapping[str, str], roots: str, identity: SpiffeId) -> Finding:
    """The certificate of each pod of the gateway is valid now, of this identity, and leads to one of the roots."""
    now = datetime.now(UTC)
    wrong = {pod: tuple(_wrong(chain, roots, identity, now)) for pod, chain in chains.items()}
    good = "valid and issued by istiod's root"
    told = (
        f"certificate of {', '.join(leaf_uris(chain)) or 'no URI'}, {' and '.join(wrong[pod]) or good}"
        for pod, chain in chains.items()
    )
    return Finding(
        bool(chains) and not any(wrong.values()),
        f"valid certificate of {identity}, issued by istiod's root",
        "; ".join(dict.fromkeys(told)) or "no certificate",
    )


def has_leaves(stored: Parameters, applied: Parameters) -> Finding:
    """Each value that was applied is stored, and no other: the API server adds none to those that the page sets."""
    paths = dict.fromkeys((*applied.leaves, *stored.leaves))
    sides = [(path, stored.leaves.get(path, "(unset)"), applied.leaves.get(path, "(unset)")) for path in paths]
    others = [f"{path} is {found}, applied was {wanted}" for path, found, wanted in sides if found != wanted]
    return Finding(not others, str(applied), "; ".join((str(stored), *others)))


def labelled(namespace: Namespace, expected: Mapping[str, str], absent: Sequence[str]) -> Finding:
    """The namespace has these labels and none of those."""
    wrong = [key for key, value in expected.items() if namespace.labels.get(key) != value]
    wrong += [key for key in absent if key in namespace.labels]
    words = [f"{key}={value}" for key, value in expected.items()] + [f"no {key}" for key in absent]
    seen = ", ".join(f"{key}={value}" for key, value in sorted(namespace.labels.items()))
    return Finding(not wrong, ", ".join(words), seen or "no label")


def _wrong(chain: str, roots: str, identity: SpiffeId, now: datetime) -> Iterator[str]:
    begin, end = leaf_validity(chain)
    if leaf_uris(chain) != (str(identity),):
        yield "not of the gateway's service account"
    if not begin <= now <= end:
        yield f"valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, not at {now:%Y-%m-%d %H:%M}"
    if not issued_by(chain, roots, now):
        yield "not issued by istiod's root"


def _variable(pod: Pod, container: str, name: str) -> str:
    environments = [dict(part.env) for part in pod.containers if part.name == container]
    return f"{name}={environments[0].get(name, '(unset)')}" if environments else f"no container {container}"


def _spoken(conditions: Sequence[Condition]) -> str:
    return ", ".join(f"{c.type}={c.status} at generation {c.observed_generation}" for c in conditions) or "no condition"


def _difference(one: str, other: str) -> str:
    """How many lines came and went, and the first of them; empty where nothing did."""
    hunks = [*unified_diff(one.splitlines(keepends=True), other.splitlines(keepends=True), n=0)][2:]
    added, removed = (sum(line.startswith(sign) for line in hunks) for sign in "+-")
    shown = [line.rstrip("\n") for line in hunks[:DIFF_LINES]] + ["…"] * (len(hunks) > DIFF_LINES)
    return "\n".join([f"lines: {added} added, {removed} removed", *shown]) if hunks else ""
