"""What this machine is and has. Looks only; changes nothing."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from meshproof.engine import Engine, Host, find_engine
from meshproof.engine.capabilities import ours
from meshproof.engine.core import unused_engines
from meshproof.engine.install import missing_packages, why_not_ours
from meshproof.environment import ignored
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.inotify import Inotify, inotify
from meshproof.kube import proxy
from meshproof.paths import cache_dir, state_dir
from meshproof.run import run


@dataclass(frozen=True)
class Kernel:
    """What the kernel below the containers lets us do."""

    capabilities: frozenset[str]
    cgroup_version: Literal[0, 1, 2]
    inotify: Inotify


@dataclass(frozen=True)
class Machine:
    """What was seen of this machine. Sizes are in bytes; -1 for an unlimited number.

    `engine` is the one that answers, or the reason why none does; `why_not_ours` is empty when meshproof can start one.
    `kernel` is None where the engine has a machine of its own, as it has on all but Linux. `host` is the engine's
    machine as that tells of it, None where none answers. `ignored` are names of
    variables that are set and that no tool is given. `unused_engines` says what other engine is there. `proxies` are
    the variables about proxies that are set.
    """

    engine: Engine | str
    why_not_ours: str
    packages: tuple[str, ...]
    kernel: Kernel | None
    open_files: int
    memory_available_bytes: int
    disk_free_bytes: int
    disk_path: Path
    go: str
    ignored: tuple[str, ...]
    unused_engines: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict[str, str])
    host: Host | None = None

    @property
    def host_elsewhere(self) -> Host | None:
        """The engine's machine, where it is not this one."""
        return None if self.host is None or self.host.ours else self.host


def cores() -> int:
    """How many processors this process may use."""
    return len(psutil.Process().cpu_affinity()) if sys.platform == "linux" else psutil.cpu_count() or 1


def look() -> Machine:
    """See what this machine is and has."""
    disk_free_bytes, disk_path = min((shutil.disk_usage(path).free, path) for path in (cache_dir(), state_dir()))
    go = shutil.which("go")
    engine, obstacle = _find_engine()
    host = _host(engine)
    return Machine(
        engine=engine,
        why_not_ours=obstacle,
        packages=missing_packages(),
        kernel=_kernel() if sys.platform == "linux" and (host is None or host.ours) else None,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        memory_available_bytes=psutil.virtual_memory().available,
        disk_free_bytes=disk_free_bytes,
        disk_path=disk_path,
        go=run(go, "version", check=False).stdout.strip() if go else "",
        unused_engines=unused_engines(),
        proxies=proxy.settings(),
        ignored=ignored(engine.env if isinstance(engine, Engine) else ()),
        host=host,
    )


def _host(engine: Engine | str) -> Host | None:
    try:
        return engine.host() if isinstance(engine, Engine) else None
    except CommandFailed:
        return None  # it answered a moment ago, and says nothing of its machine


def _kernel() -> Kernel:
    version_1 = 1 if any(mount.fstype == "cgroup" for mount in psutil.disk_partitions(all=True)) else 0
    return Kernel(
        capabilities=ours(),
        cgroup_version=2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else version_1,
        inotify=inotify(),
    )


def _find_engine() -> tuple[Engine | str, str]:
    try:
        found = find_engine()
    except MachineCannot as error:
        return str(error), "one is named, so no other is used"
    return (found, "") if isinstance(found, Engine) else (found.reason, why_not_ours())
