"""The wheel, as it is used where there is no checkout: in an empty folder, and by the tests of another project."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from standin_suite import session

from meshproof.run import run
from meshproof.runbook.notebooks import run_order
from meshproof.steps import PAGE

ROOT = Path(__file__).parents[1]
EXAMPLE = (ROOT / "docs/use-the-fixtures.md").read_text()
NOT_OURS = '[tool.pytest.ini_options]\naddopts = "-k no_such_test"\n'


def built(folder: Path, version: str) -> zipfile.ZipFile:
    run(sys.executable, "-m", "hatchling", "build", "-t", f"wheel:{version}", "-d", str(folder), cwd=ROOT)
    (path,) = folder.iterdir()
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return built(tmp_path_factory.mktemp("wheel"), "standard")


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip unpacks it, in an environment within a project with settings and a conftest.py of its own."""
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_text(NOT_OURS)
    (project / "conftest.py").write_text("raise SystemExit('not the suite's')")
    wheel.extractall(project / "venv")
    return project / "venv"


def test_the_wheel_carries_what_a_run_needs_and_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    carried = {
        str(Path("meshproof/_carried", folder, path.name))
        for folder in ("e2e", "fixtures", "notebooks")
        for path in (ROOT / folder).iterdir()
        if path.suffix in (".py", ".ipynb")
    }
    names = set(wheel.namelist())
    assert len(carried) > 20
    assert carried | {"meshproof/py.typed", "meshproof/pytest.py", "meshproof/releases.toml"} <= names
    (commands,) = (wheel.read(name).decode() for name in names if name.endswith("/entry_points.txt"))
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"meshproof"}
    assert "\nmeshproof = meshproof.cli:main" in commands
    assert "\nkubectl-meshproof = meshproof.cli:kubectl_plugin" in commands


def test_an_editable_install_is_a_path_to_the_checkout_and_no_copy(tmp_path: Path) -> None:
    editable = built(tmp_path, "editable")
    beside = [name for name in editable.namelist() if ".dist-info/" not in name]
    assert [editable.read(name).decode().strip() for name in beside] == [str(ROOT)]


def test_the_suite_of_the_wheel_runs_in_an_empty_folder_and_leaves_artifacts_there(
    installed: Path, tmp_path: Path
) -> None:
    done = session(tmp_path, "e2e", "none", PYTHONPATH=str(installed))
    assert (done.code, done.stderr) == (0, "")
    assert "PROVEN" in done.stdout
    assert "warning" not in done.stdout
    assert "...." not in done.stdout, "the table tells what passed"
    assert [path.name for path in tmp_path.iterdir()] == ["artifacts"]
    assert list((installed / "meshproof/_carried/e2e/__pycache__").glob("test_30*.pyc")), "another suite was run"
    assert {path.name for path in (installed / "meshproof/_carried").iterdir()} == {"e2e", "fixtures", "notebooks"}


def in_python(library: Path, folder: Path, program: str, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(library)}
    return run(sys.executable, "-c", program, *arguments, cwd=folder, env=env).stdout


def test_the_notebooks_of_the_wheel_are_found_and_copied(installed: Path, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from meshproof.runbook.execution.lab import copies\n"
        "from meshproof.runbook.notebooks import notebook_paths\n"
        "paths = notebook_paths(); print(copies(paths, Path('artifacts')), *paths, sep='\\n')"
    )
    folder, *paths = in_python(installed, tmp_path, program).splitlines()
    assert [Path(path).parent for path in paths] == [installed / "meshproof/_carried/notebooks"] * len(paths)
    assert {path.name for path in (tmp_path / folder).iterdir()} == set(run_order(existing=True))


def test_what_is_to_be_typed_next_is_a_command_that_is_there(installed: Path, tmp_path: Path) -> None:
    program = (
        "from meshproof.choices import Choices; from meshproof.runbook.execution.order import Order\n"
        "print(Order.of(Choices(name='mine')).again(0))"
    )
    assert in_python(installed, tmp_path, program) == "meshproof runbook NAME=mine\n"
    assert in_python(ROOT, tmp_path, program) == "make runbook NAME=mine\n"


def test_help_of_the_kubectl_plugin_says_what_is_typed(tmp_path: Path) -> None:
    program = "from meshproof.cli import kubectl_plugin; kubectl_plugin()"
    assert "usage: kubectl meshproof [-h] [-v] COMMAND" in in_python(ROOT, tmp_path, program, "--help")
    told = in_python(ROOT, tmp_path, program, "e2e", "--help")
    assert "usage: kubectl meshproof e2e [-v] [WORD=VALUE" in told
    assert "for example: kubectl meshproof e2e KGATEWAY=" in told


def files(page: str) -> Mapping[str, str]:
    """The files that a page shows: blocks of Python whose first line is a comment with a name."""
    return dict(re.findall(r"```python\n# (\S+)\n(.*?)```", page, re.DOTALL))


@pytest.fixture(params=["checkout", "wheel"])
def library(request: pytest.FixtureRequest) -> Path:
    return ROOT if request.param == "checkout" else request.getfixturevalue("installed")


def test_another_projects_tests_use_the_fixtures_as_the_docs_show_it(library: Path, tmp_path: Path) -> None:
    for name, text in files(EXAMPLE).items():
        (tmp_path / name).write_text(text)
    done = session(tmp_path, "pytest", "none", "--kgateway=2.4.0", PYTHONPATH=str(library))
    assert "2 passed" in done.stdout, done.stdout
    assert done.code == 0
    assert "INCOMPLETE" in done.stdout, "not every section was asked for"


def test_the_docs_name_every_fixture(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(files(EXAMPLE)["conftest.py"])
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    listed = session(tmp_path, "pytest", "none", "--fixtures", PYTHONPATH=str(ROOT)).stdout
    ours = set(re.findall(r"^(\w+) \[session scope\] -- \S*fixtures/", listed, re.MULTILINE))
    assert set(PAGE) < ours
    told = [name for row in re.findall(r"^\| (`.*?) \|", EXAMPLE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(told) == sorted(ours)


def test_another_projects_session_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(files(EXAMPLE)["conftest.py"])
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.cluster('of theirs')\ndef test_with_a_mark(): pass\n"
        "def test_that_all_sections_are_there(cleanup): assert cleanup.complete\n"
        "def test_that_fails(): assert False\n"
    )
    done = session(tmp_path, "pytest", "none", "-q", PYTHONPATH=str(ROOT))
    assert done.code == 1
    assert done.stdout.startswith("..F"), "a test that passes is shown as pytest shows it"
    assert "1 failed, 2 passed" in done.stdout
    assert "PROVEN" in done.stdout
