"""The supported combinations of kgateway, Istio and Kubernetes, as `releases.toml` declares them."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

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
    text = files("meshproof").joinpath("releases.toml").read_text()
    return tuple(_cell(table) for table in tomllib.loads(text)["cell"])


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


def _cell(table: Mapping[str, Any]) -> Cell:
    plain = {key: value for key, value in table.items() if isinstance(value, str)}
    source, published = table.get("source"), table.get("published")
    return Cell(
        **plain,
        source=SourceForm(**source) if source else None,
        published=_published(published) if published else None,
    )


def _published(table: Mapping[str, Any]) -> PublishedForm:
    names = ("kgateway", "istio", "kubernetes", "gateway_api", "kind")
    return PublishedForm(
        versions={name.replace("_", "-"): str(table[name]) for name in names},
        node_image=table["node_image"],
        gateway_api_crds=table["gateway_api_crds"],
        charts=_charts(table),
        images=table["images"],
        istiod_values=table["istiod_values"],
        kgateway_values=table["kgateway_values"],
        extras={
            name: PublishedExtra(extra["versions"], _charts(extra), extra["images"])
            for name, extra in table.get("extras", {}).items()
        },
    )


def _charts(table: Mapping[str, Any]) -> Mapping[str, tuple[str, str]]:
    return {name: (chart["chart"], chart["version"]) for name, chart in table["charts"].items()}
