"""What a survey found in somebody else's cluster, and what a run would do to it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from meshproof.dialects import dialect
from meshproof.releases import Cell
from meshproof.runbook.shown import Shown, panel
from meshproof.survey.found import Found
from meshproof.survey.plan import Plan
from meshproof.survey.told import UNCHANGED, columns, found_rows, plan_rows


def found_table(found: Found, cell: Cell, *, taken: bool) -> Shown:
    """What is there; what these notebooks or an ended run made is told as if it were gone.

    Args:
        found: What was found.
        cell: What is to be proved there.
        taken: Whether the notebooks have the cluster already.
    """
    called = dialect(cell.dialect)
    left = (
        "what these notebooks have made is left out"
        if taken
        else "left by a run that was ended: it is taken away first"
    )
    rows = [*found_rows(found, called), *([("meshproof's own", left)] if found.left else [])]
    title = f"What is there: {found.server}, context {found.context}"
    return _table(title, "nothing is changed by looking", rows)


def plan_table(plan: Plan) -> Shown:
    """What a run uses, makes and changes, and what that does to others."""
    return _table("The plan", "" if plan.changed else UNCHANGED, plan_rows(plan))


def _table(title: str, note: str, rows: Iterable[tuple[str, str]]) -> Shown:
    """Lines beside what they are about, which is told once."""
    rows = list(rows)
    grouped = [(name, [line for _, line in of_it]) for name, of_it in groupby(rows, key=lambda row: row[0])]
    text = "\n".join([f"{title}, {note}" if note else title, *columns(rows)])
    return panel("surveyed", title, note, text, groups=grouped)
