"""What is looked at: the mesh as found, the routes that exist, the chart as rendered. No cluster is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from snapshots import PARTS, SETTING

from meshproof.cluster import Cluster
from meshproof.errors import BadInput, NotReady
from meshproof.images import Parts
from meshproof.kube.api import Api
from meshproof.kube.kinds import HTTP_ROUTE, Ref
from meshproof.names import Names
from meshproof.path.links import Links
from meshproof.path.mesh import Mesh, find_mesh, istiod_address
from meshproof.run import Completed
from meshproof.steps.enable_integration import rendering

ON = Links(Names())
MESH_CONFIG = "/api/v1/namespaces/istio-system/configmaps/istio"
SERVICES = "/api/v1/namespaces/istio-system/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/istio-system/deployments"


@dataclass
class StandIn:
    """A cluster whose API server has these objects."""

    objects: dict[str, Any] = field(default_factory=dict[str, Any])
    parts: Parts = PARTS
    ran: list[tuple[tuple[str, ...], str]] = field(default_factory=list[tuple[tuple[str, ...], str]])

    @property
    def api(self) -> StandIn:
        return self

    def find(self, path: str) -> dict[str, Any] | None:
        return self.objects.get(path)

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        assert query == {"labelSelector": "app=istiod"}
        return self.objects.get(path, [])

    def run(self, *argv: str, stdin: str = "") -> Completed:
        self.ran.append((argv, stdin))
        return Completed(argv, 0, "kind: Deployment\n", "warning\n", 0.0)

    def get(self, path: str) -> dict[str, Any]:
        return self.objects[path]


def cluster(stand_in: StandIn) -> Cluster:
    return cast(Cluster, stand_in)


def api(stand_in: StandIn) -> Api:
    return cast(Api, stand_in)


def service(name: str, *ports: int, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "istio-system", "labels": labels},
        "spec": {"ports": [{"port": port} for port in ports]},
    }


def istiod(*env: dict[str, str]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "discovery", "env": list(env)}]}}}}


@pytest.mark.parametrize(
    ("mesh", "domain"),
    [("trustDomain: td.example\n", "td.example"), ("trustDomain: ''\n", "cluster.local"), ("", "cluster.local")],
)
def test_the_trust_domain_is_the_meshs_own(mesh: str, domain: str) -> None:
    assert ON.trust_domain.read(cluster(StandIn({MESH_CONFIG: {"data": {"mesh": mesh}}}))) == domain


def test_istiod_is_the_one_service_with_the_secure_port() -> None:
    stand_in = StandIn({SERVICES: [service("istiod-x", 15010, 15012), service("metrics", 15014)]})
    assert istiod_address(api(stand_in), Names()) == "istiod-x.istio-system.svc:15012"


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "found none"),
        ([service("metrics", 15014)], "found none"),
    ],
)
def test_no_istiod_is_no_address(services: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(NotReady, match=words):
        istiod_address(api(StandIn({SERVICES: services})), Names())


BLUE = {"istio.io/rev": "blue"}


@pytest.mark.parametrize(
    ("revision", "services", "words"),
    [
        (
            "",
            [service("a", 15012), service("b", 15012)],
            "REVISION=: expected one Service of istiod",
        ),
        (
            "blue",
            [service("a", 15012)],
            "REVISION=blue: .* in istio-system, which has default",
        ),
        (
            "",
            [service("a", 15012, **BLUE)],
            "no istiod of revision default .* has blue; choose one",
        ),
        (
            "blue",
            [service("a", 15012, **BLUE), service("b", 15012, **BLUE)],
            "revision blue in istio-system, found a, b",
        ),
    ],
)
def test_a_revision_that_is_not_there_or_twice_is_bad_input(
    revision: str, services: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        istiod_address(api(StandIn({SERVICES: services})), Names(revision=revision))


def test_istiod_is_the_one_of_the_revision_and_not_the_service_of_a_tag() -> None:
    tag = service("istiod-revision-tag-prod", 15012, **BLUE, **{"istio.io/tag": "prod"})
    stand_in = StandIn({SERVICES: [service("istiod", 15012), service("istiod-blue", 15012, **BLUE), tag]})
    assert istiod_address(api(stand_in), Names(revision="blue")) == "istiod-blue.istio-system.svc:15012"
    assert istiod_address(api(stand_in), Names()) == "istiod.istio-system.svc:15012"


@pytest.mark.parametrize(
    ("env", "cluster_id"),
    [([{"name": "CLUSTER_ID", "value": "mine"}], "mine"), ([{"name": "CLUSTER_ID"}], "Kubernetes"), ([], "Kubernetes")],
)
def test_the_mesh_is_found_with_the_id_that_istiod_gives_its_cluster(
    env: list[dict[str, str]], cluster_id: str
) -> None:
    stand_in = StandIn({SERVICES: [service("istiod", 15012)], f"{DEPLOYMENTS}/istiod": istiod(*env)})
    assert find_mesh(api(stand_in), Names()) == Mesh("istiod.istio-system.svc:15012", cluster_id)


def test_routes_that_do_not_exist_are_left_out() -> None:
    raw = {"metadata": {"namespace": "a", "name": "there", "generation": 1}}
    there, gone = Ref(HTTP_ROUTE, "a", "there"), Ref(HTTP_ROUTE, "a", "gone")
    found = ON.routes(there, gone).read(cluster(StandIn({there.path: raw})))
    assert [route.name for route in found] == ["there"]


def test_the_chart_is_rendered_with_the_values_given() -> None:
    stand_in = StandIn()
    assert rendering(SETTING, {"a": 1}, "some values").read(cluster(stand_in)) == "kind: Deployment\n"
    [(argv, stdin)] = stand_in.ran
    assert argv[:4] == ("helm", "template", "kgateway", "/charts/kgateway.tgz")
    assert argv[-2:] == ("--values", "-")
    assert json.loads(stdin) == {"a": 1}
