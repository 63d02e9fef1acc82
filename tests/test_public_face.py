"""What another program sees of meshproof, and what its own workflows run."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import meshproof
from meshproof.run import run

ROOT = Path(__file__).parents[1]


def told_to_type_checkers() -> set[tuple[str, str]]:
    """Module and name of what the package imports for type checkers alone."""
    tree = ast.parse(Path(meshproof.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {(str(node.module), alias.name) for node in imports for alias in node.names if alias.asname}


def test_what_type_checkers_are_told_is_what_a_program_gets() -> None:
    told = told_to_type_checkers()
    assert len(told) == 8
    for module, name in told:
        assert getattr(meshproof, name) is getattr(sys.modules[module], name)
    assert {name for _, name in told} == set(vars(meshproof)["_HOMES"])


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    program = "import sys, meshproof; print([name for name in sys.modules if name.startswith('meshproof.')])"
    assert run(sys.executable, "-c", program).stdout.strip() == "[]"


def test_what_is_not_there_is_missed_by_name() -> None:
    misspelt = "prof_of"
    with pytest.raises(AttributeError, match="module 'meshproof' has no attribute 'prof_of'"):
        getattr(meshproof, misspelt)


def test_every_action_of_a_workflow_is_pinned_by_commit_and_says_its_version() -> None:
    workflows = [*(ROOT / ".github/workflows").glob("*.yml"), ROOT / "action.yml"]
    used = [action for path in workflows for action in re.findall("uses: (.*)", path.read_text())]
    assert len(used) >= 4
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []
