"""A matrix from beginning to end: which cells, what of them is known, their images, their runs, the report of all."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshproof.bring_up import parts_of
from meshproof.choices import Choices
from meshproof.errors import MeshproofError
from meshproof.images import form_of
from meshproof.machine import look
from meshproof.matrix import conformance, html, junit, matrix_json, table
from meshproof.matrix.cells import Planned, plan
from meshproof.matrix.folder import take_over
from meshproof.matrix.outcome import read_outcome
from meshproof.matrix.result import MatrixResult
from meshproof.matrix.room import at_once
from meshproof.matrix.session import run_cells
from meshproof.matrix.watch import Watch
from meshproof.paths import artifacts_dir
from meshproof.progress import Progress
from meshproof.report.run_folder import new_run_folder

REPORT = "matrix.html"


def run_matrix(choices: Choices) -> int:
    """Prove the cells that the choices leave, tell what was found, and return the exit code.

    Raises:
        BadInput: No cell is left.
        MachineCannot: The folder or the report cannot be written.
    """
    progress, started, began = Progress(), time.time(), time.monotonic()
    cells = plan(choices, lambda cell: form_of(cell, choices.images, progress), progress.say)
    folder = new_run_folder(artifacts_dir(), before="matrix", started=started)
    todo = [cell for cell in cells if choices.again or not take_over(cell, folder)]
    if len(todo) < len(cells):
        progress.say(f"{len(cells) - len(todo)} of {len(cells)} cells have a verdict; AGAIN=1 runs them again")
    ready, problems = _with_images(todo, progress)
    workers, why, interrupted = 0, "", False
    if ready:
        workers, why = at_once(choices.parallel, len(ready), look())
        progress.say(why)
        interrupted, met = run_cells(ready, folder, workers, Watch(ready, folder))
        problems = {**problems, **met}
    outcomes = [read_outcome(cell, folder / cell.slug, problems.get(cell.slug, "")) for cell in cells]
    result = MatrixResult(outcomes, started, time.monotonic() - began, workers, why, interrupted)
    _write(result, folder)
    report = (folder / REPORT).relative_to(artifacts_dir().parent)
    print(f"\n{table.render(result)}\n\n{table.verdict_line(result, report)}", flush=True)
    return result.exit_code


def _with_images(cells: Sequence[Planned], progress: Progress) -> tuple[Sequence[Planned], Mapping[str, str]]:
    """Have the images of each cell at hand, one after the other; those that have them, and why others do not."""
    ready: list[Planned] = []
    problems: dict[str, str] = {}
    for number, cell in enumerate(cells, 1):
        progress.say(f"images of {cell.slug} ({number} of {len(cells)})")
        try:
            parts_of(cell.choices, progress)
            ready.append(cell)
        except MeshproofError as error:
            progress.say(f"  {error}")
            problems[cell.slug] = str(error).splitlines()[0]
    return ready, problems


def _write(result: MatrixResult, folder: Path) -> None:
    matrix_json.write(result, folder / "matrix.json")
    html.write(result, folder / REPORT)
    junit.write(result, folder / "junit.xml")
    conformance.write(result, folder / "conformance.yaml")
