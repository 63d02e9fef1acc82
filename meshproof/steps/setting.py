"""What a step is made for: the parts, the dialect, the choices, what things are called, the mesh as it was found."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshproof.choices import Choices
from meshproof.dialects import Dialect, dialect
from meshproof.images import Parts
from meshproof.names import Names
from meshproof.path.links import Links
from meshproof.path.mesh import Mesh
from meshproof.releases import Cell


@dataclass(frozen=True)
class Setting:
    """All that a step's text depends on."""

    parts: Parts
    dialect: Dialect
    choices: Choices
    names: Names
    mesh: Mesh
    links: Links = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "links", Links(self.names))

    @classmethod
    def of(cls, cell: Cell, parts: Parts, choices: Choices, names: Names) -> Setting:
        """The setting before anything is known of the mesh."""
        return cls(parts, dialect(cell.dialect), choices, names, Mesh.expected(names))
