"""What a survey finds in a cluster of somebody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_stand_in import thing
from survey_objects import (
    DIALECT,
    GATEWAY_API,
    MESH,
    PLATFORM,
    SHOP,
    THEIRS,
    definition,
    deployment,
    found,
    gateway,
    gateway_class,
    istiod,
    kgateway,
    variables,
)

from meshproof.errors import BadInput
from meshproof.path.istiods import Istiod
from meshproof.survey.found import Controller

SELECTORS = DIALECT.selectors_env


def the_istiod(**more: Any) -> Istiod:
    [seen] = found(*PLATFORM, *istiod(**more)).istiods
    return seen


def the_controller(*args: Any, **more: Any) -> Controller:
    [seen] = found(*PLATFORM, *MESH, kgateway(*args, **more)).controllers
    return seen


def test_the_cluster_is_told_with_its_nodes() -> None:
    seen = found(*THEIRS)
    assert (seen.server, seen.context, seen.kubernetes) == ("https://there:6443", "corp", "1.35.4")
    [node] = seen.nodes
    assert (node.name, node.version, node.architecture, node.ready) == ("one", "1.35.4", "amd64", True)
    assert node.images == {"a:1", "b:1"}


def test_a_node_that_says_nothing_of_itself_is_not_ready_and_holds_nothing() -> None:
    [node] = found(thing("Node", "bare")).nodes
    assert (node.ready, node.images, node.architecture) == (False, frozenset(), "")


def test_an_istiod_is_told_with_what_its_mesh_calls_things() -> None:
    seen = the_istiod()
    assert (str(seen.deployment), seen.revision, seen.chosen) == (
        "Deployment mesh-system/istiod-stable",
        "stable",
        "stable",
    )
    assert (seen.version, seen.cluster_id, seen.trust_domain) == ("1.31-dev", "corp-1", "corp.example")
    assert (seen.proxy_image, seen.selectors, seen.ready) == ("registry.example/proxyv2:1.31-dev", (), True)


def test_an_istiod_without_revision_has_the_default_one_which_is_none_in_names() -> None:
    seen = the_istiod(namespace="istio-system", revision="default")
    assert (seen.deployment.name, seen.revision, seen.chosen) == ("istiod", "default", "")


def test_an_istiod_that_is_not_rolled_out_is_told_so() -> None:
    assert not the_istiod(available=0).ready


def test_a_revision_tag_and_a_service_that_leads_to_no_deployment_are_no_istiods() -> None:
    labels = {"app": "istiod", "istio.io/rev": "stable"}
    ports = {"ports": [{"port": 15012}]}
    tag = thing("Service", "mesh-system/istiod-tag", labels={**labels, "istio.io/tag": "prod"}, spec=ports)
    remote = thing("Service", "mesh-system/istiod-remote", labels=labels, spec=ports)
    metrics = thing("Service", "mesh-system/istiod-metrics", labels=labels, spec={"ports": [{"port": 15014}]})
    others = [tag, remote, metrics, *(deployment(f"mesh-system/{name}") for name in ("istiod-tag", "istiod-metrics"))]
    [seen] = found(*MESH, *others).istiods
    assert seen.deployment.name == "istiod-stable"


def test_without_its_config_maps_an_istiod_has_the_defaults() -> None:
    service, deployed, *_ = istiod()
    deployed["spec"]["template"]["spec"]["containers"][0].pop("env")
    [seen] = found(service, deployed).istiods
    assert (seen.cluster_id, seen.trust_domain, seen.selectors) == ("Kubernetes", "cluster.local", ())


def test_discovery_selectors_are_read() -> None:
    seen = the_istiod(
        mesh="discoverySelectors:\n- matchLabels: {team: a}\n- matchExpressions: [{key: b, operator: Exists}]"
    )
    assert list(map(str, seen.selectors)) == ["team=a", "b Exists"]


@pytest.mark.parametrize("mesh", ["{", "- a", "a: 2026-99-99"])
def test_a_mesh_that_cannot_be_read_is_told_with_its_config_map(mesh: str) -> None:
    with pytest.raises(BadInput, match=r"ConfigMap mesh-system/istio-stable data\.mesh"):
        the_istiod(mesh=mesh)


@pytest.mark.parametrize(
    ("values", "mesh", "image"),
    [
        ({"hub": "h", "tag": "1.30.4", "proxy": {"image": "proxyv2"}}, "", "h/proxyv2:1.30.4"),
        ({"hub": "h", "tag": "1.30.4"}, "", "h/proxyv2:1.30.4"),
        ({"hub": "h", "tag": 1.3}, "", "h/proxyv2:1.3"),
        ({"hub": "h", "tag": "1.30.4", "variant": "distroless"}, "", "h/proxyv2:1.30.4-distroless"),
        ({"hub": "h", "tag": "1.30.4-distroless", "variant": "distroless"}, "", "h/proxyv2:1.30.4-distroless"),
        ({"hub": "h", "tag": "1.30.4-distroless", "variant": "debug"}, "", "h/proxyv2:1.30.4-debug"),
        ({"hub": "h", "tag": "1.30.4-debug", "variant": "default"}, "", "h/proxyv2:1.30.4"),
        (
            {"hub": "h", "tag": "1.30.4"},
            "defaultConfig: {image: {imageType: distroless}}",
            "h/proxyv2:1.30.4-distroless",
        ),
        ({"hub": "h", "tag": "t", "proxy": {"image": "own.example/sidecar:7"}}, "", "own.example/sidecar:7"),
        ({"hub": "h", "tag": "t", "variant": "debug", "proxy": {"image": "own.example/it:7"}}, "", "own.example/it:7"),
    ],
)
def test_the_sidecar_is_the_one_that_istiod_injects(values: dict[str, Any], mesh: str, image: str) -> None:
    assert the_istiod(values={"global": values}, mesh=mesh).proxy_image == image


def test_a_kgateway_is_found_by_its_settings_whatever_it_is_called() -> None:
    seen = the_controller(ref="platform/ingress")
    assert (str(seen.deployment), seen.version, seen.ready) == ("Deployment platform/ingress", "2.4.2", True)
    assert (seen.looks_at, seen.selectors, seen.on, seen.waypoint, seen.unread) == ("[]", (), False, False, "")
    assert seen.parameters_refs == "{}"


def test_what_a_kgateway_is_told_is_read() -> None:
    seen = the_controller(
        '[{"matchLabels":{"edge":"yes"}}]',
        *variables(
            **{
                DIALECT.integration_env: "true",
                DIALECT.waypoint_env: "true",
                DIALECT.class_parameters_env: '{"kgateway":{"name":"p"}}',
            }
        ),
    )
    assert list(map(str, seen.selectors)) == ["edge=yes"]
    assert (seen.on, seen.waypoint, seen.parameters_refs) == (True, True, '{"kgateway":{"name":"p"}}')


@pytest.mark.parametrize("selectors", [None, "", "[]", "null"])
def test_a_kgateway_that_is_told_nothing_looks_at_all(selectors: str | None) -> None:
    seen = the_controller(selectors)
    assert (seen.looks_at, seen.selectors, seen.unread) == (selectors, (), "")
    assert seen.sees({})


ELSEWHERE = {"name": SELECTORS, "valueFrom": {"configMapKeyRef": {"name": "it", "key": "it"}}}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (kgateway("[{"), "expected JSON, found [{"),
        (kgateway('{"matchLabels":{}}'), "to be list, found dict"),
        (kgateway("[1]"), "to be dict, found int"),
        (kgateway('[{"matchExpressions":[{"key":"a"}]}]'), "expected the field operator"),
        (kgateway("[]", *variables(**{SELECTORS: "[]"})), f"{SELECTORS} is given 2 times"),
        (kgateway(None, ELSEWHERE), f"{SELECTORS} is taken from elsewhere"),
        (kgateway("[]", *variables(**{DIALECT.class_parameters_env: "{"})), "cannot be read"),
        (kgateway("[]", *variables(**{DIALECT.class_parameters_env: "[]"})), "to be dict, found list"),
        (
            deployment("ns/it", {"name": "main", "image": "it:v2.4.0", "env": variables(**{SELECTORS: "[]"})}),
            "its container is called main, expected controller",
        ),
    ],
)
def test_what_cannot_be_read_of_a_kgateway_is_told_and_it_may_look_anywhere(made: dict[str, Any], told: str) -> None:
    [seen] = found(made).controllers
    assert told in seen.unread
    assert seen.sees({"any": "labels"})


def test_what_only_has_a_variable_that_begins_alike_is_no_kgateway() -> None:
    agent = deployment(
        "ns/agent", {"name": "agent", "image": "agent:1", "env": variables(KGW_AGENT="x", KGW_LOG_LEVEL="")}
    )
    proxy = deployment("shop/bystander", {"name": "kgateway-proxy", "image": "envoy-wrapper:v2.4.0"})
    assert found(agent, proxy).controllers == ()


def test_containers_beside_it_are_not_taken_for_it() -> None:
    beside = {"name": "beside", "image": "beside:7", "env": variables(CLUSTER_ID="its own")}
    controller, discovery = kgateway(), MESH[1]
    [its], [istiods] = (each["spec"]["template"]["spec"]["containers"] for each in (controller, discovery))
    mixed = [
        deployment("edge-system/edge", beside, its),
        MESH[0],
        deployment("mesh-system/istiod-stable", beside, istiods),
    ]
    seen = found(*mixed)
    assert [each.version for each in seen.controllers] == ["2.4.2"]
    assert [(each.version, each.cluster_id) for each in seen.istiods] == [("1.31-dev", "corp-1")]


@pytest.mark.parametrize(
    ("image", "labels", "version"),
    [
        ("r:5000/kgateway:v2.4.1@sha256:ab", {}, "2.4.1"),
        ("r:5000/kgateway@sha256:ab", {"app.kubernetes.io/version": "v2.4.2"}, "2.4.2"),
        ("kgateway:latest", {"app.kubernetes.io/version": "v2.4.2"}, "2.4.2"),
        ("kgateway:v2.4.0", {"app.kubernetes.io/version": "v2.4.2"}, "2.4.0"),
        ("kgateway:latest", {}, "latest"),
        ("r:5000/kgateway@sha256:ab", {}, "r:5000/kgateway@sha256:ab"),
    ],
)
def test_a_version_is_that_of_the_image_or_else_of_the_chart(image: str, labels: dict[str, str], version: str) -> None:
    assert the_controller(image=image, labels=labels).version == version


def test_gateways_are_those_of_kgateways_classes_with_the_labels_of_their_namespace() -> None:
    classes = [
        gateway_class(),
        gateway_class("fast"),
        gateway_class("other", "example.com/x"),
        thing("GatewayClass", "bare", spec={}),
    ]
    gateways = [
        gateway("shop/a"),
        gateway("gone/b", "fast"),
        *(gateway(f"shop/{name}", name) for name in ("other", "bare", "no")),
    ]
    seen = found(SHOP, *classes, *gateways)
    assert [(str(each.ref), each.labels) for each in seen.gateways] == [
        ("Gateway shop/a", SHOP["metadata"]["labels"]),
        ("Gateway gone/b", {}),
    ]
    assert seen.classes == {
        "kgateway": "kgateway.dev/kgateway",
        "fast": "kgateway.dev/kgateway",
        "other": "example.com/x",
        "bare": "",
    }


NAME = "gateways.gateway.networking.k8s.io"


@pytest.mark.parametrize(
    ("crd", "api"),
    [
        (GATEWAY_API, ("1.6.1", "standard")),
        (definition(NAME, bundle_version="v1.5.0", channel="experimental"), ("1.5.0", "experimental")),
        (definition(NAME), ("unknown", "unknown")),
    ],
)
def test_the_gateway_api_is_as_its_definitions_say(crd: dict[str, Any], api: tuple[str, str]) -> None:
    seen = found(crd)
    assert seen.gateway_api
    assert (seen.gateway_api.version, seen.gateway_api.channel, seen.kgateway_crds) == (*api, False)


def test_without_definitions_there_is_none_of_them() -> None:
    seen = found()
    assert (seen.gateway_api, seen.kgateway_crds, seen.gateways, seen.controllers) == (None, False, (), ())
    assert found(*PLATFORM).kgateway_crds


def balancer(ref: str, *ingress: dict[str, str], kind: str = "LoadBalancer") -> dict[str, Any]:
    spec: dict[str, Any] = {"type": kind, "ports": []}
    return thing("Service", ref, spec=spec, status={"loadBalancer": {"ingress": list(ingress)}})


def test_load_balancers_are_counted_with_and_without_an_address() -> None:
    services = [
        balancer("ns/a", {"ip": "10.0.0.1"}),
        balancer("ns/b", {"hostname": "b.example"}),
        balancer("ns/c"),
        balancer("ns/d", kind="ClusterIP"),
        balancer("meshproof-gateway/http", {"ip": "10.0.0.2"}),
    ]
    assert found(*services).balancers == (3, 2)


def test_policies_count_beside_an_istiod_and_istios_plugin_is_seen() -> None:
    policies = [thing("NetworkPolicy", ref) for ref in ("mesh-system/deny", "shop/deny")]
    assert found(*MESH, *policies).policies == ("mesh-system/deny",)
    assert found(thing("DaemonSet", "kube-system/istio-cni-node")).cni
    assert not found(thing("DaemonSet", "kube-system/kindnet")).cni


def test_a_run_of_ours_that_was_ended_is_no_manager_to_be_put_back() -> None:
    managers = [{"manager": "helm", "operation": "Apply"}, {"manager": "meshproof", "operation": "Update"}]
    [controller] = found(*PLATFORM, *MESH, kgateway(meta={"managedFields": managers})).controllers
    assert [each["manager"] for each in json.loads(controller.fields)] == ["helm"]
