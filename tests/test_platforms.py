from __future__ import annotations

import pytest

from meshproof import platforms
from meshproof.platforms import here


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
