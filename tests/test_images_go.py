"""Building Go components, with a go command that only writes down what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshproof.errors import BadInput, CommandFailed, MachineCannot
from meshproof.images import gobuild
from meshproof.images.declaration import GoComponent
from meshproof.images.gobuild import Go, build_go
from meshproof.run import Completed
from meshproof.sources import Tree, read

TOOL = GoComponent(
    name="tool",
    version="v1.2.3",
    checksum="h1:tool",
    seconds=1,
    module="example.org/tool/v2",
    binaries={"tool": "."},
    files={"charts/one": "charts/one"},
    stamp={"example.org/tool/v2/version.V": "1.2.3"},
    align="base",
)
BASE = GoComponent("base", "v1.0.0", "h1:base", 1, module="example.org/base", staging="v0.35.4")

REQUIREMENTS: Mapping[str, Any] = {
    "tool": {
        "Require": [{"Path": "k8s.io/api", "Version": "v0.35.0"}, {"Path": "only/tool", "Version": "v1.0.0"}],
        "Replace": [{"Old": {"Path": "only/local"}, "New": {"Path": "../local"}}],
    },
    "base": {
        "Require": [{"Path": "k8s.io/api", "Version": "v0.0.0"}],
        "Replace": [{"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/api"}}],
    },
}


class FakeGo:
    """Answers as go does, for the two modules above."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[tuple[str, ...]] = []
        self.sum = "h1:tool"
        self.refused = ""
        self.built = ""
        self.says = ""
        for name in ("tool", "base"):
            (folder / name).mkdir(parents=True)
            (folder / name / "go.sum").write_text(f"sums of {name}\n")
        (folder / "tool" / "charts" / "one").mkdir(parents=True)
        (folder / "tool" / "charts" / "one" / "Chart.yaml").write_text("name: one")

    def __call__(self, *argv: str, cwd: Path, **_: object) -> Completed:
        args = argv[1:]
        self.calls.append(args)
        return Completed(argv, 0, self.answer(args, cwd), "", 0.0)

    def answer(self, args: tuple[str, ...], cwd: Path) -> str:
        if args[:2] == ("mod", "download"):
            name = "tool" if "tool" in args[-1] else "base"
            if self.refused:
                return json.dumps({"Path": name, "Error": self.refused})
            return json.dumps({"Dir": str(self.folder / name), "Sum": self.sum if name == "tool" else "h1:base"})
        if args == ("mod", "edit", "-json"):
            return json.dumps(REQUIREMENTS["base" if cwd.name == "base" else "tool"])
        if args[0] == "build":
            self.built = (cwd / "main.go").read_text() if (cwd / "main.go").exists() else ""
            if self.says:
                raise CommandFailed("go build", 1, "", self.says)
            Path(args[args.index("-o") + 1], "tool").write_text("program")
        if args[0] == "version":
            return (
                "tool: go1\n\tpath\texample.org/tool\n\tdep\tk8s.io/api\tv0.35.0\n\t=>\tk8s.io/api\tv0.35.4\th1:api\n"
            )
        return ""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    fake = FakeGo(tmp_path / "mod")
    monkeypatch.setattr(gobuild, "run", fake)
    return fake


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_programs_and_files_are_there_and_what_went_in_is_told(go: FakeGo, target: Path, tmp_path: Path) -> None:
    about = build_go(TOOL, BASE, Go(tmp_path / "go", tmp_path / "work"), target)
    assert (target / "bin" / "tool").read_text() == "program"
    assert (target / "charts" / "one" / "Chart.yaml").read_text() == "name: one"
    assert about["items"] == [
        {"name": "example.org/tool/v2", "version": "v1.2.3", "hash": "h1:tool"},
        {"name": "k8s.io/api", "version": "v0.35.4", "hash": "h1:api"},
    ]
    assert not (tmp_path / "work" / "trees" / "tool").exists()


def test_what_both_require_is_taken_from_the_other_and_the_rest_is_left(
    go: FakeGo, target: Path, tmp_path: Path
) -> None:
    build_go(TOOL, BASE, Go(tmp_path / "go", tmp_path / "work"), target)
    assert ("mod", "edit", "-dropreplace=only/local", "-replace=k8s.io/api=k8s.io/api@v0.35.4") in go.calls
    (build,) = [call for call in go.calls if call[0] == "build"]
    assert "-ldflags=-s -w -X example.org/tool/v2/version.V=1.2.3" in build


def test_a_module_that_is_not_what_was_pinned_is_not_built(go: FakeGo, target: Path, tmp_path: Path) -> None:
    go.sum = "h1:other"
    with pytest.raises(
        MachineCannot, match=r"tool/v2@v1\.2\.3: images\.toml pins h1:tool, the module proxy gave h1:other"
    ):
        build_go(TOOL, BASE, Go(tmp_path / "go", tmp_path / "work"), target)
    assert not [call for call in go.calls if call[0] == "build"]


def test_the_users_proxy_and_checksum_settings_are_left_alone(tmp_path: Path) -> None:
    env = Go(tmp_path / "go", tmp_path / "work").env
    assert not {"GOPROXY", "GOSUMDB", "GOFLAGS", "GONOSUMDB", "GOPRIVATE"} & env.keys()
    assert all(str(tmp_path / "work") in env[name] for name in ("GOCACHE", "GOMODCACHE", "GOPATH"))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    folder = tmp_path / "mine"
    (folder / "charts" / "one").mkdir(parents=True)
    (folder / "charts" / "one" / "Chart.yaml").write_text("name: mine")
    (folder / "go.mod").write_text("module example.org/tool/v2")
    (folder / "main.go").write_text("package main // mine")
    found = read("TOOL_SOURCE", str(folder))
    assert isinstance(found, Tree)
    return found


OWN = replace(TOOL, version="tree-0123", checksum="", align="")


def build_own(tree: Tree, target: Path, tmp_path: Path) -> Mapping[str, Any]:
    return build_go(OWN, None, Go(tmp_path / "go", tmp_path / "work"), target, tree)


@pytest.fixture
def nothing_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REQUIREMENTS["tool"], "Replace", None)


@pytest.mark.usefixtures("nothing_replaced")
def test_a_tree_is_built_as_it_says_itself_and_its_files_are_its_own(
    go: FakeGo, target: Path, tree: Tree, tmp_path: Path
) -> None:
    about = build_own(tree, target, tmp_path)
    assert (target / "charts" / "one" / "Chart.yaml").read_text() == "name: mine"
    assert go.built == "package main // mine"
    assert [call[:2] for call in go.calls] == [("mod", "edit"), ("build", "-mod=readonly"), ("version", "-m")]
    assert ("mod", "edit", "-json") in go.calls, "which changes nothing"
    assert about["items"][0] == {"name": "example.org/tool/v2", "version": "tree-0123", "hash": ""}
    assert not (tmp_path / "work" / "trees" / "tool").exists()


@pytest.mark.usefixtures("nothing_replaced")
def test_a_tree_with_a_vendor_folder_is_built_from_it(go: FakeGo, target: Path, tree: Tree, tmp_path: Path) -> None:
    (tree.folder / "vendor").mkdir()
    (tree.folder / "vendor" / "modules.txt").write_text("# all")
    found = read("TOOL_SOURCE", str(tree.folder))
    assert isinstance(found, Tree)
    build_own(found, target, tmp_path)
    assert ("build", "-mod=vendor") in [call[:2] for call in go.calls]


def test_a_tree_that_is_made_of_what_lies_outside_is_refused(
    go: FakeGo, target: Path, tree: Tree, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"its go\.mod replaces a module by \.\./local, which is outside of the tree"):
        build_own(tree, target, tmp_path)
    assert not [call for call in go.calls if call[0] == "build"]


@pytest.mark.usefixtures("nothing_replaced")
@pytest.mark.parametrize(
    ("says", "first"),
    [
        ("# example.org/tool/v2/pkg\npkg/a.go:3:7: undefined: b\npkg/a.go:4:1: c", "pkg/a.go:3:7: undefined: b"),
        ("go: updates to go.mod needed; to update it:\n\tgo mod tidy", "go: updates to go.mod needed; to update it:"),
        ("main.go:2:2: no required module provides package x; to add it:", "main.go:2:2: no required module provides"),
    ],
)
def test_a_tree_that_does_not_compile_is_told_in_the_compilers_words(
    go: FakeGo, target: Path, tree: Tree, tmp_path: Path, says: str, first: str
) -> None:
    go.says = says
    with pytest.raises(BadInput) as refused:
        build_own(tree, target, tmp_path)
    head, command, *words = str(refused.value).splitlines()
    assert head.startswith(f"tool: {tree} does not compile: {first}")
    assert command == f"  cd {tree.folder} && go build -mod=readonly ./."
    assert [word.strip() for word in words] == [line.strip() for line in says.splitlines()]
    assert not (tmp_path / "work" / "trees" / "tool").exists()


@pytest.mark.usefixtures("nothing_replaced")
def test_what_is_not_the_trees_fault_is_not_laid_at_its_door(
    go: FakeGo, target: Path, tree: Tree, tmp_path: Path
) -> None:
    go.says = "main.go:5:2: example.org/x@v1.0.0: dial tcp: i/o timeout"
    with pytest.raises(CommandFailed, match="i/o timeout"):
        build_own(tree, target, tmp_path)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("example.org/tool/v2@v9.9.9: invalid version: unknown revision v9.9.9", BadInput),
        ("reading http://127.0.0.1:1/x.info: 404 Not Found\n\tserver response: not found", BadInput),
        ("dial tcp 127.0.0.1:1: connect: connection refused", MachineCannot),
    ],
)
def test_a_version_that_cannot_be_had_is_one_line_with_the_proxys_answer(
    go: FakeGo, target: Path, tmp_path: Path, answer: str, kind: type[Exception]
) -> None:
    go.refused = answer
    with pytest.raises(kind) as refused:
        build_go(replace(TOOL, version="v9.9.9"), None, Go(tmp_path / "go", tmp_path / "work"), target)
    assert type(refused.value) is kind
    said = "tool: module example.org/tool/v2@v9.9.9 cannot be had; the module proxy's answer: "
    assert str(refused.value) == said + " ".join(answer.split())


@pytest.mark.usefixtures("go")
def test_a_version_that_nobody_pinned_is_listed_with_the_checksum_that_go_holds_for_right(
    target: Path, tmp_path: Path
) -> None:
    unpinned = replace(TOOL, checksum="", align="")
    about = build_go(unpinned, None, Go(tmp_path / "go", tmp_path / "work"), target)
    assert about["items"][0] == {"name": "example.org/tool/v2", "version": "v1.2.3", "hash": "h1:tool"}
