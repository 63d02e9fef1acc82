"""`make runbook`: all notebooks in order on one cluster, executed by papermill, with what they leave behind."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from meshproof.bring_up import cell_of, parts_of, proof_of
from meshproof.carried import COMMAND
from meshproof.choices import SECTION_NOTEBOOKS, TAKING_NOTEBOOK, Choices
from meshproof.cluster import kind_cluster
from meshproof.errors import BadInput, MeshproofError
from meshproof.kube.forward import end_forwards
from meshproof.progress import Progress, clock_face
from meshproof.proof import Proof
from meshproof.report import markdown, table
from meshproof.report.runlog import RunLog, run_log
from meshproof.runbook.execution import html_book, resume
from meshproof.runbook.execution.kernel import register_kernel
from meshproof.runbook.execution.order import Order
from meshproof.runbook.execution.papermill import execute
from meshproof.runbook.held import held
from meshproof.runbook.notebooks import INDEX, NOTEBOOKS, OWN_CLUSTER, notebook_paths, run_order
from meshproof.runbook.runbook import running


def run_runbook(choices: Choices) -> int:
    """Execute the runbook and return the run's exit code.

    Raises:
        MeshproofError: Something cannot be used, or a notebook failed; executed copies are kept, and so is the cluster.
    """
    order = Order.of(choices)
    paths = chosen(notebook_paths(), order)
    if order.goes_on and not running(order.name):
        how = f"{COMMAND} runbook without FROM makes one (KEEP=1 keeps it)"
        raise BadInput(f"cluster {order.name}: does not run; {how}")
    register_kernel()
    if choices.existing:
        return _run_on_existing(choices, paths)
    with run_log() as log:
        return _run(order, paths, log)


def _run_on_existing(choices: Choices, paths: Sequence[Path]) -> int:
    """Execute the notebooks on a cluster of somebody else's; the book is written once it is given back."""
    progress = Progress(live=False)
    with contextlib.ExitStack() as at_last, proof_of(choices, progress) as proof, held(proof):
        at_last.enter_context(_leaving(proof))
        _execute_all(paths, proof)
    return proof.result().exit_code


def _run(order: Order, paths: Sequence[Path], log: RunLog) -> int:
    progress = Progress(live=False)
    parts, engine = parts_of(order.choices, progress)
    choices = replace(order.choices, images=parts.form)  # found out once, not in every notebook
    with kind_cluster(
        order.name,
        parts,
        engine,
        keep=choices.keep,
        keep_on_failure=True,
        must_exist=order.goes_on,
        announce=progress.say,
    ) as cluster:
        resume.take_up(cluster, choices, order.start, progress.say)
        proof = Proof(cluster, cell_of(choices), choices, progress.say)
        log.keep_in(proof.folder)
        with _leaving(proof, lambda: _how_to_go_on(proof, order)):
            _execute_all(paths, proof)
    return proof.result().exit_code


def chosen(paths: Sequence[Path], order: Order) -> list[Path]:
    """The notebooks that a run executes, in order: the index, then those from the section on that it starts with."""
    named, done = {path.name: path for path in paths}, list(NOTEBOOKS.values())[: order.start]
    names = run_order(existing=order.choices.existing)
    return [named[name] for name in names if name == INDEX or named[name].stem not in done]


def parameters(name: str, choices: Choices, folder: Path) -> Mapping[str, str]:
    """The values of a notebook's parameters. Its kernel works in the current folder, so paths below that are short."""
    here = Path.cwd()
    artifacts = str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
    typed = choices.typed(TAKING_NOTEBOOK if name == OWN_CLUSTER else SECTION_NOTEBOOKS)
    return {word.lower(): value for word, value in typed.items()} | {"artifacts": artifacts}


def _execute_all(paths: Sequence[Path], proof: Proof) -> None:
    folder = proof.folder / "runbook"
    folder.mkdir()
    began = time.monotonic()
    for number, path in enumerate(paths, 1):
        proof.announce(f"{path.name} ({number} of {len(paths)}), {clock_face(time.monotonic() - began)}")
        try:
            execute(path, folder / path.name, parameters(path.name, proof.choices, proof.folder), proof.announce)
        finally:
            end_forwards(proof.cluster.kubeconfig)  # of a kernel that was killed; others have ended theirs
            _recall(proof)


def _recall(proof: Proof) -> None:
    """Take over what the notebooks found."""
    try:
        proof.recall()
    except MeshproofError as error:
        proof.announce(f"the runbook's state cannot be read: {error}")


def _how_to_go_on(proof: Proof, order: Order) -> str:
    """What to type once it is mended; the last notebook with a copy is the one that stopped."""
    if not proof.cluster.answers():
        return f"cluster {order.name} does not answer any more; {COMMAND} runbook begins anew"
    last = max((path.stem for path in (proof.folder / "runbook").glob("*.ipynb")), default="")
    stems = list(NOTEBOOKS.values())
    return f"to go on once it is mended: {order.again(stems.index(last) if last in stems else order.start)}"


@contextlib.contextmanager
def _leaving(proof: Proof, then: Callable[[], str] = str) -> Generator[None]:
    """Leave what there is at the end; after an error of ours, say what to do then, where there is something."""
    try:
        yield
    except BaseException as error:
        try:
            _leave(proof)
        except MeshproofError as problem:  # what went wrong first is what is told last
            proof.announce(str(problem))
        if isinstance(error, MeshproofError) and (told := then()):
            proof.announce(told)
        raise
    _leave(proof)


def _leave(proof: Proof) -> None:
    """Write the results of the sections that ran on this cluster, and the book of what was executed."""
    folder = proof.folder / "runbook"
    proof.write()
    executed = [folder / name for name in run_order(existing=proof.choices.existing)]
    html_book.write([path for path in executed if path.exists()], proof.result(), folder / "book.html")
    told = (folder / "book.html").relative_to(proof.root.parent)
    lines = markdown.for_github(proof.result(), os.environ)
    summary = proof.summary(colour=table.wants_colour(sys.stdout))
    print("\n".join(["", summary, f"book: {told}", *lines]), flush=True)
