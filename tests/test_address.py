"""A Service's address, and what is said of one that has none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from meshproof.checks.address import why_no_address, why_no_address_of_theirs
from meshproof.kube.objects import Service

READY: dict[str, Any] = {"spec": {"replicas": 1}, "status": {"readyReplicas": 1}}
POOL: dict[str, Any] = {"spec": {}, "status": {"availableIPv4": 4}}


def service(*ingress: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "gateways", "name": "in"},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": list(ingress)}},
    }


def event(kind: str, reason: str, message: str, component: str = "metallb-controller") -> dict[str, Any]:
    return {"type": kind, "reason": reason, "message": message, "source": {"component": component}}


@pytest.mark.parametrize(
    ("ingress", "address"),
    [
        ([{"ip": "10.9.0.254", "ipMode": "VIP"}], "10.9.0.254"),
        ([{"hostname": "lb.example"}], "lb.example"),
        ([{"ip": "10.9.0.254"}, {"ip": "10.9.0.253"}], "10.9.0.254"),
        ([{"ipMode": "VIP"}], ""),
    ],
)
def test_the_address_is_the_first_entrys(ingress: list[dict[str, Any]], address: str) -> None:
    assert Service.from_dict(service(*ingress, ports=[])).address == address


def test_a_service_without_status_has_no_address() -> None:
    named = {"metadata": {"namespace": "a", "name": "b"}}
    assert Service.from_dict({**named, "status": {"loadBalancer": {}}}).address == ""
    assert Service.from_dict(service()).address == ""
    assert Service.from_dict(named).address == ""


def why(
    it: dict[str, Any], *events: dict[str, Any], controller: dict[str, Any] | None = READY, pools: Any = (POOL,)
) -> str:
    told = why_no_address(it, events, controller, pools)
    assert told.startswith("Service gateways/in: ")
    return told.removeprefix("Service gateways/in: ")


def test_another_type_is_said_and_nothing_else() -> None:
    told = why(service(type="ClusterIP"), controller=None, pools=())
    assert told == "its type is ClusterIP, and only a LoadBalancer is given an address"


@pytest.mark.parametrize(
    ("controller", "pools", "told"),
    [
        (None, (POOL,), "there is no deployment metallb-controller"),
        ({"spec": {"replicas": 1}}, (POOL,), "metallb-controller has 0 of 1 replicas ready"),
        ({"spec": {"replicas": 0}}, (POOL,), "metallb-controller has 0 of 0 replicas ready"),
        (READY, (), "there is no IPAddressPool to take an address from"),
        (READY, ({"spec": {"autoAssign": False}},), "no IPAddressPool may be taken from .*: autoAssign is false"),
        (READY, ({"status": {"availableIPv4": 0}},), "every address of the pools is taken"),
        (None, (), "there is no deployment metallb-controller; there is no IPAddressPool to take an address from"),
    ],
)
def test_what_gives_addresses_is_named_where_it_is_not_as_it_must_be(
    controller: dict[str, Any] | None, pools: tuple[dict[str, Any], ...], told: str
) -> None:
    assert re.fullmatch(told, why(service(), controller=controller, pools=pools))


def test_a_pool_that_nobody_has_counted_is_not_called_empty() -> None:
    assert "every address" not in why(service(), pools=({"spec": {}},))
    assert "every address" not in why(service(), pools=({"status": {"availableIPv4": 0}}, POOL))


def test_a_class_and_another_controllers_events_are_named() -> None:
    told = why(service(loadBalancerClass="cloud/nlb"), event("Normal", "Ensuring", "…", "service-controller"))
    assert told == (
        "its loadBalancerClass is cloud/nlb, which metallb-controller leaves to another controller; "
        "it has events from service-controller: another controller deals with it"
    )


def test_the_last_warning_is_told_in_its_own_words() -> None:
    events = [event("Warning", kind, f"{kind} it is") for kind in ("Early", "AllocationFailed")]
    told = why(service(), *events, event("Normal", "Nothing", "of note"))
    assert told == "its last warning is AllocationFailed: AllocationFailed it is"


def test_where_nothing_is_wrong_that_is_said() -> None:
    told = why(service(), event("Normal", "Nothing", "of note"))
    assert told == "metallb-controller is ready and has a pool, and the Service has no warning among its 1 events"


def test_why_there_is_none_in_a_cluster_of_somebody_elses_names_whoever_dealt_with_it() -> None:
    nobody = why_no_address_of_theirs(service(), [])
    assert nobody.startswith("Service gateways/in: this cluster's load balancer gives it no address")
    assert nobody.endswith("take ACCESS=port-forward; no controller has said anything of it")
    said = why_no_address_of_theirs(service(), [event("Warning", "SyncFailed", "quota is used up", "cloud-controller")])
    assert said.endswith("it has events from cloud-controller; its last warning is SyncFailed: quota is used up")
    assert "metallb" not in nobody + said
