"""Frozen snapshots of how workloads are reached: gateways, services, namespaces.

`from_dict` as in `meshproof.kube.workloads`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from meshproof.kube.conditions import Condition, conditions_of
from meshproof.kube.raw import Raw


@dataclass(frozen=True)
class Listener:
    """A listener of a Gateway; its hostname is empty where it takes any."""

    name: str
    protocol: str
    port: int
    hostname: str = ""

    @classmethod
    def of(cls, part: Raw) -> Listener:
        """Read one of a Gateway's listeners."""
        port, protocol = part.need("port", int), part.get("protocol", "")
        return cls(part.get("name", ""), protocol, port, part.get("hostname", ""))


@dataclass(frozen=True)
class Gateway:
    """A gateway; `parameters_ref` is its infrastructure's parameters as `KIND/NAME`, empty where it has none.

    `ports` are those of its listeners, in their order.
    """

    namespace: str
    name: str
    generation: int
    conditions: tuple[Condition, ...]
    parameters_ref: str
    ports: tuple[int, ...] = ()
    gateway_class: str = ""
    listeners: tuple[Listener, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Gateway:
        """Read the API's form of a gateway."""
        gateway = Raw.of("Gateway", raw)
        ref = "spec.infrastructure.parametersRef"
        return cls(
            namespace=gateway.need("metadata.namespace", str),
            name=gateway.need("metadata.name", str),
            generation=gateway.need("metadata.generation", int),
            conditions=conditions_of(gateway, "status.conditions"),
            parameters_ref=f"{gateway.need(f'{ref}.kind', str)}/{gateway.need(f'{ref}.name', str)}"
            if gateway.has(ref)
            else "",
            ports=tuple(listener.need("port", int) for listener in gateway.parts("spec.listeners")),
            gateway_class=gateway.get("spec.gatewayClassName", ""),
            listeners=tuple(map(Listener.of, gateway.parts("spec.listeners"))),
            annotations=gateway.texts("metadata.annotations"),
        )


@dataclass(frozen=True)
class Parameters:
    """GatewayParameters: what they say of Istio, and in `leaves` every value of their spec.

    A leaf is the value's JSON by its dotted path; a list is one leaf, and so is a mapping with nothing in it.
    """

    address: str
    cluster_id: str
    mesh_id: str
    leaves: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Parameters:
        """Read the API's form of GatewayParameters."""
        parameters = Raw.of("GatewayParameters", raw)
        keys = ("istioDiscoveryAddress", "istioMetaClusterId", "istioMetaMeshId")
        found = (parameters.get(f"spec.kube.istio.istioProxyContainer.{key}", "") for key in keys)
        return cls(*found, leaves=dict(_leaves(parameters.get("spec", dict[str, Any]()))))

    def __str__(self) -> str:
        return f"address {self.address or '(none)'}, cluster {self.cluster_id}, mesh {self.mesh_id}"


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(cast("Mapping[str, Any]", value), f"{above}{name}.")
        else:
            yield f"{above}{name}", json.dumps(value, sort_keys=True)


@dataclass(frozen=True)
class Service:
    """A service; `ports` are (name, number), the name empty where it has none.

    `address` is the first address or host name that a load balancer gave it; empty while there is none. `protocols`
    are the application protocols that its ports declare beside their names.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    ports: tuple[tuple[str, int], ...]
    selector: Mapping[str, str]
    address: str = ""
    protocols: Mapping[int, str] = field(default_factory=dict[int, str])

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Service:
        """Read the API's form of a service."""
        service = Raw.of("Service", raw)
        ingress = service.parts("status.loadBalancer.ingress")
        return cls(
            namespace=service.need("metadata.namespace", str),
            name=service.need("metadata.name", str),
            labels=service.texts("metadata.labels"),
            annotations=service.texts("metadata.annotations"),
            ports=tuple((port.get("name", ""), port.need("port", int)) for port in service.parts("spec.ports")),
            selector=service.texts("spec.selector"),
            address="".join(entry.get("hostname", "") or entry.get("ip", "") for entry in ingress[:1]),
            protocols={
                port.need("port", int): port.get("appProtocol", "")
                for port in service.parts("spec.ports")
                if port.has("appProtocol")
            },
        )


@dataclass(frozen=True)
class Namespace:
    """A namespace and its labels; `labelled` is when labels of a manager were changed last, by their name."""

    name: str
    labels: Mapping[str, str]
    labelled: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Namespace:
        """Read the API's form of a namespace."""
        namespace = Raw.of("Namespace", raw)
        return cls(namespace.need("metadata.name", str), namespace.texts("metadata.labels"), _labelled(namespace))


def _labelled(of: Raw) -> dict[str, str]:
    """When whoever manages a label wrote to the object last: no later than that was the label set.

    Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
    """
    times: dict[str, str] = {}
    for part in of.parts("metadata.managedFields"):
        labels: dict[str, object] = part.get("fieldsV1.f:metadata", dict[str, dict[str, object]]()).get("f:labels", {})
        for name in labels:
            plain = name.removeprefix("f:")
            times[plain] = max(part.get("time", ""), times.get(plain, ""))
    return times
