"""Programs built from Go modules, each in a copy of its module's own tree, so that its go.mod and go.sum rule."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshproof.errors import BadInput, CommandFailed, MachineCannot, MeshproofError
from meshproof.images.declaration import ASSETS, GoComponent
from meshproof.images.store import remove
from meshproof.run import run
from meshproof.sources import Tree

DOWNLOAD_S = 600.0
BUILD_S = 3600.0
LINK_FLAGS = "-s -w"
# Modules that belong together and are never aligned: etcd's server must not meet another etcd's client.
FAMILIES = ("go.etcd.io/etcd/",)
# No debug information: nobody debugs these programs, and it is a good part of compiling and linking.
BUILD_FLAGS = ("-mod=mod", "-trimpath", "-gcflags=all=-dwarf=false")
# What a module proxy answers where it has no such version, and what go says where the fault is the tree's.
_NO_VERSION = re.compile(r"unknown revision|invalid version|not found|404|410|no matching versions")
_OWN_FAULT = re.compile(
    r"^# |: expected |updates to go\.mod needed|missing go\.sum entry|no required module provides"
    r"|inconsistent vendoring|errors parsing go\.mod|go\.mod requires go|is not in std",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Go:
    """The toolchain, and folders of our own for what it keeps; proxy and checksum settings stay the user's."""

    root: Path
    work: Path

    @property
    def env(self) -> Mapping[str, str]:
        """What every go command gets beside this process's environment."""
        return {
            "GOROOT": str(self.root),
            "GOCACHE": str(self.work / "build"),
            "GOMODCACHE": str(self.work / "mod"),
            "GOPATH": str(self.work / "path"),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "CGO_ENABLED": "0",
            "GOGC": "400",  # the compiler's own collector: fewer rounds for more memory
        }

    def __call__(self, folder: Path, *args: str, timeout_s: float = BUILD_S, check: bool = True) -> str:
        """Run go in a folder, and return what it printed.

        Raises:
            CommandFailed: With the command and its output.
        """
        go = str(self.root / "bin" / "go")
        return run(go, *args, cwd=folder, env={**os.environ, **self.env}, timeout_s=timeout_s, check=check).stdout


def build_go(
    component: GoComponent, aligned: GoComponent | None, go: Go, target: Path, own: Tree | None = None
) -> Mapping[str, Any]:
    """Build a component's programs into `target/bin` and take the files that are declared.

    Args:
        component: What to build.
        aligned: The component whose versions it is built against.
        go: What it is built with.
        target: Where it goes.
        own: The working tree that it is built from; its module, as a proxy serves it, by default.

    Raises:
        BadInput: There is no such version, or a working tree cannot be built.
        CommandFailed: A download or the compiler failed; command and output are in the message.
        MachineCannot: A module is not what was pinned, or lacks a file that the declaration takes.
    """
    tree = go.work / "trees" / component.name
    remove(tree)
    try:
        return _build(component, aligned, go, target, own, tree)
    except MeshproofError:
        if own:  # whoever works on it looks there
            remove(tree)
        raise


def _build(
    component: GoComponent, aligned: GoComponent | None, go: Go, target: Path, own: Tree | None, tree: Path
) -> Mapping[str, Any]:
    checksum = _lay_out(component, go, tree, own)
    for source, place in (component.files or {}).items():
        _take(tree / source, target / place, component)
    items: list[Mapping[str, str]] = []
    if component.binaries and own:
        _compile_own(component, component.binaries, go, tree, own, target / "bin")
    elif component.binaries:
        _edit_requirements(component, aligned, go, tree)
        _compile(component, component.binaries, go, tree, target / "bin")
    for binary in component.binaries or {}:
        items += _built_from(go, target / "bin" / binary)
    if component.module:
        items.insert(0, {"name": component.module, "version": component.version, "hash": checksum})
    remove(tree)
    return {"kind": "go", "items": list({item["name"]: item for item in items}.values())}


def _lay_out(component: GoComponent, go: Go, tree: Path, own: Tree | None) -> str:
    """Put a writable copy of the module's tree, with our own files in it, where it is built; the module's checksum."""
    tree.parent.mkdir(parents=True, exist_ok=True)
    checksum = ""
    if own:
        own.copy(tree)
    elif component.module:
        module, checksum = download(component, go)
        shutil.copytree(module, tree)
        for path in tree.rglob("*"):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        tree.chmod(0o755)
    else:
        tree.mkdir()
        (tree / "go.mod").write_text(f"module meshproof.local/{component.name}\n")
    for asset, place in (component.main or {}).items():
        (tree / place).parent.mkdir(exist_ok=True)
        shutil.copy(ASSETS / asset, tree / place)
    return checksum


def download(component: GoComponent, go: Go) -> tuple[Path, str]:
    """Have a component's module at hand; where, and its checksum, which go holds against its checksum database.

    Raises:
        BadInput: There is no such version.
        MachineCannot: It cannot be had, or is not what was pinned.
    """
    wanted = f"{component.module}@{component.version}"
    go.work.mkdir(parents=True, exist_ok=True)
    answer: dict[str, str] = json.loads(
        go(go.work, "mod", "download", "-json", wanted, timeout_s=DOWNLOAD_S, check=False) or "{}"
    )
    if "Sum" not in answer:
        said = " ".join(answer.get("Error", "nothing").split())
        kind = BadInput if _NO_VERSION.search(said) else MachineCannot
        raise kind(f"{component.name}: module {wanted} cannot be had; the module proxy's answer: {said}")
    if component.checksum and answer["Sum"] != component.checksum:
        raise MachineCannot(
            f"module {wanted}: images.toml pins {component.checksum}, the module proxy gave {answer['Sum']}; "
            "nothing was built from it. Ask another proxy, or correct the pin if you know why it changed."
        )
    return Path(answer["Dir"]), answer["Sum"]


@dataclass(frozen=True)
class Requirements:
    """A go.mod: module -> version required; the modules that it replaces by folders of its repository, and these."""

    versions: Mapping[str, str]
    local: Sequence[str]
    folders: Sequence[str] = ()


def _requirements(go: Go, folder: Path) -> Requirements:
    declared: dict[str, Any] = json.loads(go(folder, "mod", "edit", "-json"))
    required: list[dict[str, str]] = declared["Require"] or []
    replaced: list[dict[str, dict[str, str]]] = declared["Replace"] or []
    return Requirements(
        versions={entry["Path"]: entry["Version"] for entry in required},
        local=[entry["Old"]["Path"] for entry in replaced if "Version" not in entry["New"]],
        folders=[entry["New"]["Path"] for entry in replaced if "Version" not in entry["New"]],
    )


def _edit_requirements(component: GoComponent, aligned: GoComponent | None, go: Go, tree: Path) -> None:
    """Replace what only a checkout of the repository has, and what is to be the same as in another component."""
    ours = _requirements(go, tree)
    edits = [f"-dropreplace={path}" for path in ours.local]
    if component.staging:
        edits += [f"-replace={path}={path}@{component.staging}" for path in ours.local]
    if aligned:
        folder, _ = download(aligned, go)
        theirs = _requirements(go, folder)
        versions = {**theirs.versions, **dict.fromkeys(theirs.local, aligned.staging)}
        shared = [path for path in ours.versions if path in versions and not path.startswith(FAMILIES)]
        edits += [f"-replace={path}={path}@{versions[path]}" for path in shared]
        sums = tree / "go.sum"  # so that what is aligned stays pinned, by the other module's own checksums
        sums.write_text(sums.read_text() + (folder / "go.sum").read_text())
    if edits:
        go(tree, "mod", "edit", *edits)


def _compile_own(
    component: GoComponent, binaries: Mapping[str, str], go: Go, tree: Path, own: Tree, target: Path
) -> None:
    """Compile a copy of a working tree as it says itself: with its own requirements, and vendor folder if any.

    Raises:
        BadInput: It cannot be compiled; the compiler's words, and what to type to see them there.
    """
    if outside := [path for path in _requirements(go, tree).folders if not _is_below(tree / path, tree)]:
        raise BadInput(
            f"tree {own.folder}: its go.mod replaces a module by {outside[0]}, which is outside of the tree, so that "
            "nobody would see what was built; put a version there, or the folder into the tree"
        )
    mode = "-mod=vendor" if (tree / "vendor" / "modules.txt").is_file() else "-mod=readonly"
    try:
        _compile(component, binaries, go, tree, target, mode)
    except CommandFailed as error:
        if not _OWN_FAULT.search(error.stderr):
            raise
        said = error.stderr.strip().splitlines()
        first = next((line for line in said if not line.startswith("#")), said[0])
        packages = " ".join(f"./{package}" for package in binaries.values())
        words = "\n  ".join([f"cd {shlex.quote(str(own.folder))} && go build {mode} {packages}", *said])
        raise BadInput(f"{component.name}: {own} does not compile: {first}\n  {words}") from error


def _is_below(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _compile(
    component: GoComponent, binaries: Mapping[str, str], go: Go, tree: Path, target: Path, mode: str = BUILD_FLAGS[0]
) -> None:
    target.mkdir(parents=True)
    stamps = "".join(f" -X {name}={value}" for name, value in (component.stamp or {}).items())
    packages = [f"./{package}" for package in binaries.values()]
    go(tree, "build", mode, *BUILD_FLAGS[1:], f"-ldflags={LINK_FLAGS}{stamps}", "-o", f"{target}/", *packages)
    for binary, package in binaries.items():
        produced = target / _default_name(component, package)
        if produced.name != binary:
            produced.rename(target / binary)


def _default_name(component: GoComponent, package: str) -> str:
    """What go build calls the program of a package: the last element of its path that is not a major version."""
    path = (component.module or f"meshproof.local/{component.name}") + ("" if package == "." else f"/{package}")
    parts = path.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _built_from(go: Go, binary: Path) -> Sequence[Mapping[str, str]]:
    """The modules that went into a program, as it says itself."""
    items: list[Mapping[str, str]] = []
    for line in go(binary.parent, "version", "-m", binary.name).splitlines():
        kind, _, rest = line.strip().partition("\t")
        fields = rest.split("\t")
        if kind == "dep":
            items.append({"name": fields[0], "version": fields[1], "hash": fields[2] if len(fields) > 2 else ""})
        elif kind == "=>":  # the line before was replaced by this one
            items[-1] = {"name": items[-1]["name"], "version": fields[1], "hash": fields[2] if len(fields) > 2 else ""}
    return items


def _take(source: Path, place: Path, component: GoComponent) -> None:
    if not source.exists():
        raise MachineCannot(f"module {component.module}@{component.version} holds no {source.name}; see images.toml")
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place)
    else:
        shutil.copy(source, place)
