"""A cluster of somebody else's: an istiod of a revision, a kgateway of another name, a Gateway of it; in objects."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

from api_stand_in import Served, thing

from meshproof.dialects import CONTROLLER_NAME, dialect
from meshproof.kube.api import Api
from meshproof.survey.found import Found
from meshproof.survey.look import look

Made = dict[str, Any]
DIALECT = dialect("2.4")
XDS = [{"name": "https-dns", "port": 15012}]


def deployment(ref: str, *containers: Made, available: int = 1, **more: Any) -> Made:
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available}
    spec = {"replicas": 1, "template": {"spec": {"containers": list(containers)}}}
    return thing("Deployment", ref, status=status, spec=spec, meta={"generation": 1, **more.pop("meta", {})}, **more)


def variables(**values: str) -> list[Made]:
    return [{"name": name, "value": value} for name, value in values.items()]


def istiod(
    namespace: str = "mesh-system", revision: str = "stable", *, mesh: str = "", values: Made | None = None, **more: Any
) -> list[Made]:
    """An istiod with its Service and ConfigMaps; the revision `default` is none in names."""
    suffix = "" if revision == "default" else f"-{revision}"
    ref = f"{namespace}/istiod{suffix}"
    labels = {"app": "istiod", "istio.io/rev": revision}
    discovery = {"name": "discovery", "image": "registry.example/pilot:1.31-dev", "env": variables(CLUSTER_ID="corp-1")}
    injected = values or {"global": {"hub": "registry.example", "tag": "1.31-dev", "proxy": {"image": "proxyv2"}}}
    return [
        thing("Service", ref, labels=labels, spec={"ports": XDS}),
        deployment(ref, discovery, **more),
        thing("ConfigMap", f"{namespace}/istio{suffix}", data={"mesh": mesh or "trustDomain: corp.example\n"}),
        thing("ConfigMap", f"{namespace}/istio-sidecar-injector{suffix}", data={"values": json.dumps(injected)}),
    ]


def kgateway(
    selectors: str | None = "[]",
    *more_env: Made,
    ref: str = "edge-system/edge",
    image: str = "kgateway:v2.4.2",
    **more: Any,
) -> Made:
    told = {} if selectors is None else {DIALECT.selectors_env: selectors}
    env = [*variables(KGW_XDS_SERVICE_NAME="edge", **told), *more_env]
    return deployment(ref, {"name": "controller", "image": image, "env": env}, **more)


def gateway(ref: str, class_name: str = "kgateway") -> Made:
    return thing("Gateway", ref, spec={"gatewayClassName": class_name})


def gateway_class(name: str = "kgateway", controller: str = CONTROLLER_NAME) -> Made:
    return thing("GatewayClass", name, spec={"controllerName": controller})


def definition(name: str, **annotations: str) -> Made:
    annotated = {f"gateway.networking.k8s.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return thing("CustomResourceDefinition", name, meta={"annotations": annotated} if annotated else {})


NODE = thing(
    "Node",
    "one",
    status={
        "nodeInfo": {"kubeletVersion": "v1.35.4", "architecture": "amd64"},
        "conditions": [{"type": "Ready", "status": "True"}],
        "images": [{"names": ["a:1", "b:1"]}, {"names": None}],
    },
)
GATEWAY_API = definition("gateways.gateway.networking.k8s.io", bundle_version="v1.6.1", channel="standard")
KGATEWAY_CRDS = definition("gatewayparameters.gateway.kgateway.dev")
SHOP = thing("Namespace", "shop", labels={"kubernetes.io/metadata.name": "shop"})
MESH = istiod()
PLATFORM = [NODE, GATEWAY_API, KGATEWAY_CRDS, SHOP]
THEIRS = [*PLATFORM, *MESH, kgateway(), gateway_class(), gateway("shop/bystander")]


@dataclass
class Surveyed(Served):
    """An API server that also says where and what it is, and what one may do there: all but `denied`."""

    server: str = "https://there:6443"
    context: str = "corp"
    denied: set[str] = field(default_factory=set[str])
    asked: list[Made] = field(default_factory=list[Made])

    def find(self, path: str) -> Made | None:
        return {"gitVersion": "v1.35.4"} if path == "/version" else super().find(path)

    def review(self, path: str, question: Made) -> Made:
        assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        attributes = question["spec"]["resourceAttributes"]
        self.asked.append(attributes)
        return {"status": {"allowed": f"{attributes['verb']} {attributes['resource']}" not in self.denied}}


def api_of(*things: Made) -> Api:
    return cast(Api, Surveyed(list(things)))


def found(*things: Made) -> Found:
    """What a survey finds where these are."""
    return look(api_of(*things), DIALECT)
