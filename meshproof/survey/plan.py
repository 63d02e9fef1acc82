"""What a run will do to a cluster of somebody else's: what it uses as found, makes, and changes; or why it cannot.

A kgateway of the run's own is installed beside those that are there: all of one controller name serve every Gateway of
their classes in the namespaces that they look at. So each looks at its own, and those of others look away from ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from meshproof.choices import CONTROLLER, Choices
from meshproof.dialects import CONTROLLER_NAME, Dialect
from meshproof.errors import BadInput
from meshproof.names import INJECTION_LABEL, REVISION_LABEL, Names
from meshproof.path.istiods import Istiod
from meshproof.releases import Cell, cells
from meshproof.steps.setting import Aside, Makes
from meshproof.survey import lines
from meshproof.survey.found import Controller, Found
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE, OURS, our_names

_OWN_LABEL = "kubernetes.io/metadata.name"  # which the cluster itself gives to a namespace
_ASKING = (INJECTION_LABEL, REVISION_LABEL)
_NOT_OURS = {"key": OURS[0], "operator": "NotIn", "values": [OURS[1]]}


@dataclass(frozen=True)
class Plan:
    """What a run will do, and in lines for people.

    Attributes:
        istiod: The istiod that serves.
        names: What things are called here.
        makes: What of that which several may share the run makes itself.
        used: What is used as it was found.
        made: What is made, and gone at the end.
        changed: What of somebody else's is changed meanwhile.
        effects: What that does to others.
        notes: What must be known beside the verdict.
    """

    istiod: Istiod
    names: Names
    makes: Makes
    used: tuple[str, ...]
    made: tuple[str, ...]
    changed: tuple[str, ...]
    effects: tuple[str, ...]
    notes: tuple[str, ...]


def plan(found: Found, choices: Choices, cell: Cell, dialect: Dialect) -> Plan:
    """Make a plan for what was found.

    Raises:
        BadInput: The page cannot be proved here; each reason is a line.
    """
    istiod = _serving(found, choices)
    labels = _labels(istiod)
    seeing = [each for each in found.controllers if any(map(each.sees, _namespaces(labels)))]
    refusals = [
        *_refusals(found, istiod, labels),
        *_refused_controllers(found, cell, dialect),
        *_refused_changes(seeing, choices),
    ]
    if refusals:
        raise BadInput("\n  ".join([f"cluster {found.server}: the page cannot be proved here as it is", *refusals]))
    makes = Makes(
        istio=False,
        kgateway_crds=not found.kgateway_crds,
        gateway_api=found.gateway_api is None,
        gateway_class=dialect.gateway_class not in found.classes,
        labels=labels,
        class_values=_class_values(found.controllers),
        asides=tuple(Aside(each.deployment, each.looks_at, _without_ours(each), each.fields) for each in seeing),
    )
    return Plan(
        istiod=istiod,
        names=replace(our_names(), istio_namespace=istiod.namespace, revision=istiod.chosen),
        makes=makes,
        used=tuple(lines.used(found, istiod, makes)),
        made=tuple(lines.made(makes, cell)),
        changed=tuple(lines.changed(makes.asides, dialect)),
        effects=tuple(lines.effects(found, seeing)),
        notes=tuple(lines.notes(found, istiod, makes, cell)),
    )


def _serving(found: Found, choices: Choices) -> Istiod:
    """The istiod that was chosen, or the only one.

    Raises:
        BadInput: There is none, or it is not clear which.
    """
    by_revision: dict[str, list[Istiod]] = {}
    for istiod in found.istiods:
        by_revision.setdefault(istiod.revision, []).append(istiod)
    known = ", ".join(f"{each.revision} in {each.namespace}" for each in found.istiods)
    if not found.istiods:
        raise BadInput(
            f"cluster {found.server}: no istiod is there (a Service labelled app=istiod with port 15012, and its "
            "Deployment); install Istio as you mean to run it, then try again"
        )
    if not choices.revision and len(by_revision) > 1:
        raise BadInput(f"cluster {found.server}: has istiods of several revisions, {known}; choose one with REVISION=")
    wanted = choices.revision or next(iter(by_revision))
    if wanted not in by_revision:
        raise BadInput(f"REVISION={wanted}: cluster {found.server} has no istiod of it; it has {known}")
    of_it = by_revision[wanted]
    if len(of_it) > 1:
        named = ", ".join(str(each.deployment) for each in of_it)
        raise BadInput(
            f"cluster {found.server}: several istiods have the revision {wanted}: {named}; leave one of them"
        )
    return of_it[0]


def _labels(istiod: Istiod) -> Mapping[str, str]:
    """The labels of our namespaces: our own, and those by which this istiod is told to serve a namespace.

    None that ask it for sidecars: where there are some is the page's to say.
    """
    ours: dict[str, str] = dict([OURS])
    wanted = [dict(each.labels) for each in istiod.selectors]
    offered = [ours, *(ours | labels for labels in wanted if labels.keys().isdisjoint({OURS[0], *_ASKING}))]
    return next((labels for labels in offered if _serves_ours(istiod, labels)), ours)


def _namespaces(labels: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """The labels of our namespaces, with the one that the cluster gives to each."""
    return [{**labels, _OWN_LABEL: name} for name in (GATEWAY_NAMESPACE, APP_NAMESPACE)]


def _serves_ours(istiod: Istiod, labels: Mapping[str, str]) -> bool:
    return all(map(istiod.serves, _namespaces(labels)))


def _refusals(found: Found, istiod: Istiod, labels: Mapping[str, str]) -> Iterator[str]:
    if not istiod.ready:
        yield f"{istiod.deployment}: is not rolled out; mend that first"
    if not _serves_ours(istiod, labels):
        told = " or ".join(map(str, istiod.selectors))
        yield (
            f"{istiod.deployment}: its discoverySelectors serve namespaces with {told}, and what we label our own with "
            "does not meet that; add a selector of labels alone, other than those that ask for sidecars"
        )
    for name in (GATEWAY_NAMESPACE, APP_NAMESPACE):
        there = found.namespaces.get(name)
        if there is not None and (found.left is None or there.get(OURS[0]) != OURS[1]):
            yield f"Namespace {name}: is there, and meshproof did not make it; it would make one of that name"
    if not any(node.ready for node in found.nodes):
        yield "no node is ready"


def _refused_controllers(found: Found, cell: Cell, dialect: Dialect) -> Iterator[str]:
    """Why there cannot be one of ours beside the kgateways that are there."""
    by = found.classes.get(dialect.gateway_class)
    if by not in (None, CONTROLLER_NAME):
        yield f"GatewayClass {dialect.gateway_class}: is of the controller {by}; kgateway's own has that name"
    elif by and not found.controllers:
        yield (
            f"GatewayClass {dialect.gateway_class}: is there, and no kgateway that can be seen; ours would write it "
            "anew. Delete the class where nobody needs it"
        )
    for each in found.controllers:
        if each.unread:
            yield f"{each.deployment}: {each.unread}; which namespaces it looks at must be a plain value"
        if _line(each.version) != _line(cell.kgateway):
            known = ", ".join(dict.fromkeys(each.kgateway for each in cells()))
            yield (
                f"{each.deployment}: is kgateway {each.version}; one of {cell.kgateway} beside it would write its "
                f"class in another form, again and again. Choose its line with KGATEWAY= (supported: {known})"
            )


def _line(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _refused_changes(seeing: Sequence[Controller], choices: Choices) -> Iterator[str]:
    """Why controllers that look at our namespaces cannot be told to look away, or may not."""
    if choices.change == CONTROLLER and not seeing:
        yield f"CHANGE={CONTROLLER}: no controller here looks at our namespaces, none need be changed; leave it out"
    for each in seeing:
        if not each.ready:
            yield f"{each.deployment}: is not rolled out; mend that first"
        elif choices.change != CONTROLLER:
            yield (
                f"{each.deployment}: looks at our namespaces, too, and would serve our Gateway as well. "
                f"CHANGE={CONTROLLER} tells it meanwhile to look away from ours, which its own Gateways do not notice; "
                "or give it discoveryNamespaceSelectors that leave ours out"
            )


def _without_ours(controller: Controller) -> str:
    """The namespaces that a controller looks at, less ours; as its variable has it."""
    selectors: list[dict[str, Any]] = json.loads(controller.looks_at or "[]") or [{}]
    less = [{**each, "matchExpressions": [*each.get("matchExpressions", []), _NOT_OURS]} for each in selectors]
    return json.dumps(less, separators=(",", ":"))


def _class_values(controllers: Sequence[Controller]) -> Mapping[str, Any]:
    """What those that are there say of the classes that all of them write, over each other where they differ."""
    if not controllers:
        return {}
    first = controllers[0]
    return {"gatewayClassParametersRefs": json.loads(first.parameters_refs), "waypoint": {"enabled": first.waypoint}}
