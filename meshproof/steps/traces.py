"""What of the page is in a cluster, section by section: what its clean-up has to take back."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof.checks.containers import names
from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.kube.everything import everything
from meshproof.kube.objects import Gateway, Namespace
from meshproof.steps import looks
from meshproof.steps.enable_integration import PARAMETERS
from meshproof.steps.model import Look, When
from meshproof.steps.remains import remains
from meshproof.steps.setting import Setting

BACKENDS = "/apis/gateway.kgateway.dev/v1alpha1/namespaces/kgateway-system/backends"
EXCLUSION = (
    f"{looks.routes_path('kgateway-system')}/exclude-automtls",
    f"{looks.routes_path('httpbin')}/exclude-service",
    f"{BACKENDS}/httpbin",
    "/api/v1/namespaces/httpbin/services/httpbin-plaintext",
)
INJECTION_LABELS = ("istio-injection", "istio.io/rev")
FEW = 3

Traces = Mapping[str, tuple[str, ...]]


def traces(setting: Setting, when: When = "each") -> Look[Traces]:
    """By slug of a section, in page order, what is in the cluster because the section was run."""

    def take(cluster: Cluster) -> Traces:
        return {
            "istio": tuple(map(str, remains(everything(cluster.api)))),
            "enable": _of_the_integration(setting, cluster),
            "route": _of_the_injection(cluster),
            "exclude": tuple(path.partition("/namespaces/")[2] for path in EXCLUSION if cluster.api.find(path)),
        }

    return Look("what there is of the page", take, when)


def no_trace(found: Traces) -> Finding:
    """Nothing of the page is there; of much, the first few are named."""
    seen = "; ".join(f"{slug}: {_few(names)}" for slug, names in found.items() if names)
    return Finding(not seen, "nothing of the page", seen or "nothing of the page")


def _few(named: tuple[str, ...]) -> str:
    more = len(named) - FEW
    return ", ".join(named[:FEW]) + (f" and {more} more" if more > 0 else "")


def _of_the_integration(setting: Setting, cluster: Cluster) -> tuple[str, ...]:
    switch = (setting.dialect.integration_env, "true")
    found = [
        f"{switch[0]} of Pod {pod.namespace}/{pod.name}"
        for pod in looks.CONTROLLER_PODS.take(cluster)
        if not pod.terminating and any(switch in part.env for part in pod.containers)
    ]
    gateway = cluster.api.find(f"{looks.gateways_path('kgateway-system')}/http")
    if gateway and Gateway.from_dict(gateway).parameters_ref:
        found.append("parameters of Gateway kgateway-system/http")
    if cluster.api.find(PARAMETERS):
        found.append("GatewayParameters kgateway-system/http-istio")
    return tuple(found)


def _of_the_injection(cluster: Cluster) -> tuple[str, ...]:
    namespace = cluster.api.find("/api/v1/namespaces/httpbin")
    labels = Namespace.from_dict(namespace).labels if namespace else dict[str, str]()
    injected = [pod for pod in looks.HTTPBIN_PODS.take(cluster) if "istio-proxy" in names(pod) and not pod.ended]
    return (
        *(f"{label} of Namespace httpbin" for label in INJECTION_LABELS if label in labels),
        *(f"istio-proxy of Pod {pod.namespace}/{pod.name}" for pod in injected),
    )
