"""Install Istio."""

from meshproof.results import StepResult


def test_istiod_is_ready(istio: StepResult):
    assert istio.proven("istio.istiod-ready")
