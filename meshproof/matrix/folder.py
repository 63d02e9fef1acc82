"""The folder of a matrix: the plan of what is to run, and for each cell what its run said, left and ended with."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from meshproof import errors
from meshproof.carried import IMPORTED_FROM
from meshproof.errors import BadInput
from meshproof.matrix.cells import COMMAND, Planned
from meshproof.matrix.outcome import SAID, Ended, Outcome, read_outcome
from meshproof.report.files import write_text
from meshproof.run import run

PLAN = "plan.json"
PRINTED = "output.txt"  # its table and verdict
LIMIT_S = 3 * 3600.0  # each step has its own deadlines; this is for what nobody thought of
GRACE_S = 120.0  # as long as the deletion of a cluster may take


PROGRAM = (sys.executable, "-m", "meshproof")


class Queued(msgspec.Struct, frozen=True):
    """A cell that is to be run: what a worker needs to know of it."""

    slug: str
    argv: Sequence[str]
    identity: str


def write_queue(cells: Sequence[Planned], root: Path) -> None:
    """Write down which cells are to be run, in order.

    Raises:
        MachineCannot: The file cannot be written.
    """
    told = [Queued(cell.slug, (*PROGRAM, COMMAND, *cell.words), cell.identity) for cell in cells]
    write_text(root / PLAN, msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")


def queued(root: Path) -> Sequence[Queued]:
    """The cells that are to be run."""
    return msgspec.json.decode((root / PLAN).read_bytes(), type=list[Queued])


def prove(cell: Queued, root: Path) -> int:
    """Run the command that proves a cell, and return its exit code. Its current folder is the cell's.

    Raises:
        MeshproofError: It could not be run, or not to its end.
    """
    folder = root / cell.slug
    folder.mkdir()
    paths = [path for path in (IMPORTED_FROM, os.environ.get("PYTHONPATH", "")) if path]
    began = time.time()
    done = run(
        *cell.argv,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        timeout_s=LIMIT_S,
        check=False,
        stderr_to=folder / SAID,
        grace_s=GRACE_S,
    )
    write_text(folder / PRINTED, done.stdout)
    if done.code != errors.INTERRUPTED:
        Ended(cell.identity, done.code, began, done.seconds).write(folder)
    return done.code


def take_over(cell: Planned, root: Path) -> bool:
    """Copy what an earlier matrix beside this one found of a cell of the same identity, the latest; whether there was.

    Only a verdict is taken over: what was interrupted, or could not be decided, is run again.

    Raises:
        MachineCannot: It cannot be copied.
    """
    for folder in sorted(root.parent.glob(f"matrix-*/{cell.slug}"), reverse=True):
        outcome = _decided(cell, folder)
        if outcome and outcome.ended:
            shutil.copytree(folder, root / cell.slug, symlinks=True)
            found_in = outcome.ended.found_in or folder.parent.name
            msgspec.structs.replace(outcome.ended, found_in=found_in).write(root / cell.slug)
            return True
    return False


def _decided(cell: Planned, folder: Path) -> Outcome | None:
    try:
        outcome = read_outcome(cell, folder)
    except BadInput:  # a file of another version
        return None
    same = outcome.ended is not None and outcome.ended.identity == cell.identity
    return outcome if same and outcome.verdict != "not proven" else None
