"""Reading a host's way: lists of each kind side by side, then what they lead to, then Envoy, then the answers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from meshproof.checks.hops import SIDECAR
from meshproof.diagnose.scene import Scene, app_pods, gateway_pods
from meshproof.diagnose.values import Kgateway
from meshproof.dialects import CONTROLLER_NAME, Dialect
from meshproof.errors import BadInput, MeshproofError
from meshproof.kube.api import Api
from meshproof.kube.kinds import GATEWAY, Ref
from meshproof.kube.objects import Gateway, Namespace
from meshproof.kube.raw import Malformed, Raw
from meshproof.kube.routes import HTTPRoute
from meshproof.kube.workloads import Deployment
from meshproof.path import around
from meshproof.path.access import GatewayAccess
from meshproof.path.ask import Sender
from meshproof.path.controllers import controllers, selectors_of
from meshproof.path.deployed import env
from meshproof.path.link import Link, Seen, Unseen, look_at
from meshproof.path.links import root_certificate
from meshproof.path.routing import Candidate, candidates, names_host
from meshproof.run import Completed, run

AT_ONCE = 8
LOG_LINES = 60
PATH = "/headers"


@dataclass
class Place:
    """A cluster that is only read: its API server and, where there is a kubectl, its pods through port-forwards."""

    api: Api
    env: Mapping[str, str] | None = None
    work: Path = field(default_factory=Path.cwd)

    def gateway(self, gateway: Ref) -> GatewayAccess:
        """The way in through a gateway."""
        return GatewayAccess(self.api, self.env or {}, gateway)

    def balanced(self, gateway: Ref) -> Sequence[Sender]:
        """Nothing is asked through load balancers."""
        return ()

    def run(self, *argv: str, stdin: str = "") -> Completed:
        """Run a program."""
        return run(*argv, env=self.env, stdin=stdin)


def read(place: Place, host: str, dialect: Dialect, wanted: str = "", kubectl: Sequence[str] = ("kubectl",)) -> Scene:
    """Read all but what Envoy and the app say.

    Args:
        place: The cluster.
        host: The host.
        dialect: What its kgateway calls things.
        wanted: The Gateway, as `NAMESPACE/NAME`, where several have the host.
        kubectl: How kubectl is typed for this cluster.

    Raises:
        BadInput: There is no way of that host to follow: no route, no Gateway of kgateway's, no kgateway, no Istio.
        MachineCannot: The API server cannot be reached.
    """
    place.api.get("/version")  # a server that cannot be reached is told as that, not as fifteen things not seen
    seen = look_at(around.LISTS, place, AT_ONCE)
    gateway, found = _chosen(seen, host, wanted)
    controller = _controller(seen, gateway, dialect)
    scene = Scene(
        host=host,
        seen=seen,
        gateway=gateway,
        winner=found[0],
        rivals=tuple(each for each in found[1:] if each.route != found[0].route and each.match == found[0].match),
        dialect=dialect,
        controller=controller,
        kubectl=tuple(kubectl),
    )
    with contextlib.suppress(Unseen):
        _need_istio(scene)
    return replace(scene, seen=seen | look_at(_further(scene), place, AT_ONCE))


def _further(scene: Scene) -> list[Link[Any]]:
    """What the lists lead to."""
    links: list[Link[Any]] = [gateway_pods(scene.gateway)]
    links.append(root_certificate(scene.gateway.namespace))
    with contextlib.suppress(Unseen):
        links += [around.config_maps(namespace) for namespace in {each.namespace for each in scene.istiods}]
    if any(each.kind == "Backend" for each in scene.winner.its.backends):
        links.append(around.BACKENDS)
    with contextlib.suppress(Unseen):
        named = [scene.services.get((each.namespace, each.name)) for each in scene.winner.its.backends]
        links += [app_pods(service) for service in named if service and service.selector]
    return links


def _chosen(seen: Seen, host: str, wanted: str) -> tuple[Gateway, list[Candidate]]:
    """The Gateway of a host, and the rules that take a request for it."""
    try:
        gateways, routes, classes = seen.one(around.GATEWAYS), seen.one(around.ROUTES), seen.one(around.CLASSES)
    except Unseen as unseen:
        raise BadInput(
            f"HOST={host}: its way cannot be found without the right to list gateways, gatewayclasses and httproutes "
            f"in all namespaces: {str(unseen).splitlines()[0]}"
        ) from unseen
    kgateways = {
        around.named(raw)[1] for raw in classes if Raw.of("", raw).get("spec.controllerName", "") == CONTROLLER_NAME
    }
    if not gateways and not kgateways:
        raise BadInput(f"HOST={host}: the cluster has no Gateway, and no class of kgateway's; is it the right one?")
    having = [(gateway, candidates(routes, gateway, host, PATH)) for gateway in gateways]
    having = [(gateway, found) for gateway, found in having if found]
    if wanted:
        having = [each for each in having if f"{each[0].namespace}/{each[0].name}" == wanted]
    ours = [each for each in having if each[0].gateway_class in kgateways]
    if len(ours) > 1:
        named = ", ".join(f"{gateway.namespace}/{gateway.name}" for gateway, _ in ours)
        raise BadInput(f"HOST={host}: several Gateways have it, {named}; add GATEWAY=NAMESPACE/NAME")
    if not ours:
        raise BadInput(f"HOST={host}: {_why_none(host, wanted, gateways, routes, [each for each, _ in having])}")
    return ours[0]


def _why_none(
    host: str, wanted: str, gateways: Sequence[Gateway], routes: Sequence[HTTPRoute], others: Sequence[Gateway]
) -> str:
    if others:
        named = ", ".join(f"{each.namespace}/{each.name} (class {each.gateway_class})" for each in others)
        return f"its Gateway is not kgateway's: {named}"
    there = {f"{each.namespace}/{each.name}": each for each in gateways}
    if wanted and wanted not in there:
        return f"there is no Gateway {wanted}; there are {', '.join(there) or 'none'}"
    named = [route for route in routes if host in route.hostnames]
    for route in named:
        missing = [parent for parent in route.wants if parent not in there]
        if missing:
            return (
                f"HTTPRoute {route.namespace}/{route.name} names it, and refers to Gateway {missing[0]}, which does "
                f"not exist (spec.parentRefs); there are {', '.join(there) or 'none'}"
            )
        if not any(names_host(route, there[parent], host) is not None for parent in route.wants):
            listeners = [listener.hostname for parent in route.wants for listener in there[parent].listeners]
            return (
                f"HTTPRoute {route.namespace}/{route.name} names it, but no listener of {', '.join(route.wants)} takes "
                f"it: their hostnames are {', '.join(listeners) or 'none'}"
            )
        return f"no rule of HTTPRoute {route.namespace}/{route.name} takes a plain GET of {PATH}"
    hosts = sorted({hostname for route in routes for hostname in route.hostnames})
    return f"no HTTPRoute has it; there are routes for {', '.join(hosts) or 'no host'}"


def _controller(seen: Seen, gateway: Gateway, dialect: Dialect) -> Kgateway:
    """The kgateway that looks at the Gateway, or else the first.

    Raises:
        BadInput: There is none, or Deployments may not be listed.
    """
    try:
        found = [
            Kgateway(Deployment.from_dict(raw), env(of), _selectors(env(of), dialect))
            for raw, of in controllers(seen.one(around.DEPLOYMENTS), dialect)
        ]
        labels: Mapping[str, str] = {each.name: each for each in seen.one(around.NAMESPACES)}.get(
            gateway.namespace, Namespace(gateway.namespace, {})
        ).labels
    except Unseen as unseen:
        raise BadInput(
            "kgateway cannot be found without the right to list deployments and namespaces in all namespaces: "
            f"{str(unseen).splitlines()[0]}"
        ) from unseen
    if not found:
        raise BadInput(
            f"no kgateway is in the cluster: no Deployment has its settings, though {GATEWAY.name} "
            f"{gateway.namespace}/{gateway.name} is of its class"
        )
    return next((each for each in found if each.sees(labels)), found[0])


def _selectors(told: Mapping[str, str], dialect: Dialect) -> Any:
    try:
        return selectors_of(told.get(dialect.selectors_env), dialect.selectors_env)
    except Malformed:
        return ()


def _need_istio(scene: Scene) -> None:
    if not scene.istiods:
        raise BadInput(
            f"HOST={scene.host}: no Istio is in the cluster: expected a Service labelled app=istiod with port 15012 "
            "and its Deployment; install Istio, or give the right CONTEXT"
        )


def logs(place: Place, scene: Scene) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The last lines of Istio's agents in the gateway's pods that are not ready; what cannot be had is left out."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    with contextlib.suppress(Unseen):
        for pod in scene.gateway_pods:
            for part in pod.containers:
                if not pod.all_ready and part.name == SIDECAR and part.state == "running":
                    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log"
                    with contextlib.suppress(MeshproofError):
                        text = place.api.text(path, container=part.name, tailLines=str(LOG_LINES))
                        found[pod.name, part.name] = tuple(text.splitlines())
    return found
