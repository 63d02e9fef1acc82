"""matrix.json: a matrix as other programs read it. docs/matrix.md says what its keys are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from meshproof.matrix.cells import code
from meshproof.matrix.columns import columns_of
from meshproof.matrix.differences import differences
from meshproof.matrix.outcome import Found, Outcome
from meshproof.matrix.result import MatrixResult
from meshproof.releases import CHOICES
from meshproof.report import summary
from meshproof.report.files import write_text
from meshproof.report.redact import redact


def write(result: MatrixResult, path: Path) -> None:
    """Write a matrix; times are UTC. What it holds comes from results that have no secrets any more.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, redact(json.dumps(to_dict(result, path.parent), indent=2, ensure_ascii=False)) + "\n")


def to_dict(result: MatrixResult, folder: Path) -> dict[str, Any]:
    """The same as a mapping; paths are as seen from the matrix's folder."""
    return {
        "started": summary.utc(result.started),
        "seconds": round(result.seconds, 3),
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "at_once": result.at_once,
        "why": result.why,
        "code": code(),
        "cells": [_cell(outcome, folder) for outcome in result.outcomes],
        "differences": [
            {**msgspec.to_builtins(each), "of_verdicts": each.of_verdicts}
            for each in differences(columns_of(result.outcomes))
        ],
    }


def _cell(outcome: Outcome, folder: Path) -> dict[str, Any]:
    cell, ended = outcome.planned.cell, outcome.ended
    return {
        "slug": outcome.slug,
        **{part: getattr(cell, part) for part in (*CHOICES, "gateway_api", "dialect")},
        "identity": outcome.planned.identity,
        "words": list(outcome.planned.words),
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "exit_code": ended and ended.code,
        "started": ended and summary.utc(ended.started),
        "seconds": ended and round(ended.seconds, 3),
        "found_in": ended.found_in if ended else "",
        "runs": [_run(found, folder) for found in outcome.found],
    }


def _run(found: Found, folder: Path) -> dict[str, Any]:
    return {
        "results": str((found.folder / "results.json").relative_to(folder)),
        "verdict": found.run.verdict,
        "versions": dict(found.run.versions),
        "choices": dict(found.run.choices),
        "steps": [
            {
                "slug": step.slug,
                "status": step.status,
                "proven": summary.proven(step.checks),
                "checks": len(step.checks),
                "seconds": round(step.seconds, 3),
            }
            for step in found.run.steps
        ],
    }
