"""Exclude a service from mTLS."""

from meshproof.results import StepResult


def test_the_routes_are_accepted(exclude: StepResult):
    assert exclude.proven("exclude.route-accepted")


def test_the_static_backend_gets_plaintext(exclude: StepResult):
    assert exclude.proven("exclude.backend-no-xfcc")


def test_the_excluded_service_gets_plaintext(exclude: StepResult):
    assert exclude.proven("exclude.service-no-xfcc")


def test_the_annotation_makes_the_difference(exclude: StepResult):
    assert exclude.proven("exclude.annotation-decides")


def test_other_routes_keep_mtls(exclude: StepResult):
    assert exclude.proven("exclude.others-keep-xfcc")


def test_the_same_pods_serve_both(exclude: StepResult):
    assert exclude.proven("exclude.same-pods")
