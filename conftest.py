"""pytest's entry: loads fixtures/ as plugins and declares the command-line options. No logic."""

import pytest

from meshproof.suite import add_options

pytest_plugins = ["fixtures.proof", "fixtures.sections", "fixtures.endings"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The choices of a run; pytest-kind brings --cluster-name and --keep-cluster."""
    add_options(parser)
