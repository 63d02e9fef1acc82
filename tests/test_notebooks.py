"""Notebooks, steps and suite together: none has a section, a command or a parameter that the others do not know."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest
from snapshots import PARTS, SETTING, always

from meshproof import runbook
from meshproof.choices import SECTION_NOTEBOOKS, TAKING_NOTEBOOK, Choices, words_of
from meshproof.cluster import Cluster
from meshproof.path.mesh import Mesh
from meshproof.proof import Proof
from meshproof.releases import cells
from meshproof.runbook import Runbook, Section, Survey
from meshproof.runbook.execution.kernel import KERNEL
from meshproof.runbook.execution.run import parameters
from meshproof.runbook.notebooks import INDEX, NOTEBOOKS, NOTEBOOKS_DIR, OWN_CLUSTER, notebook_paths
from meshproof.steps import PAGE, RESTORE
from meshproof.steps.sections import sections
from meshproof.steps.setting import Makes, Setting

E2E = NOTEBOOKS_DIR.parent / "e2e"
LONGEST_CELL = 10  # lines
BEFORE, *LATER = (f"{stem}.ipynb" for stem in NOTEBOOKS.values())
NOTEBOOK_NAMES = [INDEX, BEFORE, OWN_CLUSTER, *LATER]
THERE = Makes(istio=False, labels={"made-by": "us"})  # in somebody else's cluster
SECTIONS = sections(THERE)
# What a cell may be made of. Everything else, such as a function, a loop or a handler, belongs into the library.
ALLOWED = (
    *(ast.Module, ast.Expr, ast.Assign, ast.AnnAssign, ast.ImportFrom, ast.alias, ast.Call, ast.keyword),
    *(ast.Attribute, ast.Name, ast.Constant, ast.Dict, ast.Load, ast.Store),
)


@dataclass(frozen=True)
class Notebook:
    """A notebook as it is committed."""

    name: str
    metadata: Any
    cells: list[Any]

    @property
    def code(self) -> list[Any]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    @property
    def calls(self) -> list[str]:
        """Calls and attributes that cells end in, such as `book.run("route")` and `section.pods`."""
        return [cell.source.strip().splitlines()[-1] for cell in self.code]


def read(name: str) -> Notebook:
    content = cast(Any, nbformat).read(NOTEBOOKS_DIR / name, as_version=4)
    return Notebook(name, content.metadata, list(content.cells))


every_notebook = pytest.mark.parametrize(
    "notebook", [read(name) for name in NOTEBOOK_NAMES], ids=lambda each: each.name
)
every_section = pytest.mark.parametrize("slug", list(SECTIONS))


def settings(slug: str) -> list[Setting]:
    """What a section is made for: a cluster of ours, unless it is not for one, and somebody else's."""
    return [*([SETTING] if slug in PAGE else []), replace(SETTING, makes=THERE)]


def test_there_is_an_index_and_one_notebook_per_section_and_their_names_sort_in_page_order() -> None:
    assert list(NOTEBOOKS) == list(SECTIONS) == [*PAGE, RESTORE.slug]
    assert sorted(path.name for path in NOTEBOOKS_DIR.glob("*.ipynb")) == NOTEBOOK_NAMES
    assert [path.name for path in notebook_paths()] == NOTEBOOK_NAMES


@every_section
def test_a_section_is_run_by_its_own_notebook_and_asserted_by_the_suite(slug: str) -> None:
    ran = {
        name: re.findall(r'book\.run\("(\w+)"\)', "\n".join(c.source for c in read(name).code))
        for name in NOTEBOOK_NAMES
    }
    assert [name for name, slugs in ran.items() if slugs == [slug]] == [f"{NOTEBOOKS[slug]}.ipynb"]
    module = E2E / f"test_{NOTEBOOKS[slug].replace('-', '_')}.py"
    functions = [each for each in ast.walk(ast.parse(module.read_text())) if isinstance(each, ast.FunctionDef)]
    assert {argument.arg for function in functions for argument in function.args.args} == {slug}
    claimed = {claim.id for setting in settings(slug) for claim in SECTIONS[slug](setting).claims}
    assert len(functions) == len(claimed), f"{slug}: not every claim has its test"


@every_section
def test_what_is_shown_as_typed_is_what_the_step_runs(
    slug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(*_: object) -> Mesh:
        return SETTING.mesh

    monkeypatch.setattr("meshproof.proof.proof.find_mesh", known)
    monkeypatch.setattr(Cluster, "answers", always(True))
    cluster = Cluster("none", tmp_path / "kubeconfig", PARTS, tmp_path)
    for setting in settings(slug):
        book = Runbook(Proof(cluster, cells()[0], Choices(), lambda _: None, into=tmp_path, makes=setting.makes))
        shown = re.findall(r"<pre>(.*?)</pre>", book.commands(slug).html, re.DOTALL)
        assert shown
        assert [unescape(text) for text in shown] == [each.text for each in SECTIONS[slug](setting).documented]


@every_section
def test_a_section_shows_command_then_change_then_observation_then_claims_then_verdict(slug: str) -> None:
    calls = read(f"{NOTEBOOKS[slug]}.ipynb").calls
    order = [f'book.commands("{slug}")', "section", "section.pods", "section.claims", "section.confirm()"]
    if slug == "exclude":  # no pod changes: the paths of three requests are what there is to see
        order[2] = "book.request_path(book.names.service_host)"
    assert [call for call in calls if call in order] == order
    assert calls[-1] == "section.confirm()"


def test_a_cluster_of_ones_own_is_surveyed_and_planned_before_it_is_taken() -> None:
    assert read(OWN_CLUSTER).calls[1:] == ["there", "there.plan", "book"]


def test_the_last_section_shows_the_whole_run_and_the_exclusion_what_mtls_costs() -> None:
    for last in ("cleanup", RESTORE.slug):
        assert {"book.verdict()", "book.timeline()"} <= set(read(f"{NOTEBOOKS[last]}.ipynb").calls)
    assert "book.latency()" in read(f"{NOTEBOOKS['exclude']}.ipynb").calls
    assert "book.client_certificate()" in read(f"{NOTEBOOKS['route']}.ipynb").calls


@every_notebook
def test_it_is_committed_without_outputs_and_runs_with_our_kernel(notebook: Notebook) -> None:
    assert [cell.id for cell in notebook.code if cell.outputs or cell.execution_count is not None] == []
    assert all(cell.source.strip() for cell in notebook.cells)
    assert dict(notebook.metadata.kernelspec) == {"display_name": KERNEL, "language": "python", "name": KERNEL}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert dict(notebook.metadata.language_info) == {"name": "python"}


@every_notebook
def test_a_code_cell_is_short_and_only_calls_meshproof(notebook: Notebook) -> None:
    for cell in notebook.code:
        if "parameters" not in cell.metadata.get("tags", []):  # they are one line a word
            assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source
        for node in ast.walk(ast.parse(cell.source)):  # shell text, as `!kubectl` or `%%bash`, is no Python
            assert isinstance(node, ALLOWED), f"{type(node).__name__} in {cell.source}"
            if isinstance(node, ast.ImportFrom):
                assert (node.module, [alias.name for alias in node.names]) == ("meshproof", ["runbook"])
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "runbook":
                assert node.attr in runbook.__all__, f"{node.attr} is not for cells"
            if isinstance(node, ast.Constant) and "parameters" not in cell.metadata.get("tags", []):
                assert not re.search(r"\s", str(node.value)), f"more than one word: {node.value}"


@every_notebook
def test_what_a_cell_asks_for_exists(notebook: Notebook) -> None:
    known = {"book": Runbook, "section": Section, "there": Survey}
    for cell in notebook.code:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
                assert hasattr(known[node.value.id], node.attr) or node.attr in known[node.value.id].__annotations__


@every_notebook
def test_parameters_are_declared_typed_and_those_that_a_run_gives(notebook: Notebook, tmp_path: Path) -> None:
    (cell,) = [cell for cell in notebook.code if "parameters" in cell.metadata.get("tags", [])]
    assert cell is notebook.code[0]
    takes = notebook.name == OWN_CLUSTER
    words = words_of(TAKING_NOTEBOOK if takes else SECTION_NOTEBOOKS)
    declared = [f'{name.lower()}: str = "{word.default}"  # {word.help}' for name, word in words.items()]
    *choices, artifacts = cell.source.splitlines()
    assert choices == declared
    assert artifacts.startswith('artifacts: str = ""  # ')
    given = {line.partition(":")[0] for line in cell.source.splitlines()}
    assert given == set(parameters(notebook.name, Choices(), tmp_path))
    cells = notebook.code[1:] if takes else notebook.code[1:2]  # what is surveyed is not taken at once
    used = {node.id for cell in cells for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
    assert used >= given - ({"artifacts"} if notebook.name == INDEX else set()), "a parameter that is not passed on"


@every_notebook
def test_prose_says_what_could_go_wrong_and_its_links_lead_somewhere(notebook: Notebook) -> None:
    assert notebook.prose.startswith("# ")
    assert notebook.name == INDEX or "**What could go wrong:**" in notebook.prose
    assert "```" not in notebook.prose, "commands are shown by their step, not written down again"
    targets = re.findall(r"\]\(([^)#]+)", notebook.prose)
    assert [target for target in targets if target not in NOTEBOOK_NAMES] == []
    if notebook.name == INDEX:
        assert targets == NOTEBOOK_NAMES[1:]
