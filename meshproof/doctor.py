"""Whether this machine can do the work: one line for each thing needed. Looks only; changes nothing."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from meshproof.engine import Engine, find_engine
from meshproof.engine.capabilities import ours
from meshproof.engine.core import unused_engines
from meshproof.engine.install import missing_packages, why_not_ours
from meshproof.environment import ignored
from meshproof.errors import MACHINE_CANNOT, PROVEN, MachineCannot
from meshproof.inotify import A_CLUSTER, FOR_SEVERAL, REMEDY, Inotify, inotify
from meshproof.kube import proxy
from meshproof.paths import cache_dir, state_dir
from meshproof.run import run

GIB = 1024**3

RUN_DISK_GIB = 3
BUILT_DISK_GIB = 8
BUILD_DISK_GIB = 25
RUN_MEMORY_GIB = 4
INOTIFY_INSTANCES = 128
INOTIFY_WATCHES = 65536
OPEN_FILES = 8192


@dataclass(frozen=True)
class Line:
    """One thing needed: "ok" as it is, "will fix" by the next run, or "cannot" until `remedy` is done.

    The remedy of a line that is not "cannot" is advice.
    """

    name: str
    status: Literal["ok", "will fix", "cannot"]
    detail: str
    remedy: str = ""


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
    `kernel` is None where the engine has a machine of its own, as it has on all but Linux. `ignored` are names of
    variables that are set and that no tool is given.
    `unused_engines` says what else is there. `proxies` are the variables about proxies that are set.
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


def doctor(cache_lines: Sequence[Line] = (), machine: Machine | None = None) -> list[Line]:
    """Hold the machine against what a run needs.

    Args:
        cache_lines: Lines about what is cached; images that are all "ok" need no room for building.
        machine: What was seen; looked at now by default.
    """
    machine = machine or look()
    cached = bool(cache_lines) and all(line.status == "ok" for line in cache_lines)
    kernel = machine.kernel
    return [
        _engine(machine),
        _environment(machine),
        *([_capability(machine.engine, kernel), _cgroup(kernel), _inotify(kernel)] if kernel else []),
        _open_files(machine),
        _memory(machine),
        _disk(machine, cached),
        _go(machine, cached),
        _proxy(machine),
        *cache_lines,
    ]


def check_room(machine: Machine | None = None) -> None:
    """Refuse to begin a run that memory or disk cannot hold; an assembly looks after its own room.

    Raises:
        MachineCannot: There is too little of one, with what is there and what is needed.
    """
    machine = machine or look()
    for line in (_memory(machine), _disk(machine, cached=True)):
        if line.status == "cannot":
            raise MachineCannot(f"{line.name}: {line.detail}; {line.remedy}")


def worst(lines: Sequence[Line]) -> int:
    """The exit code that follows: 3 when a line says "cannot", else 0."""
    return MACHINE_CANNOT if any(line.status == "cannot" for line in lines) else PROVEN


def render(lines: Sequence[Line]) -> str:
    """The lines as aligned plain text, each remedy under its line."""
    width = max((len(line.name) for line in lines), default=0)
    rows: list[str] = []
    for line in lines:
        head = f"{line.name:<{width}}  {line.status:<8}  "
        rows.append(head + line.detail)
        if line.remedy:
            rows.append(" " * len(head) + "-> " + line.remedy)
    return "\n".join(rows)


def look() -> Machine:
    """See what this machine is and has."""
    disk_free_bytes, disk_path = min((shutil.disk_usage(path).free, path) for path in (cache_dir(), state_dir()))
    go = shutil.which("go")
    engine, obstacle = _find_engine()
    return Machine(
        engine=engine,
        why_not_ours=obstacle,
        packages=missing_packages(),
        kernel=_kernel() if sys.platform == "linux" else None,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        memory_available_bytes=psutil.virtual_memory().available,
        disk_free_bytes=disk_free_bytes,
        disk_path=disk_path,
        go=run(go, "version", check=False).stdout.strip() if go else "",
        unused_engines=unused_engines(),
        proxies=proxy.settings(),
        ignored=ignored(engine.env if isinstance(engine, Engine) else ()),
    )


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


def _engine(machine: Machine) -> Line:
    if isinstance(machine.engine, Engine):
        whose = "started by meshproof" if machine.engine.kind == "own" else "found, used as it is"
        return Line("engine", "ok", f"Docker {machine.engine.version}, {whose}{machine.unused_engines}")
    if machine.why_not_ours:
        return Line(
            "engine",
            "cannot",
            f"none answers ({machine.engine}), and none can be started: {machine.why_not_ours}{machine.unused_engines}",
            "start Docker and let this user use it, or name one that runs in DOCKER_HOST",
        )
    packages = f"installs Debian's {', '.join(machine.packages)} and " if machine.packages else ""
    return Line(
        "engine", "will fix", f"none answers; a run {packages}starts a Docker daemon of its own{machine.unused_engines}"
    )


def _environment(machine: Machine) -> Line:
    """Never an obstacle: only whoever set them for a reason must know."""
    if machine.ignored:
        return Line("environment", "ok", f"set, but given to no tool: {', '.join(machine.ignored)}")
    return Line("environment", "ok", "no variable is set that would lead helm, kubectl, kind or docker elsewhere")


def _capability(engine: Engine | str, kernel: Kernel) -> Line:
    if isinstance(engine, Engine) and engine.kind == "found":
        return Line("capability", "ok", "the engine brings its own")
    if "CAP_SYS_RESOURCE" in kernel.capabilities:
        return Line("capability", "ok", "CAP_SYS_RESOURCE is held")
    status = "ok" if isinstance(engine, Engine) else "will fix"
    return Line("capability", status, "CAP_SYS_RESOURCE is withheld; our own engine does without, by a runtime wrapper")


def _cgroup(kernel: Kernel) -> Line:
    if kernel.cgroup_version:
        note = "; the kubelet is told to accept it" if kernel.cgroup_version == 1 else ""
        return Line("cgroup", "ok", f"version {kernel.cgroup_version}{note}")
    return Line("cgroup", "cannot", "no control groups are mounted", "mount -t cgroup2 none /sys/fs/cgroup")


def _inotify(kernel: Kernel) -> Line:
    seen = kernel.inotify
    detail = f"{seen.instances} instances of which {seen.used} are taken, {seen.watches} watches"
    if seen.instances < INOTIFY_INSTANCES or seen.watches < INOTIFY_WATCHES:
        return Line("inotify", "cannot", f"{detail}; a cluster needs {INOTIFY_INSTANCES} and {INOTIFY_WATCHES}", REMEDY)
    if seen.left < A_CLUSTER:
        without = f"another cluster takes about {A_CLUSTER}, and fails with 'too many open files'"
        return Line("inotify", "cannot", f"{detail}; {without}", f"{REMEDY}, or delete a cluster")
    return Line("inotify", "ok", detail, "" if seen.instances >= FOR_SEVERAL else f"for several clusters: {REMEDY}")


def _open_files(machine: Machine) -> Line:
    if machine.open_files == resource.RLIM_INFINITY:
        return Line("open files", "ok", "unlimited")
    if machine.open_files >= OPEN_FILES:
        return Line("open files", "ok", f"at most {machine.open_files}")
    return Line(
        "open files",
        "cannot",
        f"at most {machine.open_files}; a cluster needs {OPEN_FILES}",
        "raise the hard limit: ulimit -Hn 65536, as root, or nofile in /etc/security/limits.conf",
    )


def _memory(machine: Machine) -> Line:
    detail = f"{machine.memory_available_bytes / GIB:.1f} GiB available"
    if machine.memory_available_bytes >= RUN_MEMORY_GIB * GIB:
        return Line("memory", "ok", detail)
    return Line("memory", "cannot", f"{detail}; a run needs {RUN_MEMORY_GIB} GiB", "end what else uses memory")


def _disk(machine: Machine, cached: bool) -> Line:
    free_gib = machine.disk_free_bytes / GIB
    detail = f"{free_gib:.1f} GiB free at {machine.disk_path}"
    if free_gib < RUN_DISK_GIB:
        return Line("disk", "cannot", f"{detail}; a run needs {RUN_DISK_GIB} GiB", "free some, or `make clean`")
    if cached or free_gib >= BUILD_DISK_GIB:
        return Line("disk", "ok", detail)
    return Line(
        "disk",
        "cannot",
        f"{detail}; assembling images from source needs {BUILD_DISK_GIB} GiB while it builds, {BUILT_DISK_GIB} after",
        "free some, put XDG_CACHE_HOME and XDG_STATE_HOME on a larger disk, or use IMAGES=published",
    )


def _go(machine: Machine, cached: bool) -> Line:
    if machine.go or cached:
        return Line("go", "ok", machine.go or "not needed, all images are there")
    return Line("go", "will fix", "not installed; a source assembly brings a pinned toolchain")


def _proxy(machine: Machine) -> Line:
    if not machine.proxies:
        return Line("proxy", "ok", "no variable names one")
    named = ", ".join(f"{name}={proxy.public(value)}" for name, value in machine.proxies.items())
    return Line("proxy", "ok", f"{named}; for downloads and a cluster elsewhere, never for one on this machine")
