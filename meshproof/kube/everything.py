"""Every object that an API server has, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from meshproof.kube.api import Api
from meshproof.kube.raw import Raw

# Events are no state: each is a note that something happened, and is deleted an hour later.
# Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/, --event-ttl
EVENTS = frozenset({"Event", "Event.events.k8s.io"})
_SIDE_BY_SIDE = 4
_API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


@dataclass(frozen=True)
class Object:
    """One object.

    Attributes:
        kind: `KIND.GROUP`, or the kind alone where the group is the core one.
        owners: The uids of the objects that it goes with.
        raw: The whole of it, in the form in which the API serves it.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    owners: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_dict(cls, kind: str, raw: Mapping[str, Any]) -> Object:
        """Read an item of a list of this kind."""
        item = Raw.of(kind, raw)
        return cls(
            kind=kind,
            namespace=item.get("metadata.namespace", ""),
            name=item.need("metadata.name", str),
            uid=item.get("metadata.uid", ""),
            labels=item.texts("metadata.labels"),
            owners=tuple(owner.need("uid", str) for owner in item.parts("metadata.ownerReferences")),
            raw=raw,
        )

    @property
    def ref(self) -> str:
        """`NAMESPACE/NAME`, or the name alone where its kind has no namespaces."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind.partition('.')[0]} {self.ref}"


def everything(api: Api) -> tuple[Object, ...]:
    """All objects of all kinds but events, each once, in whichever version its kind is served.

    What has no uid is not stored, but worked out when it is asked for, such as a ComponentStatus: it is no object.
    What another server serves, such as metrics, is left out while the cluster itself says that it cannot be reached.
    """

    def items(kind: _Kind) -> list[dict[str, Any]]:
        return api.list(kind.path)

    found: dict[str, Object] = {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        kinds = [kind for kind in _kinds(api, pool) if kind.name not in EVENTS]
        for kind, listed in zip(kinds, pool.map(items, kinds), strict=True):
            for each in (Object.from_dict(kind.name, raw) for raw in listed):
                if each.uid:
                    found.setdefault(each.uid, each)
    return tuple(found.values())


@dataclass(frozen=True)
class _Kind:
    name: str
    path: str


def _kinds(api: Api, pool: ThreadPoolExecutor) -> Iterable[_Kind]:
    """All kinds that can be listed, each in its group's preferred version, or in another where that has it not."""

    def served(root: tuple[str, str]) -> Sequence[Raw]:  # nothing where a group goes away meanwhile
        return Raw.of(root[1], api.find(root[1]) or {}).parts("resources")

    roots = [("", "/api/v1")]
    for group in Raw.of("/apis", api.get("/apis")).parts("groups"):
        preferred = group.need("preferredVersion.groupVersion", str)
        others = [version.need("groupVersion", str) for version in group.parts("versions")]
        roots += [(group.need("name", str), f"/apis/{version}") for version in dict.fromkeys([preferred, *others])]
    down = _unavailable(api)
    roots = [(group, root) for group, root in roots if root not in down]
    kinds: dict[str, _Kind] = {}
    for (group, root), resources in zip(roots, pool.map(served, roots), strict=True):
        for resource in resources:
            plural, kind = resource.need("name", str), resource.need("kind", str)
            if "/" not in plural and "list" in resource.need("verbs", list):
                name = f"{kind}.{group}" if group else kind
                kinds.setdefault(name, _Kind(name, f"{root}/{plural}"))
    return kinds.values()


def _unavailable(api: Api) -> set[str]:
    """The roots of what other servers serve that cannot be reached.

    Source: https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
    """
    services = [Raw.of("APIService", raw) for raw in api.list(_API_SERVICES)]
    return {
        f"/apis/{service.need('spec.group', str)}/{service.need('spec.version', str)}"
        for service in services
        for part in service.parts("status.conditions")
        if service.has("spec.service") and (part.get("type", ""), part.get("status", "")) == ("Available", "False")
    }
