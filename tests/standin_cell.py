"""A stand-in for the command that proves a cell: `standin_cell.py e2e WORD=VALUE...`, with no cluster.

STANDIN, in the environment, is JSON: what is wrong by kgateway's version or slug, and the folder where each start, end
and request to end is noted. It runs until as many as `together` have been started.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from report_runs import a_refuted_run, a_run

from meshproof import errors
from meshproof.releases import find_cell
from meshproof.report import results_json
from meshproof.results import RunResult
from meshproof.wait import wait_for

LOOK_S = 0.02


def main() -> int:
    words = dict(word.split("=", 1) for word in sys.argv[2:])
    told = json.loads(os.environ["STANDIN"])
    versions = {part: words.get(part.upper(), "") for part in ("kgateway", "istio", "kubernetes")}
    cell, notes = find_cell(**versions), Path(told["notes"])
    fault = told["faults"].get(cell.kubernetes, "")
    note = notes / words["NAME"]
    asked = threading.Event()

    def end(*_: object) -> None:
        _append(note.with_suffix(".asked"), "asked")
        asked.set()

    signal.signal(signal.SIGTERM, end)
    _append(note.with_suffix(".started"), " ".join(sys.argv[1:]))
    print("creating cluster", file=sys.stderr, flush=True)
    wait_for(
        lambda: len(list(notes.glob("*.started"))),
        lambda count: count >= told.get("together", 1),
        what="others that are to run at once",
        timeout_s=30,
        every_s=LOOK_S,
    )
    print("Before you begin\n  2 of 2 checks proven, 14.2 s", file=sys.stderr, flush=True)
    if fault == "endless":
        asked.wait(60)
        time.sleep(0.5)  # as long as a cluster's deletion takes here
        note.with_suffix(".deleted").touch()
        return errors.INTERRUPTED
    if fault == "cannot":
        print("meshproof: memory: 1.0 GiB available", file=sys.stderr, flush=True)
        return errors.MACHINE_CANNOT
    if fault == "killed":
        os.kill(os.getppid(), signal.SIGKILL)
        return errors.REFUTED
    run = a_refuted_run() if fault == "refuted" else a_run()
    found = replace(run, versions={**run.versions, **{part: getattr(cell, part) for part in versions}})
    for number in range(2 if words.get("TABS") else 1):
        _leave(replace(found, choices={**found.choices, "revision": "canary" * number}), number)
    print(f"{found.verdict.upper()}  the table")
    return errors.PROVEN if found.verdict == "proven" else errors.REFUTED


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


def _leave(run: RunResult, number: int) -> None:
    folder = Path("artifacts") / f"20260101T00000{number}Z"
    folder.mkdir(parents=True)
    results_json.write(run, folder / "results.json")


if __name__ == "__main__":
    sys.exit(main())
