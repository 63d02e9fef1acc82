"""The command: `meshproof e2e`, `runbook`, `delete` and the others below. Exit codes as in `meshproof.errors`.

What a command needs is imported when it runs, so that help and refusals come at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from meshproof import errors
from meshproof.carried import COMMAND
from meshproof.choices import Choices
from meshproof.command_line import Command, read
from meshproof.errors import MeshproofError


def main(argv: Sequence[str] | None = None, program: str = "meshproof") -> int:
    """Run one command and return its exit code; `program` is how help calls it."""
    signal.signal(signal.SIGTERM, _interrupt)
    existing = False
    try:
        asked = read(sys.argv[1:] if argv is None else argv, COMMANDS, program=program)
        existing = asked.choices.existing
        with _told(asked.verbose):
            return COMMANDS[asked.command].run(asked.choices)
    except MeshproofError as error:
        print(f"meshproof: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        hint = "" if existing else f"; an engine of ours still runs, {COMMAND} down stops it"
        print(f"meshproof: interrupted{hint}", file=sys.stderr)
        return errors.INTERRUPTED


def kubectl_plugin() -> int:
    """The same as `kubectl meshproof`, which kubectl finds by the name of its program, `kubectl-meshproof`."""
    return main(program="kubectl meshproof")


def _told(verbose: bool) -> AbstractContextManager[None]:
    """What is run and waited for, on standard error where that is asked for."""
    if not verbose:
        return nullcontext()
    from meshproof.report.runlog import told_on_stderr

    return told_on_stderr()


def _e2e(choices: Choices) -> int:
    """Bring everything up, then let pytest run the suite."""
    from meshproof.bring_up import parts_of
    from meshproof.progress import Progress
    from meshproof.suite import run_suite
    from meshproof.survey.existing import agreed
    from meshproof.tabs import run_tabs

    if choices.existing:
        return run_suite(agreed(choices))
    parts, _ = parts_of(choices, Progress())
    return (run_tabs if choices.tabs else run_suite)(replace(choices, images=parts.form))


def _matrix(choices: Choices) -> int:
    """Prove every supported combination, each on a cluster of its own."""
    if choices.workflow:
        from meshproof.matrix.workflow import workflow

        print(workflow(), end="")
        return errors.PROVEN
    from meshproof.matrix import run_matrix

    return run_matrix(choices)


def _runbook(choices: Choices) -> int:
    """Execute the notebooks in order, or from a section on."""
    from meshproof.runbook.execution.run import run_runbook
    from meshproof.survey.existing import agreed

    return run_runbook(agreed(choices) if choices.existing else choices)


def _faults(choices: Choices) -> int:
    """Seed every fault of the catalogue on a live cluster, see it refuted and named, and mend it; or seed one."""
    from meshproof.faults.run import run_faults

    return run_faults(choices)


def _survey(choices: Choices) -> int:
    """Say what an existing cluster has, and what a run would do to it; nothing is changed."""
    from meshproof.survey.existing import survey

    print(survey(choices))
    return errors.PROVEN


def _diagnose(choices: Choices) -> int:
    """Say why requests for a host have no client certificate, or fail; nothing is changed."""
    from meshproof.diagnosing import run_diagnose

    return run_diagnose(choices)


def _coverage(choices: Choices) -> int:
    """Say of each block of a Markdown page what can be said without a cluster."""
    from meshproof.page.command import cover_page

    return cover_page(choices)


def _lab(_: Choices) -> int:
    """Open the notebooks in JupyterLab."""
    from meshproof.runbook.execution.lab import lab

    return lab()


def _images(choices: Choices) -> int:
    """Have every part at hand, without a cluster."""
    from meshproof.bring_up import parts_of
    from meshproof.progress import Progress

    parts, _ = parts_of(choices, Progress())
    print(f"{parts.form}: {parts.node_image}\nbill of materials: {parts.bom}")
    return errors.PROVEN


def _doctor(choices: Choices) -> int:
    """Say what this machine has and lacks; nothing is changed."""
    from meshproof.bring_up import cell_of
    from meshproof.doctor import Line, doctor, render, tool_lines, worst
    from meshproof.images import cached

    cell = cell_of(choices)
    found = [Line(name, "ok", size) for name, size in cached(cell)]
    lines = [*doctor(found, images=choices.images), *tool_lines(cell, choices.images)]
    print(render(lines))
    return worst(lines)


def _clusters(_: Choices) -> int:
    """List the clusters that meshproof made."""
    from meshproof.cluster import ours

    print(ours.render(ours.list_clusters()))
    return errors.PROVEN


def _delete(choices: Choices) -> int:
    """Delete one cluster that meshproof made, and all that belongs to it; or what it left in an existing one."""
    from meshproof.cluster import ours
    from meshproof.on_existing import give_back
    from meshproof.progress import Progress

    if choices.existing:
        give_back(choices, Progress())
        return errors.PROVEN
    ours.delete_cluster(choices.name, Progress().say)
    return errors.PROVEN


def _down(_: Choices) -> int:
    """Stop the engine that meshproof started, and the clusters in it."""
    from meshproof.engine import stop_engine
    from meshproof.progress import Progress

    stop_engine(Progress().say)
    return errors.PROVEN


COMMANDS: Mapping[str, Command] = {
    "e2e": Command(_e2e, "KGATEWAY=2.4.0 --keep"),
    "matrix": Command(_matrix, "KGATEWAY=2.4.2 --parallel 2"),
    "runbook": Command(_runbook, "--from route --name mine"),
    "faults": Command(_faults, "FAULT=wrong-cluster-id NAME=mine"),
    "survey": Command(_survey, "--context mine"),
    "diagnose": Command(_diagnose, "HOST=shop.example NAME=mine"),
    "coverage": Command(_coverage, "PAGE=page.md REUSE=snippets"),
    "lab": Command(_lab, alone="they are parameters of the notebooks"),
    "images": Command(_images, "IMAGES=source"),
    "doctor": Command(_doctor, "KGATEWAY=2.4.0"),
    "clusters": Command(_clusters, alone="it lists all of them"),
    "delete": Command(_delete, "NAME=mine"),
    "down": Command(_down, alone="it stops the engine and all that runs in it"),
}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
