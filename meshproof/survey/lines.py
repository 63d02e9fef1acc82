"""What a plan comes to, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshproof.dialects import Dialect
from meshproof.path.istiods import Istiod
from meshproof.releases import Cell, cells
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.found import Controller, Found
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE, OURS


def used(found: Found, istiod: Istiod, makes: Makes) -> Iterator[str]:
    """What is used as it was found."""
    yield (
        f"{istiod.deployment}, revision {istiod.revision}: Istio {istiod.version}, cluster id {istiod.cluster_id}, "
        f"trust domain {istiod.trust_domain}"
    )
    if found.gateway_api:
        yield f"the Gateway API's definitions, {found.gateway_api.version}, {found.gateway_api.channel} channel"
    if not makes.kgateway_crds:
        yield "kgateway's definitions"
    if not makes.gateway_class:
        yield "kgateway's class"


def made(makes: Makes, cell: Cell) -> Iterator[str]:
    """What is made, and gone at the end."""
    yield f"Namespaces {GATEWAY_NAMESPACE} and {APP_NAMESPACE}, labelled {OURS[0]}={OURS[1]}"
    if makes.gateway_api:
        yield f"the Gateway API's definitions, {cell.gateway_api}"
    if makes.kgateway_crds:
        yield f"kgateway's definitions, {cell.kgateway}"
    if makes.gateway_class:
        yield "kgateway's class"
    yield f"kgateway {cell.kgateway} in {GATEWAY_NAMESPACE}, which looks at our namespaces only, and its ClusterRole"
    yield (
        "the page's Gateway, sample app, routes and parameters in our namespaces; the Gateway's Service is of type "
        "LoadBalancer, for which a cloud gives an address"
    )


def changed(asides: Sequence[Aside], dialect: Dialect) -> Iterator[str]:
    """What of somebody else's is changed meanwhile."""
    for aside in asides:
        was = "not set" if aside.was is None else aside.was
        yield f"{aside.deployment}: {dialect.selectors_env}, {was} as found, {aside.now} meanwhile"


def effects(found: Found, seeing: Sequence[Controller]) -> Iterator[str]:
    """What it does to others that a controller is told to look away: its pod is replaced, twice."""
    for each in seeing:
        its = [str(gateway.ref) for gateway in found.gateways if each.sees(gateway.labels)]
        served = f"; until the new one leads, what is changed in the routes of {', '.join(its)} waits" if its else ""
        undo = "to which `kubectl rollout undo` would return"
        yield f"{each.deployment}: its pod is replaced twice, and its history has a revision more, {undo}{served}"
        if its:
            yield f"{', '.join(its)}: nothing, {'its pods stay' if len(its) == 1 else 'their pods stay'} as they are"


def notes(found: Found, istiod: Istiod, makes: Makes, cell: Cell) -> Iterator[str]:
    """What must be known beside the verdict."""
    supported = any((each.kgateway, each.istio) == (cell.kgateway, istiod.version) for each in cells())
    if not supported:
        yield (
            f"kgateway {cell.kgateway} with Istio {istiod.version} is not among the supported combinations; things are "
            f"called as in kgateway {cell.dialect}"
        )
    for each in found.controllers:
        if each.version != cell.kgateway:
            yield f"{each.deployment} is kgateway {each.version}; what is proved is {cell.kgateway}"
    for other in found.istiods:
        if other != istiod and other.namespace != istiod.namespace and other.serves(makes.labels):
            yield (
                f"{other.deployment} serves our namespaces as well, and writes its root certificate into them; where "
                "that is not the same authority's, clients trust neither for long; discoverySelectors keep them apart"
            )
    for each in found.controllers:
        if each.kept_by and each.deployment in {aside.deployment for aside in makes.asides}:
            yield f"{each.deployment} is kept by {each.kept_by}, which may undo that in the midst of the run; pause it"
    if found.gateway_api and found.gateway_api.version != cell.gateway_api:
        yield f"the Gateway API's definitions are {found.gateway_api.version}; {cell.gateway_api} is what is supported"
    if found.mesh_wide:
        told = ", ".join(found.mesh_wide)
        yield f"what holds for the whole mesh holds for our app, too, and may change what is seen: {told}"
    if found.policies:
        yield f"NetworkPolicies beside istiod may keep our gateway from it: {', '.join(found.policies)}"
