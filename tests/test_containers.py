"""Which containers pods have, counted as kubectl counts them."""

from __future__ import annotations

from dataclasses import replace

from meshproof.checks.containers import has_exactly, names
from meshproof.kube.workloads import Container, Pod

EXPECTED = ("kgateway-proxy", "sds", "istio-proxy")


def pod(*containers: str, name: str = "http-1") -> Pod:
    """A pod whose containers are all ready."""
    return Pod(
        namespace="kgateway-system",
        name=name,
        labels={},
        phase="Running",
        containers=tuple(Container(each, "image", True, 0, False, ()) for each in containers),
        node="node",
        ip="10.244.0.2",
        owner="ReplicaSet/http",
        service_account="http",
        terminating=False,
    )


def test_names_are_in_the_pods_order() -> None:
    assert names(pod("b", "a")) == ("b", "a")


def test_the_same_names_in_any_order_hold() -> None:
    finding = has_exactly([pod("sds", "kgateway-proxy", "istio-proxy"), pod(*EXPECTED, name="http-2")], EXPECTED)
    assert finding.holds
    assert finding.expected == "kgateway-proxy, sds, istio-proxy; READY 3/3"
    assert finding.observed == (
        "http-1 3/3: sds, kgateway-proxy, istio-proxy; http-2 3/3: kgateway-proxy, sds, istio-proxy"
    )


def test_no_pod_never_holds() -> None:
    assert not has_exactly([], EXPECTED).holds
    assert has_exactly([], EXPECTED).observed == "no pod"
    assert not has_exactly([], ()).holds


def test_one_missing_one_more_or_one_twice_does_not_hold() -> None:
    for containers in (EXPECTED[:2], (*EXPECTED, "extra"), (*EXPECTED, "sds"), ("kgateway-proxy", "sds", "other"), ()):
        assert not has_exactly([pod(*containers)], EXPECTED).holds, containers


def test_every_pod_must_have_them() -> None:
    assert not has_exactly([pod(*EXPECTED), pod("kgateway-proxy", name="http-2")], EXPECTED).holds


def test_one_that_is_not_ready_does_not_hold() -> None:
    whole = pod(*EXPECTED)
    half = replace(whole, containers=(*whole.containers[:2], replace(whole.containers[2], ready=False)))
    finding = has_exactly([half], EXPECTED)
    assert not finding.holds
    assert finding.observed == "http-1 2/3: kgateway-proxy, sds, istio-proxy (not ready)"


def test_a_native_sidecar_counts_and_is_named_so() -> None:
    whole = pod(*EXPECTED)
    native = replace(whole, containers=(*whole.containers[:2], replace(whole.containers[2], native_sidecar=True)))
    finding = has_exactly([native], EXPECTED)
    assert finding.holds
    assert finding.observed.endswith("istio-proxy (native sidecar)")


def test_a_terminating_pod_is_listed_but_does_not_count() -> None:
    old = replace(pod("kgateway-proxy", name="http-0"), terminating=True)
    beside = has_exactly([pod(*EXPECTED), old], EXPECTED)
    assert beside.holds
    assert "http-0 1/1 terminating: kgateway-proxy" in beside.observed
    alone = has_exactly([replace(pod(*EXPECTED), terminating=True)], EXPECTED)
    assert not alone.holds
    assert alone.observed.startswith("no pod; http-1 3/3 terminating")
