"""Links of all that may bear on a request, wherever in the cluster it is: each a list of one kind, read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from meshproof.kube.kinds import (
    AUTHORIZATION_POLICY,
    BACKEND,
    BACKEND_CONFIG_POLICY,
    BACKEND_TLS_POLICY,
    CONFIG_MAP,
    DEPLOYMENT,
    DESTINATION_RULE,
    GATEWAY,
    GATEWAY_CLASS,
    GATEWAY_PARAMETERS,
    HTTP_ROUTE,
    MUTATING_WEBHOOKS,
    NAMESPACE,
    NETWORK_POLICY,
    PEER_AUTHENTICATION,
    SERVICE,
    Kind,
)
from meshproof.kube.objects import Gateway, Namespace, Parameters, Service
from meshproof.kube.policies import AuthorizationPolicy, DestinationRule, NetworkPolicy, PeerAuthentication, TlsPolicy
from meshproof.kube.raw import Raw
from meshproof.kube.routes import HTTPRoute
from meshproof.kube.webhooks import Webhook, injectors_of
from meshproof.path.link import Link

T = TypeVar("T")
Object = Mapping[str, Any]


def every(kind: Kind, read: Callable[[Object], T], namespace: str = "") -> Link[tuple[T, ...]]:
    """All objects of a kind, in the cluster or in a namespace; none where the cluster has no such kind."""
    path = kind.within(namespace)
    where = f" in {namespace}" if namespace else ""
    return Link(f"{kind.plural}{where}", path, lambda site: tuple(map(read, site.api.list(path))), (path,))


def _named(kind: Kind, read: Callable[[Object], T]) -> Link[Mapping[tuple[str, str], T]]:
    """All objects of a kind, by namespace and name."""

    def of(objects: list[Object]) -> Mapping[tuple[str, str], T]:
        return {named(raw): read(raw) for raw in objects}

    path = kind.within()
    return Link(kind.plural, (path, "by name"), lambda site: of([*site.api.list(path)]), (path,))


def named(raw: Object) -> tuple[str, str]:
    """Namespace and name of an object."""
    meta = Raw.of("object", raw)
    return meta.get("metadata.namespace", ""), meta.need("metadata.name", str)


def _itself(raw: Object) -> Object:
    return raw


GATEWAYS = every(GATEWAY, Gateway.from_dict)
CLASSES = every(GATEWAY_CLASS, _itself)
ROUTES = every(HTTP_ROUTE, HTTPRoute.from_dict)
NAMESPACES = every(NAMESPACE, Namespace.from_dict)
SERVICES = every(SERVICE, Service.from_dict)
DEPLOYMENTS = every(DEPLOYMENT, _itself)
PARAMETERS = _named(GATEWAY_PARAMETERS, Parameters.from_dict)
BACKENDS = _named(BACKEND, _itself)
PEER_AUTHENTICATIONS = every(PEER_AUTHENTICATION, PeerAuthentication.from_dict)
AUTHORIZATION_POLICIES = every(AUTHORIZATION_POLICY, AuthorizationPolicy.from_dict)
DESTINATION_RULES = every(DESTINATION_RULE, DestinationRule.from_dict)
NETWORK_POLICIES = every(NETWORK_POLICY, NetworkPolicy.from_dict)
TLS_POLICIES = every(BACKEND_TLS_POLICY, lambda raw: TlsPolicy.of(BACKEND_TLS_POLICY, raw))
CONFIG_POLICIES = every(
    BACKEND_CONFIG_POLICY,
    lambda raw: TlsPolicy.of(BACKEND_CONFIG_POLICY, raw) if Raw.of("", raw).has("spec.tls") else None,
)
INJECTORS: Link[tuple[tuple[Webhook, ...], ...]] = every(MUTATING_WEBHOOKS, injectors_of)

LISTS = (
    *(GATEWAYS, CLASSES, ROUTES, NAMESPACES, SERVICES, DEPLOYMENTS, PARAMETERS, INJECTORS),
    *(PEER_AUTHENTICATIONS, AUTHORIZATION_POLICIES, DESTINATION_RULES, NETWORK_POLICIES, TLS_POLICIES, CONFIG_POLICIES),
)


def config_maps(namespace: str) -> Link[tuple[Object, ...]]:
    """The ConfigMaps of a namespace."""
    return every(CONFIG_MAP, _itself, namespace)
