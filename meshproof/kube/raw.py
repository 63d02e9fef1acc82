"""The edge where what the API server says becomes typed; raw mappings go no further than `from_dict`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from meshproof.errors import MeshproofError

T = TypeVar("T")


class Malformed(MeshproofError):
    """An object lacks a field that it must have, or has it in another type."""


@dataclass(frozen=True)
class Raw:
    """A part of an object as the API server gave it, and how to name it in an error."""

    data: Mapping[str, Any]
    name: str

    @classmethod
    def of(cls, kind: str, data: Mapping[str, Any]) -> Raw:
        """A whole object, named by its kind, namespace and name, as far as it has them."""
        metadata = cls(data, kind)
        parts = (metadata.get("metadata.namespace", ""), metadata.get("metadata.name", ""))
        return cls(data, f"{kind} {'/'.join(part for part in parts if part) or '(unnamed)'}")

    def need(self, path: str, kind: type[T]) -> T:
        """The field at a dotted path.

        Raises:
            Malformed: It is missing, null or of another type.
        """
        value = self._find(path)
        if value is None:
            raise Malformed(f"{self.name}: expected the field {path}, which is missing")
        return self._typed(path, value, kind)

    def get(self, path: str, default: T) -> T:
        """The field at a dotted path, or the default where it is missing or null.

        Raises:
            Malformed: It is of another type than the default.
        """
        value = self._find(path)
        return default if value is None else self._typed(path, value, type(default))

    def has(self, path: str) -> bool:
        """Whether there is something at a dotted path."""
        return self._find(path) is not None

    def parts(self, path: str) -> tuple[Raw, ...]:
        """The entries of a list of mappings; none where the field is missing.

        Raises:
            Malformed: It is no list of mappings.
        """
        entries = self.get(path, cast("list[object]", []))
        name = f"{self.name} {path}"
        return tuple(
            Raw(cast("dict[str, Any]", self._typed(f"{path}[{i}]", entry, dict)), f"{name}[{i}]")
            for i, entry in enumerate(entries)
        )

    def texts(self, path: str) -> dict[str, str]:
        """A copy of a mapping of texts, such as labels; empty where the field is missing."""
        return dict(self.get(path, cast("dict[str, str]", {})))

    def _find(self, path: str) -> object:
        value: object = self.data
        for key in path.split("."):
            if not isinstance(value, Mapping):
                return None
            value = cast("Mapping[str, object]", value).get(key)
        return value

    def _typed(self, path: str, value: object, kind: type[T]) -> T:
        if not isinstance(value, kind):
            raise Malformed(f"{self.name}: expected {path} to be {kind.__name__}, found {type(value).__name__}")
        return value
