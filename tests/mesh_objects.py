"""Objects of a cluster on which the page works, and of its way there and back; for a stand-in for the API server."""

from __future__ import annotations

from typing import Any

from api_stand_in import a_pod, thing
from snapshots import SETTING

PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
CONFIG = {"istio.io/config": "true"}
ROOT = {"root-cert.pem": PEM}
GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def root(
    ref: str = "httpbin/istio-ca-root-cert", labels: dict[str, str] = CONFIG, data: dict[str, str] = ROOT
) -> dict[str, Any]:
    return thing("ConfigMap", ref, labels=labels, data=data)


def revoked(ref: str = "httpbin/istio-ca-crl", text: str = "") -> dict[str, Any]:
    return root(ref, data={"ca-crl.pem": text})


def gateway_class(name: str, controller: str, **spec: object) -> dict[str, Any]:
    return thing("GatewayClass", name, spec={"controllerName": controller, "description": "it", **spec})


SWITCH = {"name": SETTING.dialect.integration_env, "value": "true"}


def controller(*env: dict[str, str], **meta: str) -> dict[str, Any]:
    pod = a_pod(
        "kgateway-system/kgateway-1", "controller", labels={"app.kubernetes.io/instance": "kgateway"}, meta=meta
    )
    pod["spec"]["containers"][0]["env"] = list(env)
    return pod


def gateway(reference: str = "") -> dict[str, Any]:
    refers = (
        {"infrastructure": {"parametersRef": {"kind": "GatewayParameters", "name": reference}}} if reference else {}
    )
    return thing("Gateway", "kgateway-system/http", meta={"generation": 1}, spec=refers)


APP = {"app": "httpbin"}
# The cluster as the page begins.
PLAIN = (
    thing("Namespace", "httpbin"),
    thing("Service", "httpbin/httpbin"),
    a_pod("httpbin/httpbin-1", "go-httpbin", labels=APP),
    controller(),
    gateway(),
    thing("GatewayClass", "istio", spec={"controllerName": "istio.io/gateway-controller"}),
)
INJECTED = a_pod("httpbin/httpbin-2", "go-httpbin", "istio-proxy", labels=APP)
# One thing that a section brings, and how it is told: the section first.
LEFT: dict[str, tuple[str, dict[str, Any]]] = {
    "Namespace istio-system": ("istio", thing("Namespace", "istio-system")),
    "CustomResourceDefinition sidecars.networking.istio.io": (
        "istio",
        thing("CustomResourceDefinition", "sidecars.networking.istio.io"),
    ),
    f"{SWITCH['name']} of Pod kgateway-system/kgateway-1": ("enable", controller(SWITCH)),
    "parameters of Gateway kgateway-system/http": ("enable", gateway("http-istio")),
    "GatewayParameters kgateway-system/http-istio": (
        "enable",
        thing("GatewayParameters", "kgateway-system/http-istio"),
    ),
    "istio-injection of Namespace httpbin": ("route", thing("Namespace", "httpbin", labels={"istio-injection": "x"})),
    "istio.io/rev of Namespace httpbin": ("route", thing("Namespace", "httpbin", labels={"istio.io/rev": "x"})),
    "istio-proxy of Pod httpbin/httpbin-2": ("route", INJECTED),
    "HTTPRoute kgateway-system/exclude-automtls": ("exclude", thing("HTTPRoute", "kgateway-system/exclude-automtls")),
    "HTTPRoute httpbin/exclude-service": ("exclude", thing("HTTPRoute", "httpbin/exclude-service")),
    "Backend kgateway-system/httpbin": ("exclude", thing("Backend", "kgateway-system/httpbin")),
    "Service httpbin/httpbin-plaintext": ("exclude", thing("Service", "httpbin/httpbin-plaintext")),
}


def but(changed: dict[str, Any]) -> list[dict[str, Any]]:
    """The plain cluster with one object more, or another in its place."""
    return [each for each in PLAIN if each["metadata"]["uid"] != changed["metadata"]["uid"]] + [changed]
