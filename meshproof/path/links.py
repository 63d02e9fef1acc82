"""The links of the way of a request, for what things are called in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from meshproof.dialects import upstream_of
from meshproof.formats import envoy
from meshproof.kube.kinds import Labelled, Ref
from meshproof.kube.objects import Gateway, Namespace, Parameters
from meshproof.kube.raw import Raw
from meshproof.kube.routes import HTTPRoute
from meshproof.kube.workloads import Deployment, Pod
from meshproof.names import Names, root_certificate_in
from meshproof.path import mesh
from meshproof.path.ask import Answers, Ask, ask
from meshproof.path.link import Link, Site

T = TypeVar("T")


@dataclass(frozen=True)
class Links:
    """The links by what they are of: a property each.

    Attributes:
        names: What things are called.
        direct: Whether requests go to the gateway's pods.
        balanced: Whether they go through its load balancer; where both, each is sent both ways.
    """

    names: Names
    direct: bool = True
    balanced: bool = False

    @property
    def gateway(self) -> Link[Gateway]:
        """The Gateway."""
        return one(self.names.gateway, Gateway.from_dict)

    @property
    def parameters(self) -> Link[Parameters]:
        """What the gateway's parameters say of Istio."""
        return one(self.names.parameters, Parameters.from_dict)

    @property
    def controller(self) -> Link[Deployment]:
        """kgateway's Deployment."""
        return one(self.names.controller, Deployment.from_dict)

    @property
    def controller_pods(self) -> Link[tuple[Pod, ...]]:
        """kgateway's own pods."""
        return pods("the controller's pods", self.names.controller_pods)

    @property
    def gateway_pods(self) -> Link[tuple[Pod, ...]]:
        """The gateway's pods."""
        return pods("the gateway's pods", self.names.gateway_pods)

    @property
    def certificates(self) -> Link[Mapping[str, str]]:
        """The certificate chain that the Envoy of each of the gateway's pods holds, by pod."""
        gateway = self.names.gateway

        def read(site: Site) -> Mapping[str, str]:
            return {
                sender.pod: envoy.certificate_chain(sender.admin(envoy.SECRETS_PAGE), "istio_server_cert")
                for sender in site.gateway(gateway).senders()
            }

        return Link("certificate that the gateway's Envoy holds", gateway, read)

    @property
    def root_certificates(self) -> Link[str]:
        """The root certificate that istiod gives to the gateway's namespace."""
        return root_certificate(self.names.gateway.namespace)

    @property
    def app_namespace(self) -> Link[Namespace]:
        """The app's namespace."""
        return one(self.names.app_namespace, Namespace.from_dict)

    @property
    def app(self) -> Link[Deployment]:
        """The app's Deployment."""
        return one(self.names.app, Deployment.from_dict)

    @property
    def app_pods(self) -> Link[tuple[Pod, ...]]:
        """The app's pods."""
        return pods("the app's pods", self.names.app_pods)

    @property
    def istiod(self) -> Link[Deployment]:
        """istiod's Deployment."""
        return one(self.names.istiod, Deployment.from_dict)

    @property
    def istiod_pods(self) -> Link[tuple[Pod, ...]]:
        """istiod's pods."""
        return pods("istiod's pods", self.names.istiod_pods)

    @property
    def istiod_address(self) -> Link[str]:
        """istiod's address, as it is found."""
        names = self.names
        return Link("istiod's address", names.istiod, lambda site: mesh.istiod_address(site.api, names))

    @property
    def trust_domain(self) -> Link[str]:
        """The mesh's trust domain."""
        names = self.names
        return Link("mesh's trust domain", names.mesh_config, lambda site: mesh.trust_domain(site.api, names))

    def routes(self, *refs: Ref) -> Link[tuple[HTTPRoute, ...]]:
        """HTTP routes; those that do not exist are left out."""

        def read(site: Site) -> tuple[HTTPRoute, ...]:
            found = [site.api.find(ref.path) for ref in refs]
            return tuple(HTTPRoute.from_dict(raw) for raw in found if raw is not None)

        watch = dict.fromkeys(ref.kind.within(ref.namespace) for ref in refs)
        return Link("routes " + ", ".join(f"{ref.namespace}/{ref.name}" for ref in refs), refs, read, tuple(watch))

    def answers(self, host: str, *headers: tuple[str, str]) -> Link[Answers]:
        """The answers to `GET /headers` for a host, through the gateway, from each endpoint on a new connection."""
        names = self.names
        leads = {names.service_host: names.excluded, names.backend_host: names.backend}
        gateway, asked = names.gateway, Ask(host, headers, upstream_of(leads.get(host, names.service)))

        def read(site: Site) -> Answers:
            pods = site.gateway(gateway).senders() if self.direct else ()
            return ask((*pods, *(site.balanced(gateway) if self.balanced else ())), asked)

        return Link(f"GET {host}/headers", (gateway, asked), read, sends=True)


def one(ref: Ref, read: Callable[[Mapping[str, Any]], T]) -> Link[T]:
    """One object."""
    return Link(str(ref), ref, lambda site: read(site.api.get(ref.path)), (ref.kind.within(ref.namespace),))


def root_certificate(namespace: str) -> Link[str]:
    """The root certificate that istiod gives to a namespace."""
    return one(root_certificate_in(namespace), lambda raw: Raw.of("ConfigMap", raw).texts("data")["root-cert.pem"])


def pods(what: str, labelled: Labelled) -> Link[tuple[Pod, ...]]:
    """Pods by their labels."""

    def read(site: Site) -> tuple[Pod, ...]:
        return tuple(map(Pod.from_dict, site.api.list(labelled.path, labelSelector=labelled.selector)))

    return Link(what, labelled, read, (labelled.path,))
