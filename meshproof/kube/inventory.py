"""Every object of a cluster with its contents, so that two moments can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from meshproof.kube.api import Api
from meshproof.kube.everything import Object, everything
from meshproof.kube.makers import makers

# Bookkeeping of the API server: it changes without the object's content changing.
_BOOKKEEPING = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
_GENERATED_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
    "control-plane.alpha.kubernetes.io/leader",  # who leads, renewed every few seconds
)
# Who holds a lease and since when is what a lease is for: it is rewritten every few seconds.
_HOLDING = ("holderIdentity", "acquireTime", "renewTime", "leaseTransitions")

Content = Mapping[str, Any]


class Name(NamedTuple):
    """An object: its kind as `KIND.GROUP`, or the kind alone, and `NAMESPACE/NAME`, or the name alone."""

    kind: str
    ref: str

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


Inventory = Mapping[Name, str]


@dataclass(frozen=True)
class Difference:
    """One object that is not as it was.

    Attributes:
        kind: `KIND.GROUP`, or the kind alone.
        ref: `NAMESPACE/NAME`, or the name alone.
        paths: The fields that differ in it, where it is in both.
        then: Its content in the first of the two moments; empty where it was not there.
        now: Its content in the second.
    """

    change: Literal["added", "removed", "changed"]
    kind: str
    ref: str
    paths: tuple[str, ...] = ()
    then: Content = field(default_factory=dict[str, Any], repr=False, compare=False)
    now: Content = field(default_factory=dict[str, Any], repr=False, compare=False)

    def __str__(self) -> str:
        paths = ", ".join(self.paths)
        return f"{self.change} {self.kind} {self.ref}{f' ({paths})' if paths else ''}"


def take_inventory(api: Api) -> Inventory:
    """The contents of all objects of a cluster that follow from no other; see `inventory_of`."""
    return inventory_of(everything(api))


def inventory_of(objects: Sequence[Object]) -> Inventory:
    """Contents as canonical JSON, by name.

    Only what a controller makes again from an owner is left out, and only where that owner is among the objects
    and, in the end, in the inventory.
    """
    owners = makers(objects)
    roots = {each.uid for each in objects if not owners[each.uid]}
    reached = set(roots)
    while more := {uid for uid, its in owners.items() if uid not in reached and its & reached}:
        reached |= more
    kept = [each for each in objects if each.uid in roots or each.uid not in reached]
    return {Name(each.kind, each.ref): json.dumps(content(each), sort_keys=True) for each in kept}


def content(of: Object) -> Content:
    """What an object says, without its status and what the cluster itself keeps rewriting."""
    meta = {name: value for name, value in of.raw["metadata"].items() if name not in _BOOKKEEPING}
    annotations = {k: v for k, v in meta.pop("annotations", {}).items() if k not in _GENERATED_ANNOTATIONS}
    body = {name: value for name, value in of.raw.items() if name not in ("metadata", "status")}
    if of.kind == "Lease.coordination.k8s.io":
        body["spec"] = {name: value for name, value in body.get("spec", {}).items() if name not in _HOLDING}
    return {**body, "metadata": {**meta, "annotations": annotations}}


def compare(then: Inventory, now: Inventory) -> tuple[Difference, ...]:
    """What was added, removed or changed, in order of the names."""
    different = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    return tuple(_difference(name, then, now) for name in different)


def save(inventory: Inventory, path: Path) -> None:
    """Write an inventory to a file, readable by its owner alone: it holds the contents of Secrets."""
    aside = path.with_name(f"{path.name}.part")
    aside.touch(0o600)
    aside.write_text(json.dumps({str(name): text for name, text in inventory.items()}))
    aside.replace(path)  # whole or not at all


def load(path: Path) -> Inventory:
    """Read an inventory that `save` wrote."""
    texts: dict[str, str] = json.loads(path.read_text())
    return {Name(*key.split(" ", 1)): text for key, text in texts.items()}


def _difference(name: Name, then: Inventory, now: Inventory) -> Difference:
    was, is_ = (json.loads(side.get(name, "{}")) for side in (then, now))
    if name not in then:
        return Difference("added", *name, now=is_)
    if name not in now:
        return Difference("removed", *name, then=was)
    return Difference("changed", *name, tuple(_paths(was, is_)), was, is_)


def _paths(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Dotted paths at which two contents differ; a mapping that is missing counts as an empty one."""
    if then != now and all(isinstance(side, dict | None) for side in (then, now)):
        before, after = cast("tuple[dict[str, Any], dict[str, Any]]", (then or {}, now or {}))
        for key in sorted(before.keys() | after.keys()):
            yield from _paths(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif then != now:
        yield path
