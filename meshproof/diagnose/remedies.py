"""Remedies as they are typed: commands of kubectl's for one object."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from meshproof.diagnose.scene import Scene
from meshproof.kube.kinds import BACKEND, GATEWAY, GATEWAY_PARAMETERS, Ref

# Kinds whose names others may have as well, and are therefore typed with their groups.
_WITH_GROUP = (BACKEND, GATEWAY, GATEWAY_PARAMETERS)


def typed_ref(ref: Ref) -> tuple[str, ...]:
    """What is typed for an object after kubectl's verb."""
    kind = f"{ref.kind.plural}.{ref.kind.group}" if ref.kind in _WITH_GROUP else ref.kind.name.lower()
    return (kind, ref.name, "-n", ref.namespace)


def patched(scene: Scene, ref: Ref, change: Mapping[str, object] | Sequence[Mapping[str, object]]) -> str:
    """A command that changes an object: fields are merged into it, a list is the operations of a JSON patch."""
    how = "merge" if isinstance(change, Mapping) else "json"
    return scene.typed("patch", *typed_ref(ref), f"--type={how}", "-p", json.dumps(change))


def attached(scene: Scene, gateway: Ref, parameters: Ref) -> str:
    """A command that has a Gateway refer to parameters."""
    named = {"group": parameters.kind.group, "kind": parameters.kind.name, "name": parameters.name}
    return patched(scene, gateway, {"spec": {"infrastructure": {"parametersRef": named}}})
