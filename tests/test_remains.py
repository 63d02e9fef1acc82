"""What in a cluster is Istio's: by name, label or group, until it has ended, and less what is left on purpose."""

from __future__ import annotations

from typing import Any

import pytest
from api_stand_in import a_pod, objects, thing
from mesh_objects import CONFIG, GOING, PEM, ROOT, gateway_class, revoked, root

from meshproof.steps.remains import remains

NODE = thing("Node", "node")


def found(*things: dict[str, Any]) -> list[str]:
    return list(map(str, remains(objects(*things), "istio-system")))


def with_part(kind: str, name: str, image: str) -> dict[str, Any]:
    """A pod with a container more, of another kind."""
    pod = a_pod("httpbin/it", "httpbin")
    pod["spec"][kind] = [{"name": name, "image": image}]
    return pod


@pytest.mark.parametrize(
    "object_",
    [
        thing("Namespace", "istio-system"),
        thing("Secret", "istio-system/sh.helm.release.v1.anything.v1"),
        thing("ClusterRole", "istiod-left-by-run-1"),
        thing("CustomResourceDefinition", "envoyfilters.networking.istio.io"),
        thing("MutatingWebhookConfiguration", "istio-sidecar-injector"),
        thing("APIService", "v1.networking.istio.io"),
        thing("EnvoyFilter", "httpbin/mine"),
        thing("ClusterRole", "reader", labels={"app.kubernetes.io/part-of": "istio"}),
        thing("ClusterRole", "reader", labels={"release": "istio-base"}),
        thing("ConfigMap", "ns/anything", labels={"istio.io/config": "true"}),
        thing("Service", "ns/it", labels={"app": "istiod"}),
        thing("Service", "ns/it", labels={"istio.io/rev": "default"}),
        thing("Service", "ns/it", labels={"operator.istio.io/component": "Pilot"}),
        gateway_class("istio-my-own", "example.com/mine"),
        gateway_class("istio", "example.com/mine"),
        gateway_class("istio-remote", "istio.io/gateway-controller"),
        root("httpbin/istio-ca-root-cert-2"),
        root("istio-system/istio-ca-root-cert", labels={}),
        a_pod("default/edge", "proxy", image="registry.example:5000/istio/proxyv2:1.31-dev", owners=[NODE]),
        a_pod("default/edge", "it", image="pilot@sha256:0"),
        root(labels={**CONFIG, "mine": "too"}),
        root(data={"root-cert.pem": "something else"}),
        root(data={**ROOT, "more": "x"}),
        revoked(text="something else"),
        thing("Secret", "httpbin/istio-ca-root-cert", labels=CONFIG, data={"root-cert.pem": PEM}),
        a_pod("httpbin/it", "httpbin", "istio-proxy"),
        a_pod("httpbin/it", "any", image="registry.example/my/ztunnel"),
        with_part("initContainers", "any", "proxyv2:1.31-dev"),
        with_part("ephemeralContainers", "debugger", "registry.example/istio/proxyv2"),
        with_part("ephemeralContainers", "istio-proxy", "image"),
        a_pod("httpbin/it", "app", labels={"security.istio.io/tlsMode": "istio"}),
        a_pod("httpbin/it", "istio-proxy", meta=GOING),
        a_pod("httpbin/it", "istio-proxy", meta=GOING, states="waiting"),
        a_pod("httpbin/it", "istio-proxy", states="terminated"),
    ],
)
def test_what_is_istios_is_found(object_: dict[str, Any]) -> None:
    meta = object_["metadata"]
    ref = "/".join(part for part in (meta.get("namespace"), meta["name"]) if part)
    assert found(object_) == [f"{object_['kind']} {ref}"]


@pytest.mark.parametrize(
    "object_",
    [
        thing("Namespace", "httpbin", labels={"istio-injection": "enabled"}),
        thing("CustomResourceDefinition", "backends.gateway.kgateway.dev"),
        thing("CustomResourceDefinition", "things.notistio.io"),
        thing("Service", "ns/it", labels={"app": "my-istiod", "notistio.io/x": "y"}),
        gateway_class("kgateway", "kgateway.dev/kgateway"),
        gateway_class("istio", "istio.io/gateway-controller"),
        gateway_class("istio-remote", "istio.io/unmanaged-gateway"),
        root(),
        root(labels={}),  # without the label somebody's own, which the inventory tells
        thing("ConfigMap", "default/istio-notes"),
        thing("ConfigMap", "default/notes.istio.io"),
        thing("Namespace", "istio-notes"),
        a_pod("default/istio-notes", "discovery"),
        thing("Secret", "default/istio"),
        a_pod("default/it", "it", image="registry.example/proxyv2/other:pilot"),
        revoked(),
        a_pod("httpbin/it", "httpbin"),
        a_pod("httpbin/it", "httpbin", labels={"sidecar.istio.io/inject": "false"}),
        thing("Deployment", "httpbin/it", labels={"sidecar.istio.io/inject": "true"}),
        a_pod("httpbin/it", "istio-proxy", meta=GOING, states="terminated"),
        {**a_pod("httpbin/it", "istio-proxy"), "status": {"phase": "Failed"}},
        {**a_pod("httpbin/it", "istio-proxy"), "status": {"phase": "Succeeded"}},
    ],
)
def test_what_is_not_istios_or_has_ended_or_is_left_on_purpose_is_not(object_: dict[str, Any]) -> None:
    assert found(object_) == []


def test_what_goes_with_an_object_that_is_there_is_no_more_istios_than_that_is() -> None:
    kept = thing("ReplicaSet", "httpbin/it-1", labels={"istio.io/rev": "x"}, meta={"uid": "2", **owned_by("1")})
    assert found(thing("Deployment", "httpbin/it", meta={"uid": "1"}), kept) == []
    assert found(kept) == ["ReplicaSet httpbin/it-1"], "its owner is gone"
    istiod = thing("Deployment", "httpbin/istiod", labels={"app": "istiod"}, meta={"uid": "1"})
    assert found(istiod, kept) == ["Deployment httpbin/istiod"]
    injected = a_pod("httpbin/it-1-2", "app", "istio-proxy", meta={"uid": "3", **owned_by("2")})
    assert found(thing("Deployment", "httpbin/it", meta={"uid": "1"}), kept, injected) == ["Pod httpbin/it-1-2"]


def owned_by(uid: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": "It", "name": "it", "uid": uid, "controller": True}]}


def test_a_pod_counts_while_one_of_its_containers_runs_or_has_no_state() -> None:
    pod = a_pod("httpbin/it", "app", "istio-proxy", meta=GOING, states="terminated")
    pod["status"]["containerStatuses"][1]["state"] = {"running": {}}
    assert found(pod) == ["Pod httpbin/it"]
    del pod["status"]["containerStatuses"][1]
    assert found(pod) == ["Pod httpbin/it"]
