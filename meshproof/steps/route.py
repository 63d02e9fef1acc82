"""Route to the app over mutual TLS."""

from __future__ import annotations

from meshproof.checks import containers, requests
from meshproof.checks.containers import has_exactly, injected_by
from meshproof.checks.control_plane import has_image, is_rolled_out, labelled
from meshproof.checks.finding import both
from meshproof.checks.hops import SIDECAR
from meshproof.cluster import Cluster
from meshproof.names import DEFAULT_REVISION, INJECTION_LABEL, REVISION_LABEL
from meshproof.steps.model import Ready, Step, claim, shell
from meshproof.steps.setting import Setting

FORGED = (
    "By=spiffe://forged/ns/victim/sa/victim;Hash=" + "0" * 64 + ';Subject="CN=forged";'
    "URI=spiffe://forged/ns/attacker/sa/attacker"
)
# Twice, in two spellings of one name. With underscores it is another name, which is nobody's to drop.
FORGED_HEADERS = (("X-Forwarded-Client-Cert", FORGED), ("x-forwarded-client-cert", FORGED))


def route_over_mtls(setting: Setting) -> Step:
    """The app joins the mesh; the gateway then speaks mutual TLS with it."""
    names, on = setting.names, setting.links
    injected = (*names.app_containers, SIDECAR)
    answers = on.answers(names.host)
    certificate = (answers, on.app_pods, on.certificates)
    label, value = names.injection
    proxy = setting.parts.images["proxyv2"]
    other = INJECTION_LABEL if label == REVISION_LABEL else REVISION_LABEL
    labelling = ("kubectl", "label", *names.app_namespace.typed)
    restart = ("kubectl", "rollout", "restart", *names.app.typed)

    def has_sidecar(cluster: Cluster) -> bool | None:
        """Whether all pods of the app have the sidecar; None when some do, or there is no pod."""
        living = [pod for pod in on.app_pods.read(cluster) if pod.living]
        found = {SIDECAR in containers.names(pod) for pod in living}
        return found.pop() if len(found) == 1 else None

    return Step(
        slug="route",
        section="Route to the app over mTLS",
        commands=(
            shell(*labelling, f"{label}={value}", f"{other}-", "--overwrite"),
            shell(*restart, unless=lambda cluster: has_sidecar(cluster) is True),
            shell("kubectl", "get", "pods", "--namespace", names.app.namespace),
        ),
        ready=(
            Ready(on.app, is_rolled_out),
            Ready(on.app_pods, lambda pods: has_exactly(pods, injected)),
        ),
        claims=(
            claim(
                "route.namespace-labelled",
                "The app's namespace asks for injection, by one label only, and istiod injected its pods",
                (on.app_namespace, on.app_pods),
                lambda namespace, pods: both(
                    labelled(namespace, {label: value}, [other]),
                    # The note of who injected can be written by hand; a proxy that is none shows by its image.
                    both(injected_by(pods, names.revision or DEFAULT_REVISION), has_image(pods, SIDECAR, proxy)),
                ),
            ),
            claim(
                "route.httpbin-containers",
                f"The app's pod has one container more, Istio's sidecar: READY {len(injected)}/{len(injected)}",
                (on.app_pods,),
                lambda pods: has_exactly(pods, injected),
            ),
            claim(
                "route.status",
                "The app answers 200 through the gateway",
                (answers, on.app_pods),
                requests.is_ok,
            ),
            claim(
                "route.xfcc-by",
                "The certificate was shown to the app's own identity",
                (answers, on.app_pods, on.trust_domain),
                requests.names_server,
            ),
            claim(
                "route.xfcc-uri",
                "The certificate's identity is the gateway's service account",
                (answers, on.app_pods, on.gateway_pods, on.trust_domain),
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
                (answers, on.app_pods),
                requests.is_sole,
            ),
            claim(
                "route.forged-xfcc-dropped",
                "A client certificate header that the client made up, under its own name, does not reach the app",
                (on.answers(names.host, *FORGED_HEADERS), on.app_pods),
                lambda answers, pods: requests.drops_forged(answers, pods, FORGED),
            ),
            claim(
                "route.handshakes",
                "Envoy counts a TLS handshake for each new connection to the app",
                (answers, on.app_pods),
                requests.takes_handshakes,
            ),
        ),
        undo=(
            shell(*labelling, f"{INJECTION_LABEL}-", f"{REVISION_LABEL}-"),
            shell(*restart, unless=lambda cluster: has_sidecar(cluster) is False),
        ),
        departures=(
            "The page sets one of Istio's two injection labels; the other is removed, so that only one decides.",
            "The page restarts the app without waiting; its rollout is awaited.",
        ),
    )
