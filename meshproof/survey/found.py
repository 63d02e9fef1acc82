"""What a survey found in a cluster, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshproof.kube.kinds import Ref
from meshproof.kube.selectors import Selector, any_matches
from meshproof.names import DEFAULT_REVISION
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
class Istiod:
    """An istiod and the mesh that it serves.

    Attributes:
        deployment: Its Deployment.
        revision: Its revision; `default` where it has none.
        version: The tag of its image.
        cluster_id: What its clients must say that they are in.
        trust_domain: The mesh's trust domain.
        proxy_image: The sidecar that it injects.
        selectors: The namespaces that it serves, by their labels; all where there are none.
        ready: Whether it is rolled out.
    """

    deployment: Ref
    revision: str
    version: str
    cluster_id: str
    trust_domain: str
    proxy_image: str
    selectors: tuple[Selector, ...] = ()
    ready: bool = True

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self.deployment.namespace

    @property
    def chosen(self) -> str:
        """Its revision as REVISION= has it: empty where it has none."""
        return "" if self.revision == DEFAULT_REVISION else self.revision

    def serves(self, labels: Mapping[str, str]) -> bool:
        """Whether it serves a namespace with these labels."""
        return any_matches(self.selectors, labels)


@dataclass(frozen=True)
class Controller:
    """A kgateway.

    Attributes:
        deployment: Its Deployment.
        release: The Helm release that it is of, by its label; empty where it has none.
        version: The tag of its image.
        switch: The value of the variable that switches the integration on; None where it is not set.
        selectors: The namespaces that it looks at, by their labels; all where there are none.
        ready: Whether it is rolled out.
    """

    deployment: Ref
    release: str
    version: str
    switch: str | None
    selectors: tuple[Selector, ...] = ()
    ready: bool = True

    @property
    def on(self) -> bool:
        """Whether the integration is switched on."""
        return self.switch == "true"

    def sees(self, labels: Mapping[str, str]) -> bool:
        """Whether it looks at a namespace with these labels."""
        return any_matches(self.selectors, labels)


@dataclass(frozen=True)
class TheirGateway:
    """A Gateway of somebody else's of one of kgateway's classes; `labels` are those of its namespace.

    `istiod` is the address that its parameters name for istiod; empty where they name none.
    """

    ref: Ref
    labels: Mapping[str, str]
    istiod: str


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
        classes: The names of the GatewayClasses.
        balancers: Services of type LoadBalancer, and how many of them have an address.
        policies: NetworkPolicies in the namespaces of the istiods, as NAMESPACE/NAME.
        cni: Whether Istio's CNI plugin is there.
        services: The addresses, NAME.NAMESPACE.svc, of all Services that are an istiod's.
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
    classes: frozenset[str]
    balancers: tuple[int, int]
    policies: tuple[str, ...]
    cni: bool
    services: frozenset[str]
    namespaces: Mapping[str, Mapping[str, str]]
    left: Makes | None = None
