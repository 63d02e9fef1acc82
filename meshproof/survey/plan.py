"""What a run will do to a cluster of somebody else's: what it uses as found, makes, and changes; or why it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from meshproof.choices import CONTROLLER, Choices
from meshproof.dialects import Dialect
from meshproof.errors import BadInput
from meshproof.kube.kinds import Ref
from meshproof.kube.selectors import Selector
from meshproof.names import Names
from meshproof.releases import Cell
from meshproof.steps.setting import Makes, Switch
from meshproof.survey.found import Controller, Found, Istiod, TheirGateway
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE, OURS, our_names

_DEFAULT_ISTIOD = "istiod.istio-system.svc:15012"  # where a gateway without parameters looks
_OWN_LABEL = "kubernetes.io/metadata.name"  # which the cluster itself gives to a namespace


@dataclass(frozen=True)
class Effect:
    """What switching a controller does to one of its Gateways meanwhile."""

    gateway: Ref
    told: str


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes:
        istiod: The istiod that serves.
        names: What things are called here.
        makes: What of the shared parts the run makes itself.
        used: What is used as it was found, a line each.
        made: What is made, and gone at the end, a line each.
        changed: What of somebody else's is changed meanwhile, a line each.
        effects: What that does to their Gateways.
        notes: What else must be known beside the verdict.
        kgateway: The version of the kgateway that is proved.
    """

    istiod: Istiod
    names: Names
    makes: Makes
    used: tuple[str, ...]
    made: tuple[str, ...]
    changed: tuple[str, ...]
    effects: tuple[Effect, ...]
    notes: tuple[str, ...]
    kgateway: str


def plan(found: Found, choices: Choices, cell: Cell, dialect: Dialect) -> Plan:
    """Make a plan for what was found.

    Raises:
        BadInput: The page cannot be proved here; each reason is a line.
    """
    istiod = _serving(found, choices)
    labels = _labels(istiod)
    refusals = list(_refusals(found, istiod, labels))
    ours = tuple({**labels, _OWN_LABEL: name} for name in (GATEWAY_NAMESPACE, APP_NAMESPACE))
    seeing = [each for each in found.controllers if any(map(each.sees, ours))]
    theirs = seeing[0] if seeing else None
    if theirs:
        refusals += _refused_change(theirs, seeing[1:], choices)
    elif choices.change:
        refusals.append(
            f"CHANGE={choices.change}: there is no {CONTROLLER} to change; one of our own is made. Leave it out"
        )
    if refusals:
        raise BadInput("\n  ".join([f"cluster {found.server}: the page cannot be proved here as it is", *refusals]))
    affected = [each for each in found.gateways if theirs and theirs.sees(each.labels)]
    makes = Makes(
        istio=False,
        controller=theirs is None,
        kgateway_crds=not found.kgateway_crds,
        gateway_api=found.gateway_api is None,
        labels=labels,
        switch=Switch(theirs.deployment, theirs.switch, tuple(each.ref for each in affected)) if theirs else None,
        gateway_class=dialect.gateway_class not in found.classes,
    )
    names = replace(
        our_names(theirs.deployment if theirs else None, theirs.release if theirs else ""),
        istio_namespace=istiod.namespace,
        revision=istiod.chosen,
    )
    kgateway = theirs.version if theirs else cell.kgateway
    return Plan(
        istiod=istiod,
        names=names,
        makes=makes,
        used=tuple(_used(found, istiod, theirs, makes)),
        made=tuple(_made(makes, cell)),
        changed=tuple(_changed(theirs, dialect)),
        effects=tuple(Effect(each.ref, _effect(each, found)) for each in affected),
        notes=tuple(_notes(found, istiod, kgateway, cell)),
        kgateway=kgateway,
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
    """The labels of our namespaces: our own, and those by which this istiod is told to serve a namespace."""
    given: dict[str, str] = dict([OURS])
    if istiod.serves(given):
        return given
    plain: Iterator[Selector] = (each for each in istiod.selectors if each.labels and not each.expressions)
    return given | dict(next((each.labels for each in plain), ()))


def _refusals(found: Found, istiod: Istiod, labels: Mapping[str, str]) -> Iterator[str]:
    if not istiod.ready:
        yield f"{istiod.deployment}: is not rolled out; mend that first"
    if not istiod.serves(labels):
        told = " or ".join(map(str, istiod.selectors))
        yield (
            f"{istiod.deployment}: its discoverySelectors serve namespaces with {told}, and what we label our own with "
            "does not meet that; add a selector of labels alone"
        )
    for name in (GATEWAY_NAMESPACE, APP_NAMESPACE):
        there = found.namespaces.get(name)
        if there is not None and there.get(OURS[0]) != OURS[1]:
            yield f"Namespace {name}: is there, and meshproof did not make it; it would make one of that name"
    if not any(node.ready for node in found.nodes):
        yield "no node is ready"


def _refused_change(theirs: Controller, others: Sequence[Controller], choices: Choices) -> Iterator[str]:
    """Why the controller that sees our namespaces cannot be switched, or may not."""
    if not theirs.ready:
        yield f"{theirs.deployment}: is not rolled out; mend that first"
    for other in others:
        yield f"{other.deployment}: looks at all our namespaces as {theirs.deployment} does; both would serve our Gateway"
    if theirs.switch not in (None, "", "true", "false"):
        yield f"{theirs.deployment}: its switch is {theirs.switch!r}, which cannot be put back; set it to true or false"
    elif theirs.on:
        yield (
            f"{theirs.deployment}: the integration is switched on already, so that what the page begins with cannot be "
            "shown; give it discoveryNamespaceSelectors that leave our namespaces out, and one of our own is made beside it"
        )
    elif choices.change != CONTROLLER:
        yield (
            f"{theirs.deployment}: looks at every namespace, ours too, so that no kgateway of our own can be beside it; "
            "CHANGE=controller switches its integration on meanwhile, and back (`meshproof survey` says what that does), or "
            "give it discoveryNamespaceSelectors that leave our namespaces out"
        )


def _used(found: Found, istiod: Istiod, theirs: Controller | None, makes: Makes) -> Iterator[str]:
    yield (
        f"{istiod.deployment}, revision {istiod.revision}: Istio {istiod.version}, cluster id {istiod.cluster_id}, "
        f"trust domain {istiod.trust_domain}"
    )
    if theirs:
        yield f"{theirs.deployment}: kgateway {theirs.version}"
    if found.gateway_api:
        yield f"the Gateway API's definitions, {found.gateway_api.version}, {found.gateway_api.channel}"
    if not makes.kgateway_crds:
        yield "kgateway's definitions"


def _made(makes: Makes, cell: Cell) -> Iterator[str]:
    yield f"Namespaces {GATEWAY_NAMESPACE} and {APP_NAMESPACE}, labelled {OURS[0]}={OURS[1]}"
    if makes.gateway_api:
        yield f"the Gateway API's definitions, {cell.gateway_api}"
    if makes.kgateway_crds:
        yield f"kgateway's definitions, {cell.kgateway}"
    if makes.controller:
        yield (
            f"in {GATEWAY_NAMESPACE}: kgateway {cell.kgateway}, which looks at our namespaces only, with its ClusterRole and "
            "its binding"
        )
    yield f"in {GATEWAY_NAMESPACE} and {APP_NAMESPACE}: the page's Gateway, sample app, routes and parameters"


def _changed(theirs: Controller | None, dialect: Dialect) -> Iterator[str]:
    if theirs:
        before = "unset" if theirs.switch is None else theirs.switch
        yield (
            f"{theirs.deployment}: {dialect.integration_env}=true meanwhile, {before} again at the end; its pod is "
            "replaced twice, and its history has a revision more"
        )


def _effect(each: TheirGateway, found: Found) -> str:
    """What the switch does to a Gateway: its pods are made anew, with two containers more."""
    address = each.istiod or _DEFAULT_ISTIOD
    if address.partition(":")[0] in found.services:
        return "its pods are replaced by ones with two containers more, sds and istio-proxy, and at the end by ones without"
    return (
        f"gets a new pod with two containers more, sds and istio-proxy, that never gets ready, since they look for istiod at "
        f"{address}, where none is; its old pods go on serving as long as they live, but are not replaced if they die"
    )


def _notes(found: Found, istiod: Istiod, kgateway: str, cell: Cell) -> Iterator[str]:
    if (kgateway, istiod.version) != (cell.kgateway, cell.istio):
        yield (
            f"kgateway {kgateway} with Istio {istiod.version} is not among the supported combinations; what things are called "
            f"is as in kgateway {cell.dialect}"
        )
    if found.policies:
        yield f"NetworkPolicies beside istiod may keep our gateway from it: {', '.join(found.policies)}"
