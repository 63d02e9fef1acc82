"""Envoy's admin pages, read from small copies of them."""

from __future__ import annotations

import base64
import json

import pytest

from meshproof.errors import NotReady
from meshproof.formats.envoy import Endpoint, Upstream, certificate_chain, led_to, stats, upstreams


def secret(name: str, chain: str | None) -> dict[str, object]:
    held = {} if chain is None else {"certificate_chain": {"inline_bytes": base64.b64encode(chain.encode()).decode()}}
    return {"name": name, "secret": {"name": name, "tls_certificate": held}}


def test_counters_are_read_by_name_and_histograms_left_out() -> None:
    histograms = {"histograms": {"computed_quantiles": [1]}}
    page = {"stats": [{"name": "a", "value": 3}, histograms, {"name": "b", "value": 0}]}
    assert stats(json.dumps(page)) == {"a": 3, "b": 0}


def test_the_certificate_of_that_name_is_given() -> None:
    validation = {"name": "root", "secret": {"name": "root", "validation_context": {"trusted_ca": 1}}}
    page = {"configs": [validation, secret("other", "no"), secret("mine", "the chain")]}
    assert certificate_chain(json.dumps(page), "mine") == "the chain"


@pytest.mark.parametrize(
    "page", [{}, {"configs": []}, {"configs": [secret("other", "no")]}, {"configs": [secret("mine", None)]}]
)
def test_a_certificate_that_is_not_held_is_named(page: dict[str, object]) -> None:
    with pytest.raises(NotReady, match="Envoy secret mine"):
        certificate_chain(json.dumps(page), "mine")


def test_every_cluster_is_given_with_its_hosts_and_what_is_counted_of_them() -> None:
    address = {"socket_address": {"address": "10.244.0.7", "port_value": 8080}}
    counted = {"rq_total": "5", "rq_error": "2", "cx_total": "3", "cx_active": "1"}
    full = {"address": address, "stats": [{"name": name, "value": value} for name, value in counted.items()]}
    new = {"address": address, "stats": [{"name": "cx_active"}]}  # Envoy leaves a zero out
    routed = [{"name": "app", "host_statuses": [full, new, full]}, {"name": "empty"}]
    its_own = {"name": "xds_cluster", "host_statuses": [full]}
    page = {"cluster_statuses": [*({**each, "added_via_api": True} for each in routed), its_own]}
    handshakes = {"stats": [{"name": "cluster.app.ssl.handshake", "value": 2}, {"name": "cluster.x", "value": 9}]}
    five, none = Endpoint("10.244.0.7:8080", 5, 3, 1), Endpoint("10.244.0.7:8080", 0, 0, 0)
    found = upstreams(json.dumps(page), json.dumps(handshakes))
    assert found == {"app": Upstream("app", (five, none, five), 2), "empty": Upstream("empty", (), 0)}
    assert (found["app"].open_connections, found["empty"].open_connections) == (2, 0)


def routes(*domains: str, **route: object) -> dict[str, object]:
    return {"domains": list(domains), "routes": [{"route": route}, {"redirect": {}}]}


def test_a_host_leads_to_the_clusters_of_the_domain_that_is_nearest() -> None:
    weighted = {"clusters": [{"name": "heavy", "weight": 9}, {"name": "light", "weight": 1}]}
    hosts = [
        routes("a.example", cluster="a"),
        routes("a.example:*", weighted_clusters=weighted),
        routes("*.example", cluster="wide"),
        routes("*.b.example", cluster="near"),
        routes("*", cluster="any"),
    ]
    page = json.dumps({"configs": [{"route_config": {"virtual_hosts": hosts}}, {}]})
    assert led_to(page, "a.example") == ("a", "heavy", "light")
    assert led_to(page, "c.example") == ("wide",)
    assert led_to(page, "c.b.example") == ("near",)
    assert led_to(page, "c.test") == ("any",)
    assert led_to("{}", "a.example") == ()


@pytest.mark.parametrize("pages", [("<html>no such page</html>", '{"stats": []}'), ("{}", "<html>no such page</html>")])
def test_a_page_that_is_not_json_is_shown(pages: tuple[str, str]) -> None:
    with pytest.raises(NotReady, match="not JSON: '<html>"):
        upstreams(*pages)


@pytest.mark.parametrize("page", ["[]", '"text"', "3"])
def test_a_page_that_is_no_object_is_told_as_unseen(page: str) -> None:
    with pytest.raises(NotReady, match="expected a JSON object"):
        stats(page)
    assert stats("{}") == {}
