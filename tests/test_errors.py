"""Errors: each kind ends the command with the exit code that is promised."""

from __future__ import annotations

import inspect

import pytest

from meshproof import errors
from meshproof.errors import BadInput, CommandFailed, MachineCannot, MeshproofError, NotReady, Refuted


@pytest.mark.parametrize(
    ("kind", "code"),
    [(MeshproofError, 1), (Refuted, 1), (NotReady, 1), (BadInput, 2), (MachineCannot, 3), (CommandFailed, 3)],
)
def test_exit_codes(kind: type[MeshproofError], code: int) -> None:
    assert kind.exit_code == code


def test_every_kind_is_in_the_tree_that_the_module_draws() -> None:
    kinds = [name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MeshproofError)]
    assert len(kinds) >= 6
    assert [name for name in kinds if name not in (errors.__doc__ or "")] == []


def test_a_failed_command_leaves_out_what_it_did_not_print() -> None:
    error = CommandFailed("kubectl get 'a b'", 1, "", " \n", " (why)")
    assert str(error) == "command failed with exit code 1 (why):\n  kubectl get 'a b'"
    assert (error.command, error.code, error.stdout, error.stderr) == ("kubectl get 'a b'", 1, "", " \n")
