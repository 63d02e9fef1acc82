"""What a way is made of: the controller, what an Envoy holds, a backend; and how their settings are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from meshproof.formats.envoy import Held
from meshproof.kube.kinds import BACKEND, DEPLOYMENT, SERVICE, Ref
from meshproof.kube.objects import Service
from meshproof.kube.raw import Raw
from meshproof.kube.routes import BackendRef
from meshproof.kube.selectors import Selector, any_matches
from meshproof.kube.workloads import Deployment
from meshproof.path import around

# Source: Go's strconv.ParseBool
TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
UNPULLED = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
HOPELESS = (*UNPULLED, "CreateContainerConfigError", "CreateContainerError", "RunContainerError")
EXCLUDED = "kgateway.dev/disable-istio-auto-mtls"


@dataclass(frozen=True)
class Kgateway:
    """The controller of the Gateway: its Deployment, its variables, and the namespaces that it looks at."""

    deployment: Deployment
    env: Mapping[str, str]
    selectors: tuple[Selector, ...]

    @property
    def ref(self) -> Ref:
        """Its Deployment."""
        return Ref(DEPLOYMENT, self.deployment.namespace, self.deployment.name)

    def sees(self, labels: Mapping[str, str]) -> bool:
        """Whether it looks at a namespace with these labels."""
        return any_matches(self.selectors, labels)


@dataclass(frozen=True)
class Proxy:
    """What the Envoy of one of the gateway's pods holds: its certificate chain, clusters, and where the host leads."""

    chain: str
    clusters: Mapping[str, Held]
    led_to: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A backend that the rule sends requests to.

    Attributes:
        number: Its place in the rule.
        to: How the rule refers to it.
        service: The Service, where it is one and is there.
        annotation: The value of the annotation that excludes it from mutual TLS; None where it has none.
        hosts: Of a static Backend, its hosts and ports.
        there: Whether a Backend of that name is there.
    """

    number: int
    to: BackendRef
    service: Service | None
    annotation: str | None = None
    hosts: tuple[tuple[str, int], ...] = ()
    there: bool = False

    @property
    def ref(self) -> Ref:
        """What it refers to."""
        return Ref(BACKEND if self.to.kind == "Backend" else SERVICE, self.to.namespace, self.to.name)

    @property
    def excluded(self) -> bool:
        """Whether it is excluded from mutual TLS."""
        return is_on(self.annotation or "")


def is_on(value: str) -> bool:
    """Whether a switch is on, as Go reads it."""
    return value in TRUE


def service_of(address: str) -> tuple[str, str] | None:
    """Namespace and name of the Service of an address within the cluster; None where it names none."""
    match = re.fullmatch(r"(?P<name>[^.:]+)\.(?P<namespace>[^.:]+)(\.svc(\.[^:]*)?)?(:\d+)?", address)
    return (match["namespace"], match["name"]) if match else None


def backend_of(number: int, to: BackendRef, backends: Mapping[tuple[str, str], around.Object]) -> Target:
    """The target that a reference to a Backend is."""
    raw = backends.get((to.namespace, to.name))
    if raw is None:
        return Target(number, to, None)
    backend = Raw.of("Backend", raw)
    hosts = tuple((part.get("host", ""), part.get("port", 0)) for part in backend.parts("spec.static.hosts"))
    return Target(number, to, None, backend.texts("metadata.annotations").get(EXCLUDED), hosts, there=True)
