"""The command: `meshproof e2e`, `runbook`, `delete` and the others below. Exit codes as in `meshproof.errors`.

What a command needs is imported when it runs, so that help and refusals come at once.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import NoReturn

from meshproof import errors
from meshproof.choices import Choices, words_of
from meshproof.errors import BadInput, MeshproofError
from meshproof.word import Word, nearest

Typed = tuple[str, str, str]  # as it was typed, name, value
_FLAGS = ("-v", "--verbose", "-h", "--help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        asked = read(sys.argv[1:] if argv is None else argv)
        with _told(asked.verbose):
            return _COMMANDS[asked.command].run(asked.choices)
    except MeshproofError as error:
        print(f"meshproof: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "meshproof: interrupted; an engine of ours still runs, make down stops it",
            file=sys.stderr,
        )
        return errors.INTERRUPTED


@dataclass(frozen=True)
class Asked:
    """What a command line asks for."""

    command: str
    choices: Choices
    verbose: bool


def read(argv: Sequence[str], choices: type[Choices] = Choices) -> Asked:
    """Read a command line: a command, and its choices as words, as options, or both.

    Raises:
        BadInput: It cannot be read, or contradicts itself.
        SystemExit: Help was asked for, and given.
    """
    first = next((word for word in argv if word not in _FLAGS), None)
    if first is not None and first not in _COMMANDS:
        raise BadInput(f"{first}: unknown command{nearest(first, _COMMANDS)}; known are {', '.join(_COMMANDS)}")
    options, rest = _parser(choices).parse_known_args(argv)
    name = str(options.command)
    words = words_of(name, choices)
    found = [word for word, equals, value in (each.partition("=") for each in rest) if value or not equals]
    if found and not words:
        raise BadInput(f"{name} takes no choices, found {', '.join(found)}: {_COMMANDS[name].alone}")
    given = _merged(_typed(options, rest, words))
    return Asked(name, choices.parse(given, name), "verbose" in options)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; `{self.prog} --help` says what is expected")


def _parser(choices: type[Choices]) -> argparse.ArgumentParser:
    """Commands, and each with the options that it takes; words are what is left over."""
    common = _Parser(add_help=False)
    common.add_argument(
        "-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="tell what is run and waited for"
    )
    parser = _Parser(
        prog="meshproof",
        description="Proves kgateway's Istio integration on a cluster.",
        epilog="`meshproof COMMAND --help` says what may be chosen.",
        parents=[common],
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for name, command in _COMMANDS.items():
        words = words_of(name, choices)
        each = commands.add_parser(
            name,
            help=command.about.rstrip("."),
            description=command.about,
            usage=f"meshproof {name} [-v]{' [WORD=VALUE | --word VALUE] ...' if words else ''}",
            epilog=f"for example: meshproof {name} {command.example}" if words else f"no choices: {command.alone}",
            parents=[common],
            allow_abbrev=False,
        )
        group = each.add_argument_group("choices; NAME=mine is --name mine, KEEP=1 is --keep")
        for word in words.values():
            about = word.meaning(name).replace("%", "%%")
            if word.flag:
                group.add_argument(
                    word.option, dest=word.name, default=[], action="append_const", const="1", help=about
                )
            else:
                group.add_argument(word.option, dest=word.name, default=[], action="append", help=about)
    return parser


def _typed(options: argparse.Namespace, rest: Sequence[str], words: Mapping[str, Word]) -> Iterable[Typed]:
    """What was typed, word by word, with name and value."""
    for word in words.values():
        for value in getattr(options, word.name):
            yield f"{word.option}{'' if word.flag else f' {value}'}", word.name, value
    for typed in rest:
        name, equals, value = typed.partition("=")
        if typed.startswith("-"):
            known = [word.option for word in words.values()]
            raise BadInput(f"{name}: unknown option{nearest(name, known)}; known are {', '.join(known)}")
        if not equals:
            raise BadInput(f"{typed!r}: expected NAME=VALUE")
        yield typed, name, value


def _merged(given: Iterable[Typed]) -> Mapping[str, str]:
    """Values by name; an empty one counts as not given, so that make can pass all of them."""
    merged: dict[str, tuple[str, str]] = {}
    for typed, name, value in filter(lambda each: each[2], given):
        before, same = merged.setdefault(name, (typed, value))
        if value != same:
            raise BadInput(f"{before} and {typed} contradict each other: give one of them")
    return {name: value for name, (_, value) in merged.items()}


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

    parts, _ = parts_of(choices, Progress())
    return run_suite(replace(choices, images=parts.form))


def _runbook(choices: Choices) -> int:
    """Execute the notebooks in order, or from a section on."""
    from meshproof.runbook.execute import run_runbook

    return run_runbook(choices)


def _lab(_: Choices) -> int:
    """Open the notebooks in JupyterLab."""
    from meshproof.runbook.lab import lab

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
    from meshproof.doctor import Line, doctor, render, worst
    from meshproof.images import cached

    lines = doctor([Line(name, "ok", size) for name, size in cached(cell_of(choices))])
    print(render(lines))
    return worst(lines)


def _clusters(_: Choices) -> int:
    """List the clusters that meshproof made."""
    from meshproof.cluster import ours

    print(ours.render(ours.list_clusters()))
    return errors.PROVEN


def _delete(choices: Choices) -> int:
    """Delete one cluster that meshproof made, and all that belongs to it."""
    from meshproof.cluster import ours
    from meshproof.progress import Progress

    ours.delete_cluster(choices.name, Progress().say)
    return errors.PROVEN


def _down(_: Choices) -> int:
    """Stop the engine that meshproof started, and the clusters in it."""
    from meshproof.engine import stop_engine
    from meshproof.progress import Progress

    stop_engine(Progress().say)
    return errors.PROVEN


@dataclass(frozen=True)
class _Command:
    """A command: what it does, and an example of its choices, or why it takes none."""

    run: Callable[[Choices], int]
    example: str = ""
    alone: str = ""

    @property
    def about(self) -> str:
        return self.run.__doc__ or ""


_COMMANDS: Mapping[str, _Command] = {
    "e2e": _Command(_e2e, "KGATEWAY=2.4.0 --keep"),
    "runbook": _Command(_runbook, "--from 3 --name mine"),
    "lab": _Command(_lab, alone="they are parameters of the notebooks"),
    "images": _Command(_images, "IMAGES=source"),
    "doctor": _Command(_doctor, "KGATEWAY=2.4.0"),
    "clusters": _Command(_clusters, alone="it lists all of them"),
    "delete": _Command(_delete, "NAME=mine"),
    "down": _Command(_down, alone="it stops the engine and all that runs in it"),
}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
