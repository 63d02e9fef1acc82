"""Reading what is there: lists and single objects only, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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
from meshproof.survey.found import Controller, Found, GatewayApi, Istiod, Node, TheirGateway, selectors_of
from meshproof.survey.leftover import leftover, without_ours
from meshproof.survey.ours import GATEWAY_NAMESPACE
from meshproof.survey.rights import DAEMON_SET, DEFINITION, LISTED, NODE, POLICY

# What kgateway registers its classes for; nothing changes it.
# Source: DefaultGatewayControllerName of kgateway-dev/kgateway.
CONTROLLER_NAME = "kgateway.dev/kgateway"
_SETTINGS = "KGW_"  # how the variables of a kgateway begin
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
        version = pool.submit(api.get, "/version")
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
        kubernetes=Raw.of("version", version.result()).need("gitVersion", str).removeprefix("v"),
        nodes=tuple(map(_node, listed[NODE])),
        istiods=istiods,
        controllers=tuple(_controllers(listed[DEPLOYMENT], dialect)),
        gateways=tuple(_gateways(listed, namespaces)),
        gateway_api=_gateway_api(definitions.get(f"{GATEWAY.plural}.{GATEWAY.group}")),
        kgateway_crds=f"{GATEWAY_PARAMETERS.plural}.{GATEWAY_PARAMETERS.group}" in definitions,
        classes=frozenset(name for _, name in map(_ref, listed[GATEWAY_CLASS])),
        balancers=(len(balancers), sum(bool(Service.from_dict(raw).address) for raw in balancers)),
        policies=tuple("/".join(ref) for ref in map(_ref, listed[POLICY]) if ref[0] in within),
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
    mesh = _document(configs.get((service.namespace, f"istio{suffix}")), "data.mesh")
    injector = _document(configs.get((service.namespace, f"istio-sidecar-injector{suffix}")), "data.values")
    return Istiod(
        deployment=Ref(DEPLOYMENT, service.namespace, service.name),
        revision=revision,
        version=_tag(deployment),
        cluster_id=_env(deployment).get("CLUSTER_ID") or CLUSTER_ID,
        trust_domain=mesh.get("trustDomain", TRUST_DOMAIN),
        proxy_image=_proxy(injector),
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


def _proxy(values: Raw) -> str:
    """The image of the sidecar, as istiod's injection template puts it together.

    Source: the `image` of files/injection-template.yaml in manifests/charts/istio-control of istio/istio.
    """
    image = values.get("global.proxy.image", "proxyv2")
    variant = values.get("global.variant", "")
    tag = f"{values.get('global.tag', '')}{f'-{variant}' if variant else ''}"
    return image if "/" in image else f"{values.get('global.hub', '')}/{image}:{tag}"


def _env(deployment: Raw) -> Mapping[str, str]:
    """The variables of a Deployment's containers; one that is taken from elsewhere is `(from elsewhere)`."""
    entries = [entry for part in deployment.parts("spec.template.spec.containers") for entry in part.parts("env")]
    return {
        entry.need("name", str): "(from elsewhere)" if entry.has("valueFrom") else entry.get("value", "")
        for entry in entries
    }


def _tag(deployment: Raw) -> str:
    images = [part.need("image", str) for part in deployment.parts("spec.template.spec.containers")]
    return images[0].partition("@")[0].rpartition("/")[2].partition(":")[2] or images[0]


def _controllers(deployments: Iterable[Mapping[str, Any]], dialect: Dialect) -> Iterable[Controller]:
    """Those Deployments that have one of kgateway's settings among their variables."""
    for raw in deployments:
        deployment = Raw.of("Deployment", raw)
        env = _env(deployment)
        if not any(name.startswith(_SETTINGS) for name in env):
            continue
        looks_at = env.get(dialect.selectors_env)
        yield Controller(
            deployment=Ref(DEPLOYMENT, *_ref(raw)),
            version=_tag(deployment).removeprefix("v"),
            looks_at=looks_at,
            selectors=selectors_of(looks_at, f"{deployment.name} {dialect.selectors_env}"),
            on=env.get(dialect.integration_env) == "true",
            parameters_refs=env.get(dialect.class_parameters_env) or "{}",
            waypoint=env.get(dialect.waypoint_env) == "true",
            fields=json.dumps([part.data for part in deployment.parts("metadata.managedFields")]),
            ready=is_rolled_out(Deployment.from_dict(raw)).holds,
        )


def _gateways(listed: Lists, namespaces: Mapping[str, Mapping[str, str]]) -> Iterable[TheirGateway]:
    """The Gateways of kgateway's classes."""
    classes = {_ref(raw)[1]: Raw.of("GatewayClass", raw) for raw in listed[GATEWAY_CLASS]}
    ours = {name for name, raw in classes.items() if raw.need("spec.controllerName", str) == CONTROLLER_NAME}
    for raw in listed[GATEWAY]:
        if Raw.of("Gateway", raw).need("spec.gatewayClassName", str) in ours:
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
