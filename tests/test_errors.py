"""Errors: each kind ends the command with the exit code that is promised, and its first line says enough alone."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

import pytest

import meshproof
from meshproof import errors
from meshproof.errors import BadInput, CommandFailed, MachineCannot, MeshproofError, NotReady, Refuted
from meshproof.kube.api import NotFound
from meshproof.report import junit
from meshproof.results import RunResult, StepResult

DRAWN = re.compile(r"^(?P<lead>[ │├└─]+)(?P<name>\w+) +exit (?P<code>\d): \w", re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (MeshproofError, 1),
        (Refuted, 1),
        (NotReady, 1),
        (NotFound, 1),
        (BadInput, 2),
        (MachineCannot, 3),
        (CommandFailed, 3),
    ],
)
def test_exit_codes(kind: type[MeshproofError], code: int) -> None:
    assert kind.exit_code == code


def kinds_of(kind: type[MeshproofError]) -> Iterator[tuple[str, str, int]]:
    """Name, base and exit code of a kind of error and of all below it in the package."""
    yield kind.__name__, kind.__base__.__name__ if kind.__base__ else "", kind.exit_code
    for further in kind.__subclasses__():
        if further.__module__.startswith("meshproof."):
            yield from kinds_of(further)


def drawn(tree: str) -> Iterator[tuple[str, str, int]]:
    """The same, as a docstring draws it: four columns for each step down."""
    above = ["Exception"]
    for line in DRAWN.finditer(tree):
        depth = len(line["lead"]) // 4
        above[depth:] = [line["name"]]
        yield line["name"], above[depth - 1], int(line["code"])


def test_the_tree_that_the_module_draws_is_that_of_the_whole_package() -> None:
    for module in pkgutil.walk_packages(meshproof.__path__, "meshproof."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    tree = sorted(kinds_of(MeshproofError))
    assert len(tree) >= 11
    assert sorted(drawn(errors.__doc__ or "")) == tree
    assert all(one[0] != other[0] for one, other in pairwise(tree)), "a name says which error it is"


def test_a_failed_command_leaves_out_what_it_did_not_print() -> None:
    error = CommandFailed("kubectl get 'a b'", 1, "", " \n", " (why)")
    assert str(error) == "kubectl get 'a b': exit code 1 (why)\n  kubectl get 'a b'"
    assert (error.command, error.code, error.stdout, error.stderr) == ("kubectl get 'a b'", 1, "", " \n")


@pytest.mark.parametrize(
    ("argv", "stdout", "stderr", "first"),
    [
        (
            ("kubectl", "apply", "-f", "-"),
            "",
            "W: old\nno such kind\n\n",
            "kubectl apply -f -: exit code 1: no such kind",
        ),
        (("/cache/tools/helm", "list"), "", "Error: x", "helm list: exit code 1: Error: x"),
        (("docker", "build"), "step 1\nno space left", "", "docker build: exit code 1: no space left"),
        (("kubectl", "get"), "", "error: no CRD\ninstall CRDs first\n", "kubectl get: exit code 1: error: no CRD"),
        (("kubectl", "patch", "-p", "a: 1\nb: 2"), "", "no", "kubectl patch -p 'a: 1 b: 2': exit code 1: no"),
        (
            ("helm", "upgrade", "--set", "x " * 60),
            "",
            "word " * 60,
            f"helm upgrade --set 'x{' x' * 28} …: exit code 1: {'word ' * 39}…",
        ),
    ],
    ids=["last word", "program's name", "no stderr", "a hint behind", "one line", "long"],
)
def test_the_first_line_of_a_failed_command_says_which_what_and_why(
    argv: tuple[str, ...], stdout: str, stderr: str, first: str
) -> None:
    told = str(CommandFailed(shlex.join(argv), 1, stdout, stderr))
    assert told.splitlines()[0] == first
    assert shlex.join(argv) in told
    step = StepResult("before", "Before you begin", (), 0.0, 0.0, (), error=told)
    assert f'message="{first}"' in junit.render(RunResult({}, {}, 0.0, (step,))).replace("&#10;", "\n")
