"""Which objects controllers make from which others: they make these again, under other names, at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from meshproof.kube.everything import Object
from meshproof.kube.raw import Raw

_MIRROR = "kubernetes.io/config.mirror"
_SERVICE_NAME = "kubernetes.io/service-name"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_NODE_LEASES = "kube-node-lease"


def makers(objects: Sequence[Object]) -> Mapping[str, set[str]]:
    """By uid, the uids of the objects that are there and that it is made from; most are made from none.

    To name an owner is not enough, anybody can: the owner must be of a kind from which such objects are made, and the
    object as its controller makes it, which takes away or puts right what is not.
    """
    there = {each.uid: each for each in objects}
    selected = {each.ref: each.uid for each in objects if each.kind == "Service" and _selects(each)}
    return {each.uid: _makers(each, there, selected) for each in objects}


def _makers(each: Object, there: Mapping[str, Object], selected: Mapping[str, str]) -> set[str]:
    if each.kind == "Endpoints":  # they name no owner: they are made for the Service of their name, if it selects
        return {selected[each.ref]} if each.ref in selected else set()
    owners = [there[uid] for uid in each.owners if uid in there]
    return {owner.uid for owner in owners if _makes(owner, each)}


def _makes(owner: Object, each: Object) -> bool:
    rule = _RULES.get((owner.kind, each.kind))
    return rule is not None and owner.namespace in ("", each.namespace) and rule(owner, each)


def _controls(owner: Object, each: Object) -> bool:
    references = Raw.of(each.kind, each.raw).parts("metadata.ownerReferences")
    return any(part.need("uid", str) == owner.uid and part.get("controller", False) for part in references)


def _runs(owner: Object, pod: Object) -> bool:
    """A pod's images can be changed under its owner, who does not see it."""
    template, own = (_images(*of) for of in ((owner, "spec.template.spec.containers"), (pod, "spec.containers")))
    return _controls(owner, pod) and template <= own


def _mirrors(node: Object, pod: Object) -> bool:
    """The mirror of a static pod; the kubelet of its node takes away one that mirrors nothing."""
    raw = Raw.of(pod.kind, pod.raw)
    return _MIRROR in raw.texts("metadata.annotations") and raw.get("spec.nodeName", "") == node.name


def _renews(node: Object, lease: Object) -> bool:
    return (lease.namespace, lease.name) == (_NODE_LEASES, node.name)


def _slices(service: Object, part: Object) -> bool:
    return _selects(service) and _is_slice_of(service, part, "endpointslice-controller.k8s.io")


def _copies(endpoints: Object, part: Object) -> bool:
    return _is_slice_of(endpoints, part, "endpointslicemirroring-controller.k8s.io")


def _is_slice_of(owner: Object, part: Object, controller: str) -> bool:
    """A controller looks after the slices that are labelled with its name and their owner's, and no others."""
    return (part.labels.get(_MANAGED_BY), part.labels.get(_SERVICE_NAME)) == (controller, owner.name)


def _selects(service: Object) -> bool:
    return Raw.of(service.kind, service.raw).has("spec.selector")


def _images(of: Object, path: str) -> set[tuple[str, str]]:
    return {(part.need("name", str), part.get("image", "")) for part in Raw.of(of.kind, of.raw).parts(path)}


# Sources: pkg/controller and pkg/kubelet/pod/mirror_client.go of kubernetes/kubernetes, and
# https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#management
_RULES: Mapping[tuple[str, str], Callable[[Object, Object], bool]] = {
    ("Deployment.apps", "ReplicaSet.apps"): _controls,
    ("DaemonSet.apps", "ControllerRevision.apps"): _controls,
    ("StatefulSet.apps", "ControllerRevision.apps"): _controls,
    ("CronJob.batch", "Job.batch"): _controls,
    ("ReplicaSet.apps", "Pod"): _runs,
    ("DaemonSet.apps", "Pod"): _runs,
    ("StatefulSet.apps", "Pod"): _runs,
    ("Job.batch", "Pod"): _runs,
    ("ReplicationController", "Pod"): _runs,
    ("Node", "Pod"): _mirrors,
    ("Node", "Lease.coordination.k8s.io"): _renews,
    ("Service", "EndpointSlice.discovery.k8s.io"): _slices,
    ("Endpoints", "EndpointSlice.discovery.k8s.io"): _copies,
}
