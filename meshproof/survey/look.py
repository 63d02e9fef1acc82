"""Reading what is there: lists and single objects only, side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from meshproof import yamls
from meshproof.checks.control_plane import is_rolled_out
from meshproof.dialects import Dialect
from meshproof.kube.api import Api
from meshproof.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_CLASS,
    GATEWAY_PARAMETERS,
    NAMESPACE,
    SERVICE,
    Kind,
    Ref,
)
from meshproof.kube.objects import Namespace, Service
from meshproof.kube.raw import Raw
from meshproof.kube.selectors import Selector
from meshproof.kube.workloads import Deployment
from meshproof.names import DEFAULT_REVISION, REVISION_LABEL
from meshproof.path.mesh import CLUSTER_ID, TAG_LABEL, TRUST_DOMAIN, XDS_PORT
from meshproof.survey.deployed import container, env, version
from meshproof.survey.found import (
    CONTROLLER_NAME,
    Found,
    GatewayApi,
    Istiod,
    Node,
    TheirGateway,
)
from meshproof.survey.kgateways import kgateways
from meshproof.survey.leftover import leftover, without_ours
from meshproof.survey.ours import GATEWAY_NAMESPACE
from meshproof.survey.rights import (
    AUTHORIZATION_POLICY,
    DAEMON_SET,
    DEFINITION,
    LISTED,
    NODE,
    PEER_AUTHENTICATION,
    POLICY,
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
    istiods = tuple(_istiods(services, listed))
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
        policies=tuple("/".join(ref) for ref in map(_ref, listed[POLICY]) if ref[0] in within),
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


def _is_istiods(service: Service) -> bool:
    return service.labels.get("app") == "istiod" and XDS_PORT in (port for _, port in service.ports)


def _serves(service: Service) -> bool:
    """A revision tag has a Service too, which leads to the same pods."""
    return _is_istiods(service) and TAG_LABEL not in service.labels


def _istiods(services: Iterable[Service], listed: Lists) -> Iterable[Istiod]:
    """The istiod behind each Service, which is called as its Deployment is."""
    deployments = {_ref(raw): raw for raw in listed[DEPLOYMENT]}
    configs = {_ref(raw): Raw.of("ConfigMap", raw) for raw in listed[CONFIG_MAP]}
    for service in filter(_serves, services):
        raw = deployments.get((service.namespace, service.name))
        if raw is not None:
            yield _istiod(service, raw, configs)


def _istiod(service: Service, raw: Mapping[str, Any], configs: Mapping[tuple[str, str], Raw]) -> Istiod:
    revision = service.labels.get(REVISION_LABEL, DEFAULT_REVISION)
    suffix = "" if revision == DEFAULT_REVISION else f"-{revision}"
    deployment = Raw.of("Deployment", raw)
    discovery = container(deployment, "discovery")
    mesh = _document(configs.get((service.namespace, f"istio{suffix}")), "data.mesh")
    injector = _document(configs.get((service.namespace, f"istio-sidecar-injector{suffix}")), "data.values")
    return Istiod(
        deployment=Ref(DEPLOYMENT, service.namespace, service.name),
        revision=revision,
        version=version(deployment, discovery),
        cluster_id=env(discovery).get("CLUSTER_ID") or CLUSTER_ID,
        trust_domain=mesh.get("trustDomain", TRUST_DOMAIN),
        proxy_image=_proxy(injector, mesh),
        selectors=tuple(Selector.from_dict(part.data, part.name) for part in mesh.parts("discoverySelectors")),
        ready=is_rolled_out(Deployment.from_dict(raw)).holds,
    )


def _document(config: Raw | None, path: str) -> Raw:
    """A YAML or JSON text within a ConfigMap; empty where there is none."""
    if config is None or not config.has(path):
        return Raw({}, path)
    name = f"{config.name} {path}"
    [document, *_] = [*yamls.load(config.need(path, str), name), {}]
    return Raw(document, name)


def _proxy(values: Raw, mesh: Raw) -> str:
    """The image of the sidecar, as istiod's injection template puts it together.

    Source: ProxyImage and imageURL in pkg/kube/inject/webhook.go of istio/istio.
    """
    image = values.get("global.proxy.image", "") or "proxyv2"
    if "/" in image:
        return image
    tag = _text(values, "global.tag")
    variant = mesh.get("defaultConfig.image.imageType", "") or values.get("global.variant", "")
    if variant:
        plain = tag.removesuffix("-distroless").removesuffix("-debug")
        tag = plain if variant == "default" else f"{plain}-{variant}"
    return f"{values.get('global.hub', '')}/{image}:{tag}"


def _text(values: Raw, path: str) -> str:
    """A value that Helm may have taken for a number, such as the tag 1.30."""
    return str(values.need(path, object)) if values.has(path) else ""


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
