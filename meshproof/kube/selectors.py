"""Label selectors as objects of the API carry them: what they match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshproof.kube.raw import Raw


@dataclass(frozen=True)
class Expression:
    """One of a selector's matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it; one that is not known is met by none.

        Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
        """
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
            case _:
                return False

    def __str__(self) -> str:
        return " ".join([self.key, self.operator, *(["(" + ", ".join(self.values) + ")"] if self.values else [])])


@dataclass(frozen=True)
class Selector:
    """A label selector: all of it must be met; an empty one is met by whatever there is."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Expression, ...] = ()

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], what: str = "label selector") -> Selector:
        """Read a selector.

        Raises:
            Malformed: It is none.
        """
        selector = Raw(raw, what)
        return cls(
            tuple(selector.texts("matchLabels").items()),
            tuple(
                Expression(part.need("key", str), part.need("operator", str), _values(part))
                for part in selector.parts("matchExpressions")
            ),
        )

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it."""
        equal = all(labels.get(name) == value for name, value in self.labels)
        return equal and all(each.matches(labels) for each in self.expressions)

    def __str__(self) -> str:
        return ", ".join([*(f"{name}={value}" for name, value in self.labels), *map(str, self.expressions)]) or "all"


def any_matches(selectors: Sequence[Selector], labels: Mapping[str, str]) -> bool:
    """Whether one of some selectors is met, as a controller with discovery selectors asks; none of them select all."""
    return not selectors or any(each.matches(labels) for each in selectors)


def _values(part: Raw) -> tuple[str, ...]:
    values: list[str] = part.get("values", [])
    return tuple(values)
