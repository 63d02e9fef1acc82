"""What a step is made for: the parts, the dialect, the choices, what things are called, the mesh as it was found."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshproof.choices import Choices
from meshproof.dialects import Dialect, dialect
from meshproof.images import Parts
from meshproof.kube.kinds import Ref
from meshproof.names import Names
from meshproof.path.links import Links
from meshproof.path.mesh import Mesh
from meshproof.releases import Cell


@dataclass(frozen=True)
class Aside:
    """A controller of somebody else's that is told meanwhile to look away from the run's namespaces.

    Attributes:
        deployment: Its Deployment.
        was: The namespaces that it looks at, as its variable had it; None where that was not set.
        now: The same without those of the run.
        fields: Who manages which of its fields, in JSON.
    """

    deployment: Ref
    was: str | None
    now: str
    fields: str


@dataclass(frozen=True)
class Maker:
    """The run that makes something in a cluster of somebody else's; `began` is in seconds since the epoch."""

    host: str
    pid: int
    began: float

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(self.began))
        return f"pid {self.pid} on {self.host}, since {since}"


@dataclass(frozen=True)
class Makes:
    """What of that which several may share a run makes itself; the rest is used as it was found.

    Attributes:
        gateway_api: The Gateway API's definitions.
        kgateway_crds: kgateway's definitions.
        gateway_class: The class that kgateway registers for itself.
        istio: Istio.
        labels: What the namespaces that it makes are labelled with.
        class_values: Helm values of what the run's controller must say of the class that it shares with others.
        asides: Controllers that would serve the run's gateways, too.
        by: Who makes it.
    """

    gateway_api: bool = True
    kgateway_crds: bool = True
    gateway_class: bool = True
    istio: bool = True
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    class_values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    asides: tuple[Aside, ...] = ()
    by: Maker | None = None

    @property
    def cluster(self) -> bool:
        """Whether the cluster itself is the run's own: Istio is what is never made in another one."""
        return self.istio


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
    makes: Makes = Makes()

    @classmethod
    def of(
        cls, cell: Cell, parts: Parts, choices: Choices, names: Names | None = None, makes: Makes | None = None
    ) -> Setting:
        """The setting before anything is known of the mesh; the names are the page's unless others are given."""
        names = names or Names(revision=choices.revision)
        makes = makes or Makes()
        return cls(parts, dialect(cell.dialect), choices, names, Mesh.expected(names), makes=makes)

    @property
    def links(self) -> Links:
        """The links of the way of a request, by these names."""
        return Links(self.names, self.choices.direct, self.choices.balanced)
