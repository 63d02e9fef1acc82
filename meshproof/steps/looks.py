"""What steps look at, shared by their claims."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from meshproof import yamls
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.formats import envoy
from meshproof.formats.answer import Response
from meshproof.kube.objects import Gateway, HTTPRoute, Namespace
from meshproof.kube.workloads import Deployment, Pod
from meshproof.steps.model import Look
from meshproof.wait import wait_for

PAGE_HOST = "www.example.com"
MTLS_CLUSTER = "kube_httpbin_httpbin_8000"
PLAINTEXT_CLUSTER = "kube_httpbin_httpbin-plaintext_8000"
BURST = 16  # requests at the same time, at most
GROW_TIMEOUT_S = 15.0
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


def response(host: str, forged_xfcc: str = "") -> Look[Response]:
    """The answer to `GET /headers` for a host, through the gateway."""
    headers = {"X-Forwarded-Client-Cert": forged_xfcc} if forged_xfcc else {}
    return Look(f"GET {host}/headers", lambda c: c.gateway.get(host, headers=headers))


GATEWAY_PODS = pods("gateway's pods", "kgateway-system", "gateway.networking.k8s.io/gateway-name=http")
CONTROLLER_PODS = pods("kgateway's pods", "kgateway-system", "app.kubernetes.io/name=kgateway")
HTTPBIN_PODS = pods("httpbin's pods", "httpbin", "app=httpbin")
ISTIOD_PODS = pods("istiod's pods", "istio-system", "app=istiod")
PAGE_RESPONSE = response(PAGE_HOST)
GATEWAY: Look[Gateway] = Look(
    "Gateway kgateway-system/http", lambda c: Gateway.from_dict(c.api.get(f"{gateways_path('kgateway-system')}/http"))
)
HTTPBIN_NAMESPACE: Look[Namespace] = Look(
    "Namespace httpbin", lambda c: Namespace.from_dict(c.api.get("/api/v1/namespaces/httpbin"))
)
GATEWAY_CERTIFICATE: Look[str] = Look(
    "certificate that the gateway's Envoy holds",
    lambda c: envoy.certificate_chain(c.gateway.admin(envoy.SECRETS_PAGE), "istio_server_cert"),
)
TRUST_DOMAIN: Look[str] = Look("mesh's trust domain", lambda c: trust_domain(c))
ENVOY_ENDPOINTS = Look(
    "endpoints in the gateway's Envoy", lambda c: envoy.endpoints(c.gateway.admin(envoy.CLUSTERS_PAGE))
)


def trust_domain(cluster: Cluster) -> str:
    """The trust domain of the mesh, from istiod's mesh configuration; Istio's default where it names none."""
    config = cluster.api.get("/api/v1/namespaces/istio-system/configmaps/istio")
    mesh = yamls.load(config["data"]["mesh"], "ConfigMap istio-system/istio")
    return str(mesh[0].get("trustDomain") or "cluster.local") if mesh else "cluster.local"


@dataclass(frozen=True)
class Handshakes:
    """TLS handshakes with httpbin before and after new connections were forced; endpoints matched to mTLS so far."""

    before: int
    after: int
    matches: int

    @property
    def grew(self) -> bool:
        """There are more handshakes than before, with endpoints that the mTLS transport was chosen for."""
        return self.after > self.before and self.matches > 0


def _force_connections(cluster: Cluster) -> Handshakes:
    """Send more requests at the same time than there are open connections, so that some must be new."""
    active, before, _ = _counters(cluster)
    requests = min(active + 4, BURST)
    with ThreadPoolExecutor(requests) as pool:
        for future in [pool.submit(cluster.gateway.get, PAGE_HOST, "/delay/0.3") for _ in range(requests)]:
            future.result()
    _, after, matches = _counters(cluster)
    return Handshakes(before, after, matches)


def _counters(cluster: Cluster) -> tuple[int, int, int]:
    """Open connections, handshakes and matches, of the cluster that leads to httpbin."""
    page = envoy.stats(cluster.gateway.admin(envoy.stats_page(MTLS_CLUSTER)))
    prefix = f"cluster.{MTLS_CLUSTER}."
    names = ("upstream_cx_active", "ssl.handshake", "tlsMode-istio.total_match_count")
    active, handshakes, matches = (page.get(prefix + name, 0) for name in names)
    return active, handshakes, matches


def _grown_handshakes(cluster: Cluster) -> Handshakes:
    """The counters as soon as they have grown, or as they stand when they do not."""

    def look() -> Handshakes | NotReady:
        try:
            return _force_connections(cluster)
        except NotReady as problem:  # a gateway that just changed its pod
            return problem

    last: list[Handshakes | NotReady] = []

    def settled(seen: Handshakes | NotReady) -> bool:
        last[:] = [seen]
        return isinstance(seen, Handshakes) and seen.grew

    with contextlib.suppress(NotReady):
        wait_for(look, settled, what="handshakes", timeout_s=GROW_TIMEOUT_S, every_s=0.2)
    if isinstance(last[0], NotReady):
        raise last[0]
    return last[0]


HANDSHAKES = Look("handshakes with httpbin", _grown_handshakes, when="once")


def rendering(values: object, name: str) -> Look[str]:
    """What the kgateway chart renders with some values, by `helm template`."""

    def take(cluster: Cluster) -> str:
        parts = cluster.parts
        version = parts.chart_versions["kgateway"]
        argv = ["helm", "template", "kgateway", parts.charts["kgateway"], "--namespace", "kgateway-system"]
        argv += ["--version", version] if version else []
        return cluster.run(*argv, "--values", "-", stdin=json.dumps(values)).stdout

    return Look(f"kgateway's chart rendered with {name}", take, when="beside")
