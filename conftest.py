"""pytest's entry: loads fixtures/ as plugins and declares the command-line options. No logic."""

import pytest

pytest_plugins = ["fixtures.proof", "fixtures.sections", "fixtures.endings"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The choices of a run; pytest-kind brings --cluster-name and --keep-cluster."""
    group = parser.getgroup("meshproof")
    group.addoption("--kgateway", default="", help="kgateway's version; the newest supported by default")
    group.addoption("--istio", default="", help="Istio's version")
    group.addoption("--kubernetes", default="", help="Kubernetes' version")
    group.addoption("--revision", default="", help="Istio's revision; revisionless by default")
    group.addoption("--access", default="port-forward", help="how requests reach the gateway: port-forward")
    group.addoption("--images", default="auto", help="where images come from: auto, source or published")
