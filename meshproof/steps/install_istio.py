"""Install Istio. Only istiod is needed: no ingress gateway, no CNI, no ztunnel.

In a cluster that is somebody else's, Istio is there: it is looked at, and never taken away.
"""

from __future__ import annotations

from dataclasses import replace

from meshproof import yamls
from meshproof.checks.control_plane import is_rolled_out
from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.kube import inventory
from meshproof.kube.everything import everything
from meshproof.kube.kinds import NAMESPACE, Ref
from meshproof.kube.workloads import Deployment, Pod
from meshproof.steps.helm import install, uninstall
from meshproof.steps.model import Ready, Step, Together, claim, delete, shell, write
from meshproof.steps.remains import remains
from meshproof.steps.setting import Setting
from meshproof.steps.values import merged

ISTIOD_VALUES = "istiod.yaml"
BASE, ISTIOD = "istio-base", "istiod"  # the charts
# What the charts define outside of a namespace. Helm takes it back, as long as the namespace with its record is there.
_OUTSIDE = (
    "crd,clusterrole,clusterrolebinding,mutatingwebhookconfiguration,validatingwebhookconfiguration,"
    "validatingadmissionpolicy,validatingadmissionpolicybinding"
)
SWEEP = shell("kubectl", "delete", _OUTSIDE, "--selector", "app.kubernetes.io/part-of=istio", "--wait=false")


def install_istio(setting: Setting) -> Step:
    """Istio's CRDs and istiod, with a revision where one was chosen; or those that are there."""
    on = setting.links
    step = Step(
        slug="istio",
        section="Install Istio",
        prepare=lambda cluster: note_inventory(setting, cluster),
        commands=(shell("kubectl", "get", "deployments", "--all-namespaces", "--selector", "app=istiod"),),
        ready=(Ready(on.istiod, is_rolled_out),),
        claims=(
            claim(
                "istio.istiod-ready",
                "istiod is rolled out and its pod is ready",
                (on.istiod, on.istiod_pods),
                istiod_ready,
            ),
        ),
        departures=("The page installs Istio; here it is there already, and stays as it is.",),
    )
    return _installed(step, setting) if setting.makes.istio else step


def _installed(step: Step, setting: Setting) -> Step:
    """The step that installs it, and takes it away."""
    names = setting.names
    chosen = {"revision": names.revision} if names.revision else {}
    # What checks Istio's own objects must lead to an istiod that is there.
    default = ("--set", f"defaultRevision={names.revision}") if names.revision else ()
    return replace(
        step,
        commands=(
            write(ISTIOD_VALUES, yamls.dump(merged(setting.parts.istiod_values, chosen))),
            # istiod waits for its CRDs by itself.
            Together(
                (
                    install(setting.parts, BASE, BASE, names.istio_namespace, "--create-namespace", *default),
                    install(
                        *(setting.parts, ISTIOD, names.istiod.name, names.istio_namespace),
                        *("--create-namespace", "--values", ISTIOD_VALUES),
                    ),
                )
            ),
        ),
        undo=(
            Together(
                (
                    uninstall(names.istiod.name, names.istio_namespace),
                    uninstall(BASE, names.istio_namespace),
                )
            ),
            Together(
                (
                    shell("kubectl", "delete", "crd", "--selector", "app.kubernetes.io/part-of=istio", "--wait=false"),
                    shell(*delete(Ref(NAMESPACE, "", names.istio_namespace)).argv, "--wait=false"),
                )
            ),
        ),
        departures=(
            "The page links to Istio's newest getting-started guide, which installs a demo with Bookinfo; "
            "the base and istiod charts of a fixed version are enough.",
        ),
    )


def inventory_name(setting: Setting) -> str:
    """The file of the inventory from before Istio: with a load balancer, the page begins with more."""
    return "baseline-load-balancer.json" if setting.choices.balanced else "baseline.json"


def note_inventory(setting: Setting, cluster: Cluster) -> None:
    """Write down every object of the cluster, when this is first reached on it and nothing of Istio is there.

    On a cluster that is kept the note stands: what a run leaves must not become what the next one starts from. Where
    Istio is somebody else's, it is part of what is there.
    """
    noted = cluster.work / inventory_name(setting)
    if not setting.makes.istio:
        inventory.save(inventory.take_inventory(cluster.api), noted)
        return
    objects = () if noted.exists() else everything(cluster.api)
    if objects and not remains(objects, setting.names.istio_namespace):
        inventory.save(inventory.inventory_of(objects), noted)


def istiod_ready(deployment: Deployment, pods: tuple[Pod, ...]) -> Finding:
    """istiod is rolled out, and every pod of it is ready."""
    rollout = is_rolled_out(deployment)
    living = [pod for pod in pods if pod.living]
    return Finding(
        rollout.holds and bool(living) and all(pod.all_ready for pod in living),
        "istiod rolled out, every pod of it ready",
        f"{rollout.observed}; pods: {', '.join(f'{pod.name} {pod.ready}' for pod in living) or 'none'}",
    )
