"""The machine that an engine runs containers on, which need not be this one: what it has, and how one comes to it."""

from __future__ import annotations

import ipaddress
import platform
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

LOCAL = ("", "unix", "fd", "npipe")


class _Info(msgspec.Struct, frozen=True, rename="pascal"):
    """What is read of `docker info`; an older Docker leaves some of it out."""

    operating_system: str = ""
    kernel_version: str = ""
    architecture: str = ""
    cpus: int = msgspec.field(default=0, name="NCPU")
    mem_total: int = 0
    cgroup_version: str = "1"
    security_options: list[str] | None = None
    memory_limit: bool = True
    pids_limit: bool = True
    cpu_shares: bool = msgspec.field(default=True, name="CPUShares")


@dataclass(frozen=True)
class Host:
    """The machine of an engine, as that tells of it.

    Attributes:
        system: Its operating system: "Docker Desktop" where that has a machine of its own.
        kernel: Its kernel's release.
        architecture: Its processor, as the kernel names it.
        cpus: How many processors it has.
        memory_bytes: How much memory it has; 0 where that is not known.
        cgroup_version: Of the control groups that containers are put into.
        rootless: Whether the engine runs without root.
        limits: Whether it may limit a container's memory, processes and processor time, as a node needs.
    """

    system: str
    kernel: str
    architecture: str
    cpus: int
    memory_bytes: int
    cgroup_version: int
    rootless: bool = False
    limits: bool = True

    @classmethod
    def of(cls, info: str) -> Host:
        """The machine that a text of `docker info`, in JSON, tells of."""
        told = msgspec.json.decode(info, type=_Info)
        return cls(
            system=told.operating_system,
            kernel=told.kernel_version,
            architecture=told.architecture,
            cpus=told.cpus,
            memory_bytes=told.mem_total,
            cgroup_version=int(told.cgroup_version or 1),
            rootless=any("name=rootless" in option for option in told.security_options or ()),
            limits=told.memory_limit and told.pids_limit and told.cpu_shares,
        )

    @property
    def ours(self) -> bool:
        """Whether it is this machine: its kernel is ours, and so are its memory, limits and control groups."""
        return sys.platform == "linux" and self.kernel == platform.release()


def elsewhere(address: str) -> str:
    """The host that an engine's address leads to, when that is another machine's; empty for one of this machine.

    A machine within this one, as Docker Desktop and colima have it, is reached by a socket here, and publishes its
    ports here.
    """
    try:
        parts = urlsplit(address)
        host = "" if parts.scheme in LOCAL else parts.hostname or ""
    except ValueError:
        return address
    try:
        return "" if host in ("", "localhost") or ipaddress.ip_address(host).is_loopback else host
    except ValueError:
        return host
