"""Envoy's admin pages, read from small copies of them."""

from __future__ import annotations

import base64
import json

import pytest

from meshproof.errors import NotReady
from meshproof.formats.envoy import Endpoint, certificate_chain, endpoints, stats, stats_page


def secret(name: str, chain: str | None) -> dict[str, object]:
    held = {} if chain is None else {"certificate_chain": {"inline_bytes": base64.b64encode(chain.encode()).decode()}}
    return {"name": name, "secret": {"name": name, "tls_certificate": held}}


def test_counters_are_read_by_name_and_histograms_left_out() -> None:
    histograms = {"histograms": {"computed_quantiles": [1]}}
    page = {"stats": [{"name": "a", "value": 3}, histograms, {"name": "b", "value": 0}]}
    assert stats(json.dumps(page)) == {"a": 3, "b": 0}


def test_the_stats_of_one_cluster_are_asked_for() -> None:
    assert stats_page("kube_a_b_80") == r"/stats?format=json&filter=^cluster\.kube_a_b_80\."


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


def test_the_hosts_of_every_cluster_are_given_with_their_answers() -> None:
    address = {"socket_address": {"address": "10.244.0.7", "port_value": 8080}}
    counted = [{"name": "rq_success", "value": "5"}, {"name": "rq_error", "value": "2"}, {"name": "cx_active"}]
    page = {
        "cluster_statuses": [
            {"name": "app", "host_statuses": [{"address": address, "stats": counted}, {"address": address}]},
            {"name": "empty"},
        ]
    }
    assert endpoints(json.dumps(page)) == {
        "app": (Endpoint("10.244.0.7:8080", 5), Endpoint("10.244.0.7:8080", 0)),
        "empty": (),
    }
    assert endpoints("{}") == {}


@pytest.mark.parametrize("read", [stats, endpoints])
def test_a_page_that_is_not_json_is_shown(read: object) -> None:
    assert callable(read)
    with pytest.raises(NotReady, match="not JSON: '<html>"):
        read("<html>no such page</html>")
