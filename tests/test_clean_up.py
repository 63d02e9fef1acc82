"""The clean-up: what may stay behind, to the letter, and what of Istio must not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube import inventory
from meshproof.kube.inventory import Difference
from meshproof.steps.clean_up import ALLOWED, ISTIO_REMAINS, LEFT_BEHIND, LeftBehind, explain
from meshproof.steps.install_istio import INVENTORY, note_inventory

RESTARTED = "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt"
HELM = "Secret kgateway-system/sh.helm.release.v1.kgateway.v2"
EXPLAINED = (
    Difference("added", "ConfigMap httpbin/istio-ca-root-cert"),
    Difference("changed", "ConfigMap httpbin/istio-ca-root-cert", "data.root-cert.pem"),
    Difference("added", "ConfigMap httpbin/istio-ca-crl"),
    Difference("added", "GatewayClass.gateway.networking.k8s.io istio"),
    Difference("added", "GatewayClass.gateway.networking.k8s.io istio-remote"),
    Difference("added", HELM),
    Difference("removed", HELM),
    Difference("changed", HELM, "data.release, metadata.labels.status"),
    Difference("changed", "Deployment.apps httpbin/httpbin", RESTARTED),
)
UNEXPLAINED = (
    Difference("removed", "ConfigMap httpbin/istio-ca-root-cert"),
    Difference("removed", "ConfigMap httpbin/istio-ca-crl"),
    Difference("added", "ConfigMap httpbin/istio-ca-root-cert-2"),
    Difference("added", "ConfigMap httpbin/istio"),
    Difference("added", "Secret httpbin/istio-ca-root-cert"),
    Difference("added", "GatewayClass.gateway.networking.k8s.io kgateway"),
    Difference("removed", "GatewayClass.gateway.networking.k8s.io istio"),
    Difference("added", "Secret istio-system/sh.helm.release.v1.istiod.v1"),
    Difference("added", "Secret kgateway-system/other"),
    Difference("changed", "Deployment.apps httpbin/httpbin", f"{RESTARTED}, spec.replicas"),
    Difference("changed", "Deployment.apps httpbin/httpbin", "spec.template.metadata.annotations"),
    Difference("changed", "Deployment.apps kgateway-system/kgateway", RESTARTED),
    Difference("changed", "Namespace httpbin", "metadata.labels.istio-injection"),
)


@pytest.mark.parametrize("difference", EXPLAINED, ids=str)
def test_what_is_known_to_stay_is_explained(difference: Difference) -> None:
    left = explain([difference])
    assert left.unexpected == ()
    [(named, reason)] = left.explained
    assert named == difference
    assert str(left) == f"1 explained: {reason}"


@pytest.mark.parametrize("difference", UNEXPLAINED, ids=str)
def test_a_near_miss_is_not_explained(difference: Difference) -> None:
    left = explain([EXPLAINED[0], difference])
    assert left.unexpected == (difference,)
    assert str(left) == str(difference)


def test_every_entry_of_the_allow_list_explains_something_here() -> None:
    reasons = {reason for _, reason in explain(EXPLAINED).explained}
    assert reasons == {reason for _, reason in ALLOWED}


def test_no_difference_is_said_so() -> None:
    assert str(explain([])) == "no difference"
    assert explain([]) == LeftBehind((), ())


@dataclass
class StandIn:
    """A cluster whose API server has these objects by list path, and a work folder."""

    work: Path = Path("/nowhere")
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])

    @property
    def api(self) -> StandIn:
        return self

    def list(self, path: str) -> list[dict[str, Any]]:
        return self.lists.get(path, [])

    def get(self, path: str) -> dict[str, Any]:
        if path == "/apis":
            return {"groups": []}
        return {"resources": [{"name": "namespaces", "kind": "Namespace", "verbs": ["list"]}]}

    def find(self, path: str) -> dict[str, Any] | None:
        root, _, name = path.rpartition("/")
        return next((each for each in self.list(root) if each["metadata"]["name"] == name), None)


def named(name: str, **more: object) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ns"}, **more}


def running(*containers: str, init: tuple[str, ...] = (), **meta: str) -> dict[str, Any]:
    spec = {"containers": [{"name": c} for c in containers], "initContainers": [{"name": c} for c in init]}
    return {"metadata": {"name": "pod-1", "namespace": "ns", **meta}, "spec": spec}


CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MUTATING = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
VALIDATING = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@pytest.mark.parametrize(
    ("path", "remains", "words"),
    [
        ("/api/v1/namespaces", named("istio-system"), ("namespace istio-system",)),
        ("/api/v1/namespaces", named("httpbin"), ()),
        (CRDS, named("envoyfilters.networking.istio.io"), ("CRD envoyfilters.networking.istio.io",)),
        (CRDS, named("backends.gateway.kgateway.dev"), ()),
        (MUTATING, named("istio-sidecar-injector"), ("webhook istio-sidecar-injector",)),
        (VALIDATING, named("istiod-default-validator"), ("webhook istiod-default-validator",)),
        ("/api/v1/pods", running("httpbin", "istio-proxy"), ("pod ns/pod-1",)),
        ("/api/v1/pods", running("httpbin", init=("istio-proxy",)), ("pod ns/pod-1",)),
        ("/api/v1/pods", running("discovery"), ("pod ns/pod-1",)),
        ("/api/v1/pods", running("istio-proxy", deletionTimestamp="now"), ()),
        ("/api/v1/pods", {"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": [{"name": "x"}]}}, ()),
    ],
)
def test_what_remains_of_istio_is_found(path: str, remains: dict[str, Any], words: tuple[str, ...]) -> None:
    assert ISTIO_REMAINS.take(cast(Cluster, StandIn(lists={path: [remains]}))) == words


def test_an_inventory_that_was_never_taken_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=INVENTORY):
        LEFT_BEHIND.take(cast(Cluster, StandIn(work=tmp_path)))


def test_the_inventory_is_taken_before_istio_and_kept_once_istio_is_there(tmp_path: Path) -> None:
    cluster = StandIn(tmp_path, {"/api/v1/namespaces": [{"metadata": {"name": "httpbin"}}]})
    note_inventory(cast(Cluster, cluster))
    before = inventory.load(tmp_path / INVENTORY)
    assert json.dumps(dict(before)).count("httpbin") == 2
    cluster.lists["/api/v1/namespaces"].append({"metadata": {"name": "istio-system"}})
    note_inventory(cast(Cluster, cluster))
    assert inventory.load(tmp_path / INVENTORY) == before
    assert LEFT_BEHIND.take(cast(Cluster, cluster)).unexpected == (Difference("added", "Namespace istio-system"),)
