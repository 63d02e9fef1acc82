"""What a survey found and what a run would do, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import fill

from meshproof.dialects import Dialect
from meshproof.path.istiods import Istiod
from meshproof.survey.found import Controller, Found, Node
from meshproof.survey.plan import Plan
from meshproof.survey.rights import rights

WIDTH = 110
UNCHANGED = "nothing of somebody else's is changed"


def found_text(found: Found, dialect: Dialect) -> str:
    """What is there, a line each."""
    lines = [
        f"cluster {found.server}, context {found.context}: nothing is changed by looking",
        *columns(found_rows(found, dialect)),
    ]
    if found.left:
        lines.append("  left by a run of meshproof that was ended: taken away before anything else")
    return "\n".join(lines)


def plan_text(plan: Plan) -> str:
    """What a run would do, a line each."""
    unchanged = [] if plan.changed else [f"  {UNCHANGED}"]
    return "\n".join(["the plan", *columns(plan_rows(plan)), *unchanged])


def plan_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """What a run would do: a line each, after what kind of thing that is."""
    yield from (("used as found", line) for line in plan.used)
    yield from (("made, and gone at the end", line) for line in plan.made)
    yield from (("changed, and put back", line) for line in plan.changed)
    yield from (("which does to others", line) for line in plan.effects)
    yield from (("to know", line) for line in plan.notes)
    yield "rights", f"all {len(rights(plan.makes))} that it needs are there"


def columns(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Lines of two columns; a name that repeats is told once."""
    before, rows = "", list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        head = f"  {'' if name == before else name:{width}}  "
        yield fill(text, WIDTH, initial_indent=head, subsequent_indent=" " * (width + 6), break_on_hyphens=False)
        before = name


def found_rows(found: Found, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """What is there: a line each, after what it is about."""
    yield "Kubernetes", f"{found.kubernetes}, {_nodes(found.nodes)}"
    api = found.gateway_api
    yield "Gateway API", f"{api.version}, {api.channel} channel" if api else "not there"
    for istiod in found.istiods:
        yield "istiod", _istiod(istiod)
    if not found.istiods:
        yield "istiod", "none"
    yield "Istio's CNI plugin", "there" if found.cni else "not there"
    for controller in found.controllers:
        yield "kgateway", _controller(controller, dialect)
    if not found.controllers:
        yield "kgateway", f"none{', though its definitions are there' if found.kgateway_crds else ''}"
    for gateway in found.gateways:
        yield (
            "Gateways of kgateway",
            str(gateway.ref),
        )
    there, served = found.balancers
    yield "load balancers", f"{served} of {there} Services have an address" if there else "no Service asks for one"
    for policy in found.policies:
        yield "NetworkPolicies at istiod", policy


def _nodes(nodes: Sequence[Node]) -> str:
    kinds = ", ".join(sorted({each.architecture for each in nodes}))
    ready = sum(each.ready for each in nodes)
    return f"{len(nodes)} node{'s' if len(nodes) != 1 else ''} ({kinds}), {ready} ready"


def _istiod(istiod: Istiod) -> str:
    selected = f", serves namespaces with {' or '.join(map(str, istiod.selectors))}" if istiod.selectors else ""
    return (
        f"{istiod.deployment}: {istiod.version}, revision {istiod.revision}, cluster id {istiod.cluster_id}, "
        f"trust domain {istiod.trust_domain}, sidecar {istiod.proxy_image}{selected}{_unready(istiod.ready)}"
    )


def _controller(controller: Controller, dialect: Dialect) -> str:
    at = f"namespaces with {' or '.join(map(str, controller.selectors))}" if controller.selectors else "all namespaces"
    switch = "true" if controller.on else "not true"
    return (
        f"{controller.deployment}: {controller.version}, looks at {at}, {dialect.integration_env} {switch}"
        f"{_unready(controller.ready)}"
    )


def _unready(ready: bool) -> str:
    return "" if ready else ", not rolled out"
