"""What changes in a cluster of somebody else's while a run is on it: which of that is not the run's."""

from __future__ import annotations

import json

from meshproof.kube.inventory import Difference
from meshproof.steps.setting import Setting

# Kinds and definitions that every kgateway of a cluster shares and writes to.
_SHARED = ("gateway.networking.k8s.io", "kgateway.dev")
_MANAGED = "app.kubernetes.io/managed-by"  # "kgateway" on what a controller makes for its Gateways


def is_of_others(difference: Difference, setting: Setting) -> bool:
    """Whether nothing of a difference leads to what the run makes or changes; in a cluster of its own all does.

    A run writes in its own namespaces, and what it makes outside of them names these or has its label. Beside that there
    is what all kgateways share and, where the run switches a controller, that controller and what it makes.
    """
    makes, names = setting.makes, setting.names
    if makes.cluster:
        return False
    text = json.dumps([difference.ref, difference.then, difference.now])
    ours = (names.gateway.namespace, names.app.namespace)
    if any(namespace in text for namespace in ours) or _labelled(difference, setting):
        return False
    if difference.kind.startswith(("GatewayClass.", "CustomResourceDefinition.")) and any(
        each in text for each in _SHARED
    ):
        return False
    return not (
        makes.switch
        and _by_controller(difference, f"{makes.switch.deployment.namespace}/{makes.switch.deployment.name}")
    )


def _labelled(difference: Difference, setting: Setting) -> bool:
    labels = setting.makes.labels.items()
    return any(
        labels <= side["metadata"].get("labels", {}).items() for side in (difference.then, difference.now) if side
    )


def _by_controller(difference: Difference, deployment: str) -> bool:
    sides = [side for side in (difference.then, difference.now) if side]
    managed = any(side["metadata"].get("labels", {}).get(_MANAGED) == "kgateway" for side in sides)
    return managed or (difference.kind == "Deployment.apps" and difference.ref == deployment)
