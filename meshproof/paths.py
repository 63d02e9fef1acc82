"""Where meshproof keeps things: the cache, the state of what runs, and the artifacts of each run."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Built things, safe to delete: `$XDG_CACHE_HOME/meshproof`, by default `~/.cache/meshproof`."""
    return _under("XDG_CACHE_HOME", ".cache")


def state_dir() -> Path:
    """What runs now, sockets, pids, kubeconfigs: `$XDG_STATE_HOME/meshproof`, else `~/.local/state/meshproof`."""
    return _under("XDG_STATE_HOME", ".local/state")


def artifacts_dir() -> Path:
    """Results of runs: `artifacts/` below the current folder."""
    return Path.cwd() / "artifacts"


def _under(variable: str, default: str) -> Path:
    root = os.environ.get(variable)
    folder = (Path(root) if root else Path.home() / default) / "meshproof"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
