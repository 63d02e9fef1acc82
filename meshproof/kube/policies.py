"""Frozen snapshots of policies, Istio's and others, as far as they bear on a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshproof.kube.kinds import Kind, Ref
from meshproof.kube.raw import Raw
from meshproof.kube.selectors import Selector


@dataclass(frozen=True)
class PeerAuthentication:
    """How the sidecars that it selects take connections; all of a namespace where `selects` is None.

    `ports` are the modes of single ports of the workload; a mode that is not set is empty.
    """

    namespace: str
    name: str
    selects: Selector | None
    mode: str
    ports: Mapping[int, str]

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> PeerAuthentication:
        """Read the API's form."""
        policy = Raw.of("PeerAuthentication", raw)
        ports: dict[str, dict[str, str]] = policy.get("spec.portLevelMtls", {})
        return cls(
            *_named(policy),
            selects=_selector(policy),
            mode=policy.get("spec.mtls.mode", ""),
            ports={int(port): mtls.get("mode", "") for port, mtls in ports.items()},
        )

    def mode_of(self, port: int) -> tuple[str, str]:
        """The mode for a port, and the field that says it."""
        if self.ports.get(port, "UNSET") != "UNSET":
            return self.ports[port], f"spec.portLevelMtls.{port}.mode"
        return ("", "") if self.mode in ("", "UNSET") else (self.mode, "spec.mtls.mode")


@dataclass(frozen=True)
class AuthorizationPolicy:
    """Who may send requests to the workloads that it selects; all of a namespace where `selects` is None.

    `rules` is how many it has.
    """

    namespace: str
    name: str
    selects: Selector | None
    action: str
    rules: int

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> AuthorizationPolicy:
        """Read the API's form."""
        policy = Raw.of("AuthorizationPolicy", raw)
        action, rules = policy.get("spec.action", "ALLOW"), len(policy.parts("spec.rules"))
        return cls(*_named(policy), selects=_selector(policy), action=action, rules=rules)


@dataclass(frozen=True)
class DestinationRule:
    """What clients in the mesh are told of a host; `mode` is its TLS mode, empty where it has none."""

    namespace: str
    name: str
    host: str
    mode: str

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> DestinationRule:
        """Read the API's form."""
        rule = Raw.of("DestinationRule", raw)
        mode = rule.get("spec.trafficPolicy.tls.mode", "")
        return cls(*_named(rule), host=rule.get("spec.host", ""), mode=mode)


@dataclass(frozen=True)
class NetworkPolicy:
    """Which pods take connections from others only as it says."""

    namespace: str
    name: str
    selects: Selector
    ingress: bool

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> NetworkPolicy:
        """Read the API's form; one that names no type is about what comes in."""
        policy = Raw.of("NetworkPolicy", raw)
        types: list[str] = policy.get("spec.policyTypes", ["Ingress"])
        selector: dict[str, Any] = policy.get("spec.podSelector", {})
        return cls(*_named(policy), selects=Selector.from_dict(selector), ingress="Ingress" in types)


@dataclass(frozen=True)
class TlsPolicy:
    """A policy by which the gateway itself is to speak TLS to its targets, as (KIND, NAME) in its own namespace."""

    kind: Kind
    namespace: str
    name: str
    targets: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, kind: Kind, raw: Mapping[str, Any]) -> TlsPolicy:
        """Read the API's form."""
        policy = Raw.of(kind.name, raw)
        targets = policy.parts("spec.targetRefs")
        named = tuple((target.get("kind", "Service"), target.need("name", str)) for target in targets)
        return cls(kind, *_named(policy), named)

    @property
    def ref(self) -> Ref:
        """What it is called."""
        return Ref(self.kind, self.namespace, self.name)


def _named(policy: Raw) -> tuple[str, str]:
    return policy.need("metadata.namespace", str), policy.need("metadata.name", str)


def _selector(policy: Raw) -> Selector | None:
    labels = policy.texts("spec.selector.matchLabels")
    return Selector(tuple(labels.items())) if labels else None


def in_effect(
    policies: Sequence[PeerAuthentication], namespace: str, labels: Mapping[str, str], port: int, root: str
) -> tuple[str, str, PeerAuthentication | None]:
    """The mode that holds for a port of a pod, the field that says it, and its policy; Istio's default is PERMISSIVE.

    The narrower one wins: of the workload before the namespace's, before the mesh's, which is in the root namespace.

    Source: https://istio.io/latest/docs/reference/config/security/peer_authentication/
    """
    selecting = [each for each in policies if each.namespace == namespace and each.selects]
    narrow = [each for each in selecting if each.selects and each.selects.matches(labels)]
    wide = [each for each in policies if each.namespace == namespace and not each.selects]
    mesh = [each for each in policies if each.namespace == root and not each.selects]
    for policy in (*narrow, *wide, *mesh):
        mode, field = policy.mode_of(port)
        if mode:
            return mode, field, policy
    return "PERMISSIVE", "", None
