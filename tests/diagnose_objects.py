"""A cluster whose host is healthy, in objects, and what its Envoy holds and its app answers; tests break one thing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from api_servers import Authority
from api_stand_in import Served, thing
from survey_objects import deployment, gateway_class, istiod, variables

from meshproof.diagnose import Diagnosis, reading
from meshproof.diagnose.judging import judge
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import Proxy
from meshproof.dialects import dialect
from meshproof.errors import MachineCannot
from meshproof.formats.answer import Response
from meshproof.formats.envoy import Held
from meshproof.kube.api import Api
from meshproof.path.ask import Answer, Answers, Ask
from meshproof.path.link import NotSeen

Made = dict[str, Any]
HOST = "www.example.com"
AUTHORITY = Authority()
OTHER_AUTHORITY = Authority()
OLD, YOUNG = timedelta(hours=2), timedelta(seconds=5)
CLUSTER = "kube_httpbin_httpbin_8000"
POD_IP = "10.0.0.7"


def ago(age: timedelta) -> str:
    return (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, status: str = "True", reason: str = "", message: str = "", generation: int = 1) -> Made:
    said = {"type": kind, "status": status, "reason": reason or kind, "message": message}
    return {**said, "observedGeneration": generation}


def a_pod(
    ref: str, *containers: str, labels: dict[str, str], unready: Mapping[str, str] | None = None, **more: Any
) -> Made:
    """A pod; `unready` are containers with the reason that they wait for."""
    waits = unready or {}
    annotations = more.pop("annotations", {})
    statuses = [
        {"name": name, "ready": name not in waits, "state": _state(waits.get(name)), "restartCount": 0}
        for name in containers
    ]
    created = ago(more.pop("age", OLD))
    workload, hashed = ref.rpartition("/")[2].rsplit("-", 1)
    owner = {"kind": "ReplicaSet", "name": f"{workload}-{hashed}", "controller": True}
    meta = {"creationTimestamp": created, "annotations": annotations, "ownerReferences": [owner]}
    env = more.pop("env", {})
    return thing(
        "Pod",
        ref,
        labels={**labels, "pod-template-hash": hashed},
        meta=meta,
        spec={"containers": [{"name": name, "image": f"{name}:1", "env": env.get(name, [])} for name in containers]},
        status={"phase": "Running", "podIP": more.pop("ip", POD_IP), "containerStatuses": statuses},
    )


def _state(waits: str | None) -> Made:
    if waits is None:
        return {"running": {}}
    return {"running": {}} if waits == "running" else {"waiting": {"reason": waits}}


def injected(revision: str = "default") -> dict[str, str]:
    return {"sidecar.istio.io/status": json.dumps({"revision": revision})}


def webhooks(revision: str = "default", service: str = "istiod", name: str = "istio-sidecar-injector") -> Made:
    def hook(named: str, *expressions: Made) -> Made:
        opt = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
        return {
            "name": named,
            "clientConfig": {"service": {"name": service, "namespace": "istio-system"}},
            "namespaceSelector": {"matchExpressions": list(expressions)},
            "objectSelector": {"matchExpressions": [opt]},
        }

    return thing(
        "MutatingWebhookConfiguration",
        name,
        labels={"app": "sidecar-injector", "istio.io/rev": revision},
        meta={"creationTimestamp": ago(OLD * 2)},
        webhooks=[
            hook(
                "rev.namespace.sidecar-injector.istio.io",
                {"key": "istio.io/rev", "operator": "In", "values": [revision]},
                {"key": "istio-injection", "operator": "DoesNotExist"},
            ),
            *(
                [
                    hook(
                        "namespace.sidecar-injector.istio.io",
                        {"key": "istio-injection", "operator": "In", "values": ["enabled"]},
                    )
                ]
                if revision == "default"
                else []
            ),
        ],
    )


@dataclass
class World:
    """Objects by kind and name, what the gateway's Envoy holds, and what the app answers."""

    objects: list[Made]
    held: Mapping[str, Proxy] | NotSeen = field(default_factory=dict[str, Proxy])
    came_back: Answers | NotSeen = field(default_factory=lambda: answers())
    logs: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict[tuple[str, str], tuple[str, ...]])
    denied: tuple[str, ...] = ()

    def of(self, kind: str, name: str = "") -> Made:
        """The object of a kind, by name where there are several."""
        [found] = [each for each in self.objects if each["kind"] == kind and name in ("", each["metadata"]["name"])]
        return found

    def remove(self, kind: str, name: str = "") -> None:
        self.objects.remove(self.of(kind, name))

    def add(self, *made: Made) -> None:
        self.objects += made

    def label(self, **labels: str | None) -> None:
        """Give the app's namespace labels, `_` for `-`; None takes one away. They are written now."""
        meta = self.of("Namespace", "httpbin")["metadata"]
        named = {
            key.replace("__", "/").replace("_", "-").replace("istio-io", "istio.io"): value
            for key, value in labels.items()
        }
        meta["labels"] = {key: value for key, value in {**meta.get("labels", {}), **named}.items() if value is not None}
        meta["managedFields"] = [
            {
                "time": ago(timedelta(minutes=1)),
                "fieldsV1": {"f:metadata": {"f:labels": {f"f:{key}": {} for key in named}}},
            }
        ]

    def bare(self) -> None:
        """The app's pod has no sidecar, and its answers come in plaintext."""
        self.objects.remove(self.of("Pod", "httpbin-abc"))
        self.add(app_pod("httpbin-abc", sidecar=False))
        self.came_back = answers(handshakes=0, header=False)
        self.held = proxies(mark="")

    def scene(self) -> Scene:
        served = cast(Api, Denying(copy.deepcopy(self.objects), denied=self.denied))
        place = reading.Place(served)
        scene = reading.read(place, HOST, dialect("2.4"))
        return replace(scene, held=self.held, came_back=self.came_back, logs=self.logs)

    def diagnosed(self, *skip: str) -> Diagnosis:
        return judge(self.scene(), requests=2, skip=skip)


@dataclass
class Denying(Served):
    """An API server that refuses to list some kinds, by their plural."""

    denied: tuple[str, ...] = ()

    def get(self, path: str) -> Made:
        return {"gitVersion": "v1.35.4"} if path == "/version" else super().get(path)

    def list(self, path: str, **query: str) -> list[Made]:
        if path.rpartition("/")[2] in self.denied:
            raise MachineCannot(f"{path}: the API server answered 403: forbidden")
        return super().list(path, **query)


def app_pod(name: str = "httpbin-abc", *, sidecar: bool = True, mark: bool = True, **more: Any) -> Made:
    labels = {"app": "httpbin", **({"security.istio.io/tlsMode": "istio"} if sidecar and mark else {})}
    containers = ("app", "istio-proxy") if sidecar else ("app",)
    annotations = {**(injected(more.pop("revision", "default")) if sidecar else {}), **more.pop("annotations", {})}
    return a_pod(
        f"httpbin/{name}", *containers, labels={**labels, **more.pop("labels", {})}, annotations=annotations, **more
    )


def gateway_pod(
    name: str = "http-def", *, containers: Sequence[str] = ("kgateway-proxy", "sds", "istio-proxy"), **more: Any
) -> Made:
    labels = {"gateway.networking.k8s.io/gateway-name": "http"}
    return a_pod(f"kgateway-system/{name}", *containers, labels=labels, ip=more.pop("ip", "10.0.0.9"), **more)


def chain() -> str:
    return AUTHORITY.issue_workload("spiffe://corp.example/ns/kgateway-system/sa/http")


def proxies(
    mark: str = "istio",
    led_to: Sequence[str] = (CLUSTER,),
    matches: Sequence[str] = ("tlsMode-istio", "tlsMode-disabled"),
    pem: str | None = None,
    ips: Sequence[str] = (POD_IP,),
) -> dict[str, Proxy]:
    held = Held(CLUSTER, tuple(matches), False, {f"{ip}:8080": mark for ip in ips})
    return {"http-def": Proxy(chain() if pem is None else pem, {CLUSTER: held}, tuple(led_to))}


XFCC = (
    "By=spiffe://corp.example/ns/httpbin/sa/default;Hash="
    + "a" * 64
    + ';Subject="";URI=spiffe://corp.example/ns/kgateway-system/sa/http'
)


def answer(
    ip: str = POD_IP, status: int = 200, handshakes: int = 1, header: str | bool = True, body: str = ""
) -> Answer:
    """What came back from an endpoint; from the gateway itself where the address is empty."""
    text = XFCC if header is True else header
    received = (
        {"host": (HOST,), **({"x-forwarded-client-cert": (text,)} if text else {})}
        if status == 200 and not body
        else None
    )
    response = Response(HOST, status, received, body=body)
    endpoint = f"{ip}:8080" if ip else ""
    return Answer(response, bool(received), "http-def", "", CLUSTER if ip else "", endpoint, handshakes if ip else 0)


def answers(*each: Answer, **one: Any) -> Answers:
    return Answers(Ask(HOST, (), "kube_httpbin_httpbin_"), each or (answer(**one),))


def world() -> World:
    """A healthy one."""
    mesh = istiod("istio-system", "default")
    controller = deployment(
        "kgateway-system/kgateway",
        {
            "name": "controller",
            "image": "kgateway:v2.4.0",
            "env": variables(KGW_XDS_SERVICE_NAME="kgateway", KGW_ENABLE_ISTIO_AUTO_MTLS="true"),
        },
    )
    gateway = thing(
        "Gateway",
        "kgateway-system/http",
        meta={"generation": 1},
        spec={
            "gatewayClassName": "kgateway",
            "infrastructure": {"parametersRef": {"kind": "GatewayParameters", "name": "http-istio"}},
            "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}],
        },
        status={"conditions": [condition("Accepted"), condition("Programmed")]},
    )
    app = deployment("httpbin/httpbin", {"name": "app", "image": "app:1"})
    app["spec"]["template"]["metadata"] = {"labels": {"app": "httpbin"}}
    return World(
        [
            *mesh,
            controller,
            gateway_class(),
            gateway,
            route(),
            parameters(),
            thing("Namespace", "kgateway-system", labels={"name": "kgateway-system"}),
            thing("Namespace", "httpbin", labels={"istio-injection": "enabled"}),
            thing("Namespace", "istio-system", labels={"name": "istio-system"}),
            thing("ConfigMap", "kgateway-system/istio-ca-root-cert", data={"root-cert.pem": AUTHORITY.pem}),
            thing(
                "Service",
                "httpbin/httpbin",
                spec={"selector": {"app": "httpbin"}, "ports": [{"name": "http", "port": 8000}]},
            ),
            deployment("kgateway-system/http", {"name": "kgateway-proxy", "image": "envoy:1"}),
            app,
            gateway_pod(),
            app_pod(),
            webhooks(),
        ],
        held=proxies(),
    )


def route(
    name: str = "httpbin/httpbin",
    *,
    match: Made | None = None,
    backend: Made | None = None,
    hosts: Sequence[str] = (HOST,),
    parent: Made | None = None,
    created: str = "2026-01-01T00:00:00Z",
) -> Made:
    rule = {"backendRefs": [backend or {"name": "httpbin", "port": 8000}], **({"matches": [match]} if match else {})}
    refs = parent or {"name": "http", "namespace": "kgateway-system"}
    said = {
        "parentRef": {"name": "http", "namespace": "kgateway-system"},
        "controllerName": "kgateway.dev/kgateway",
        "conditions": [condition("Accepted"), condition("ResolvedRefs")],
    }
    return thing(
        "HTTPRoute",
        name,
        meta={"generation": 1, "creationTimestamp": created},
        spec={"hostnames": list(hosts), "parentRefs": [refs], "rules": [rule]},
        status={"parents": [said]},
    )


def parameters(ref: str = "kgateway-system/http-istio", **values: str) -> Made:
    stored = {
        "istioDiscoveryAddress": "istiod.istio-system.svc:15012",
        "istioMetaClusterId": "corp-1",
        "istioMetaMeshId": "corp.example",
        **values,
    }
    return thing("GatewayParameters", ref, spec={"kube": {"istio": {"istioProxyContainer": stored}}})


Break = Callable[[World], object]
