"""The supported combinations of kgateway, Istio and Kubernetes, as `releases.toml` declares them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from meshproof.errors import BadInput

CHOICES = ("kgateway", "istio", "kubernetes")


@dataclass(frozen=True)
class SourceForm:
    """What a source assembly is made of: component -> module version, and the Helm values that go with it."""

    modules: Mapping[str, str]
    istio_chart: str
    istiod_values: Mapping[str, object]
    kgateway_values: Mapping[str, object]


@dataclass(frozen=True)
class PublishedExtra:
    """What only some clusters need, as released; fields as in `PublishedForm`."""

    versions: Mapping[str, str]
    charts: Mapping[str, tuple[str, str]]
    images: Mapping[str, str]


@dataclass(frozen=True)
class PublishedForm:
    """Released images and charts. `charts` is name -> (reference, version); `versions` is what they are releases of."""

    versions: Mapping[str, str]
    node_image: str
    gateway_api_crds: str
    charts: Mapping[str, tuple[str, str]]
    images: Mapping[str, str]
    istiod_values: Mapping[str, object]
    kgateway_values: Mapping[str, object]
    extras: Mapping[str, PublishedExtra] = field(default_factory=dict[str, PublishedExtra])

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
            form = replace(
                form,
                versions={**form.versions, **extra.versions},
                charts={**form.charts, **extra.charts},
                images={**form.images, **extra.images},
            )
        return form


@dataclass(frozen=True)
class Cell:
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


@cache
def cells() -> Sequence[Cell]:
    """All supported combinations, the default one first."""
    return read(files("meshproof").joinpath("releases.toml").read_text())


def read(text: str) -> Sequence[Cell]:
    """The cells of a text as releases.toml is written.

    Raises:
        BadInput: A key is missing, misspelt or of another type; the message says which, and where.
    """
    try:
        return tuple(map(_cell, msgspec.toml.decode(text, type=_Releases).cell))
    except msgspec.DecodeError as error:
        raise BadInput(f"releases.toml: {error}") from error


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
    wanted = ", ".join(f"{name.upper()}={value}" for name, value in asked.items())
    supported = "\n".join(f"  {cell.label}" for cell in cells())
    raise BadInput(f"{wanted} are not supported together; supported combinations:\n{supported}")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; a key that it does not have is a mistake."""


class _Chart(_Table, frozen=True):
    chart: str
    version: str


class _Extra(_Table, frozen=True):
    versions: dict[str, str]
    charts: dict[str, _Chart]
    images: dict[str, str]


class _Source(_Table, frozen=True):
    modules: dict[str, str]
    istio_chart: str
    istiod_values: dict[str, Any]
    kgateway_values: dict[str, Any]


class _Published(_Table, frozen=True):
    kgateway: str
    istio: str
    kubernetes: str
    gateway_api: str
    kind: str
    node_image: str
    gateway_api_crds: str
    charts: dict[str, _Chart]
    images: dict[str, str]
    istiod_values: dict[str, Any]
    kgateway_values: dict[str, Any]
    extras: dict[str, _Extra] = {}


class _CellTable(_Table, frozen=True):
    kgateway: str
    istio: str
    kubernetes: str
    gateway_api: str
    kind: str
    dialect: str
    source: _Source | None = None
    published: _Published | None = None


class _Releases(_Table, frozen=True):
    cell: list[_CellTable]


def _cell(table: _CellTable) -> Cell:
    return Cell(
        *(table.kgateway, table.istio, table.kubernetes, table.gateway_api, table.kind, table.dialect),
        source=SourceForm(**msgspec.structs.asdict(table.source)) if table.source else None,
        published=_published(table.published) if table.published else None,
    )


def _published(table: _Published) -> PublishedForm:
    names = ("kgateway", "istio", "kubernetes", "gateway_api", "kind")
    extras = {name: PublishedExtra(it.versions, _charts(it.charts), it.images) for name, it in table.extras.items()}
    return PublishedForm(
        versions={name.replace("_", "-"): getattr(table, name) for name in names},
        node_image=table.node_image,
        gateway_api_crds=table.gateway_api_crds,
        charts=_charts(table.charts),
        images=table.images,
        istiod_values=table.istiod_values,
        kgateway_values=table.kgateway_values,
        extras=extras,
    )


def _charts(charts: Mapping[str, _Chart]) -> Mapping[str, tuple[str, str]]:
    return {name: (chart.chart, chart.version) for name, chart in charts.items()}
