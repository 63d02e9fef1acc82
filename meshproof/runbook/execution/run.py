"""`make runbook`: all notebooks in order on one cluster, executed by papermill, with what they leave behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from meshproof.bring_up import cell_of, parts_of
from meshproof.choices import Choices
from meshproof.cluster import kind_cluster
from meshproof.errors import BadInput, MeshproofError
from meshproof.kube.forward import end_forwards
from meshproof.progress import Progress, clock_face
from meshproof.proof import Proof
from meshproof.report import artifacts, table
from meshproof.report.runlog import RunLog, run_log
from meshproof.runbook.execution import html_book, resume
from meshproof.runbook.execution.kernel import register_kernel
from meshproof.runbook.execution.order import Order
from meshproof.runbook.execution.papermill import execute
from meshproof.runbook.notebooks import INDEX, NOTEBOOKS, NOTEBOOKS_DIR, notebook_paths
from meshproof.runbook.runbook import running


def run_runbook(choices: Choices) -> int:
    """Execute the runbook and return the run's exit code.

    Raises:
        MeshproofError: Something cannot be used, or a notebook failed; executed copies are kept, and so is the cluster.
    """
    order = Order.of(choices)
    paths = notebook_paths()
    if order.existing and not running(order.name):
        raise BadInput(
            f"cluster {order.name}: does not run; make runbook without FROM and CLUSTER makes one (KEEP=1 keeps it)"
        )
    register_kernel()
    with run_log() as log:
        return _run(order, paths, log)


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
        must_exist=order.existing,
        announce=progress.say,
    ) as cluster:
        resume.take_up(cluster, choices, order.start, progress.say)
        proof = Proof(cluster, cell_of(choices), choices, progress.say)
        log.keep_in(proof.folder)
        try:
            _execute_all(chosen(paths, order.start), proof, order)
        except BaseException as error:
            try:
                _leave(proof)
            except MeshproofError as problem:  # what went wrong first is what is told last
                progress.say(str(problem))
            if isinstance(error, MeshproofError):
                progress.say(_how_to_go_on(proof, order))
            raise
        _leave(proof)
    return proof.result().exit_code


def chosen(paths: Sequence[Path], start: int) -> list[Path]:
    """The notebooks that a run executes: the index, then the sections from `start` on."""
    stems = list(NOTEBOOKS.values())[start:]
    return [path for path in paths if path.name == INDEX or path.stem in stems]


def parameters(choices: Choices, folder: Path) -> Mapping[str, str]:
    """The values of a notebook's parameters. Its kernel works in the checkout, so paths below that are short."""
    checkout = NOTEBOOKS_DIR.parent
    artifacts = str(folder.relative_to(checkout) if folder.is_relative_to(checkout) else folder)
    return {name.lower(): value for name, value in choices.typed("notebooks").items()} | {"artifacts": artifacts}


def _execute_all(paths: Sequence[Path], proof: Proof, order: Order) -> None:
    folder = proof.folder / "runbook"
    folder.mkdir()
    given = parameters(proof.choices, proof.folder)
    began = time.monotonic()
    for number, path in enumerate(paths, 1):
        proof.announce(f"{path.name} ({number} of {len(paths)}), {clock_face(time.monotonic() - began)}")
        try:
            execute(path, folder / path.name, given, proof.announce)
        finally:
            end_forwards(proof.cluster.kubeconfig)  # of a kernel that was killed; others have ended theirs


def _how_to_go_on(proof: Proof, order: Order) -> str:
    """What to type once it is mended; the last notebook with a copy is the one that stopped."""
    if not proof.cluster.answers():
        return f"cluster {order.name} does not answer any more; make runbook begins anew"
    last = max((path.stem for path in (proof.folder / "runbook").glob("*.ipynb")), default="")
    stems = list(NOTEBOOKS.values())
    return f"to go on once it is mended: {order.again(stems.index(last) if last in stems else order.start)}"


def _leave(proof: Proof) -> None:
    """Write the results of the sections that ran on this cluster, and the book of what was executed."""
    folder = proof.folder / "runbook"
    try:
        proof.recall()
    except MeshproofError as error:
        proof.announce(f"the runbook's state cannot be read: {error}")
    artifacts.write_all(proof.result(), proof.folder)
    html_book.write(sorted(folder.glob("*.ipynb")), proof.result(), folder / "book.html")
    told = (folder / "book.html").relative_to(proof.root.parent)
    print(f"\n{proof.summary(colour=table.wants_colour(sys.stdout))}\nbook: {told}", flush=True)
