"""What Envoy says of itself: its admin pages, read into typed values. Source: Envoy's admin interface documentation."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from meshproof.errors import NotReady

SECRETS_PAGE = "/config_dump?resource=dynamic_active_secrets"
CLUSTERS_PAGE = "/clusters?format=json"
CONFIGURED_PAGE = "/config_dump?resource=dynamic_active_clusters"
MARKED_PAGE = "/config_dump?resource=dynamic_endpoint_configs&include_eds"
ROUTES_PAGE = "/config_dump?resource=dynamic_route_configs"
HANDSHAKES_PAGE = "/stats?format=json&filter=^cluster\\..*\\.ssl\\.handshake$"


@dataclass(frozen=True)
class Endpoint:
    """A host of an Envoy cluster, as `IP:PORT`. All are counts since Envoy knows it, but for what is open now.

    Attributes:
        address: Where it is.
        requests: How many requests were sent to it.
        connections: How many connections to it were begun.
        open_connections: How many connections to it are open now.
    """

    address: str
    requests: int
    connections: int
    open_connections: int


@dataclass(frozen=True)
class Held:
    """What Envoy holds of a cluster: the transport socket matches by name, and whether it speaks TLS without them.

    `marks` are the endpoints as `IP:PORT`, with the TLS mode that each is marked with; empty where it has none.
    """

    name: str
    matches: tuple[str, ...]
    tls: bool
    marks: Mapping[str, str]


@dataclass(frozen=True)
class Upstream:
    """An Envoy cluster: its hosts, and how many TLS handshakes with them have succeeded."""

    name: str
    endpoints: tuple[Endpoint, ...]
    handshakes: int

    @property
    def open_connections(self) -> int:
        """How many connections to its hosts are open now."""
        return sum(endpoint.open_connections for endpoint in self.endpoints)


def stats(page: str) -> Mapping[str, int]:
    """Counters and gauges by name, from a stats page in JSON."""
    entries = _parse(page).get("stats", [])
    return {entry["name"]: int(entry["value"]) for entry in entries if "value" in entry}


def certificate_chain(page: str, secret: str) -> str:
    """The PEM chain of a TLS certificate that Envoy holds, from the page of its active secrets.

    Raises:
        NotReady: Envoy holds no such certificate.
    """
    for config in _parse(page).get("configs", []):
        body = config.get("secret", {})
        chain = body.get("tls_certificate", {}).get("certificate_chain", {}).get("inline_bytes")
        if body.get("name") == secret and chain:
            return base64.b64decode(chain).decode()
    raise NotReady(f"Envoy secret {secret}: no certificate with that name is active")


def upstreams(clusters_page: str, handshakes_page: str) -> Mapping[str, Upstream]:
    """Every cluster that a route can lead to, by name, from the clusters page and the page of handshakes, both in JSON.

    Those of Envoy's own configuration, over which it is told everything else, are left out.
    """
    handshakes = stats(handshakes_page)
    return {
        status["name"]: Upstream(
            status["name"],
            tuple(map(_endpoint, status.get("host_statuses", []))),
            handshakes.get(f"cluster.{status['name']}.ssl.handshake", 0),
        )
        for status in _parse(clusters_page).get("cluster_statuses", [])
        if status.get("added_via_api")
    }


def held(configured_page: str, marked_page: str) -> Mapping[str, Held]:
    """The clusters by name, from the page of their configuration and that of their endpoints, both in JSON."""
    marks: dict[str, dict[str, str]] = {}
    for config in _parse(marked_page).get("configs", []):
        assignment = config.get("endpoint_config", {})
        its = marks.setdefault(assignment.get("cluster_name", ""), {})
        for locality in assignment.get("endpoints", []):
            for each in locality.get("lb_endpoints", []):
                metadata = each.get("metadata", {}).get("filter_metadata", {})
                mode = metadata.get("envoy.transport_socket_match", {}).get("tlsMode", "")
                its[_address(each.get("endpoint", {}))] = str(mode)
    found = (config.get("cluster", {}) for config in _parse(configured_page).get("configs", []))
    return {
        each.get("name", ""): Held(
            name=each.get("name", ""),
            matches=tuple(match.get("name", "") for match in each.get("transport_socket_matches", [])),
            tls="transport_sockets.tls" in each.get("transport_socket", {}).get("name", ""),
            marks=marks.get(each.get("name", ""), {}),
        )
        for each in found
    }


def led_to(page: str, host: str) -> tuple[str, ...]:
    """The clusters that a request for a host may be sent to, whatever its path and headers, in their order.

    Source: Envoy's HTTP route components: the domain itself wins over those with a star, of which the longest does.
    """
    by_domain: dict[str, list[Any]] = {}
    for config in _parse(page).get("configs", []):
        for virtual in config.get("route_config", {}).get("virtual_hosts", []):
            for domain in virtual.get("domains", []):
                by_domain.setdefault(domain.partition(":")[0], []).extend(virtual.get("routes", []))
    stars = sorted((each for each in by_domain if each.startswith("*") and host.endswith(each[1:])), key=len)
    routes = by_domain.get(host) or (by_domain[stars[-1]] if stars else [])
    return tuple(dict.fromkeys(name for each in routes for name in _clusters(each.get("route", {}))))


def _clusters(action: dict[str, Any]) -> list[str]:
    weighted = action.get("weighted_clusters", {}).get("clusters", [])
    return [name for name in (action.get("cluster"), *(each.get("name") for each in weighted)) if name]


def _endpoint(host: dict[str, Any]) -> Endpoint:
    counted = {entry["name"]: int(entry.get("value", 0)) for entry in host.get("stats", [])}
    return Endpoint(
        address=_address(host),
        requests=counted.get("rq_total", 0),
        connections=counted.get("cx_total", 0),
        open_connections=counted.get("cx_active", 0),
    )


def _address(of: dict[str, Any]) -> str:
    socket = of.get("address", {}).get("socket_address", {})
    return f"{socket.get('address')}:{socket.get('port_value')}"


def _parse(page: str) -> dict[str, Any]:
    try:
        parsed = json.loads(page)
    except ValueError as error:
        raise NotReady(f"Envoy's admin page is not JSON: {page[:200]!r}") from error
    if not isinstance(parsed, dict):
        raise NotReady(f"Envoy's admin page: expected a JSON object, found {page[:200]!r}")
    return cast(dict[str, Any], parsed)
