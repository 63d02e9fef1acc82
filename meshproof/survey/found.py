"""What a survey found in a cluster, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshproof.kube.kinds import Ref
from meshproof.kube.selectors import Selector, any_matches
from meshproof.path.istiods import Istiod
from meshproof.steps.setting import Makes


@dataclass(frozen=True)
class Node:
    """A node: what it is, and the images that it says it holds."""

    name: str
    version: str
    architecture: str
    ready: bool
    images: frozenset[str]


@dataclass(frozen=True)
class Controller:
    """A kgateway.

    Attributes:
        deployment: Its Deployment.
        version: The tag of its image.
        looks_at: The namespaces that it looks at, as its variable has it; None where that is not set.
        selectors: The same, read; all where there are none.
        on: Whether the integration is switched on.
        parameters_refs: The parameters of its classes, as its variable has it: JSON.
        waypoint: Whether it serves waypoints, too.
        fields: Who manages which of its fields, in JSON.
        ready: Whether it is rolled out.
        kept_by: What keeps it as some repository has it; empty where nothing is seen to.
        unread: What of its variables cannot be read, or put back as it was, and why; it may look at any namespace then.
    """

    deployment: Ref
    version: str
    looks_at: str | None
    selectors: tuple[Selector, ...] = ()
    on: bool = False
    parameters_refs: str = "{}"
    waypoint: bool = False
    fields: str = "[]"
    ready: bool = True
    kept_by: str = ""
    unread: str = ""

    def sees(self, labels: Mapping[str, str]) -> bool:
        """Whether it looks at a namespace with these labels."""
        return any_matches(self.selectors, labels)


@dataclass(frozen=True)
class TheirGateway:
    """A Gateway of somebody else's of one of kgateway's classes; `labels` are those of its namespace."""

    ref: Ref
    labels: Mapping[str, str]


@dataclass(frozen=True)
class GatewayApi:
    """The Gateway API's definitions: their version and channel, as they say."""

    version: str
    channel: str


@dataclass(frozen=True)
class Found:
    """All that a survey found.

    Attributes:
        server: The API server's address.
        context: The context of the kubeconfig that leads there.
        kubernetes: Its version.
        gateway_api: None where its definitions are missing.
        kgateway_crds: Whether kgateway's definitions are there.
        classes: The GatewayClasses, each with the name of its controller.
        balancers: Services of type LoadBalancer, and how many of them have an address.
        policies: NetworkPolicies in the namespaces of the istiods, as NAMESPACE/NAME.
        mesh_wide: Policies of Istio that hold for the whole mesh, as KIND NAMESPACE/NAME.
        cni: Whether Istio's CNI plugin is there.
        namespaces: Every namespace with its labels.
        left: What a run of ours that was ended has left there; the rest is told as if that were gone.
    """

    server: str
    context: str
    kubernetes: str
    nodes: tuple[Node, ...]
    istiods: tuple[Istiod, ...]
    controllers: tuple[Controller, ...]
    gateways: tuple[TheirGateway, ...]
    gateway_api: GatewayApi | None
    kgateway_crds: bool
    classes: Mapping[str, str]
    balancers: tuple[int, int]
    policies: tuple[str, ...]
    mesh_wide: tuple[str, ...]
    cni: bool
    namespaces: Mapping[str, Mapping[str, str]]
    left: Makes | None = None
