"""Section 3 of the page: route to httpbin over mutual TLS."""

from __future__ import annotations

from meshproof.checks import requests
from meshproof.checks.containers import has_exactly, injected_by, names
from meshproof.checks.control_plane import is_rolled_out, labelled
from meshproof.checks.finding import both
from meshproof.cluster import Cluster
from meshproof.steps import looks
from meshproof.steps.before import APP_CONTAINERS
from meshproof.steps.model import Ready, Step, claim, shell
from meshproof.steps.setting import Setting

DEFAULT_REVISION = "default"  # what istiod calls itself where it has no revision
FORGED = (
    "By=spiffe://forged/ns/httpbin/sa/httpbin;Hash=" + "0" * 64 + ';Subject="CN=forged";'
    "URI=spiffe://forged/ns/attacker/sa/attacker"
)
# Twice, in two spellings of one name. With underscores it is another name, which is nobody's to drop.
FORGED_ANSWERS = looks.answers(
    looks.PAGE_HOST, ("X-Forwarded-Client-Cert", FORGED), ("x-forwarded-client-cert", FORGED)
)
HTTPBIN = looks.deployment("httpbin", "httpbin")
_LABEL = ("kubectl", "label", "namespace", "httpbin")
_RESTART = ("kubectl", "rollout", "restart", "deployment", "httpbin", "--namespace", "httpbin")


def route_over_mtls(setting: Setting) -> Step:
    """httpbin joins the mesh; the gateway then speaks mutual TLS with it."""
    injected = (*APP_CONTAINERS, "istio-proxy")
    certificate = (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS, looks.GATEWAY_CERTIFICATES)
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
                "The app's namespace asks for injection, by one label only, and istiod injected its pods",
                (looks.HTTPBIN_NAMESPACE, looks.HTTPBIN_PODS),
                lambda namespace, pods: both(
                    labelled(namespace, {"istio-injection": "enabled"}, ["istio.io/rev"]),
                    injected_by(pods, DEFAULT_REVISION),
                ),
            ),
            claim(
                "route.httpbin-containers",
                "httpbin's pod has one container more, Istio's sidecar: READY 4/4",
                (looks.HTTPBIN_PODS,),
                lambda pods: has_exactly(pods, injected),
            ),
            claim(
                "route.status",
                "httpbin answers 200 through the gateway",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                requests.is_ok,
            ),
            claim(
                "route.xfcc-by",
                "The certificate was shown to httpbin's own identity",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS, looks.TRUST_DOMAIN),
                requests.names_server,
            ),
            claim(
                "route.xfcc-uri",
                "The certificate's identity is the gateway's service account",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS, looks.GATEWAY_PODS, looks.TRUST_DOMAIN),
                requests.names_client,
            ),
            claim(
                "route.xfcc-hash",
                "The certificate is the very one that the gateway's Envoy holds",
                certificate,
                requests.hashes_certificate,
            ),
            claim(
                "route.xfcc-subject",
                "The subject is that certificate's, which Istio leaves empty",
                certificate,
                requests.names_subject,
            ),
            claim(
                "route.xfcc-sole",
                "The sidecar's element stands alone: nothing before it speaks for the client",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                requests.is_sole,
            ),
            claim(
                "route.forged-xfcc-dropped",
                "A client certificate header that the client made up, under its own name, does not reach the app",
                (FORGED_ANSWERS, looks.HTTPBIN_PODS),
                lambda answers, pods: requests.drops_forged(answers, pods, FORGED),
            ),
            claim(
                "route.handshakes",
                "Envoy counts a TLS handshake for each new connection to httpbin",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                requests.takes_handshakes,
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
    living = [pod for pod in looks.HTTPBIN_PODS.take(cluster) if pod.living]
    found = {"istio-proxy" in names(pod) for pod in living}
    return found.pop() if len(found) == 1 else None
