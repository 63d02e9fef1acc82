"""Clean up: the page is taken back, and nothing unexplained is left."""

import pytest

from meshproof.results import StepResult


def test_the_routes_are_gone(cleanup: StepResult):
    assert cleanup.proven("cleanup.route-gone")


def test_httpbin_has_its_three_containers_again(cleanup: StepResult):
    assert cleanup.proven("cleanup.httpbin-containers")


def test_the_gateway_runs_envoy_alone_again(cleanup: StepResult):
    assert cleanup.proven("cleanup.gateway-containers")


def test_httpbin_still_answers(cleanup: StepResult):
    assert cleanup.proven("cleanup.response")


@pytest.mark.cluster("kind")
def test_istio_is_gone(cleanup: StepResult):
    assert cleanup.proven("cleanup.istio-gone")


@pytest.mark.cluster("existing")
def test_istio_stays(cleanup: StepResult):
    assert cleanup.proven("cleanup.istio-stays")


def test_nothing_unexplained_is_left(cleanup: StepResult):
    assert cleanup.proven("cleanup.inventory")
