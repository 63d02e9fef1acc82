"""Which rule of which route takes a request, as the Gateway API has it.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule, on precedence
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshproof.kube.objects import Gateway
from meshproof.kube.routes import HTTPRoute, Match, Rule


@dataclass(frozen=True)
class Candidate:
    """A rule that takes the request, and by what: `rule` is its place in the route, `hostname` what names the host."""

    route: HTTPRoute
    rule: int
    match: Match
    hostname: str

    @property
    def its(self) -> Rule:
        """The rule itself."""
        return self.route.rules[self.rule]


def of_host(hostname: str, host: str) -> bool:
    """Whether a hostname of a listener or route is for a host; an empty one is for all."""
    if hostname.startswith("*."):
        return host.endswith(hostname[1:])
    return hostname in ("", host)


def names_host(route: HTTPRoute, gateway: Gateway, host: str) -> str | None:
    """The hostname by which a route has a host at a Gateway; None where it has not."""
    if not any(of_host(listener.hostname, host) for listener in gateway.listeners):
        return None
    named = [hostname for hostname in route.hostnames or ("",) if of_host(hostname, host)]
    return max(named, key=_closeness, default=None)


def candidates(routes: Sequence[HTTPRoute], gateway: Gateway, host: str, path: str) -> list[Candidate]:
    """The rules that take a plain GET of a path at a host, the one that wins first."""
    found: list[Candidate] = []
    for route in routes:
        if f"{gateway.namespace}/{gateway.name}" in route.wants:
            hostname = names_host(route, gateway, host)
            if hostname is not None:
                found += _of_route(route, hostname, path)
    return sorted(found, key=_order)


def _of_route(route: HTTPRoute, hostname: str, path: str) -> Iterator[Candidate]:
    for number, rule in enumerate(route.rules):
        taking = [match for match in rule.matches if not match.asks and _takes(match, path)]
        if taking:
            yield Candidate(route, number, min(taking, key=_exactness), hostname)


def _takes(match: Match, path: str) -> bool:
    if match.path_type == "Exact":
        return path == match.path
    if match.path_type == "RegularExpression":
        try:
            return re.fullmatch(match.path, path) is not None
        except re.error:
            return False
    prefix = match.path.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/")


def _closeness(hostname: str) -> tuple[bool, int]:
    return bool(hostname) and not hostname.startswith("*"), len(hostname)


def _exactness(match: Match) -> tuple[int, int]:
    kinds = {"Exact": 0, "PathPrefix": 1}
    return kinds.get(match.path_type, 2), -len(match.path)


def _order(candidate: Candidate) -> tuple[bool, int, tuple[int, int], str, str, int]:
    exact, length = _closeness(candidate.hostname)
    route, rule = candidate.route, candidate.rule
    return not exact, -length, _exactness(candidate.match), route.created, f"{route.namespace}/{route.name}", rule
