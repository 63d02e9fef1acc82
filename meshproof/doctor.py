"""Whether this machine can do the work: one line for each thing needed. Looks only; changes nothing."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from meshproof.engine import Engine, Host
from meshproof.errors import MACHINE_CANNOT, PROVEN, MachineCannot
from meshproof.images.store import user_store
from meshproof.images.tools import at_hand, choose, pins
from meshproof.inotify import A_CLUSTER, FOR_SEVERAL, REMEDY
from meshproof.kube import proxy
from meshproof.machine import Kernel, Machine, look
from meshproof.platforms import here
from meshproof.releases import Cell

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


def doctor(cache_lines: Sequence[Line] = (), machine: Machine | None = None, images: str = "auto") -> list[Line]:
    """Hold the machine against what a run needs.

    Args:
        cache_lines: Lines about what is cached; images that are all "ok" need no room for building.
        machine: What was seen; looked at now by default.
        images: Where images come from; released ones need no room for building.
    """
    machine = machine or look()
    assembled = images != "published" and here().assembles
    cached = not assembled or (bool(cache_lines) and all(line.status == "ok" for line in cache_lines))
    kernel = machine.kernel
    return [
        _engine(machine),
        _environment(machine),
        *([_capability(machine.engine, kernel), _cgroup(kernel), _inotify(kernel)] if kernel else []),
        *([_rootless(machine.host)] if machine.host and machine.host.rootless else []),
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


def tool_lines(cell: Cell, images: str) -> list[Line]:
    """Where kind, kubectl and helm come from beside released images; no lines where those are not used."""
    if images == "source" or cell.published is None:
        return []
    chosen = choose(cell.published.versions["kubernetes"])
    there = at_hand(user_store(), chosen)
    lines: list[Line] = []
    for choice in chosen:
        if choice.path:
            lines.append(Line(choice.name, "ok", f"{choice.version}, that of PATH: {choice.path}"))
            continue
        passed_over = f"; {choice.passed_over}" if choice.passed_over else ""
        detail = f"{choice.version} as released, for released images{passed_over}"
        if here().key not in pins()[choice.name].sha256:
            lines.append(Line(choice.name, "cannot", f"none for {here()}{passed_over}", f"put {choice.wanted} on PATH"))
        else:
            lines.append(
                Line(choice.name, "ok" if there else "will fix", detail + ("" if there else ", to be downloaded"))
            )
    return lines


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


def _engine(machine: Machine) -> Line:
    if isinstance(machine.engine, Engine):
        whose = "started by meshproof" if machine.engine.kind == "own" else "found, used as it is"
        where = f", {_told(machine.host_elsewhere)}" if machine.host_elsewhere else ""
        return Line("engine", "ok", f"Docker {machine.engine.version}, {whose}{where}{machine.unused_engines}")
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


def _told(host: Host) -> str:
    """The engine's own machine, in a phrase."""
    return f"in a machine of its own ({host.system}, {host.architecture}, {host.cpus} CPUs)"


def _rootless(host: Host) -> Line:
    """Source: https://kind.sigs.k8s.io/docs/user/rootless/."""
    if host.cgroup_version == 2 and host.limits:
        return Line("rootless", "ok", "the engine runs without root, with control groups of its own")
    lacks = "may not limit what a node takes" if host.cgroup_version == 2 else "has cgroup v1"
    remedy = "have cgroup v2, and Delegate=yes for user@.service in systemd, then start the engine anew"
    return Line("rootless", "cannot", f"the engine runs without root and {lacks}, and kind makes no node there", remedy)


def _memory(machine: Machine) -> Line:
    if host := machine.host_elsewhere:
        detail = f"{host.memory_bytes / GIB:.1f} GiB in the engine's machine"
        if host.memory_bytes >= RUN_MEMORY_GIB * GIB:
            return Line("memory", "ok", detail)
        remedy = "give it more: Docker Desktop, Settings, Resources; or colima stop, then colima start --memory 8"
        return Line("memory", "cannot", f"{detail}; a run needs {RUN_MEMORY_GIB} GiB", remedy)
    if machine.kernel is None:
        return Line("memory", "ok", "that of the engine's machine, known once it answers")
    detail = f"{machine.memory_available_bytes / GIB:.1f} GiB available"
    if machine.memory_available_bytes >= RUN_MEMORY_GIB * GIB:
        return Line("memory", "ok", detail)
    return Line("memory", "cannot", f"{detail}; a run needs {RUN_MEMORY_GIB} GiB", "end what else uses memory")


def _disk(machine: Machine, cached: bool) -> Line:
    free_gib = machine.disk_free_bytes / GIB
    detail = f"{free_gib:.1f} GiB free at {machine.disk_path}"
    if free_gib < RUN_DISK_GIB:
        return Line("disk", "cannot", f"{detail}; a run needs {RUN_DISK_GIB} GiB", "free some, such as old artifacts")
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
        return Line("go", "ok", machine.go or "not needed, nothing is to be assembled")
    return Line("go", "will fix", "not installed; a source assembly brings a pinned toolchain")


def _proxy(machine: Machine) -> Line:
    if not machine.proxies:
        return Line("proxy", "ok", "no variable names one")
    named = ", ".join(f"{name}={proxy.public(value)}" for name, value in machine.proxies.items())
    return Line("proxy", "ok", f"{named}; for downloads and a cluster elsewhere, never for one on this machine")
