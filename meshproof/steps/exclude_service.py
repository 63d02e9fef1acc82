"""Section 4 of the page: exclude a service from mutual TLS, in the page's form and in the one that proves it."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof.checks import requests
from meshproof.checks.control_plane import routes_accepted
from meshproof.checks.finding import Finding
from meshproof.formats.envoy import Endpoint
from meshproof.kube.workloads import Pod
from meshproof.manifests import manifest
from meshproof.steps import looks
from meshproof.steps.model import Command, Ready, Step, Together, apply, claim, shell
from meshproof.steps.setting import Setting

BACKEND_HOST = "disable-automtls.example"
SERVICE_HOST = "plain.example"
BACKEND_RESPONSE = looks.response(BACKEND_HOST)
SERVICE_RESPONSE = looks.response(SERVICE_HOST)
ROUTES = looks.routes(("kgateway-system", "exclude-automtls"), ("httpbin", "exclude-service"))


def exclude_service(setting: Setting) -> Step:
    """Two routes to httpbin without mutual TLS, beside the one that keeps it."""
    return Step(
        slug="exclude",
        section="Exclude a service from mTLS",
        commands=(
            Together((apply(manifest("excluded-backend.yaml")), apply(manifest("excluded-service.yaml")))),
            apply(manifest("excluded-routes.yaml")),
        ),
        ready=(
            Ready(
                ROUTES,
                lambda routes: routes_accepted(routes, 2),
                (looks.routes_path("kgateway-system"), looks.routes_path("httpbin")),
            ),
        ),
        claims=(
            claim(
                "exclude.route-accepted",
                "Both routes are accepted and their backends resolved",
                (ROUTES,),
                lambda routes: routes_accepted(routes, 2),
            ),
            claim(
                "exclude.backend-no-xfcc",
                "The page's static Backend is reached without a client certificate (which proves nothing by itself)",
                (BACKEND_RESPONSE,),
                requests.has_no_client_cert,
            ),
            claim(
                "exclude.service-no-xfcc",
                "The annotated Service is reached without a client certificate",
                (SERVICE_RESPONSE,),
                requests.has_no_client_cert,
            ),
            claim(
                "exclude.others-keep-xfcc",
                "www.example.com still arrives with both identities",
                (looks.PAGE_RESPONSE, looks.HTTPBIN_PODS, looks.GATEWAY_PODS, looks.TRUST_DOMAIN),
                requests.keeps_client_cert,
            ),
            claim(
                "exclude.same-pods",
                "Both Services answer from the same pods: the annotation alone makes the difference",
                (SERVICE_RESPONSE, looks.PAGE_RESPONSE, looks.ENVOY_ENDPOINTS, looks.HTTPBIN_PODS),
                lambda _plain, _mtls, endpoints, pods: _same_pods(endpoints, pods),
            ),
        ),
        undo=(
            Together(
                (
                    _delete("httproute", "exclude-automtls", "kgateway-system"),
                    _delete("backend.gateway.kgateway.dev", "httpbin", "kgateway-system"),
                    _delete("httproute", "exclude-service", "httpbin"),
                    _delete("service", "httpbin-plaintext", "httpbin"),
                )
            ),
        ),
        departures=(
            "The page's fields disableIstioAutoMtls and kube of Backend do not exist; the annotation "
            "kgateway.dev/disable-istio-auto-mtls excludes a Backend or a Service.",
            "A Backend with a static host is never offered mTLS, annotated or not, so the page's demonstration proves "
            "nothing by itself; a second, annotated Service over the same pods does.",
            "The page's requests in this section lack a line continuation, so their Host header is never sent.",
        ),
    )


def _delete(kind: str, name: str, namespace: str) -> Command:
    return shell("kubectl", "delete", kind, name, "--namespace", namespace, "--ignore-not-found")


def _same_pods(endpoints: Mapping[str, tuple[Endpoint, ...]], pods: tuple[Pod, ...]) -> Finding:
    expected = sorted(f"{pod.ip}:8080" for pod in pods if not pod.terminating)
    served = {
        cluster: sorted(endpoint.address for endpoint in endpoints.get(cluster, ()) if endpoint.requests > 0)
        for cluster in (looks.MTLS_CLUSTER, looks.PLAINTEXT_CLUSTER)
    }
    return Finding(
        bool(expected) and all(addresses == expected for addresses in served.values()),
        f"both clusters have had answers from {', '.join(expected) or 'a pod of httpbin'}",
        "; ".join(f"{cluster}: {', '.join(addresses) or 'no answer'}" for cluster, addresses in served.items()),
    )
