"""Images that pods cannot have: what the kubelet says of it, so that nobody waits for what will not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshproof.kube.api import Api
from meshproof.kube.kinds import DEPLOYMENT, POD, Labelled, Ref
from meshproof.kube.raw import Raw

# Source: https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff. A first failure, ErrImagePull, may be
# a hiccup: it is tried again at once.
GIVEN_UP = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


def unpullable(api: Api, of: object) -> str:
    """Why pods of a Deployment, or pods with some labels, cannot start: an image that cannot be had.

    Empty where there is no such image, and for what has no pods.
    """
    if isinstance(of, Labelled) and of.kind == POD:
        pods = api.list(of.path, labelSelector=of.selector)
    elif isinstance(of, Ref) and of.kind == DEPLOYMENT:
        pods = [pod for pod in api.list(POD.within(of.namespace)) if _belongs(Raw.of("Pod", pod), of.name)]
    else:
        return ""
    return next((told for pod in pods if (told := _given_up(pod))), "")


def _belongs(pod: Raw, deployment: str) -> bool:
    """Whether a pod is of a Deployment's ReplicaSet, which is called after it and after the pods' template."""
    template = pod.texts("metadata.labels").get("pod-template-hash", "")
    owners = pod.parts("metadata.ownerReferences")
    return any(owner.get("name", "") == f"{deployment}-{template}" for owner in owners)


def _given_up(raw: Mapping[str, Any]) -> str:
    pod = Raw.of("Pod", raw)
    if pod.get("metadata.deletionTimestamp", ""):
        return ""
    for path in ("status.initContainerStatuses", "status.containerStatuses"):
        for state in pod.parts(path):
            reason = state.get("state.waiting.reason", "")
            if reason in GIVEN_UP:
                why = state.get("state.waiting.message", reason)
                return f"image {state.get('image', '(not named)')} cannot be pulled: {why} ({pod.name})"
    return ""
