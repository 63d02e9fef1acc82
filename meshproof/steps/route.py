"""Section 3 of the page: route to httpbin over mutual TLS."""

from __future__ import annotations

from meshproof.checks import requests
from meshproof.checks.containers import has_exactly, names
from meshproof.checks.control_plane import is_rolled_out, labelled
from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.steps import looks
from meshproof.steps.before import APP_CONTAINERS
from meshproof.steps.looks import Handshakes
from meshproof.steps.model import Ready, Step, claim, shell
from meshproof.steps.setting import Setting

FORGED = (
    "By=spiffe://forged/ns/httpbin/sa/httpbin;Hash=" + "0" * 64 + ';Subject="CN=forged";'
    "URI=spiffe://forged/ns/attacker/sa/attacker"
)
FORGED_RESPONSE = looks.response(looks.PAGE_HOST, forged_xfcc=FORGED)
HTTPBIN = looks.deployment("httpbin", "httpbin")
_LABEL = ("kubectl", "label", "namespace", "httpbin")
_RESTART = ("kubectl", "rollout", "restart", "deployment", "httpbin", "--namespace", "httpbin")


def route_over_mtls(setting: Setting) -> Step:
    """httpbin joins the mesh; the gateway then speaks mutual TLS with it."""
    injected = (*APP_CONTAINERS, "istio-proxy")
    both = (looks.PAGE_RESPONSE, looks.GATEWAY_CERTIFICATE)
    return Step(
        slug="route",
        section="Route to httpbin over mTLS",
        commands=(
            shell(*_LABEL, "istio-injection=enabled", "istio.io/rev-", "--overwrite"),
            shell(*_RESTART, unless=lambda cluster: _has_sidecar(cluster) is True),
            shell("kubectl", "get", "pods", "--namespace", "httpbin"),
        ),
        ready=(
            Ready(HTTPBIN, is_rolled_out, (looks.deployments_path("httpbin"),)),
            Ready(looks.HTTPBIN_PODS, lambda pods: has_exactly(pods, injected), (looks.pods_path("httpbin"),)),
        ),
        claims=(
            claim(
                "route.namespace-labelled",
                "The app's namespace asks for injection, by one label only",
                (looks.HTTPBIN_NAMESPACE,),
                lambda namespace: labelled(namespace, {"istio-injection": "enabled"}, ["istio.io/rev"]),
            ),
            claim(
                "route.httpbin-containers",
                "httpbin's pod has one container more, Istio's sidecar: READY 4/4",
                (looks.HTTPBIN_PODS,),
                lambda pods: has_exactly(pods, injected),
            ),
            claim("route.status", "httpbin answers 200 through the gateway", (looks.PAGE_RESPONSE,), requests.is_ok),
            claim(
                "route.xfcc-by",
                "The certificate was shown to httpbin's own identity",
                (looks.PAGE_RESPONSE, looks.HTTPBIN_PODS, looks.TRUST_DOMAIN),
                requests.names_server,
            ),
            claim(
                "route.xfcc-uri",
                "The certificate's identity is the gateway's service account",
                (looks.PAGE_RESPONSE, looks.GATEWAY_PODS, looks.TRUST_DOMAIN),
                requests.names_client,
            ),
            claim(
                "route.xfcc-hash",
                "The certificate is the very one that the gateway's Envoy holds",
                both,
                requests.hashes_certificate,
            ),
            claim(
                "route.xfcc-subject",
                "The subject is that certificate's, which Istio leaves empty",
                both,
                requests.names_subject,
            ),
            claim(
                "route.forged-xfcc-dropped",
                "A client certificate header that the client made up does not reach the app",
                (FORGED_RESPONSE,),
                lambda response: requests.drops_forged(response, FORGED),
            ),
            claim(
                "route.handshakes",
                "Envoy counts new TLS handshakes with httpbin when new connections are needed",
                (looks.HANDSHAKES,),
                _grew,
            ),
        ),
        undo=(
            shell(*_LABEL, "istio-injection-", "istio.io/rev-"),
            shell(*_RESTART, unless=lambda cluster: _has_sidecar(cluster) is False),
        ),
        departures=(
            "The page sets one of Istio's two injection labels; the other is removed, so that only one decides.",
            "The page restarts httpbin without waiting; its rollout is awaited.",
        ),
    )


def _has_sidecar(cluster: Cluster) -> bool | None:
    """Whether all pods of httpbin have the sidecar; None when some do, or there is no pod."""
    living = [pod for pod in looks.HTTPBIN_PODS.take(cluster) if not pod.terminating]
    found = {"istio-proxy" in names(pod) for pod in living}
    return found.pop() if len(found) == 1 else None


def _grew(seen: Handshakes) -> Finding:
    return Finding(
        seen.grew,
        "ssl.handshake grows, tlsMode-istio.total_match_count is not 0",
        f"ssl.handshake {seen.before} → {seen.after}, tlsMode-istio.total_match_count {seen.matches}",
    )
