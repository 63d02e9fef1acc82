"""A cluster's odd state is the cluster's: an object without what it must have is unseen, and no bug of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from meshproof.cluster import Cluster
from meshproof.kube.api import Api
from meshproof.kube.objects import Parameters
from meshproof.kube.raw import Malformed
from meshproof.names import Names
from meshproof.path.link import Link, NotSeen, look_at
from meshproof.path.links import Links
from meshproof.path.mesh import find_mesh

ON = Links(Names())


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
    ("link", "given", "told"),
    [
        (ON.trust_domain, {}, "expected the field data.mesh, which is missing"),
        (ON.trust_domain, {"data": {"other": ""}}, "expected the field data.mesh, which is missing"),
        (ON.trust_domain, {"data": {"mesh": "trustDomain: 1"}}, "expected trustDomain to be str, found int"),
        (ON.trust_domain, {"data": {"mesh": "- a"}}, "expected a mapping at the top"),
        (ON.parameters, parameters({"istioProxyContainer": {"istioMetaMeshId": 1}}), "to be str, found int"),
    ],
)
def test_an_odd_object_is_told_as_unseen(link: Link[Any], given: dict[str, Any], told: str) -> None:
    seen = look_at([link], cast(Cluster, StandIn(given))).of(link)
    assert isinstance(seen, NotSeen)
    assert told in seen.why


@pytest.mark.parametrize("istio", [None, {}, {"istioProxyContainer": None}])
def test_parameters_that_are_not_set_are_seen_as_empty(istio: object) -> None:
    seen = look_at([ON.parameters], cast(Cluster, StandIn(parameters(istio)))).of(ON.parameters)
    assert isinstance(seen, Parameters)
    assert (seen.address, seen.cluster_id, seen.mesh_id) == ("", "", "")


def test_a_deployment_of_istiod_that_is_odd_is_malformed() -> None:
    containers = [{"name": "discovery", "env": [{"value": "x"}]}]
    with pytest.raises(Malformed, match=r"expected the field name, which is missing"):
        find_mesh(cast(Api, StandIn({"spec": {"template": {"spec": {"containers": containers}}}})), Names())
