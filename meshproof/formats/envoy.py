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


@dataclass(frozen=True)
class Endpoint:
    """A host of an Envoy cluster, as `IP:PORT`, and how many requests it has answered."""

    address: str
    requests: int


def stats_page(cluster: str) -> str:
    """The admin page with all counters and gauges of one cluster."""
    return f"/stats?format=json&filter=^cluster\\.{cluster}\\."


def stats(page: str) -> Mapping[str, int]:
    """Counters and gauges by name, from a stats page in JSON."""
    entries = _parse(page)["stats"]
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


def endpoints(page: str) -> Mapping[str, tuple[Endpoint, ...]]:
    """The hosts of every cluster, from the clusters page in JSON."""
    return {status["name"]: tuple(map(_endpoint, status.get("host_statuses", []))) for status in _clusters(page)}


def _clusters(page: str) -> list[dict[str, Any]]:
    return _parse(page).get("cluster_statuses", [])


def _endpoint(host: dict[str, Any]) -> Endpoint:
    socket = host.get("address", {}).get("socket_address", {})
    answered = {entry["name"]: int(entry.get("value", 0)) for entry in host.get("stats", [])}
    return Endpoint(f"{socket.get('address')}:{socket.get('port_value')}", answered.get("rq_success", 0))


def _parse(page: str) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], json.loads(page))
    except ValueError as error:
        raise NotReady(f"Envoy's admin page is not JSON: {page[:200]!r}") from error
