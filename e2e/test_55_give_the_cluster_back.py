"""Give the cluster back, where it is somebody else's."""

import pytest

from meshproof.results import StepResult

pytestmark = pytest.mark.cluster("existing")


def test_nothing_of_the_run_is_left(restore: StepResult):
    assert restore.proven("restore.nothing-of-ours")


def test_what_was_there_before_is_as_it_was(restore: StepResult):
    assert restore.proven("restore.as-found")
