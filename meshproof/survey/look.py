"""Reading what is there: lists and single objects only, side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from meshproof.dialects import CONTROLLER_NAME, Dialect
from meshproof.kube.api import Api
from meshproof.kube.kinds import (
    AUTHORIZATION_POLICY,
    CONFIG_MAP,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_CLASS,
    GATEWAY_PARAMETERS,
    NAMESPACE,
    NETWORK_POLICY,
    PEER_AUTHENTICATION,
    SERVICE,
    Kind,
    Ref,
)
from meshproof.kube.objects import Namespace, Service
from meshproof.kube.raw import Raw
from meshproof.path.istiods import istiods as istiods_of
from meshproof.survey.found import (
    Found,
    GatewayApi,
    Node,
    TheirGateway,
)
from meshproof.survey.kgateways import kgateways
from meshproof.survey.leftover import leftover, without_ours
from meshproof.survey.ours import GATEWAY_NAMESPACE
from meshproof.survey.rights import (
    DAEMON_SET,
    DEFINITION,
    LISTED,
    NODE,
)

_SIDE_BY_SIDE = 8


def look(api: Api, dialect: Dialect) -> Found:
    """Survey a cluster. What a run that was ended has left of ours is set aside, as if it were gone already.

    Args:
        api: Its API server.
        dialect: What the line of kgateway that is to be proved calls its switch.

    Raises:
        MachineCannot: It cannot be reached, or what is needed may not be read.
        Malformed: An object is not as its kind is declared.
    """
    paths = [kind.within() for kind in LISTED]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        release = pool.submit(api.get, "/version")
        listed: Lists = dict(zip(LISTED, pool.map(api.list, paths), strict=True))
    services = list(map(Service.from_dict, listed[SERVICE]))
    namespaces = {each.name: each.labels for each in map(Namespace.from_dict, listed[NAMESPACE])}
    istiods = tuple(istiods_of(services, listed[DEPLOYMENT], listed[CONFIG_MAP]))
    definitions = {_ref(raw)[1]: raw for raw in listed[DEFINITION]}
    balancers = [raw for raw in listed[SERVICE] if _is_balanced(raw)]
    within = {istiod.namespace for istiod in istiods}
    found = Found(
        server=api.server,
        context=api.context,
        kubernetes=Raw.of("version", release.result()).need("gitVersion", str).removeprefix("v"),
        nodes=tuple(map(_node, listed[NODE])),
        istiods=istiods,
        controllers=tuple(kgateways(listed[DEPLOYMENT], dialect)),
        gateways=tuple(_gateways(listed, namespaces)),
        gateway_api=_gateway_api(definitions.get(f"{GATEWAY.plural}.{GATEWAY.group}")),
        kgateway_crds=f"{GATEWAY_PARAMETERS.plural}.{GATEWAY_PARAMETERS.group}" in definitions,
        classes=_classes(listed),
        balancers=(len(balancers), sum(bool(Service.from_dict(raw).address) for raw in balancers)),
        policies=tuple("/".join(ref) for ref in map(_ref, listed[NETWORK_POLICY]) if ref[0] in within),
        mesh_wide=tuple(_mesh_wide(listed, within)),
        cni=any("istio-cni-node" in name for _, name in map(_ref, listed[DAEMON_SET])),
        namespaces=namespaces,
    )
    return without_ours(found, leftover(listed[NAMESPACE]), dialect)


Lists = Mapping[Kind, Sequence[Mapping[str, Any]]]


def _ref(raw: Mapping[str, Any]) -> tuple[str, str]:
    meta = Raw.of("object", raw)
    return meta.get("metadata.namespace", ""), meta.need("metadata.name", str)


def _node(raw: Mapping[str, Any]) -> Node:
    node = Raw.of("Node", raw)
    conditions = {part.need("type", str): part.get("status", "") for part in node.parts("status.conditions")}
    images = [name for part in node.parts("status.images") for name in _names(part)]
    return Node(
        name=node.need("metadata.name", str),
        version=node.get("status.nodeInfo.kubeletVersion", "").removeprefix("v"),
        architecture=node.get("status.nodeInfo.architecture", ""),
        ready=conditions.get("Ready") == "True",
        images=frozenset(images),
    )


def _names(part: Raw) -> Sequence[str]:
    names: list[str] = part.get("names", [])
    return names


def _is_balanced(raw: Mapping[str, Any]) -> bool:
    return Raw.of("Service", raw).get("spec.type", "") == "LoadBalancer" and _ref(raw)[0] != GATEWAY_NAMESPACE


def _classes(listed: Lists) -> Mapping[str, str]:
    classes = (Raw.of("GatewayClass", raw) for raw in listed[GATEWAY_CLASS])
    return {each.need("metadata.name", str): each.get("spec.controllerName", "") for each in classes}


def _mesh_wide(listed: Lists, root_namespaces: Collection[str]) -> Iterable[str]:
    for kind in (PEER_AUTHENTICATION, AUTHORIZATION_POLICY):
        for raw in listed[kind]:
            namespace, name = _ref(raw)
            if namespace in root_namespaces and not Raw.of(kind.name, raw).has("spec.selector"):
                yield f"{kind.name} {namespace}/{name}"


def _gateways(listed: Lists, namespaces: Mapping[str, Mapping[str, str]]) -> Iterable[TheirGateway]:
    """The Gateways of kgateway's classes."""
    kgateways = {name for name, controller in _classes(listed).items() if controller == CONTROLLER_NAME}
    for raw in listed[GATEWAY]:
        if Raw.of("Gateway", raw).get("spec.gatewayClassName", "") in kgateways:
            namespace, name = _ref(raw)
            yield TheirGateway(Ref(GATEWAY, namespace, name), namespaces.get(namespace, {}))


def _gateway_api(raw: Mapping[str, Any] | None) -> GatewayApi | None:
    """Source: https://gateway-api.sigs.k8s.io/concepts/versioning/."""
    if raw is None:
        return None
    annotations = Raw.of("CustomResourceDefinition", raw).texts("metadata.annotations")
    keys = (f"{GATEWAY.group}/{key}" for key in ("bundle-version", "channel"))
    version, channel = (annotations.get(key, "unknown") for key in keys)
    return GatewayApi(version.removeprefix("v"), channel)
