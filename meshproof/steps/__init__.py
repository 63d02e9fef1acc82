"""The page, one module per section; `sections` declares them in page order."""

from __future__ import annotations

from meshproof.steps.model import Step
from meshproof.steps.runner import fail_step, run_step, skip_step
from meshproof.steps.sections import IN_THE_MESH, PAGE, RESTORE, Section, sections, titled
from meshproof.steps.setting import Setting

__all__ = [
    "IN_THE_MESH",
    "PAGE",
    "RESTORE",
    "Section",
    "Setting",
    "Step",
    "fail_step",
    "run_step",
    "sections",
    "skip_step",
    "titled",
]
