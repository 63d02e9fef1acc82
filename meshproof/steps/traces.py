"""What of the page is in a cluster, section by section: what its clean-up has to take back."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof.checks import containers
from meshproof.checks.finding import Finding
from meshproof.checks.hops import SIDECAR
from meshproof.kube.everything import everything
from meshproof.kube.kinds import NAMESPACE, POD
from meshproof.kube.objects import Gateway, Namespace
from meshproof.names import INJECTION_LABEL, REVISION_LABEL
from meshproof.path.link import Link, Site, When
from meshproof.steps.remains import remains
from meshproof.steps.setting import Setting

FEW = 3

Traces = Mapping[str, tuple[str, ...]]


def traces(setting: Setting, when: When = "each") -> Link[Traces]:
    """By slug of a section, in page order, what is in the cluster because the section was run."""
    names = setting.names
    exclusion = (*names.excluded_routes, names.backend, names.excluded)

    def istio(site: Site) -> tuple[str, ...]:  # where it is somebody else's, none of it is of the page
        objects = everything(site.api) if setting.makes.istio else ()
        return tuple(map(str, remains(objects, names.istio_namespace)))

    def read(site: Site) -> Traces:
        return {
            "istio": istio(site),
            "enable": _of_the_integration(setting, site),
            "route": _of_the_injection(setting, site),
            "exclude": tuple(str(ref) for ref in exclusion if site.api.find(ref.path)),
        }

    return Link("what there is of the page", names, read, (NAMESPACE.within(), POD.within()), when)


def no_trace(found: Traces) -> Finding:
    """Nothing of the page is there; of much, the first few are named."""
    seen = "; ".join(f"{slug}: {_few(names)}" for slug, names in found.items() if names)
    return Finding(not seen, "nothing of the page", seen or "nothing of the page")


def _few(named: tuple[str, ...]) -> str:
    more = len(named) - FEW
    return ", ".join(named[:FEW]) + (f" and {more} more" if more > 0 else "")


def _of_the_integration(setting: Setting, site: Site) -> tuple[str, ...]:
    names, switch = setting.names, (setting.dialect.integration_env, "true")
    found = [
        f"{switch[0]} of Pod {pod.namespace}/{pod.name}"
        for pod in setting.links.controller_pods.read(site)
        if not pod.terminating and any(switch in part.env for part in pod.containers)
    ]
    gateway = site.api.find(names.gateway.path)
    if gateway and Gateway.from_dict(gateway).parameters_ref:
        found.append(f"parameters of {names.gateway}")
    if site.api.find(names.parameters.path):
        found.append(str(names.parameters))
    return tuple(found)


def _of_the_injection(setting: Setting, site: Site) -> tuple[str, ...]:
    ref = setting.names.app_namespace
    namespace = site.api.find(ref.path)
    labels = Namespace.from_dict(namespace).labels if namespace else dict[str, str]()
    pods = setting.links.app_pods.read(site)
    injected = [pod for pod in pods if SIDECAR in containers.names(pod) and not pod.ended]
    return (
        *(f"{label} of {ref}" for label in (INJECTION_LABEL, REVISION_LABEL) if label in labels),
        *(f"{SIDECAR} of Pod {pod.namespace}/{pod.name}" for pod in injected),
    )
