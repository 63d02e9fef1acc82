"""Gateways, routes, services and namespaces, read from the API's form."""

from __future__ import annotations

from typing import Any

import pytest

from meshproof.kube.conditions import Condition, is_true
from meshproof.kube.objects import Gateway, Namespace, Service
from meshproof.kube.raw import Malformed
from meshproof.kube.routes import HTTPRoute

META: dict[str, Any] = {"namespace": "ns", "name": "it", "generation": 2, "uid": "ignored"}
ACCEPTED = {
    "type": "Accepted",
    "status": "True",
    "reason": "Accepted",
    "message": "ok",
    "observedGeneration": 2,
    "lastTransitionTime": "ignored",
}


def test_a_gateway() -> None:
    gateway = Gateway.from_dict(
        {
            "metadata": META,
            "spec": {
                "gatewayClassName": "kgateway",
                "infrastructure": {
                    "parametersRef": {"group": "gateway.kgateway.dev", "kind": "GatewayParameters", "name": "custom"}
                },
            },
            "status": {"conditions": [ACCEPTED]},
        }
    )
    assert gateway == Gateway(
        "ns",
        "it",
        2,
        (Condition("Accepted", "True", "Accepted", "ok", 2),),
        "GatewayParameters/custom",
        gateway_class="kgateway",
    )


def test_a_gateway_without_status_or_parameters() -> None:
    gateway = Gateway.from_dict({"metadata": META, "spec": {"infrastructure": {"labels": {}}}})
    assert (gateway.conditions, gateway.parameters_ref) == ((), "")


def test_a_route_keeps_each_parents_conditions_apart() -> None:
    route = HTTPRoute.from_dict(
        {
            "metadata": META,
            "spec": {"hostnames": ["www.example.com"]},
            "status": {
                "parents": [
                    {"parentRef": {"name": "http"}, "controllerName": "a", "conditions": [ACCEPTED]},
                    {"parentRef": {"name": "http", "namespace": "other"}, "controllerName": "b"},
                ]
            },
        }
    )
    assert route.hostnames == ("www.example.com",)
    assert [(parent.parent, parent.controller, len(parent.conditions)) for parent in route.parents] == [
        ("ns/http", "a", 1),
        ("other/http", "b", 0),
    ]
    assert HTTPRoute.from_dict({"metadata": META}).parents == ()


def test_a_service() -> None:
    service = Service.from_dict(
        {
            "metadata": {**META, "annotations": {"a": "1"}, "labels": {"l": "2"}},
            "spec": {
                "ports": [{"name": "http", "port": 8000, "targetPort": 8080}, {"port": 9}],
                "selector": {"s": "3"},
            },
        }
    )
    assert service == Service("ns", "it", {"l": "2"}, {"a": "1"}, (("http", 8000), ("", 9)), {"s": "3"})


def test_a_namespace() -> None:
    assert Namespace.from_dict(
        {"metadata": {"name": "httpbin", "labels": {"istio-injection": "enabled"}}}
    ) == Namespace("httpbin", {"istio-injection": "enabled"})


def test_labels_are_a_copy() -> None:
    raw: dict[str, Any] = {"metadata": {"name": "n", "labels": {"a": "1"}}}
    namespace = Namespace.from_dict(raw)
    raw["metadata"]["labels"]["a"] = "2"
    assert namespace.labels == {"a": "1"}


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ((), False),
        ((Condition("Accepted", "True", "", "", 2),), True),
        ((Condition("Accepted", "True", "", "", 3),), True),
        ((Condition("Accepted", "True", "", "", 1),), False),
        ((Condition("Accepted", "Unknown", "", "", 2),), False),
        ((Condition("Programmed", "True", "", "", 2),), False),
        ((Condition("Programmed", "False", "", "", 2), Condition("Accepted", "True", "", "", 2)), True),
    ],
)
def test_a_condition_is_true_of_this_generation_only(conditions: tuple[Condition, ...], holds: bool) -> None:
    assert is_true(conditions, "Accepted", generation=2) is holds


@pytest.mark.parametrize(
    ("read", "raw", "complaint"),
    [
        (Gateway.from_dict, {"metadata": {"name": "g", "namespace": "n"}}, r"^Gateway n/g: .* metadata\.generation"),
        (
            Gateway.from_dict,
            {"metadata": META, "spec": {"infrastructure": {"parametersRef": {"kind": "K"}}}},
            r"parametersRef\.name",
        ),
        (
            HTTPRoute.from_dict,
            {"metadata": META, "status": {"parents": [{"controllerName": "c"}]}},
            r"^HTTPRoute ns/it status\.parents\[0\]: .* parentRef\.name",
        ),
        (
            Gateway.from_dict,
            {"metadata": META, "status": {"conditions": [{"type": "A"}]}},
            r"conditions\[0\]: .* status",
        ),
        (Service.from_dict, {"metadata": META, "spec": {"ports": [{"name": "x"}]}}, r"ports\[0\]: .* port"),
        (Namespace.from_dict, {"metadata": {}}, r"^Namespace \(unnamed\): .* metadata\.name"),
        (Namespace.from_dict, {"metadata": {"name": "n", "labels": []}}, r"metadata\.labels to be dict, found list"),
    ],
)
def test_what_is_missing_is_named_with_its_object(read: Any, raw: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        read(raw)
