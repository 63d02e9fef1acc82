"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Whether a claim holds, with what was expected and what was seen, both in words."""

    holds: bool
    expected: str
    observed: str
