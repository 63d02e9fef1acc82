"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Whether a claim holds, with what was expected and what was seen, both in words.

    `seen` is False where nothing could be seen, which is no proof of the contrary.
    `skip` says why this decides nothing, such as that there was nothing to do; the claim is then skipped.
    """

    holds: bool
    expected: str
    observed: str
    seen: bool = True
    skip: str = ""

    def __str__(self) -> str:
        return f"expected {self.expected}; observed {self.observed}"


def both(one: Finding, other: Finding) -> Finding:
    """Two findings as one: it holds when both do."""
    return Finding(one.holds and other.holds, f"{one.expected}; {other.expected}", f"{one.observed}; {other.observed}")
