"""Kinds of objects with their API paths, and references to objects; both are values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind as the API serves it.

    Attributes:
        name: As objects have it in `kind`.
        plural: As paths have it.
        group: Its API group; empty for the core one.
        version: The version that is read.
    """

    name: str
    plural: str
    group: str = ""
    version: str = "v1"

    @property
    def typed(self) -> str:
        """What is typed for it on kubectl's command line, so that no other kind can be meant."""
        singular = self.name.lower()
        return f"{singular}.{self.group}" if self.group and singular in _AMBIGUOUS else singular

    def within(self, namespace: str = "") -> str:
        """API path of the list of them in a namespace, or in the whole cluster."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.plural}" if namespace else f"{root}/{self.plural}"


_AMBIGUOUS = frozenset({"backend"})  # words that several groups are known to define
NAMESPACE = Kind("Namespace", "namespaces")
POD = Kind("Pod", "pods")
SERVICE = Kind("Service", "services")
CONFIG_MAP = Kind("ConfigMap", "configmaps")
DEPLOYMENT = Kind("Deployment", "deployments", "apps")
GATEWAY_CLASS = Kind("GatewayClass", "gatewayclasses", "gateway.networking.k8s.io")
GATEWAY = Kind("Gateway", "gateways", "gateway.networking.k8s.io")
HTTP_ROUTE = Kind("HTTPRoute", "httproutes", "gateway.networking.k8s.io")
GATEWAY_PARAMETERS = Kind("GatewayParameters", "gatewayparameters", "gateway.kgateway.dev", "v1alpha1")
BACKEND = Kind("Backend", "backends", "gateway.kgateway.dev", "v1alpha1")
BACKEND_CONFIG_POLICY = Kind("BackendConfigPolicy", "backendconfigpolicies", "gateway.kgateway.dev", "v1alpha1")
BACKEND_TLS_POLICY = Kind("BackendTLSPolicy", "backendtlspolicies", "gateway.networking.k8s.io")
NETWORK_POLICY = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io")
MUTATING_WEBHOOKS = Kind(
    "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"
)
# Of Istio's own; in its root namespace they hold for the whole mesh.
PEER_AUTHENTICATION = Kind("PeerAuthentication", "peerauthentications", "security.istio.io")
AUTHORIZATION_POLICY = Kind("AuthorizationPolicy", "authorizationpolicies", "security.istio.io")
DESTINATION_RULE = Kind("DestinationRule", "destinationrules", "networking.istio.io")


@dataclass(frozen=True)
class Ref:
    """One object, by what it is called. `namespace` is empty where its kind has none."""

    kind: Kind
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Its API path."""
        return f"{self.kind.within(self.namespace)}/{self.name}"

    @property
    def typed(self) -> tuple[str, ...]:
        """What is typed for it after kubectl's verb."""
        where = ("--namespace", self.namespace) if self.namespace else ()
        return (self.kind.typed, self.name, *where)

    def __str__(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}" if self.namespace else f"{self.kind.name} {self.name}"


@dataclass(frozen=True)
class Labelled:
    """The objects of a kind in a namespace that have some labels."""

    kind: Kind
    namespace: str
    selector: str

    @property
    def path(self) -> str:
        """API path of the list that they are among."""
        return self.kind.within(self.namespace)
