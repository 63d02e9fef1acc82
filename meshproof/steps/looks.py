"""What steps look at, shared by their claims."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from meshproof import yamls
from meshproof.cluster import Cluster
from meshproof.formats import envoy
from meshproof.kube.objects import Gateway, HTTPRoute, Namespace
from meshproof.kube.raw import Raw
from meshproof.kube.workloads import Deployment, Pod
from meshproof.path.ask import Answers, Ask, ask
from meshproof.steps.model import Look

PAGE_HOST = "www.example.com"
MTLS_CLUSTER = "kube_httpbin_httpbin_8000"
PLAINTEXT_CLUSTER = "kube_httpbin_httpbin-plaintext_8000"
ROOT_PATH = "/api/v1/namespaces/kgateway-system/configmaps/istio-ca-root-cert"
T = TypeVar("T")


def pods_path(namespace: str) -> str:
    """API path of a namespace's pods."""
    return f"/api/v1/namespaces/{namespace}/pods"


def deployments_path(namespace: str) -> str:
    """API path of a namespace's deployments."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def gateways_path(namespace: str) -> str:
    """API path of a namespace's gateways."""
    return f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways"


def routes_path(namespace: str) -> str:
    """API path of a namespace's HTTP routes."""
    return f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes"


def pods(what: str, namespace: str, selector: str) -> Look[tuple[Pod, ...]]:
    """Pods by label."""

    def take(cluster: Cluster) -> tuple[Pod, ...]:
        return tuple(map(Pod.from_dict, cluster.api.list(pods_path(namespace), labelSelector=selector)))

    return Look(what, take)


def deployment(namespace: str, name: str) -> Look[Deployment]:
    """One deployment."""
    path = f"{deployments_path(namespace)}/{name}"
    return Look(f"deployment {namespace}/{name}", lambda c: Deployment.from_dict(c.api.get(path)))


def routes(*names: tuple[str, str]) -> Look[tuple[HTTPRoute, ...]]:
    """HTTP routes by namespace and name; those that do not exist are left out."""

    def take(cluster: Cluster) -> tuple[HTTPRoute, ...]:
        found = [cluster.api.find(f"{routes_path(namespace)}/{name}") for namespace, name in names]
        return tuple(HTTPRoute.from_dict(raw) for raw in found if raw is not None)

    return Look("routes " + ", ".join("/".join(name) for name in names), take)


def answers(host: str, *headers: tuple[str, str]) -> Look[Answers]:
    """The answers to `GET /headers` for a host, through the gateway, from each endpoint on a new connection."""
    asked = Ask(host, headers)
    return Look(f"GET {host}/headers", lambda c: ask(c.gateway.senders(), asked))


GATEWAY_PODS = pods("gateway's pods", "kgateway-system", "gateway.networking.k8s.io/gateway-name=http")
CONTROLLER_PODS = pods("kgateway's pods", "kgateway-system", "app.kubernetes.io/name=kgateway")
HTTPBIN_PODS = pods("httpbin's pods", "httpbin", "app=httpbin")
ISTIOD_PODS = pods("istiod's pods", "istio-system", "app=istiod")
PAGE_ANSWERS = answers(PAGE_HOST)
GATEWAY: Look[Gateway] = Look(
    "Gateway kgateway-system/http", lambda c: Gateway.from_dict(c.api.get(f"{gateways_path('kgateway-system')}/http"))
)
HTTPBIN_NAMESPACE: Look[Namespace] = Look(
    "Namespace httpbin", lambda c: Namespace.from_dict(c.api.get("/api/v1/namespaces/httpbin"))
)
GATEWAY_CERTIFICATES: Look[Mapping[str, str]] = Look(
    "certificate that the gateway's Envoy holds, by pod",
    lambda c: {
        sender.pod: envoy.certificate_chain(sender.admin(envoy.SECRETS_PAGE), "istio_server_cert")
        for sender in c.gateway.senders()
    },
)
ROOT_CERTIFICATES: Look[str] = Look(
    "root certificate that istiod gives to the gateway's namespace",
    lambda c: Raw.of("ConfigMap", c.api.get(ROOT_PATH)).texts("data").get("root-cert.pem", ""),
)
TRUST_DOMAIN: Look[str] = Look("mesh's trust domain", lambda c: trust_domain(c))


def trust_domain(cluster: Cluster) -> str:
    """The trust domain of the mesh, from istiod's mesh configuration; Istio's default where it names none."""
    config = Raw.of("ConfigMap", cluster.api.get("/api/v1/namespaces/istio-system/configmaps/istio"))
    mesh = yamls.load(config.need("data.mesh", str), f"{config.name} data.mesh")
    named = [Raw(document, f"{config.name} data.mesh").get("trustDomain", "") for document in mesh[:1]]
    return "".join(named) or "cluster.local"


def rendering(values: object, name: str) -> Look[str]:
    """What the kgateway chart renders with some values, by `helm template`."""

    def take(cluster: Cluster) -> str:
        parts = cluster.parts
        version = parts.chart_versions["kgateway"]
        argv = ["helm", "template", "kgateway", parts.charts["kgateway"], "--namespace", "kgateway-system"]
        argv += ["--version", version] if version else []
        return cluster.run(*argv, "--values", "-", stdin=json.dumps(values)).stdout

    return Look(f"kgateway's chart rendered with {name}", take, when="beside")
