"""Which objects of the cluster a section changed: two inventories compared, kept with the section's result."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from meshproof.kube.inventory import Difference
from meshproof.results import Moment, StepResult

CHANGES = "what changed in the cluster"
MANY = 3  # objects of one kind that are listed one by one
LONG = 16  # differences that are shown unasked
_CHANGE = re.compile(r"(?P<change>added|removed|changed) (?P<kind>\S+) (?P<name>\S+)(?: \((?P<detail>.*)\))?")
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def with_changes(result: StepResult, changed: Sequence[Difference]) -> StepResult:
    """The result with the differences as a last observation, so that record and report have them too."""
    lines = "\n".join(map(str, changed))
    return replace(result, moments=(*result.moments, Moment(CHANGES, "observe", time.time(), 0.0, lines)))


def objects_table(result: StepResult) -> str:
    """The differences as an HTML table; many objects, of one kind or in all, are folded."""
    told = next((moment.output for moment in result.moments if moment.label == CHANGES), None)
    if told is None:
        return ""
    if not told:
        return '<div class="dim">No object of the cluster is different: it was already so.</div>'
    lines = told.splitlines()
    rows = "".join(_rows(change, kind, found) for (change, kind), found in _grouped(lines).items())
    raw = [line for line in lines if not _CHANGE.fullmatch(line)]  # of another form: shown as they are
    rows += "".join(f'<tr><td></td><td colspan="3"><code>{escape(line)}</code></td></tr>' for line in raw)
    table = f"<table><tr><th></th><th>kind</th><th>object</th><th>what is different</th></tr>{rows}</table>"
    count = len(lines)
    return table if count <= LONG else f"<details><summary>{count} objects are different</summary>{table}</details>"


def _grouped(lines: Sequence[str]) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
    """Names and details by what happened to which kind, of the lines that say so."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for match in filter(None, map(_CHANGE.fullmatch, lines)):
        found = groups.setdefault((match["change"], match["kind"]), [])
        found.append((match["name"], match["detail"] or ""))
    return dict(sorted(groups.items()))


def _rows(change: str, kind: str, found: Sequence[tuple[str, str]]) -> str:
    head = f'<tr><td class="{change}">{_SIGNS[change]}</td><td>{escape(kind.partition(".")[0])}</td>'
    if len(found) <= MANY:
        return "".join(
            f"{head}<td><code>{escape(name)}</code></td><td>{escape(detail or change)}</td></tr>"
            for name, detail in found
        )
    names = escape("\n".join(name for name, _ in found))
    listed = f"<details><summary>{len(found)} objects</summary><pre>{names}</pre></details>"
    return f"{head}<td>{listed}</td><td>{change}</td></tr>"
