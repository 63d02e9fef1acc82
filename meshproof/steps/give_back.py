"""Not on the page: a cluster of somebody else's is left as it was found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from meshproof.checks.finding import Finding, both
from meshproof.kube.everything import Object, everything
from meshproof.kube.kinds import NAMESPACE, POD
from meshproof.path.link import Link, Site
from meshproof.steps.asides import managed
from meshproof.steps.before import before_you_begin
from meshproof.steps.clean_up import as_before, every_object, noted_inventory, only_where
from meshproof.steps.model import Ready, Step, claim
from meshproof.steps.others import OF_THE_NETWORK
from meshproof.steps.setting import Setting

FEW = 6
FOUND = "found.json"  # the inventory of the cluster as a run found it
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"


def give_back(setting: Setting) -> Step:
    """Take away all that a run made, and put back what it changed."""
    there, left, asides = what_is_ours(setting, at_start=True), what_is_ours(setting), setting.makes.asides
    return Step(
        slug="restore",
        section="Give the cluster back",
        commands=before_you_begin(setting).undo,
        ready=(Ready(left, nothing_left),),
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
                lambda there, objects, found: only_where(
                    there,
                    reduce(both, [managed(aside, objects) for aside in asides], as_before(objects, found, setting)),
                ),
            ),
        ),
    )


def what_is_ours(setting: Setting, *, at_start: bool = False) -> Link[tuple[str, ...]]:
    """What a run made in a cluster of somebody else's, by namespace, label or Helm's note of the release."""
    names, labels = setting.names, setting.makes.labels.items()
    namespaces = {names.gateway.namespace, names.app.namespace}

    def is_ours(each: Object) -> bool:
        if each.kind in OF_THE_NETWORK:
            return False
        annotations = each.raw["metadata"].get("annotations", {})
        namespace = each.name if each.kind == "Namespace" else each.namespace
        of_release = not each.namespace and annotations.get(_RELEASE_NAMESPACE) in namespaces
        return namespace in namespaces or (bool(labels) and labels <= each.labels.items()) or of_release

    def read(site: Site) -> tuple[str, ...]:
        ours = [each for each in everything(site.api) if is_ours(each)]
        return tuple(map(str, sorted(ours, key=lambda each: bool(each.namespace))))  # what holds others first

    watch = (NAMESPACE.within(), POD.within(names.gateway.namespace))
    return Link("what this run made", tuple(sorted(namespaces)), read, watch, "start" if at_start else "each")


def nothing_left(left: Sequence[str]) -> Finding:
    """Nothing of the run is there; of much, the first few are named."""
    more = f" and {len(left) - FEW} more" if len(left) > FEW else ""
    return Finding(not left, "nothing of this run", f"{', '.join(left[:FEW])}{more}" if left else "nothing of this run")
