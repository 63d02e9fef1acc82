"""Not on the page: a cluster of somebody else's is left as it was found."""

from __future__ import annotations

from collections.abc import Sequence

from meshproof.checks import containers
from meshproof.checks.control_plane import is_rolled_out
from meshproof.checks.finding import Finding
from meshproof.kube.everything import Object, everything
from meshproof.kube.kinds import NAMESPACE, POD
from meshproof.kube.workloads import Pod
from meshproof.names import pods_of_gateway
from meshproof.path.link import Link, Site
from meshproof.path.links import pods
from meshproof.steps.before import before_you_begin
from meshproof.steps.clean_up import as_before, every_object, noted_inventory, only_where
from meshproof.steps.enable_integration import SDS, set_switch
from meshproof.steps.model import Ready, Step, claim, shell, where
from meshproof.steps.setting import Setting

FOUND = "found.json"  # the inventory of the cluster as a run found it
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"


def give_back(setting: Setting) -> Step:
    """Take away all that a run made, and switch back what it switched."""
    on, switch = setting.links, setting.makes.switch
    there, left = what_is_ours(setting, at_start=True), what_is_ours(setting)
    return Step(
        slug="restore",
        section="Give the cluster back",
        commands=(
            *(
                (
                    set_switch(setting, switch, switch.was),
                    shell("kubectl", "rollout", "status", *switch.deployment.typed),
                )
                if switch
                else ()
            ),
            *before_you_begin(setting).undo,
        ),
        ready=(
            Ready(left, nothing_left),
            *where(switch, Ready(on.controller, is_rolled_out)),
            *(Ready(link, _alone) for link in _their_pods(setting)),
        ),
        claims=(
            claim(
                "restore.nothing-of-ours",
                "Nothing that this run made is there any more",
                (there, left),
                lambda there, left: only_where(there, nothing_left(left)),
            ),
            claim(
                "restore.as-found",
                "What was there before the run is as it was, but for what others changed meanwhile",
                (there, every_object(), noted_inventory(FOUND, "the cluster as it was found")),
                lambda there, objects, found: only_where(there, as_before(objects, found, setting)),
            ),
        ),
    )


def what_is_ours(setting: Setting, *, at_start: bool = False) -> Link[tuple[str, ...]]:
    """What a run made in a cluster of somebody else's, by namespace, label or Helm's note of the release."""
    names, labels = setting.names, setting.makes.labels.items()
    ours = {names.gateway.namespace, names.app.namespace}

    def is_ours(each: Object) -> bool:
        annotations = each.raw["metadata"].get("annotations", {})
        namespace = each.name if each.kind == "Namespace" else each.namespace
        of_release = not each.namespace and annotations.get(_RELEASE_NAMESPACE) in ours
        return namespace in ours or (bool(labels) and labels <= each.labels.items()) or of_release

    def read(site: Site) -> tuple[str, ...]:
        return tuple(str(each) for each in everything(site.api) if is_ours(each))

    watch = (NAMESPACE.within(), POD.within(names.gateway.namespace))
    return Link("what this run made", tuple(sorted(ours)), read, watch, "start" if at_start else "each")


def nothing_left(left: Sequence[str]) -> Finding:
    """Nothing of the run is there; of much, the first few are named."""
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return Finding(not left, "nothing of this run", f"{', '.join(left[:5])}{more}" if left else "nothing of this run")


def _their_pods(setting: Setting) -> tuple[Link[tuple[Pod, ...]], ...]:
    gateways = setting.makes.switch.gateways if setting.makes.switch else ()
    return tuple(pods(f"the pods of {each}", pods_of_gateway(each)) for each in gateways)


def _alone(their: tuple[Pod, ...]) -> Finding:
    """The pods of somebody else's gateway have no container of the integration."""
    having = [pod.name for pod in their if pod.living and SDS in containers.names(pod)]
    return Finding(not having, f"no pod with {SDS}", ", ".join(having) or f"no pod with {SDS}")
