"""results.json: a run as other programs read it. What is written can be read back without loss."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from meshproof.build import build
from meshproof.carried import COMMAND
from meshproof.errors import BadInput
from meshproof.kube.inventory import Difference
from meshproof.report import schema, summary
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.report.summary import utc
from meshproof.results import Resumption, RunResult, StepResult


def write(run: RunResult, path: Path) -> None:
    """Write a run, secrets taken out, as a whole file or not at all. Times are UTC, to the microsecond.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, json.dumps(_run_to_dict(redact_run(run)), indent=2, ensure_ascii=False) + "\n")


def read(path: Path) -> RunResult:
    """Read a run that `write` wrote, here or in an earlier version.

    Raises:
        BadInput: The file is missing, is not JSON, or lacks something.
    """
    try:
        return _run_from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInput(f"{path}: expected a results file, but: {error.strerror}; run `{COMMAND} e2e` first") from error
    except KeyError as error:
        raise BadInput(f"{path}: the key {error} is missing; was this file written by another version?") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path}: not a results file: {error}") from error


def _run_to_dict(run: RunResult) -> dict[str, Any]:
    statuses = Counter(check.status for check in run.checks)
    return {
        "schema": schema.VERSION,
        "tool": build(),
        "versions": dict(run.versions),
        "choices": dict(run.choices),
        "started": utc(run.started),
        "finished": utc(summary.ended(run)),
        "verdict": run.verdict,
        "exit_code": run.exit_code,
        "totals": {
            "checks": len(run.checks),
            **{status: statuses[status] for status in ("proven", "refuted", "skipped")},
            "departures": sum(len(step.departures) for step in run.steps),
        },
        "steps": [_step_to_dict(step) for step in run.steps],
        "resumed": [{**asdict(each), "at": utc(each.at)} for each in run.resumed],
        "asked": run.asked,
        "notes": list(run.notes),
    }


def _step_to_dict(step: StepResult) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(replace(step, changes=None)),
        "started": utc(step.started),
        "moments": [{**asdict(moment), "started": utc(moment.started)} for moment in step.moments],
        "changes": None if step.changes is None else [_change_to_dict(each) for each in step.changes],
    }


def _change_to_dict(change: Difference) -> dict[str, Any]:
    """What happened to which object, and in which fields; their contents are nobody's business."""
    return {"change": change.change, "kind": change.kind, "ref": change.ref, "paths": list(change.paths)}


def _run_from_dict(run: dict[str, Any]) -> RunResult:
    return RunResult(
        versions=run["versions"],
        choices=run["choices"],
        started=_epoch(run["started"]),
        steps=tuple(_step_from_dict(step) for step in run["steps"]),
        resumed=tuple(_resumption_from_dict(each) for each in run.get("resumed", ())),
        asked=run.get("asked"),
        notes=tuple(run.get("notes", ())),
    )


def _step_from_dict(step: dict[str, Any]) -> StepResult:
    moments = _tied(step["moments"], step["commands"])
    read: dict[str, Any] = {
        **step,
        "started": _epoch(step["started"]),
        "moments": [{**moment, "started": _epoch(moment["started"])} for moment in moments],
        "changes": step.get("changes") and [{**change, "then": {}, "now": {}} for change in step["changes"]],
    }
    return msgspec.convert(read, StepResult)


def _resumption_from_dict(resumption: dict[str, Any]) -> Resumption:
    return msgspec.convert({**resumption, "at": _epoch(resumption["at"])}, Resumption)


def _tied(moments: list[dict[str, Any]], commands: list[str]) -> list[dict[str, Any]]:
    """Earlier versions told which command a moment is of by its label alone: the first of two to the earlier one."""
    left = list(enumerate(commands))
    for moment in sorted(moments, key=lambda moment: moment["started"]):
        if "command" not in moment:
            tied = next((each for each in left if moment["kind"] == "command" and each[1] == moment["label"]), None)
            moment["command"] = tied and tied[0]
            left = [each for each in left if each != tied]
    return moments


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
