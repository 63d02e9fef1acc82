"""`make lab` beside its server: what a new kernel knows, and what JupyterLab is told."""

from __future__ import annotations

import ast
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest
from snapshots import PARTS

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.errors import PROVEN, ClusterGone, NotReady
from meshproof.proof import Proof
from meshproof.releases import cells
from meshproof.runbook import Runbook, notebooks
from meshproof.runbook.execution import kernel, lab, placeholders


def test_a_cell_before_those_above_it_says_that_they_come_first() -> None:
    with pytest.raises(NotReady, match=r"the cells above come first: one of them makes 'book'"):
        _ = placeholders.Placeholder("book").request_path


def test_a_value_not_made_yet_can_be_shown() -> None:
    value = placeholders.Placeholder("section")
    assert not hasattr(value, "_repr_html_")
    assert repr(value) == "section: not made yet in this kernel"


def test_a_new_kernel_knows_each_name_that_notebooks_make_and_use_later() -> None:
    names = {alias.name for node in ast.walk(ast.parse(kernel.FIRST_LINE)) for alias in getattr(node, "names", ())}
    assert names == _used_across_cells()
    assert all(isinstance(getattr(placeholders, name), placeholders.Placeholder) for name in names)


def test_a_new_kernel_runs_the_first_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _own_folders(monkeypatch, tmp_path)
    kernel.register_kernel()
    spec = json.loads((Path(sys.prefix) / "share/jupyter/kernels" / kernel.KERNEL / "kernel.json").read_text())
    assert f"--IPKernelApp.exec_lines={kernel.FIRST_LINE}" in spec["argv"]


@pytest.mark.parametrize("cell", ["commands", "run", "request_path", "client_certificate"])
def test_a_cluster_that_went_away_is_told_before_anything_else(cell: str, tmp_path: Path) -> None:
    gone = Cluster("gone", tmp_path / "kubeconfig", PARTS, tmp_path)
    book = Runbook(Proof(gone, cells()[0], Choices(), lambda _: None, into=tmp_path))
    with pytest.raises(ClusterGone, match=r"cluster gone: does not run. 01-before-you-begin.ipynb makes it"):
        getattr(book, cell)("route")


def test_jupyterlab_does_not_look_for_news(tmp_path: Path) -> None:
    lab.without_news(tmp_path)
    page = json.loads((tmp_path / "labconfig/page_config.json").read_text())
    assert page["disabledExtensions"] == {"@jupyterlab/apputils-extension:announcements": True}


@dataclass
class Server:
    """Stands in for JupyterLab's server: nothing is started, but what it would start with is noted."""

    default_url: str = ""
    options: dict[str, str] = field(default_factory=dict[str, str])
    opened: list[str] = field(default_factory=list[str])

    def initialize(self, options: list[str]) -> Server:
        assert len({option.partition("=")[0] for option in options}) == len(options), "the last one would win"
        self.options = {name: value for name, _, value in (option.partition("=") for option in options)}
        self.default_url = "/lab"  # as the extension does
        return self

    def start(self) -> None:
        self.opened.append(self.default_url)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    from jupyterlab.labapp import LabApp  # pyright: ignore[reportMissingTypeStubs]

    stand_in = Server()
    monkeypatch.setattr(LabApp, "initialize_server", stand_in.initialize)
    monkeypatch.setattr(lab, "artifacts_dir", lambda: tmp_path / "artifacts")
    (tmp_path / "artifacts").mkdir()
    _own_folders(monkeypatch, tmp_path)
    return stand_in


@pytest.mark.parametrize(("user", "root"), [(0, {"--allow-root"}), (1000, set[str]())])
def test_jupyterlab_listens_on_this_machine_alone(
    user: int, root: set[str], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert lab.lab() == PROVEN
    assert server.options["--ServerApp.ip"] == "127.0.0.1"
    # All that it is told: an origin, a password, a token or another address would let others in.
    assert set(server.options) == root | {
        "--ServerApp.ip",
        "--ServerApp.answer_yes",
        "--ServerApp.root_dir",
        "--Application.log_level",
        "--LabApp.extension_manager",
        "--LabApp.workspaces_dir",
    }


def test_jupyterlab_opens_the_index_of_the_copies(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    lab.lab()
    assert server.opened == [f"/lab/tree/{notebooks.INDEX}"]
    folder = Path(server.options["--ServerApp.root_dir"])
    assert folder != notebooks.NOTEBOOKS_DIR
    assert (folder / notebooks.INDEX).read_bytes() == (notebooks.NOTEBOOKS_DIR / notebooks.INDEX).read_bytes()
    assert Path(server.options["--LabApp.workspaces_dir"]).parent == folder
    assert str(folder) in capsys.readouterr().out
    assert (Path(os.environ["JUPYTER_CONFIG_DIR"]) / "labconfig/page_config.json").exists()


def _own_folders(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    for variable in kernel.JUPYTER_FOLDERS:
        monkeypatch.setenv(variable, "")  # so that it is put back


def _used_across_cells() -> set[str]:
    """Names whose attributes a cell asks for that it did not make or import itself."""
    found: set[str] = set()
    for path in notebooks.notebook_paths():
        for cell in cast(Any, nbformat).read(path, as_version=4).cells:
            if cell.cell_type == "code":
                nodes = list(ast.walk(ast.parse(cell.source)))
                made = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                made |= {alias.name for n in nodes if isinstance(n, ast.ImportFrom) for alias in n.names}
                asked = {n.value.id for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
                found |= asked - made
    return found
