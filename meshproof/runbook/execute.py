"""`make runbook`: all notebooks in order on one cluster, executed by papermill, with what they leave behind."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from meshproof import errors
from meshproof.bring_up import cell_of, parts_of
from meshproof.choices import Choices
from meshproof.cluster import check_name, kind_cluster
from meshproof.errors import BadInput, MachineCannot, MeshproofError, NotReady, Refuted
from meshproof.progress import Progress, clock_face
from meshproof.proof import Proof
from meshproof.report import artifacts, table
from meshproof.runbook import book, resume, state
from meshproof.runbook.kernel import INDEX, KERNEL, notebook_paths, register_kernel
from meshproof.runbook.session import attach, running

CELL_TIMEOUT_S = 600  # images are at hand before the first cell, which then may have to make the cluster
KERNEL_TIMEOUT_S = 60
_BY_NAME: Mapping[str, type[MeshproofError]] = {
    **{kind.__name__: kind for kind in (BadInput, MachineCannot, NotReady)},
    "CommandFailed": MachineCannot,
    "NotFound": MachineCannot,
}


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds."""

    cell_s: int = CELL_TIMEOUT_S
    kernel_s: int = KERNEL_TIMEOUT_S


def run_runbook(words: Mapping[str, str]) -> int:
    """Execute the runbook and return the run's exit code.

    Args:
        words: Choices as `make runbook` passes them, with NAME, FROM and CLUSTER=existing.

    Raises:
        MeshproofError: Something cannot be used, or a notebook failed; executed copies are kept.
    """
    name, start = words.get("NAME", "meshproof"), resume.start_section(words.get("FROM", "0"))
    existing = words.get("CLUSTER") == "existing" or start > 0
    own = {"NAME", "FROM", *(["CLUSTER"] if words.get("CLUSTER") == "existing" else [])}
    choices = Choices.parse({key: value for key, value in words.items() if key not in own})
    check_name(name)
    paths = notebook_paths()
    progress = Progress(live=False)
    parts, engine = parts_of(choices, progress)
    choices = replace(choices, images=parts.form)  # found out once, not in every notebook
    cluster = attach(name, parts)
    there = running(cluster)
    if existing and not there:
        raise BadInput(
            f"cluster {name}: does not run; make runbook without FROM and CLUSTER makes one (KEEP=1 keeps it)"
        )
    register_kernel()
    proof = Proof(cluster, cell_of(choices), choices, progress.say)
    if there and start > 0:
        proof.results = state.load(cluster)
        with contextlib.closing(cluster):
            held = resume.verify(proof, start)
        progress.say(f"cluster {name} is where section {start} starts: {held} claims hold")
    elif there:
        proof.rewind()
        state.forget(cluster)
    chosen = [path for path in paths if path.name == INDEX or path.stem in list(state.NOTEBOOKS.values())[start:]]
    folder = proof.folder / "runbook"
    folder.mkdir()
    given = {**choices_of(choices), "name": name, "artifacts": str(proof.folder)}
    at, failed = start, True
    try:
        for number, path in enumerate(chosen, 1):
            progress.say(f"{path.name} ({number} of {len(chosen)})")
            at = max(start, number - 2 + start)  # the index comes first and is no section
            execute(path, folder / path.name, given, Limits(), progress.say)
        failed = False
    finally:
        _leave(proof, folder)
        print(f"\n{proof.summary(colour=table.wants_colour(sys.stdout))}\nbook: {folder / 'book.html'}", flush=True)
        if not failed and not choices.keep and not existing:
            with kind_cluster(name, parts, engine, keep=False, announce=lambda _: None):
                pass
        elif running(attach(name, parts)):
            progress.say(f"cluster {name} is kept. To reach it: export KUBECONFIG={cluster.kubeconfig}")
            if failed:
                progress.say(f"  to go on from where it stopped: make runbook NAME={name} FROM={at}")
    return errors.PROVEN if proof.result().verdict == "proven" else errors.REFUTED


def choices_of(choices: Choices) -> Mapping[str, str]:
    """The parameters of a notebook that are choices of a run."""
    return {
        "kgateway": choices.kgateway,
        "istio": choices.istio,
        "kubernetes": choices.kubernetes,
        "revision": choices.revision,
        "access": choices.access,
        "images": choices.images,
    }


def execute(
    source: Path, copy: Path, given: Mapping[str, str], limits: Limits, say: Callable[[str], None], kernel: str = KERNEL
) -> None:
    """Execute one notebook with its parameters and keep the executed copy, whatever happens.

    Raises:
        BadInput: The notebook cannot be read or does not declare a parameter.
        MachineCannot: The kernel cannot start, died, or a cell took too long.
        Refuted: A cell failed; a cell's own BadInput, MachineCannot or NotReady keeps its kind.
    """
    import nbformat
    import papermill  # pyright: ignore[reportMissingTypeStubs]
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
        PapermillException,
        PapermillExecutionError,
    )

    began = time.monotonic()
    try:
        declared = set(cast(Any, papermill).inspect_notebook(str(source)))
        cells = [
            cell.source for cell in cast(Any, nbformat).read(source, as_version=4).cells if cell.cell_type == "code"
        ]
    except (OSError, ValueError, PapermillException) as error:
        raise BadInput(f"notebook {source}: expected one that can be read: {error}") from error
    if unknown := set(given) - declared:
        raise BadInput(f"notebook {source.name}: has no parameter {', '.join(sorted(unknown))}; it declares {declared}")

    at = "before its first cell"

    def started(cell: Any, cell_index: int) -> None:
        nonlocal at
        if cell.source in cells:  # not the one that papermill puts in to set the parameters
            at = f"cell {cells.index(cell.source) + 1} of {len(cells)}"
            say(f"  {at}, {clock_face(time.monotonic() - began)}: {cell.source.strip().splitlines()[-1]}")

    where = f"{source.name}: executed copy {copy}"
    try:
        cast(Any, papermill).execute_notebook(
            str(source),
            str(copy),
            parameters=dict(given),
            kernel_name=kernel,
            progress_bar=False,
            start_timeout=limits.kernel_s,
            execution_timeout=limits.cell_s,
            stdout_file=_Told(say),
            cwd=str(source.parent.parent),
            on_cell_start=started,
        )
    except PapermillExecutionError as error:
        told = "\n".join(["", "failing cell:", error.source, "", *_output_of_failure(copy), ""])
        say(told)
        kind = _BY_NAME.get(str(cast(object, error.ename)), Refuted)
        raise kind(f"{where}#papermill-error-cell\n  {error.ename}: {error.evalue}") from error
    except NoSuchKernel as error:
        raise MachineCannot(f"{where}\n  kernel {kernel}: is not registered in this Python environment") from error
    except CellTimeoutError as error:
        raise MachineCannot(f"{where}\n  {at}: did not end within its limit of {limits.cell_s} s") from error
    except DeadKernelError as error:
        raise MachineCannot(f"{where}\n  {at}: the kernel died; was this machine out of memory?") from error
    except RuntimeError as error:  # what nbclient and jupyter_client raise for a kernel that does not start
        raise MachineCannot(f"{where}\n  the kernel did not start within {limits.kernel_s} s: {error}") from error


class _Told(io.TextIOBase):
    """Passes on what a notebook prints while it runs, line by line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def write(self, text: str) -> int:
        """Say each line that has something in it."""
        for line in text.splitlines():
            if line.strip():
                self._say(f"    {line}")
        return len(text)


def _output_of_failure(copy: Path) -> list[str]:
    """All that the failing cell printed, from its executed copy."""
    import nbformat

    lines: list[str] = []
    for cell in cast(Any, nbformat).read(copy, as_version=4).cells:
        outputs = cell.get("outputs", [])
        if any(output.output_type == "error" for output in outputs):
            for output in outputs:
                lines += [output.get("text", ""), *output.get("traceback", [])]
    return [line for line in lines if line]


def _leave(proof: Proof, folder: Path) -> None:
    """Write the results of the sections that ran in this run, and the book of what was executed."""
    try:
        results = state.load(proof.cluster)
    except MeshproofError as error:
        proof.announce(f"the runbook's state cannot be read: {error}")
        results = {}
    proof.results = results
    artifacts.write_all(proof.result(), proof.folder)
    executed = sorted(folder.glob("*.ipynb"))
    book.write(executed, proof.result(), folder / "book.html")
