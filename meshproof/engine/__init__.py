"""A container engine: one that answers is used as it is; where none does, meshproof starts a Docker of its own."""

from __future__ import annotations

from meshproof.engine.core import Engine, Silence, ensure_engine, find_engine, own_daemon, stop_engine
from meshproof.engine.host import Host

__all__ = ["Engine", "Host", "Silence", "ensure_engine", "find_engine", "own_daemon", "stop_engine"]
