"""What is typed, and what that printed and changed."""

from __future__ import annotations

from collections.abc import Sequence

from meshproof.report import summary
from meshproof.results import StepResult
from meshproof.runbook.shown import Shown, found, panel, redacted


def typed_commands(texts: Sequence[str]) -> Shown:
    """Commands as a reader types them."""
    return panel("commands", "What you would type", commands=texts)


def what_ran(result: StepResult, *, earlier: bool = False) -> Shown:
    """Each command with what it printed, which says what it changed, and how long the waits were."""
    title = f"{result.section}: what it changed, in {summary.duration(result.seconds)}"
    return panel("what_ran", title, found(result, earlier), result=redacted(result))
