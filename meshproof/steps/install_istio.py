"""Section 1 of the page: install Istio. Only istiod is needed: no ingress gateway, no CNI, no ztunnel."""

from __future__ import annotations

from meshproof import yamls
from meshproof.checks.control_plane import is_rolled_out
from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.kube import inventory
from meshproof.kube.everything import everything
from meshproof.kube.workloads import Deployment, Pod
from meshproof.steps import looks
from meshproof.steps.model import Command, Ready, Step, Together, claim, shell, write
from meshproof.steps.remains import remains
from meshproof.steps.setting import Setting

ISTIOD_VALUES = "istiod.yaml"
INVENTORY = "baseline.json"
ISTIOD = looks.deployment("istio-system", "istiod")
# What the charts define outside of a namespace. Helm takes it back, as long as the namespace with its record is there.
_OUTSIDE = (
    "crd,clusterrole,clusterrolebinding,mutatingwebhookconfiguration,validatingwebhookconfiguration,"
    "validatingadmissionpolicy,validatingadmissionpolicybinding"
)
SWEEP = shell("kubectl", "delete", _OUTSIDE, "--selector", "app.kubernetes.io/part-of=istio", "--wait=false")


def install_istio(setting: Setting) -> Step:
    """Istio's CRDs and istiod, revisionless."""
    return Step(
        slug="istio",
        section="Install Istio",
        prepare=note_inventory,
        commands=(
            write(ISTIOD_VALUES, yamls.dump(setting.parts.istiod_values)),
            # istiod waits for its CRDs by itself.
            Together(
                (
                    _helm(setting, "istio-base", "--create-namespace"),
                    _helm(setting, "istiod", "--create-namespace", "--values", ISTIOD_VALUES),
                )
            ),
        ),
        ready=(Ready(ISTIOD, is_rolled_out, (looks.deployments_path("istio-system"),)),),
        claims=(
            claim(
                "istio.istiod-ready",
                "istiod is rolled out and its pod is ready",
                (ISTIOD, looks.ISTIOD_PODS),
                _istiod_ready,
            ),
        ),
        undo=(
            Together(
                (
                    shell("helm", "uninstall", "istiod", "--namespace", "istio-system", "--ignore-not-found"),
                    shell("helm", "uninstall", "istio-base", "--namespace", "istio-system", "--ignore-not-found"),
                )
            ),
            Together(
                (
                    shell("kubectl", "delete", "crd", "--selector", "app.kubernetes.io/part-of=istio", "--wait=false"),
                    shell("kubectl", "delete", "namespace", "istio-system", "--ignore-not-found", "--wait=false"),
                )
            ),
        ),
        departures=(
            "The page links to Istio's newest getting-started guide, which installs a demo with Bookinfo; "
            "the base and istiod charts of a fixed version are enough.",
        ),
    )


def note_inventory(cluster: Cluster) -> None:
    """Write down every object of the cluster, when this is first reached on it and nothing of Istio is there.

    On a cluster that is kept the note stands: what a run leaves must not become what the next one starts from.
    """
    noted = cluster.work / INVENTORY
    objects = () if noted.exists() else everything(cluster.api)
    if objects and not remains(objects):
        inventory.save(inventory.inventory_of(objects), noted)


def _helm(setting: Setting, chart: str, *args: str) -> Command:
    parts = setting.parts
    version = parts.chart_versions[chart]
    argv = ["helm", "upgrade", "--install", chart, parts.charts[chart], "--namespace", "istio-system"]
    return shell(*argv, *(["--version", version] if version else []), *args)


def _istiod_ready(deployment: Deployment, pods: tuple[Pod, ...]) -> Finding:
    rollout = is_rolled_out(deployment)
    living = [pod for pod in pods if pod.living]
    return Finding(
        rollout.holds and bool(living) and all(pod.all_ready for pod in living),
        "istiod rolled out, every pod of it ready",
        f"{rollout.observed}; pods: {', '.join(f'{pod.name} {pod.ready}' for pod in living) or 'none'}",
    )
