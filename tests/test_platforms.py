from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from meshproof import platforms, yamls
from meshproof.platforms import here

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("system", "machine", "key", "told", "assembles"),
    [
        ("linux", "x86_64", "linux-amd64", "Linux on amd64", True),
        ("linux", "aarch64", "linux-arm64", "Linux on arm64", False),
        ("darwin", "arm64", "darwin-arm64", "macOS on arm64", False),
        ("darwin", "x86_64", "darwin-amd64", "macOS on amd64", False),
        ("freebsd14", "riscv64", "freebsd14-riscv64", "freebsd14 on riscv64", False),
    ],
)
def test_a_platform_is_named_as_releases_name_it(
    system: str, machine: str, key: str, told: str, assembles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platforms.sys, "platform", system)
    monkeypatch.setattr(platforms.platform, "machine", lambda: machine)
    assert (here().key, str(here()), here().assembles) == (key, told, assembles)


def test_each_python_that_is_claimed_is_one_that_ci_tests() -> None:
    claimed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons = [each.rpartition(" ")[2] for each in claimed if each.startswith("Programming Language :: Python :: ")]
    (workflow,) = yamls.load((ROOT / ".github/workflows/e2e.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == pythons == ["3.11", "3.12", "3.13", "3.14"]


def test_what_is_installed_is_locked_for_every_platform_and_not_for_this_one_alone() -> None:
    # A notebook's kernel needs it on macOS alone: without it in the lock nothing could be installed there.
    assert "appnope==" in (ROOT / "requirements.lock").read_text()
    assert "--universal" in (ROOT / "Makefile").read_text()
