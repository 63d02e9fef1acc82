"""Why a Service of type LoadBalancer has no address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshproof.kube.raw import Raw

CONTROLLER = "metallb-controller"


def why_no_address(
    service: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    controller: Mapping[str, Any] | None,
    pools: Sequence[Mapping[str, Any]],
) -> str:
    """What was seen of a Service that has no address, in one sentence; also where nothing is wrong with it.

    Args:
        service: The Service.
        events: Its events, oldest first.
        controller: The Deployment of MetalLB's controller; None where there is none.
        pools: MetalLB's IPAddressPools.
    """
    seen = Raw.of("Service", service)
    kind = seen.get("spec.type", "ClusterIP")
    if kind != "LoadBalancer":
        return f"{seen.name}: its type is {kind}, and only a LoadBalancer is given an address"
    told = [Raw.of("Event", event) for event in events]
    wrong = [*_others(seen, told), *_controller(controller), *_pools(pools), *_warning(told)]
    quiet = f"{CONTROLLER} is ready and has a pool, and the Service has no warning among its {len(told)} events"
    return f"{seen.name}: {'; '.join(wrong) or quiet}"


def why_no_address_of_theirs(service: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> str:
    """The same in a cluster of somebody else's, whose load balancer may be any; arguments as `why_no_address`."""
    seen, told = Raw.of("Service", service), [Raw.of("Event", event) for event in events]
    sources = sorted({source for event in told if (source := _source(event))})
    dealt = f"it has events from {', '.join(sources)}" if sources else "no controller has said anything of it"
    none = "this cluster's load balancer gives it no address, if there is one; without one, take ACCESS=port-forward"
    return f"{seen.name}: {'; '.join([none, dealt, *_warning(told)])}"


def _source(event: Raw) -> str:
    # A controller of before events.k8s.io names itself in `source`, one of today in `reportingComponent`.
    return event.get("source.component", "") or event.get("reportingComponent", "")


def _warning(events: Sequence[Raw]) -> Sequence[str]:
    warnings = [event for event in events if event.get("type", "") == "Warning"]
    return [f"its last warning is {event.get('reason', '')}: {event.get('message', '')}" for event in warnings[-1:]]


def _others(service: Raw, events: Sequence[Raw]) -> Sequence[str]:
    """What says that another controller is, or is to be, in charge."""
    given = service.get("spec.loadBalancerClass", "")
    others = sorted({name for event in events if (name := _source(event)) and name != CONTROLLER})
    asked = [f"its loadBalancerClass is {given}, which {CONTROLLER} leaves to another controller"] if given else []
    return asked + ([f"it has events from {', '.join(others)}: another controller deals with it"] if others else [])


def _controller(deployment: Mapping[str, Any] | None) -> Sequence[str]:
    if deployment is None:
        return [f"there is no deployment {CONTROLLER}"]
    seen = Raw.of("Deployment", deployment)
    ready, wanted = seen.get("status.readyReplicas", 0), seen.get("spec.replicas", 1)
    return [] if ready >= max(wanted, 1) else [f"{CONTROLLER} has {ready} of {wanted} replicas ready"]


def _pools(pools: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    if not pools:
        return ["there is no IPAddressPool to take an address from"]
    free = [pool for pool in (Raw.of("IPAddressPool", raw) for raw in pools) if pool.get("spec.autoAssign", True)]
    if not free:
        return ["no IPAddressPool may be taken from without being asked for: autoAssign is false"]
    counted = [pool.get("status.availableIPv4", 0) for pool in free if pool.has("status.availableIPv4")]
    return ["every address of the pools is taken"] if counted and not any(counted) else []
