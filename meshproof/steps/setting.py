"""What a step is made for: the parts, the dialect, the choices, what things are called, the mesh as it was found."""

from __future__ import annotations

from dataclasses import dataclass

from meshproof.choices import Choices
from meshproof.dialects import Dialect, dialect
from meshproof.images import Parts
from meshproof.names import Names
from meshproof.path.links import Links
from meshproof.path.mesh import Mesh
from meshproof.releases import Cell


@dataclass(frozen=True)
class Setting:
    """All that a step's text depends on.

    `pool` are the addresses from which a load balancer may take, on a cluster of ours.
    """

    parts: Parts
    dialect: Dialect
    choices: Choices
    names: Names
    mesh: Mesh
    pool: tuple[str, ...] = ()

    @classmethod
    def of(cls, cell: Cell, parts: Parts, choices: Choices, names: Names | None = None) -> Setting:
        """The setting before anything is known of the mesh; the names are the page's unless others are given."""
        names = names or Names(revision=choices.revision)
        return cls(parts, dialect(cell.dialect), choices, names, Mesh.expected(names))

    @property
    def links(self) -> Links:
        """The links of the way of a request, by these names."""
        return Links(self.names, self.choices.direct, self.choices.balanced)
