"""Building Go components, with a go command that only writes down what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meshproof.errors import MachineCannot
from meshproof.images import gobuild
from meshproof.images.declaration import GoComponent
from meshproof.images.gobuild import Go, build_go
from meshproof.run import Completed

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
            return json.dumps({"Dir": str(self.folder / name), "Sum": self.sum if name == "tool" else "h1:base"})
        if args == ("mod", "edit", "-json"):
            return json.dumps(REQUIREMENTS["base" if cwd.name == "base" else "tool"])
        if args[0] == "build":
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
