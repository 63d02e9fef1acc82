"""Which meshproof this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from meshproof.carried import INSTALLED, SUITE
from meshproof.errors import CommandFailed
from meshproof.run import run

GIT_S = 5.0


@cache
def build() -> dict[str, str]:
    """Its name, version, and commit where it is a checkout, with a + where files differ; empty where not known."""
    try:
        told = version("meshproof")
    except PackageNotFoundError:
        told = ""
    return {"name": "meshproof", "version": told, "commit": _commit()}


def _commit() -> str:
    if INSTALLED or not SUITE.with_name(".git").exists():
        return ""
    describe = ("git", "-C", str(SUITE.parent), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+")
    try:
        return run(*describe, timeout_s=GIT_S).stdout.strip()
    except CommandFailed:  # git is missing, or another user's checkout is none of its business
        return ""
