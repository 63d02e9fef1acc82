"""The plugin of pytest that brings the fixtures and the choices: `pytest_plugins = ["meshproof.pytest"]`."""

import pytest

from meshproof.carried import FIXTURES
from meshproof.suite import add_options

pytest_plugins = [f"{FIXTURES}.{module}" for module in ("proof", "sections", "endings")]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The choices of a run; pytest-kind brings --cluster-name and --keep-cluster."""
    add_options(parser)
