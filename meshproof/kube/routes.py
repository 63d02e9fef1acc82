"""Frozen snapshots of routes: what they match, where they send it, and what controllers say of them.

`from_dict` as in `meshproof.kube.workloads`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshproof.kube.conditions import Condition, conditions_of
from meshproof.kube.raw import Raw


@dataclass(frozen=True)
class RouteParent:
    """What one controller says of a route at one parent; `parent` is `NAMESPACE/NAME`."""

    parent: str
    controller: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Match:
    """One of the matches of a rule; `asks` are those beside the path, such as headers, in words."""

    path_type: str = "PathPrefix"
    path: str = "/"
    asks: tuple[str, ...] = ()

    @classmethod
    def of(cls, part: Raw) -> Match:
        """Read one of a rule's matches."""
        asks = [f"{each} {of.need('name', str)}" for each in ("headers", "queryParams") for of in part.parts(each)]
        method = part.get("method", "")
        kind, path = part.get("path.type", "PathPrefix"), part.get("path.value", "/")
        return cls(kind, path, (*([f"method {method}"] if method not in ("", "GET") else []), *asks))


@dataclass(frozen=True)
class BackendRef:
    """What a rule sends requests to."""

    group: str
    kind: str
    namespace: str
    name: str
    port: int
    weight: int = 1


@dataclass(frozen=True)
class Rule:
    """A rule of a route. `sets` are the request headers that its filters set or add, in lower case, and where."""

    matches: tuple[Match, ...]
    backends: tuple[BackendRef, ...]
    sets: tuple[tuple[str, str], ...] = ()
    filters: tuple[str, ...] = ()

    @classmethod
    def of(cls, part: Raw, namespace: str) -> Rule:
        """Read one of a route's rules; without a match it takes every request."""
        filters = part.parts("filters")
        return cls(
            matches=tuple(map(Match.of, part.parts("matches"))) or (Match(),),
            backends=tuple(
                BackendRef(
                    group=each.get("group", ""),
                    kind=each.get("kind", "Service"),
                    namespace=each.get("namespace", namespace),
                    name=each.need("name", str),
                    port=each.get("port", 0),
                    weight=each.get("weight", 1),
                )
                for each in part.parts("backendRefs")
            ),
            sets=tuple(
                (header.need("name", str).lower(), f"filters/{number}/requestHeaderModifier/{how}/{place}")
                for number, each in enumerate(filters)
                for how in ("set", "add")
                for place, header in enumerate(each.parts(f"requestHeaderModifier.{how}"))
            ),
            filters=tuple(each.get("type", "") for each in filters),
        )


@dataclass(frozen=True)
class HTTPRoute:
    """A route and what the controllers of its parents say; `parents` is empty until one has spoken.

    `wants` are the Gateways that it refers to, as `NAMESPACE/NAME`; `sections` the listeners that it names, each with
    the place of the reference; `created` is a time as the API writes it.
    """

    namespace: str
    name: str
    generation: int
    hostnames: tuple[str, ...]
    parents: tuple[RouteParent, ...]
    wants: tuple[str, ...] = ()
    sections: tuple[tuple[int, str], ...] = ()
    rules: tuple[Rule, ...] = ()
    created: str = ""

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> HTTPRoute:
        """Read the API's form of a route."""
        route = Raw.of("HTTPRoute", raw)
        namespace = route.need("metadata.namespace", str)
        hostnames: list[str] = route.get("spec.hostnames", [])
        return cls(
            namespace=namespace,
            name=route.need("metadata.name", str),
            generation=route.need("metadata.generation", int),
            hostnames=tuple(hostnames),
            parents=tuple(
                RouteParent(
                    # A reference without a namespace stays in the route's own.
                    parent=f"{part.get('parentRef.namespace', namespace)}/{part.need('parentRef.name', str)}",
                    controller=part.need("controllerName", str),
                    conditions=conditions_of(part, "conditions"),
                )
                for part in route.parts("status.parents")
            ),
            wants=tuple(
                f"{part.get('namespace', namespace)}/{part.need('name', str)}"
                for part in route.parts("spec.parentRefs")
                if part.get("kind", "Gateway") == "Gateway"
            ),
            sections=tuple(
                (number, part.need("sectionName", str))
                for number, part in enumerate(route.parts("spec.parentRefs"))
                if part.has("sectionName")
            ),
            rules=tuple(Rule.of(part, namespace) for part in route.parts("spec.rules")),
            created=route.get("metadata.creationTimestamp", ""),
        )
