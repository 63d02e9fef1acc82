"""One notebook executed by papermill: its progress, its limits, and what is said when it stops."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from meshproof.carried import SET_UP
from meshproof.errors import BadInput, MachineCannot, MeshproofError, NotReady, Refuted
from meshproof.progress import clock_face
from meshproof.report.redact import redact
from meshproof.report.templates import without_terminal_codes
from meshproof.runbook.execution import redacted_files
from meshproof.runbook.execution.kernel import KERNEL

CELL_TIMEOUT_S = 600  # images are at hand before the first cell, which then may have to make the cluster
KERNEL_TIMEOUT_S = 60
ANCHOR = "papermill-error-cell"  # papermill's own name for the place where a notebook stopped


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds."""

    cell_s: int = CELL_TIMEOUT_S
    kernel_s: int = KERNEL_TIMEOUT_S


def execute(
    source: Path,
    copy: Path,
    given: Mapping[str, str],
    say: Callable[[str], None],
    limits: Limits | None = None,
    kernel: str = KERNEL,
) -> None:
    """Execute one notebook with its parameters and keep the executed copy, whatever happens.

    Args:
        source: The notebook.
        copy: Where its executed copy goes.
        given: Values of its parameters.
        say: Told which cell runs, and what the cells print.
        limits: Of cell and kernel.
        kernel: Name of the Jupyter kernel.

    Raises:
        BadInput: The notebook cannot be read or does not declare a parameter.
        MachineCannot: The kernel cannot start, died, or a cell took too long.
        Refuted: A cell failed; a cell's own BadInput, MachineCannot or NotReady keeps its kind.
    """
    import papermill  # pyright: ignore[reportMissingTypeStubs]
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError  # pyright: ignore[reportMissingTypeStubs]

    limits = limits or Limits()
    _check(source, given)
    cells = _Cells(source, say)
    where = f"{source.name}: executed copy {copy}"
    try:
        cast(Any, papermill).execute_notebook(
            str(source),
            redacted_files.address(copy),
            parameters=dict(given),
            kernel_name=kernel,
            progress_bar=False,
            start_timeout=limits.kernel_s,
            execution_timeout=limits.cell_s,
            stdout_file=_Told(say),
            stderr_file=_Told(say),
            on_cell_start=cells.started,
        )
    except PapermillExecutionError as error:
        _tell_failure(copy, cells.at, say)
        kind = _kind_of(str(cast(object, error.ename)))
        told = redact(cast(str, error.evalue)).partition("\n")  # the rest was said with the cell
        raise kind(f"{where}#{ANCHOR}\n  {cells.at}: {error.ename}: {told[0]}{' …' if told[2] else ''}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        slow = isinstance(error, CellTimeoutError)
        why = f"did not end within {limits.cell_s} s" if slow else "its kernel died; was this machine out of memory?"
        _mark_failure(copy, cells.index, f"{cells.at}: {why}")
        _tell_failure(copy, cells.at, say)
        raise MachineCannot(f"{where}#{ANCHOR}\n  {cells.at}: {why}") from error
    except NoSuchKernel as error:
        raise MachineCannot(f"{source.name}: kernel {kernel}: is not registered in this Python environment") from error
    except (RuntimeError, OSError) as error:  # what nbclient and jupyter_client raise for a kernel that does not start
        raise MachineCannot(
            f"{source.name}: its kernel did not start (limit {limits.kernel_s} s): {error}\n"
            f"  what it printed is above; {SET_UP}"
        ) from error


def _check(source: Path, given: Mapping[str, str]) -> None:
    import papermill  # pyright: ignore[reportMissingTypeStubs]
    from papermill.exceptions import PapermillException  # pyright: ignore[reportMissingTypeStubs]

    try:
        declared = sorted(cast(Any, papermill).inspect_notebook(str(source)))
    except (OSError, ValueError, PapermillException) as error:
        raise BadInput(f"notebook {source}: expected one that can be read: {error}") from error
    if unknown := sorted(set(given) - set(declared)):
        raise BadInput(f"notebook {source}: has no parameter {', '.join(unknown)}; it has {', '.join(declared)}")


class _Cells:
    """Says which cell runs. Cells are counted as the reader of the notebook counts them."""

    def __init__(self, source: Path, say: Callable[[str], None]) -> None:
        self._say = say
        self._began = time.monotonic()
        self._number = 0
        self._count = sum(cell.cell_type == "code" for cell in _read(source))
        self.at = "before its first cell"
        self.index = 0

    def started(self, cell: Any, cell_index: int) -> None:
        """Papermill calls this for each cell, prose included."""
        self.index = cell_index
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "injected-parameters" in tags:
            return
        self._number += 1
        self.at = f"cell {self._number} of {self._count}"
        what = "parameters" if "parameters" in tags else cell.source.strip().splitlines()[-1]
        self._say(f"  {self.at}, {clock_face(time.monotonic() - self._began)}: {what}")


class _Told(io.TextIOBase):
    """Passes on what a notebook prints while it runs, line by line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def write(self, text: str) -> int:
        """Say each line that has something in it."""
        for line in redact(text).splitlines():
            if line.strip():
                self._say(f"    {line}")
        return len(text)


def _read(path: Path) -> Sequence[Any]:
    import nbformat

    return cast(Any, nbformat).read(path, as_version=4).cells


def _kind_of(name: str) -> type[MeshproofError]:
    """The exit code of a cell's own error is kept; anything that is not an error of ours refutes."""
    return next((kind for kind in (BadInput, MachineCannot, NotReady) if name in _names(kind)), Refuted)


def _names(kind: type[MeshproofError]) -> set[str]:
    return {kind.__name__}.union(*map(_names, kind.__subclasses__()))


def _tell_failure(copy: Path, at: str, say: Callable[[str], None]) -> None:
    """Say the failing cell and all that it gave, as its executed copy has it: secrets are not in there any more."""
    for cell in _read(copy):
        outputs = cell.get("outputs", [])
        if any(output.output_type == "error" for output in outputs):
            told = [part for output in outputs for part in _parts(output)]
            text = "\n".join(["", f"failing cell, {at}:", cell.source, "", *told, ""])
            say(redact(without_terminal_codes(text)))


def _parts(output: Any) -> list[str]:
    """An output in words: what was printed, a value's text, a traceback."""
    found = [output.get("text", ""), output.get("data", {}).get("text/plain", ""), *output.get("traceback", [])]
    return [part for part in found if part]


def _mark_failure(copy: Path, index: int, why: str) -> None:
    """Show in the executed copy where it stopped, as papermill does for a cell that raised."""
    import nbformat

    notebook: Any = cast(Any, nbformat).read(copy, as_version=4)
    new = cast(Any, nbformat).v4
    notebook.cells[index].outputs.append(new.new_output("error", ename="Stopped", evalue=why, traceback=[why]))
    notebook.cells.insert(index, new.new_markdown_cell(f'<span id="{ANCHOR}">The run stopped here:</span>'))
    redacted_files.write(notebook, copy)
