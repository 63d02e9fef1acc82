"""What is there already of a combination that is assembled here; nothing is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshproof.images.declaration import declaration
from meshproof.images.plan import items
from meshproof.images.store import user_store
from meshproof.releases import Cell


@dataclass(frozen=True)
class AtHand:
    """Enough of a cell to render its charts and to read what they define.

    Attributes:
        tools: A folder with the executables kind, kubectl and helm.
        charts: Name -> a .tgz file.
        gateway_api_crds: A folder of definitions.
    """

    tools: Path
    charts: Mapping[str, Path]
    gateway_api_crds: Path


def at_hand(cell: Cell) -> AtHand | None:
    """What is there of a cell; None where any of it is missing."""
    if cell.source is None:
        return None
    declared = declaration(cell)
    listed, store = items(declared), user_store()
    found = {name: store.find(name, listed[name].key) for name in ("charts", "tools", "gateway-api")}
    charts, tools, crds = (entry and entry.path for entry in found.values())
    if not (charts and tools and crds):
        return None
    return AtHand(tools, {name: charts / f"{name}.tgz" for name in declared.charts}, crds / "crds")
