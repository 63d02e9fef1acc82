"""A cluster's odd state is the cluster's: an object without what it must have is unseen, and no bug of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from meshproof.cluster import Cluster
from meshproof.kube.raw import Malformed
from meshproof.steps import find_mesh, looks
from meshproof.steps.enable_integration import STORED_PARAMETERS, StoredParameters
from meshproof.steps.judging import Unseen, look_at
from meshproof.steps.model import Look


@dataclass
class StandIn:
    """A cluster whose API server gives one object, whatever it is asked for."""

    given: dict[str, Any]

    @property
    def api(self) -> StandIn:
        return self

    def get(self, _: str) -> dict[str, Any]:
        return self.given

    def find(self, _: str) -> dict[str, Any]:
        return self.given

    def list(self, _: str, **__: str) -> list[dict[str, Any]]:
        metadata = {"name": "istiod", "namespace": "istio-system"}
        return [{"metadata": metadata, "spec": {"ports": [{"port": 15012, "name": "https-dns"}]}}]


def parameters(istio: object) -> dict[str, Any]:
    return {"metadata": {"name": "http-istio"}, "spec": {"kube": {"istio": istio}}}


@pytest.mark.parametrize(
    ("look", "given", "told"),
    [
        (looks.TRUST_DOMAIN, {}, "expected the field data.mesh, which is missing"),
        (looks.TRUST_DOMAIN, {"data": {"other": ""}}, "expected the field data.mesh, which is missing"),
        (looks.TRUST_DOMAIN, {"data": {"mesh": "trustDomain: 1"}}, "expected trustDomain to be str, found int"),
        (looks.TRUST_DOMAIN, {"data": {"mesh": "- a"}}, "expected a mapping at the top"),
        (STORED_PARAMETERS, parameters({"istioProxyContainer": {"istioMetaMeshId": 1}}), "to be str, found int"),
    ],
)
def test_an_odd_object_is_told_as_unseen(look: Look[Any], given: dict[str, Any], told: str) -> None:
    seen = look_at([look], cast(Cluster, StandIn(given)))[look]
    assert isinstance(seen, Unseen)
    assert told in seen.reason


@pytest.mark.parametrize("istio", [None, {}, {"istioProxyContainer": None}])
def test_parameters_that_are_not_set_are_seen_as_empty(istio: object) -> None:
    seen = look_at([STORED_PARAMETERS], cast(Cluster, StandIn(parameters(istio))))
    assert seen[STORED_PARAMETERS] == StoredParameters("", "", "")


def test_a_deployment_of_istiod_that_is_odd_is_malformed() -> None:
    containers = [{"name": "discovery", "env": [{"value": "x"}]}]
    with pytest.raises(Malformed, match=r"expected the field name, which is missing"):
        find_mesh(cast(Cluster, StandIn({"spec": {"template": {"spec": {"containers": containers}}}})))
