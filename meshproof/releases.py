"""The supported combinations of kgateway, Istio and Kubernetes, as `releases.toml` declares them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import msgspec

from meshproof.errors import BadInput
from meshproof.sources import Source, Tree

CHOICES = ("kgateway", "istio", "kubernetes")
RELEASES = "MESHPROOF_RELEASES"  # names a file that is read in place of releases.toml


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; a key that it does not have is a mistake."""


class Values(Table, frozen=True):
    """Helm values."""

    istiod_values: Mapping[str, object] = {}
    kgateway_values: Mapping[str, object] = {}


class SourceForm(Values, frozen=True, kw_only=True):
    """What a source assembly is made of: component -> module version, and the Helm values that go with all of them.

    `apart` are components that are not built against the versions of another, though images.toml aligns them.
    `given` are those that a run names itself, in place of the combination's.
    """

    modules: Mapping[str, str]
    istio_chart: str
    apart: Sequence[str] = ()
    given: Mapping[str, Source] = {}


class PublishedChart(Table, frozen=True):
    """Where a released chart is, and its version, empty where `chart` is the address of one version."""

    chart: str
    version: str


class PublishedExtra(Table, frozen=True):
    """What only some clusters need, as released. `versions` is what its charts and images are releases of."""

    versions: Mapping[str, str]
    charts: Mapping[str, PublishedChart]
    images: Mapping[str, str]


class Released(Values, frozen=True, kw_only=True):
    """What is released in each version: where it is, its Helm values, and what only some clusters need beside it."""

    gateway_api_crds: str
    charts: Mapping[str, PublishedChart]
    images: Mapping[str, str]
    extras: Mapping[str, PublishedExtra]


class PublishedForm(Values, frozen=True, kw_only=True):
    """Released versions of a combination, and the images and charts of `Released` in those versions."""

    versions: Mapping[str, str]
    node_image: str
    gateway_api_crds: str = ""
    charts: Mapping[str, PublishedChart] = {}
    images: Mapping[str, str] = {}
    extras: Mapping[str, PublishedExtra] = {}

    def __post_init__(self) -> None:
        """Versions are a mapping, so that an extra's can join them; these must be among them."""
        for name in (*CHOICES, "gateway-api", "kind"):
            if name not in self.versions:
                raise ValueError(f"Object missing required field `versions.{name}`")

    def with_extras(self, names: Collection[str]) -> PublishedForm:
        """The same with the versions, charts and images of these extras among the others.

        Raises:
            BadInput: One of them was never published with this combination.
        """
        form = self
        for name in names:
            extra = self.extras.get(name)
            if extra is None:
                known = ", ".join(self.extras) or "none"
                raise BadInput(f"{name}: was never published with this combination; known: {known}")
            form = msgspec.structs.replace(
                form,
                versions={**form.versions, **extra.versions},
                charts={**form.charts, **extra.charts},
                images={**form.images, **extra.images},
            )
        return form


class Cell(Table, frozen=True):
    """One supported combination; `dialect` is the kgateway line whose names it speaks."""

    kgateway: str
    istio: str
    kubernetes: str
    gateway_api: str
    kind: str
    dialect: str
    source: SourceForm | None = None
    published: PublishedForm | None = None

    @property
    def label(self) -> str:
        """The combination in one phrase, for messages."""
        return f"kgateway {self.kgateway} with Istio {self.istio} on Kubernetes {self.kubernetes}"

    def told(self, part: str) -> str:
        """What a part really is: its version here, or where a run has it built from instead."""
        return str(self.given.get(part) or getattr(self, part))

    @property
    def given(self) -> Mapping[str, Source]:
        """The parts that a run names itself."""
        return self.source.given if self.source else dict[str, Source]()


class _Releases(Table, frozen=True):
    cell: Sequence[Cell]
    assembled: Values
    released: Released


@cache
def cells() -> Sequence[Cell]:
    """All supported combinations, the default one first.

    Raises:
        BadInput: A file of somebody's own is named, and cannot be read or is not of the form.
    """
    return read(*_declared())


def read(text: str, origin: str = "releases.toml") -> Sequence[Cell]:
    """The cells of a text as releases.toml is written.

    Raises:
        BadInput: A key is missing, misspelt or of another type; the message says which, and where.
    """
    told = _decoded(text, origin)
    return tuple(_whole(cell, told) for cell in told.cell)


def with_sources(cell: Cell, given: Mapping[str, Source]) -> Cell:
    """The combination with parts of it built from something else, and called otherwise; the rest of it stays.

    A version that a supported combination has is called as it is there, so that it is made once for both.

    Raises:
        BadInput: The combination is not assembled from source.
    """
    if not given:
        return cell
    if cell.source is None:
        raise BadInput(f"{cell.label} cannot be assembled from source, so no part of it can be built from another one")
    modules, names, chart = {**cell.source.modules}, {}, cell.source.istio_chart
    for part, source in given.items():
        if isinstance(source, Tree):
            version = f"tree-{source.fingerprint}"  # a tag and, after a dash, the end of a chart's version
            modules[part], names[part] = version, f"{getattr(cell, part)}-{version}"
            chart = f"{chart}-{version}" if part == "istio" else chart
        else:
            modules[part], names[part] = source, source.removeprefix("v")
            chart = source.removeprefix("v") if part == "istio" else chart
            for each in cells():
                if each.source and each.source.modules[part] == source:
                    names[part] = getattr(each, part)
                    chart = each.source.istio_chart if part == "istio" else chart
    form = msgspec.structs.replace(cell.source, modules=modules, istio_chart=chart, given=given)
    return _whole(msgspec.structs.replace(cell, source=form, published=None, **names), _decoded(*_declared()))


def _declared() -> tuple[str, str]:
    """The declaration's text, and what it is called: releases.toml, or a file of somebody's own."""
    named = os.environ.get(RELEASES, "")
    if not named:
        return files("meshproof").joinpath("releases.toml").read_text(), "releases.toml"
    try:
        return Path(named).read_text(encoding="utf-8"), named
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{RELEASES}={named}: expected a file as meshproof/releases.toml is one: {error}") from error


def _decoded(text: str, origin: str) -> _Releases:
    try:
        return msgspec.toml.decode(text, type=_Releases)
    except msgspec.DecodeError as error:
        raise BadInput(f"{origin}: {error}") from error


def filled(value: Any, names: Mapping[str, str], origin: str) -> Any:
    """A value of a file with every `{name}` in its strings replaced.

    Raises:
        BadInput: There is no such name.
    """
    if isinstance(value, str):
        try:
            return value.format_map(names) if "{" in value else value
        except KeyError as error:
            known = ", ".join(sorted(names))
            raise BadInput(f"{origin}: {value}: {error.args[0]} is not declared; known: {known}") from error
    if isinstance(value, dict):
        return {key: filled(item, names, origin) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [filled(item, names, origin) for item in cast(list[Any], value)]
    return value


def _whole(cell: Cell, told: _Releases) -> Cell:
    """A cell with what is common to all of them, for its versions."""
    source, published = cell.source, cell.published
    if source is not None:
        names = {name: str(getattr(cell, name)) for name in CHOICES}
        source = msgspec.structs.replace(source, **_fields(told.assembled, names))
    if published is not None:
        published = msgspec.structs.replace(published, **_fields(told.released, published.versions))
    return msgspec.structs.replace(cell, source=source, published=published)


def _fields(common: Values, names: Mapping[str, str]) -> Mapping[str, Any]:
    whole = msgspec.convert(filled(msgspec.to_builtins(common), names, "releases.toml"), type(common))
    return msgspec.structs.asdict(whole)


def find_cell(kgateway: str = "", istio: str = "", kubernetes: str = "") -> Cell:
    """The first combination that has the versions asked for; an empty one leaves the choice open.

    Raises:
        BadInput: A version is unknown, or each is known but they are not supported together.
    """
    asked = {
        name: value.strip() for name, value in zip(CHOICES, (kgateway, istio, kubernetes), strict=True) if value.strip()
    }
    for name, value in asked.items():
        known = list(dict.fromkeys(getattr(cell, name) for cell in cells()))
        if value not in known:
            raise BadInput(f"{name.upper()}={value} is not known; supported: {', '.join(known)}")
    for cell in cells():
        if all(getattr(cell, name) == value for name, value in asked.items()):
            return cell
    wanted, nearest = (_typed(each) for each in (asked, _nearest(asked)))
    supported = "\n".join(f"  {cell.label}" for cell in cells())
    raise BadInput(
        f"{wanted}: not supported together, nobody has proved it; nearest is {nearest}. Supported are\n{supported}"
    )


def _nearest(asked: Mapping[str, str]) -> Mapping[str, str]:
    """The versions of the combination that has most of those asked for, kgateway's before others."""

    def has(cell: Cell) -> tuple[int, list[bool]]:
        same = [getattr(cell, name) == asked.get(name) for name in CHOICES]
        return sum(same), same

    best = max(cells(), key=has)
    return {name: str(getattr(best, name)) for name in CHOICES}


def _typed(versions: Mapping[str, str]) -> str:
    return " ".join(f"{name.upper()}={value}" for name, value in versions.items())
