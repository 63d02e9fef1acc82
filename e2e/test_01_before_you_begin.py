"""Before you begin: kgateway without Istio, and httpbin behind it."""

from meshproof.results import StepResult


def test_the_gateway_runs_envoy_alone(before: StepResult):
    assert before.proven("before.gateway-containers")


def test_httpbin_answers_without_a_client_certificate(before: StepResult):
    assert before.proven("before.response")
