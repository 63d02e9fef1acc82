"""Every object of a cluster with its contents, so that two moments can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from meshproof.kube.api import Api

# Kinds that controllers make from other objects and rename or rewrite at any time; what they follow is compared.
DERIVED = frozenset(
    {"Pod", "ReplicaSet", "ControllerRevision", "Endpoints", "EndpointSlice", "Event", "Lease", "ComponentStatus"}
)
# Bookkeeping of the API server: it changes without the object's content changing.
_BOOKKEEPING = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
_GENERATED_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")

Inventory = Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """One object that is not as it was. `key` is `KIND.GROUP NAMESPACE/NAME`; `detail` says what differs in it."""

    change: Literal["added", "removed", "changed"]
    key: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.change} {self.key}{f' ({self.detail})' if self.detail else ''}"


def take_inventory(api: Api) -> Inventory:
    """All objects of all listable kinds, as canonical JSON by key. Status and bookkeeping are left out."""

    def items(kind: tuple[str, str, str]) -> list[dict[str, Any]]:
        return api.list(kind[1])

    kinds = _kinds(api)
    with ThreadPoolExecutor(4) as pool:
        lists = zip(kinds, pool.map(items, kinds), strict=True)
        return {_key(group, raw, kind): _content(raw) for (kind, _, group), found in lists for raw in found}


def compare(then: Inventory, now: Inventory) -> tuple[Difference, ...]:
    """What was added, removed or changed, in order of the keys."""
    return tuple(
        Difference("added", key)
        if key not in then
        else Difference("removed", key)
        if key not in now
        else Difference("changed", key, ", ".join(_paths(json.loads(then[key]), json.loads(now[key]))))
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    )


def save(inventory: Inventory, path: Path) -> None:
    """Write an inventory to a file, readable by its owner alone: it holds the contents of Secrets."""
    path.touch(0o600)
    path.write_text(json.dumps(inventory))


def load(path: Path) -> Inventory:
    """Read an inventory that `save` wrote."""
    return json.loads(path.read_text())


def _kinds(api: Api) -> Sequence[tuple[str, str, str]]:
    """Kind, list path and group of all that can be listed, each kind once."""
    groups = api.get("/apis")["groups"]
    roots = [("", "/api/v1")] + [(g["name"], f"/apis/{g['preferredVersion']['groupVersion']}") for g in groups]
    return [
        (resource["kind"], f"{root}/{resource['name']}", group)
        for group, root in roots
        for resource in api.get(root)["resources"]
        if "/" not in resource["name"] and "list" in resource["verbs"] and resource["kind"] not in DERIVED
    ]


def _key(group: str, raw: Mapping[str, Any], kind: str) -> str:
    meta = raw["metadata"]
    name = f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else meta["name"]
    return f"{f'{kind}.{group}' if group else kind} {name}"


def _content(raw: Mapping[str, Any]) -> str:
    meta = {name: value for name, value in raw["metadata"].items() if name not in _BOOKKEEPING}
    annotations = {k: v for k, v in meta.pop("annotations", {}).items() if k not in _GENERATED_ANNOTATIONS}
    body = {name: value for name, value in raw.items() if name not in ("metadata", "status")}
    return json.dumps({**body, "metadata": {**meta, "annotations": annotations}}, sort_keys=True)


def _paths(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Dotted paths at which two contents differ; a mapping that is missing counts as an empty one."""
    if then != now and all(isinstance(side, dict | None) for side in (then, now)):
        before, after = cast("tuple[dict[str, Any], dict[str, Any]]", (then or {}, now or {}))
        for key in sorted(before.keys() | after.keys()):
            yield from _paths(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif then != now:
        yield path
