"""Enable the Istio integration in kgateway."""

from meshproof.results import StepResult


def test_the_controller_runs_with_the_integration(enable: StepResult):
    assert enable.proven("enable.controller-env")


def test_the_helm_values_of_the_page_change_nothing(enable: StepResult):
    assert enable.proven("enable.values-have-no-effect")


def test_istiod_is_named_where_it_was_found(enable: StepResult):
    assert enable.proven("enable.istiod-address")


def test_the_parameters_are_stored_and_in_effect(enable: StepResult):
    assert enable.proven("enable.parameters-accepted")


def test_the_gateway_is_accepted_with_its_parameters(enable: StepResult):
    assert enable.proven("enable.gateway-accepted")


def test_the_gateway_has_three_containers(enable: StepResult):
    assert enable.proven("enable.gateway-containers")


def test_traffic_stays_plaintext_until_the_app_is_injected(enable: StepResult):
    assert enable.proven("enable.plaintext-until-injected")
