"""Conditions: what a controller says of an object, and of which generation of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meshproof.kube.raw import Raw


@dataclass(frozen=True)
class Condition:
    """One thing that a controller says. `observed_generation` is 0 where the kind does not record it."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int

    def __str__(self) -> str:
        return f"{self.type}={self.status} ({self.reason}: {self.message}) at generation {self.observed_generation}"


def conditions_of(raw: Raw, path: str) -> tuple[Condition, ...]:
    """Read a list of conditions; none where the field is missing."""
    return tuple(
        Condition(
            type=part.need("type", str),
            status=part.need("status", str),
            reason=part.get("reason", ""),
            message=part.get("message", ""),
            observed_generation=part.get("observedGeneration", 0),
        )
        for part in raw.parts(path)
    )


def is_true(conditions: Iterable[Condition], type_: str, generation: int = 0) -> bool:
    """Whether a condition is True, and said of this generation or a later one; an absent one is not."""
    return any(
        condition.type == type_ and condition.status == "True" and condition.observed_generation >= generation
        for condition in conditions
    )
