"""What can be wrong with a mirror, one value each: how it then behaves, and what a run must say of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rehearsal.front import LOGIN, MEGABYTE, PAGE, Behaviour, unknown_manifest


@dataclass(frozen=True)
class Fault:
    """Something that is wrong.

    Attributes:
        name: What it is called.
        told: What the run's last words must match.
        code: How the run must end.
        behaviour: Of the mirror.
        cell: What of the cell is otherwise, as a pattern and what stands for it.
    """

    name: str
    told: str
    behaviour: Behaviour = field(default_factory=Behaviour)
    code: int = 3
    cell: tuple[str, str] | None = None

    def spoil(self, cell: str) -> str:
        """The cell's text with what is wrong in it."""
        if self.cell is None:
            return cell
        spoilt, count = re.subn(*self.cell, cell, count=1)
        if not count:
            raise ValueError(f"fault {self.name}: {self.cell[0]} is not in the cell")
        return spoilt


FAULTS: Sequence[Fault] = (
    Fault("page", "mirror .* answers with a web page", Behaviour(answer=PAGE)),
    Fault("login", "mirror .* wants a login", Behaviour(answer=LOGIN)),
    Fault(
        "portal",
        "Gateway API's definitions, .* cannot be used: expected CustomResourceDefinitions, found '<!DOCTYPE",
        Behaviour(about="github.com/kubernetes-sigs", answer=PAGE),
    ),
    Fault(
        "missing-chart",
        "chart istiod, oci://.*istiod .*, cannot be fetched: .*not found",
        Behaviour(about="charts/istiod/manifests", answer=unknown_manifest()),
    ),
    Fault(
        "missing-node-image",
        "node image .*kindest/node.* cannot be pulled: .*manifest unknown",
        Behaviour(about="kindest/node/manifests", answer=unknown_manifest()),
    ),
    Fault(
        "other-digest",
        "node image .*kindest/node.* cannot be pulled: .*digest",
        Behaviour(about="kindest/node/manifests", spoilt=True),
    ),
    Fault(
        "died-half-way",
        "node image .*kindest/node.* cannot be pulled: ",
        Behaviour(dies_after=200 * MEGABYTE),
    ),
    Fault(
        "missing-image",
        "image docker.io/istio/proxyv2:.* cannot be pulled: .*not found",
        Behaviour(about="istio/proxyv2/manifests", answer=unknown_manifest()),
    ),
    Fault(
        "spoilt-layer",
        "image cr.kgateway.dev/kgateway-dev/sds:.* cannot be pulled: .*digest",
        Behaviour(about="kgateway-dev/sds/blobs", spoilt=True),
    ),
    Fault(
        "other-tag",
        "image docker.io/istio/pilot:gone cannot be pulled: ",
        code=1,
        cell=(r'(istiod_values\]\nhub = "docker.io/istio"\ntag) = "[^"]*"', r'\1 = "gone"'),
    ),
)
