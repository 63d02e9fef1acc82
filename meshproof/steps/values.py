"""Helm values laid over each other, as Helm does with several files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast


def merged(*layers: Mapping[str, object]) -> Mapping[str, object]:
    """Values of later layers win; mappings are merged at every depth."""
    result: dict[str, object] = {}
    for layer in layers:
        for name, value in layer.items():
            below = result.get(name)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                value = merged(cast(Mapping[str, object], below), cast(Mapping[str, object], value))
            result[name] = value
    return result
