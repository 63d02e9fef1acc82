"""The page's clean-up, and the proof that it leaves nothing but what is named here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from meshproof.checks import requests
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import accepted, is_rolled_out
from meshproof.checks.finding import Finding, both
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube import inventory
from meshproof.kube.inventory import Difference
from meshproof.kube.objects import HTTPRoute
from meshproof.steps import looks
from meshproof.steps.before import APP_CONTAINERS
from meshproof.steps.enable_integration import enable_integration
from meshproof.steps.exclude_service import BACKEND_ANSWERS, ROUTES, SERVICE_ANSWERS, exclude_service
from meshproof.steps.install_istio import INVENTORY, install_istio
from meshproof.steps.model import Look, Ready, Step, claim
from meshproof.steps.route import HTTPBIN, route_over_mtls
from meshproof.steps.setting import Setting

# What may differ from the inventory, and why. A pattern is matched against the whole difference.
ALLOWED: tuple[tuple[str, str], ...] = (
    (
        r"(added|changed) ConfigMap \S+/istio-ca-(root-cert|crl)( \(.*\))?",
        "istiod puts its root certificate and revocation list into every namespace and never takes them back",
    ),
    (r"added GatewayClass\.\S+ istio\S*", "istiod registers its classes and leaves them"),
    (r"(added|removed) Secret kgateway-system/sh\.helm\.release\.v1\.\S+", "Helm keeps the history of its releases"),
    (r"changed Secret kgateway-system/sh\.helm\.release\.v1\.\S+ \(.*\)", "Helm marks an old release superseded"),
    (
        r"changed Deployment\.apps httpbin/httpbin "
        r"\(spec\.template\.metadata\.annotations\.kubectl\.kubernetes\.io/restartedAt\)",
        "a rollout restart is recorded in the pod template",
    ),
)


def clean_up(setting: Setting) -> Step:
    """Take back the page's sections, last one first."""
    proxy = (setting.dialect.proxy_container,)
    back = [make(setting).undo for make in (exclude_service, route_over_mtls, enable_integration, install_istio)]
    return Step(
        slug="cleanup",
        section="Clean up",
        commands=(*back[0], *back[1], *back[2], *back[3]),
        ready=(
            Ready(HTTPBIN, is_rolled_out, (looks.deployments_path("httpbin"),)),
            Ready(looks.HTTPBIN_PODS, lambda pods: has_exactly(pods, APP_CONTAINERS), (looks.pods_path("httpbin"),)),
            Ready(looks.GATEWAY_PODS, lambda pods: has_exactly(pods, proxy), (looks.pods_path("kgateway-system"),)),
            Ready(ISTIO_REMAINS, _nothing, ("/api/v1/namespaces",)),
        ),
        claims=(
            claim(
                "cleanup.route-gone",
                "The routes of the exclusion are gone, and the gateway knows their hosts no more",
                (ROUTES, BACKEND_ANSWERS, SERVICE_ANSWERS),
                lambda routes, backend, service: both(
                    Finding(not routes, "no such route", _named(routes)), requests.not_routed(backend, service)
                ),
            ),
            claim(
                "cleanup.httpbin-containers",
                "httpbin's pod has its three containers again, READY 3/3",
                (looks.HTTPBIN_PODS,),
                lambda pods: has_exactly(pods, APP_CONTAINERS),
            ),
            claim(
                "cleanup.gateway-containers",
                "The gateway, accepted without parameters, runs Envoy alone again, READY 1/1",
                (looks.GATEWAY_PODS, looks.GATEWAY),
                lambda pods, gateway: both(has_exactly(pods, proxy), accepted(gateway, "")),
            ),
            claim(
                "cleanup.response",
                "httpbin answers through the gateway, without a client certificate",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                requests.has_no_client_cert,
            ),
            claim("cleanup.istio-gone", "Nothing of Istio runs, listens or is defined", (ISTIO_REMAINS,), _nothing),
            claim(
                "cleanup.inventory",
                "Every object of the cluster is as it was before Istio, but for what is known to be left behind",
                (LEFT_BEHIND,),
                lambda left: Finding(not left.unexpected, "no difference that is not explained", str(left)),
            ),
        ),
        departures=(
            "The page deletes the route and the Backend in gloo-system; they are in kgateway-system.",
            "The page removes Helm values that were never set; the controller's variable is what is taken out.",
            "The page's helm upgrade has a Markdown link inside the command and lacks the v of the version.",
            "The page leaves the GatewayParameters and the gateway's reference to them; both are removed, in that "
            "order reversed.",
            "The page only links to Istio's uninstall guide; the charts, the CRDs that Helm keeps and the namespace "
            "are removed.",
        ),
    )


@dataclass(frozen=True)
class LeftBehind:
    """Differences from the inventory: those that the allow list explains, with the reason, and those it does not."""

    explained: tuple[tuple[Difference, str], ...]
    unexpected: tuple[Difference, ...]

    def __str__(self) -> str:
        if self.unexpected:
            return "; ".join(map(str, self.unexpected))
        reasons = list(dict.fromkeys(reason for _, reason in self.explained))
        return f"{len(self.explained)} explained: {'; '.join(reasons)}" if reasons else "no difference"


def explain(differences: Sequence[Difference]) -> LeftBehind:
    """Sort differences into those that the allow list explains and those it does not."""
    reasons = [(difference, _reason(difference)) for difference in differences]
    return LeftBehind(
        tuple((difference, reason) for difference, reason in reasons if reason),
        tuple(difference for difference, reason in reasons if not reason),
    )


def _reason(difference: Difference) -> str:
    return next((reason for pattern, reason in ALLOWED if re.fullmatch(pattern, str(difference))), "")


def _left_behind(cluster: Cluster) -> LeftBehind:
    noted = cluster.work / INVENTORY
    if not noted.exists():
        raise NotReady(f"inventory {noted}: not there; it is taken when the section that installs Istio is run")
    return explain(inventory.compare(inventory.load(noted), inventory.take_inventory(cluster.api)))


def _istio_remains(cluster: Cluster) -> tuple[str, ...]:
    """Names of Istio's namespace, CRDs and webhooks, and of pods with its proxy, that are still there."""
    api = cluster.api
    registration = "/apis/admissionregistration.k8s.io/v1"
    names = [
        f"{kind} {raw['metadata']['name']}"
        for kind, path in (
            ("namespace", "/api/v1/namespaces"),
            ("CRD", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
            ("webhook", f"{registration}/mutatingwebhookconfigurations"),
            ("webhook", f"{registration}/validatingwebhookconfigurations"),
        )
        for raw in api.list(path)
        if re.search(r"^istio|\.istio\.io$", raw["metadata"]["name"])
    ]
    pods = [
        f"pod {raw['metadata']['namespace']}/{raw['metadata']['name']}"
        for raw in api.list("/api/v1/pods")
        if "deletionTimestamp" not in raw["metadata"]
        for part in (*raw["spec"]["containers"], *raw["spec"].get("initContainers", []))
        if part["name"] in ("istio-proxy", "discovery")
    ]
    return (*names, *pods)


LEFT_BEHIND: Look[LeftBehind] = Look("inventory of the cluster", _left_behind)
ISTIO_REMAINS: Look[tuple[str, ...]] = Look("what remains of Istio", _istio_remains)


def _nothing(remains: tuple[str, ...]) -> Finding:
    return Finding(not remains, "nothing of Istio", ", ".join(remains) or "nothing of Istio")


def _named(routes: Sequence[HTTPRoute]) -> str:
    return ", ".join(f"{route.namespace}/{route.name}" for route in routes) or "no such route"
