"""Sources that a run names itself: versions and working trees, and the combination that they make."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshproof.errors import BadInput, CommandFailed
from meshproof.images.declaration import ASSETS, declaration
from meshproof.images.plan import Item, items
from meshproof.releases import Cell, find_cell, with_sources
from meshproof.run import run
from meshproof.sources import Tree, placed, read

KGATEWAY = "github.com/kgateway-dev/kgateway/v2"
ISTIO_OF_B = "v0.0.0-20260605182440-f18fd540c0e8"
CELL = find_cell(kgateway="2.4.0")
EVERYTHING = {"go.mod", "main.go", "run.sh", ".gitignore"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "pkg").mkdir(parents=True)
    (tree / "go.mod").write_text(f"// ours\nmodule {KGATEWAY} // v2\n\ngo 1.26.5\n")
    (tree / "main.go").write_text("package main\n")
    (tree / "run.sh").write_text("#!/bin/sh\n")
    (tree / ".gitignore").write_text("*.out\n")
    (tree / "pkg" / "built.out").write_text("ignored\n")
    return tree


def git(folder: Path, *args: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    return run("git", "-C", str(folder), *who, *args).stdout


@pytest.fixture
def tracked(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=all")
    return folder


def tree_at(folder: Path) -> Tree:
    tree = read("KGATEWAY_SOURCE", str(folder))
    assert isinstance(tree, Tree)
    return tree


@pytest.mark.parametrize("version", ["v2.4.1", "v2.4.1-0.20260701120000-0123456789ab", ISTIO_OF_B, "v2.5.0-beta.1"])
def test_a_version_is_taken_as_it_is(version: str) -> None:
    assert placed("KGATEWAY_SOURCE", version) == read("KGATEWAY_SOURCE", version) == version


@pytest.mark.parametrize("value", ["nothing", "2.4.1", "v2.4", "v2.4.1+x y", "./no/such", "~/no-such-tree"])
def test_what_is_neither_a_version_nor_a_folder_is_refused(value: str) -> None:
    with pytest.raises(BadInput) as refused:
        placed("KGATEWAY_SOURCE", value)
    said = str(refused.value)
    assert said.startswith(f"KGATEWAY_SOURCE={value}: expected a module version such as v2.4.1, or the folder of a")
    assert said.endswith(f"there is no {os.path.abspath(os.path.expanduser(value))}")  # noqa: PTH100, PTH111
    assert "\n" not in said


def test_a_folder_that_is_no_module_is_refused_with_what_it_is(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place, told in {"tree/main.go": "is a file", "tree/pkg": "holds no go.mod", "empty": "is empty"}.items():
        with pytest.raises(BadInput, match=f"{tmp_path / place} {told}$"):
            placed("ISTIO_SOURCE", str(tmp_path / place))


def test_a_relative_folder_and_one_at_home_become_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "pkg")
    monkeypatch.setenv("HOME", str(folder.parent))
    assert placed("ISTIO_SOURCE", "..") == placed("ISTIO_SOURCE", "~/tree") == str(folder)


def test_a_tree_of_git_is_what_git_does_not_ignore(tracked: Path) -> None:
    tree = tree_at(tracked)
    assert (tree.module, set(tree.files)) == (KGATEWAY, EVERYTHING)
    head = git(tracked, "rev-parse", "--short=12", "HEAD").strip()
    assert str(tree) == f"tree {tracked} @ {head} {tree.fingerprint}"


def test_a_tree_without_git_is_all_of_it(folder: Path) -> None:
    tree = tree_at(folder)
    assert (set(tree.files), tree.commit) == ({*EVERYTHING, "pkg/built.out"}, "")
    assert str(tree) == f"tree {folder} {tree.fingerprint}"


def test_a_tree_that_the_git_around_it_ignores_is_all_of_it(folder: Path) -> None:
    (folder.parent / ".gitignore").write_text("tree/\n")
    git(folder.parent, "init", "--quiet")
    assert "pkg/built.out" in tree_at(folder).files


def test_a_tree_without_a_commit_says_so(folder: Path) -> None:
    git(folder, "init", "--quiet")
    tree = tree_at(folder)
    assert (tree.commit, set(tree.files)) == ("no commit", EVERYTHING)


def edit(folder: Path) -> None:
    (folder / "main.go").write_text("package main // edited\n")


def add(folder: Path) -> None:
    (folder / "pkg" / "new.go").write_text("package pkg\n")


def delete(folder: Path) -> None:
    (folder / "main.go").unlink()


def make_executable(folder: Path) -> None:
    (folder / "run.sh").chmod(0o755)


def make_a_link(folder: Path) -> None:
    (folder / "main.go").unlink()
    (folder / "main.go").symlink_to("run.sh")


@pytest.mark.parametrize("change", [edit, add, delete, make_executable, make_a_link])
def test_every_change_makes_it_another_tree(tracked: Path, change: Callable[[Path], None]) -> None:
    before = tree_at(tracked)
    change(tracked)
    after = tree_at(tracked)
    assert after.fingerprint != before.fingerprint
    assert after.commit == f"{before.commit}+changes"
    after.copy(tracked.parent / "copy")


def test_what_git_ignores_and_where_it_lies_change_nothing(tracked: Path) -> None:
    before = tree_at(tracked)
    (tracked / "pkg" / "built.out").write_text("built anew\n")
    moved = tracked.rename(tracked.parent / "moved")
    assert tree_at(moved).fingerprint == before.fingerprint


def test_looking_at_a_tree_writes_nothing_into_it(tracked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_it() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in tracked.rglob("*")}

    os.utime(tracked / "main.go")  # git would refresh its index now
    monkeypatch.setenv("GIT_DIR", "/no/such")  # as a hook has it
    before = all_of_it()
    tree_at(tracked).copy(tracked.parent / "copy")
    assert all_of_it() == before


def test_a_tree_that_git_refuses_is_told_in_gits_words(tracked: Path) -> None:
    (tracked / ".git" / "index").write_text("no index")
    with pytest.raises(CommandFailed, match=r"exit code 128: fatal: .*index file smaller(.|\n)* ls-files -z"):
        tree_at(tracked)


def test_a_copy_is_the_tree_and_nothing_else(tracked: Path, tmp_path: Path) -> None:
    make_executable(tracked)
    tree_at(tracked).copy(tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == EVERYTHING
    assert os.access(tmp_path / "copy" / "run.sh", os.X_OK)


def test_a_tree_that_changes_meanwhile_is_not_built(tracked: Path, tmp_path: Path) -> None:
    tree = tree_at(tracked)
    edit(tracked)
    with pytest.raises(BadInput, match="was changed while it was copied; nothing was built"):
        tree.copy(tmp_path / "copy")


# ---------------------------------------------------------------------------------------------- the combination


def keys(cell: Cell) -> dict[str, Item]:
    return dict(items(declaration(cell)))


def changed(before: dict[str, Item], after: dict[str, Item]) -> set[str]:
    return {name for name in before if before[name].key != after[name].key}


def test_a_tree_stands_for_a_component_and_all_else_stays(tracked: Path) -> None:
    tree = tree_at(tracked)
    cell = with_sources(CELL, {"kgateway": tree})
    declared = declaration(cell)
    name = f"2.4.0-tree-{tree.fingerprint}"
    assert declared.images["sds"].ref == f"meshproof.local/kgateway/sds:v{name}"
    assert declared.charts["kgateway-crds"].version == f"v{name}"
    assert declared.images["pilot"].ref == "meshproof.local/istio/pilot:1.31-dev"
    assert cell.source is not None
    assert "2.4.0-tree-" in str(cell.source.kgateway_values)
    assert (declared.versions["kgateway"], declared.versions["istio"]) == (str(tree), "1.31-dev")
    assert cell.told("kgateway") == str(tree)
    assert changed(keys(CELL), keys(cell)) == {"kgateway", "charts", "node"}


def test_an_unchanged_tree_is_the_same_and_a_changed_one_is_another(tracked: Path) -> None:
    first = keys(with_sources(CELL, {"kgateway": tree_at(tracked)}))
    elsewhere = shutil.copytree(tracked, tracked.parent / "elsewhere")
    assert changed(first, keys(with_sources(CELL, {"kgateway": tree_at(elsewhere)}))) == set()
    edit(tracked)
    assert changed(first, keys(with_sources(CELL, {"kgateway": tree_at(tracked)}))) == {
        "kgateway",
        "charts",
        "node",
    }


def test_a_version_that_a_combination_has_is_what_it_is_there() -> None:
    cell = with_sources(CELL, {"istio": ISTIO_OF_B})
    assert keys(cell)["istio"].key == keys(find_cell(istio="1.31-20260605"))["istio"].key
    assert changed(keys(CELL), keys(cell)) == {"istio", "charts", "node"}
    assert (cell.istio, declaration(cell).charts["istiod"].version) == ("1.31-20260605", "1.31.0-20260605")
    assert declaration(cell).versions["istio"] == ISTIO_OF_B, "as it was given"
    assert changed(keys(CELL), keys(with_sources(CELL, {"kgateway": "v2.4.0"}))) == set()


def test_a_version_that_none_has_is_unpinned_and_named_by_itself() -> None:
    version = "v0.0.0-20260701120000-0123456789ab"
    declared = declaration(with_sources(CELL, {"istio": version, "kgateway": "v2.4.9"}))
    assert declared.images["pilot"].ref.endswith(f"pilot:{version.removeprefix('v')}")
    assert declared.images["kgateway"].ref.endswith("kgateway:v2.4.9")
    assert (declared.gos["istio"].version, declared.gos["istio"].checksum) == (version, "")
    assert {name for name, item in items(declared).items() if item.passing} == {"istio", "kgateway", "charts", "node"}


def test_a_tree_of_something_else_is_refused_with_what_it_is(tracked: Path) -> None:
    with pytest.raises(BadInput, match=rf"expected a tree of istio\.io/istio, its go\.mod says module {KGATEWAY}$"):
        declaration(with_sources(CELL, {"istio": tree_at(tracked)}))
    (tracked / "go.mod").write_text("\n")
    with pytest.raises(BadInput, match=r"its go\.mod says no module$"):
        declaration(with_sources(CELL, {"kgateway": tree_at(tracked)}))


def test_what_is_named_itself_is_built_with_its_own_requirements(tracked: Path) -> None:
    aligned = (
        (ASSETS.parent / "images.toml").read_text().replace("[go.kgateway]\n", '[go.kgateway]\nalign = "kubernetes"\n')
    )
    assert declaration(CELL, text=aligned).gos["kgateway"].align == "kubernetes"
    cell = with_sources(CELL, {"kgateway": tree_at(tracked)})
    assert declaration(cell, text=aligned).gos["kgateway"].align == ""


def test_a_combination_that_is_not_assembled_has_no_parts_of_its_own() -> None:
    with pytest.raises(BadInput, match="cannot be assembled from source, so no part of it can be"):
        with_sources(replace(CELL, source=None), {"kgateway": "v2.4.1"})
    assert with_sources(CELL, {}) is CELL
