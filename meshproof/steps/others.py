"""What changes in a cluster of somebody else's while a run is on it: which of that is not the run's."""

from __future__ import annotations

import json
from collections.abc import Mapping

from meshproof.kube.inventory import Difference
from meshproof.steps.setting import Setting

# The cluster's network makes these for the labels of pods, and takes them back a while after the last of such pods.
# Source: operator/identitygc/crd_gc.go of cilium/cilium.
OF_THE_NETWORK = frozenset({"CiliumIdentity.cilium.io"})
_MANAGED = "app.kubernetes.io/managed-by"
# Kinds and definitions that every kgateway of a cluster shares and writes to.
_SHARED = ("gateway.networking.k8s.io", "kgateway.dev")


def is_of_others(difference: Difference, setting: Setting) -> bool:
    """Whether nothing of a difference leads to what the run makes or changes; in its own cluster everything does.

    A run writes in its own namespaces, and what it makes outside of them names these or has its label. There is also
    what all kgateways share, and the controllers that are told to look away meanwhile.
    """
    makes, names = setting.makes, setting.names
    if makes.cluster:
        return False
    if difference.kind in OF_THE_NETWORK and difference.change != "changed":
        return True
    text = json.dumps([difference.ref, difference.then, difference.now])
    ours = (names.gateway.namespace, names.app.namespace)
    if any(namespace in text for namespace in ours) or _labelled(difference, setting):
        return False
    shared = difference.kind.startswith(("GatewayClass.", "CustomResourceDefinition."))
    if shared and any(each in text for each in _SHARED):
        return False
    if makes.asides and any(side.get(_MANAGED) == "kgateway" for side in _labels(difference)):
        return False  # what a controller makes for its gateways: it began anew, since it was told to look away
    asides = {f"{aside.deployment.namespace}/{aside.deployment.name}" for aside in makes.asides}
    return not (difference.kind == "Deployment.apps" and difference.ref in asides)


def _labelled(difference: Difference, setting: Setting) -> bool:
    return any(setting.makes.labels.items() <= labels.items() for labels in _labels(difference))


def _labels(difference: Difference) -> list[Mapping[str, str]]:
    return [side["metadata"].get("labels", {}) for side in (difference.then, difference.now) if side]
