"""What differs between the cells: claims that hold in one and not in another, and what was seen for those that hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshproof.matrix.columns import Column
from meshproof.results import CheckResult

# Each run has its own: moments, hashes, addresses, and what Kubernetes appends to names (it spells without vowels).
_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
_OF_ONE_RUN: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(r"(?:; )?[^;]*\bterminating\b[^;]*"), ""),
    (re.compile(rf"-{_SAFE}{{6,10}}-{_SAFE}{{5}}\b"), "-*"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z| UTC)?"), "<moment>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<address>"),
    (re.compile(r"\b\d+(?:\.\d+)? s\b"), "<time>"),
]
NO_VERSIONS: Mapping[str, str] = {}
_SAID = ("kgateway", "istio", "kubernetes", "gateway-api")


@dataclass(frozen=True)
class Group:
    """Columns that have the same status and, trimmed of what each run has its own, saw the same."""

    columns: tuple[str, ...]
    status: str
    observed: str


@dataclass(frozen=True)
class Difference:
    """A claim that did not come out the same everywhere."""

    check: str
    claim: str
    groups: tuple[Group, ...]

    @property
    def of_verdicts(self) -> bool:
        """Whether it holds in one and not in another."""
        return len({group.status for group in self.groups}) > 1

    @property
    def only_skipped(self) -> bool:
        """Whether it is refuted nowhere, but skipped somewhere."""
        statuses = {group.status for group in self.groups}
        return "skipped" in statuses and "refuted" not in statuses


def differences(columns: Sequence[Column]) -> Sequence[Difference]:
    """The claims that differ between columns that have run, those that do not hold everywhere first, in page order."""
    ran = [column for column in columns if column.run]
    claims = {check.id: check.claim for column in ran if column.run for check in column.run.checks}
    every = [Difference(check_id, claim, _groups(check_id, ran)) for check_id, claim in claims.items()]
    found = [each for each in every if len(each.groups) > 1]
    return sorted(found, key=lambda each: not each.of_verdicts)


def trimmed(observed: str, versions: Mapping[str, str]) -> str:
    """What was seen, without what another run of the same cell would see otherwise, and the versions chosen."""
    for name in _SAID:
        if version := versions.get(name):
            observed = re.sub(rf"(?<![\w.-]){re.escape(version)}(?![\w.-])", f"<{name}>", observed)
    for pattern, instead in _OF_ONE_RUN:
        observed = pattern.sub(instead, observed)
    return observed.strip("; ")


def _groups(check_id: str, columns: Sequence[Column]) -> tuple[Group, ...]:
    groups: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        groups.setdefault(_found(column.check(check_id), column), []).append(column.title)
    return tuple(Group(tuple(titles), status, observed) for (status, observed), titles in groups.items())


def _found(check: CheckResult | None, column: Column) -> tuple[str, str]:
    if check is None:
        return "not claimed", ""
    # Why one was skipped tells more than what was seen, which is nothing.
    told = check.reason if check.status == "skipped" else check.observed
    return check.status, trimmed(told, column.run.versions if column.run else NO_VERSIONS)
