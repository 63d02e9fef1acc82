"""Route to httpbin over mTLS."""

from meshproof.results import StepResult


def test_the_namespace_asks_for_injection(route: StepResult):
    assert route.proven("route.namespace-labelled")


def test_httpbin_has_a_fourth_container(route: StepResult):
    assert route.proven("route.httpbin-containers")


def test_httpbin_answers(route: StepResult):
    assert route.proven("route.status")


def test_the_certificate_was_shown_to_httpbin(route: StepResult):
    assert route.proven("route.xfcc-by")


def test_the_certificate_is_the_gateways_identity(route: StepResult):
    assert route.proven("route.xfcc-uri")


def test_the_certificate_is_the_one_the_gateway_holds(route: StepResult):
    assert route.proven("route.xfcc-hash")


def test_the_subject_is_the_certificates(route: StepResult):
    assert route.proven("route.xfcc-subject")


def test_nothing_speaks_for_the_sidecar(route: StepResult):
    assert route.proven("route.xfcc-sole")


def test_a_forged_header_does_not_reach_the_app(route: StepResult):
    assert route.proven("route.forged-xfcc-dropped")


def test_envoy_counts_the_handshakes(route: StepResult):
    assert route.proven("route.handshakes")
