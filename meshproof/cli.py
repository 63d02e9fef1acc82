"""The command: `meshproof e2e`, `runbook`, `delete` and the others below. Exit codes as in `meshproof.errors`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

from meshproof import bring_up, errors
from meshproof.choices import Choices
from meshproof.cluster import check_name, ours
from meshproof.doctor import Line, doctor, render, worst
from meshproof.engine import stop_engine
from meshproof.errors import BadInput, MeshproofError
from meshproof.images import cached
from meshproof.progress import Progress
from meshproof.report.runlog import told_on_stderr


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="meshproof", description="Proves kgateway's Istio integration on a cluster.")
    parser.add_argument("command", choices=sorted(_COMMANDS))
    parser.add_argument("choices", nargs="*", metavar="NAME=VALUE", help="choices such as KGATEWAY=2.4.0 or KEEP=1")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell what is run and waited for")
    words = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with told_on_stderr() if words.verbose else nullcontext():
            return _COMMANDS[words.command](_pairs(words.choices))
    except MeshproofError as error:
        print(f"meshproof: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "meshproof: interrupted; an engine of ours still runs, make down stops it",
            file=sys.stderr,
        )
        return errors.INTERRUPTED


def _pairs(words: Sequence[str]) -> Mapping[str, str]:
    """Choices by name; an empty one counts as not given, so that make can pass all of them."""
    for word in words:
        if "=" not in word:
            raise BadInput(f"{word!r}: expected NAME=VALUE")
    pairs = (word.split("=", 1) for word in words)
    return {name: value for name, value in pairs if value}


def _e2e(words: Mapping[str, str]) -> int:
    """Bring everything up, then let pytest run the suite."""
    from meshproof.suite import run_suite  # pytest is only needed here

    name = words.get("NAME", "meshproof")
    choices = Choices.parse({key: value for key, value in words.items() if key != "NAME"})
    check_name(name)
    parts, _ = bring_up.parts_of(choices, Progress())
    return run_suite(replace(choices, images=parts.form), name)


def _runbook(words: Mapping[str, str]) -> int:
    """Execute the notebooks in order, or from a section on."""
    from meshproof.runbook.execute import run_runbook  # its packages are only needed here

    return run_runbook(words)


def _lab(words: Mapping[str, str]) -> int:
    """Open the notebooks in JupyterLab."""
    from meshproof.runbook.lab import lab  # its packages are only needed here

    if words:
        raise BadInput(f"lab takes no choices, found {', '.join(words)}: they are parameters of the notebooks")
    return lab()


def _images(words: Mapping[str, str]) -> int:
    """Have every part at hand, without a cluster."""
    parts, _ = bring_up.parts_of(Choices.parse(words), Progress())
    print(f"{parts.form}: {parts.node_image}\nbill of materials: {parts.bom}")
    return errors.PROVEN


def _doctor(words: Mapping[str, str]) -> int:
    """Say what this machine has and lacks; nothing is changed."""
    kept = [Line(name, "ok", size) for name, size in cached(bring_up.cell_of(Choices.parse(words)))]
    lines = doctor(kept)
    print(render(lines))
    return worst(lines)


def _clusters(words: Mapping[str, str]) -> int:
    """List the clusters that meshproof made."""
    if words:
        raise BadInput(f"clusters takes no choices, found {', '.join(words)}: it lists all of them")
    print(ours.render(ours.list_clusters()))
    return errors.PROVEN


def _delete(words: Mapping[str, str]) -> int:
    """Delete one cluster that meshproof made, and all that belongs to it."""
    if others := [word for word in words if word != "NAME"]:
        raise BadInput(f"delete takes NAME and nothing else, found {', '.join(others)}")
    if "NAME" not in words:
        raise BadInput("delete: expected NAME=..., the cluster to delete; `clusters` in place of `delete` lists them")
    check_name(words["NAME"])
    ours.delete_cluster(words["NAME"], Progress().say)
    return errors.PROVEN


def _down(words: Mapping[str, str]) -> int:
    """Stop the engine that meshproof started, and the clusters in it."""
    if words:
        raise BadInput(f"down takes no choices, found {', '.join(words)}: it stops the engine and all that runs in it")
    stop_engine(Progress().say)
    return errors.PROVEN


_COMMANDS: Mapping[str, Callable[[Mapping[str, str]], int]] = {
    "e2e": _e2e,
    "runbook": _runbook,
    "lab": _lab,
    "images": _images,
    "doctor": _doctor,
    "clusters": _clusters,
    "delete": _delete,
    "down": _down,
}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
