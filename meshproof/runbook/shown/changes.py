"""Which objects of the cluster a section changed, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from meshproof.kube.inventory import Difference

MANY = 3  # objects of one kind that are listed one by one
LONG = 16  # differences that are shown unasked
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def objects_table(changes: Sequence[Difference] | None) -> str:
    """The differences as an HTML table; many objects, of one kind or in all, are folded."""
    if changes is None:
        return ""
    if not changes:
        return '<div class="dim">No object of the cluster is different: it was already so.</div>'
    rows = "".join(_rows(change, kind, found) for (change, kind), found in _grouped(changes).items())
    table = f"<table><tr><th></th><th>kind</th><th>object</th><th>what is different</th></tr>{rows}</table>"
    count = len(changes)
    return table if count <= LONG else f"<details><summary>{count} objects are different</summary>{table}</details>"


def _grouped(changes: Sequence[Difference]) -> Mapping[tuple[str, str], list[Difference]]:
    """By what happened to which kind."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for each in changes:
        groups.setdefault((each.change, each.kind), []).append(each)
    return dict(sorted(groups.items()))


def _rows(change: str, kind: str, found: Sequence[Difference]) -> str:
    head = f'<tr><td class="{change}">{_SIGNS[change]}</td><td>{escape(kind.partition(".")[0])}</td>'
    if len(found) <= MANY:
        return "".join(
            f"{head}<td><code>{escape(each.ref)}</code></td><td>{escape(', '.join(each.paths) or change)}</td></tr>"
            for each in found
        )
    names = escape("\n".join(each.ref for each in found))
    listed = f"<details><summary>{len(found)} objects</summary><pre>{names}</pre></details>"
    return f"{head}<td>{listed}</td><td>{change}</td></tr>"
