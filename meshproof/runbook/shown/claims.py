"""What a section claims and how it came out, and where it departs from the page."""

from __future__ import annotations

from meshproof.report import summary
from meshproof.results import StepResult
from meshproof.runbook.shown import Shown, found, panel, redacted


def claims_table(result: StepResult, *, earlier: bool = False) -> Shown:
    """Each claim with its status, what was expected and what was seen; nothing is green that was found earlier."""
    title = f"Claims: {summary.proven(result.checks)} of {len(result.checks)} {'were ' * earlier}proven"
    return panel("claims", title, found(result, earlier), checks=redacted(result).checks, earlier=earlier)


def departures_list(result: StepResult) -> Shown:
    """Where the page's words do not hold here."""
    return panel("departures", "Where this departs from the page", departures=result.departures)


def proven_note(result: StepResult, *, earlier: bool = False) -> Shown:
    """One line that says so."""
    count, (one, many) = len(result.checks), ("was", "were") if earlier else ("is", "are")
    text = f"{result.section}: {f'its claim {one}' if count == 1 else f'all {count} claims {many}'} proven"
    return panel("proven", text, found(result, earlier), earlier=earlier)
