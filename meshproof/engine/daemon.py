"""A Docker daemon of our own, with a containerd of its own: where it keeps things, its configuration, start and stop.

A system daemon is never touched: socket, data, pids, bridge, address pool and containerd are all ours.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from meshproof.engine import runc_wrapper
from meshproof.engine.capabilities import lacks_sys_resource
from meshproof.engine.install import program, search_path
from meshproof.environment import tool_environment
from meshproof.errors import BadInput, MachineCannot
from meshproof.processes import Recorded, kill_children, with_argument
from meshproof.run import Background, run

LONGEST_SOCKET_PATH = 90  # the kernel allows 107 bytes; Docker makes longer names below the same folder
STOP_DOCKERD_S = 30.0
STOP_CONTAINERD_S = 10.0

# The daemons outlive this process; kept here so that no destructor complains that they still run.
_started: list[Background] = []


@dataclass(frozen=True)
class Daemon:
    """Our own daemon, wholly described by its folder."""

    folder: Path

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "docker.sock"

    @property
    def containerd_socket(self) -> Path:
        """Where its containerd listens; every shim of ours has it among its arguments."""
        return self.folder / "containerd.sock"

    @property
    def bridge(self) -> str:
        """Network bridge of its own, so that two daemons never hand out each other's addresses."""
        return "mp-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    @property
    def env(self) -> dict[str, str]:
        """What makes a docker client talk to it."""
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    @property
    def dockerd(self) -> Recorded:
        """The daemon's process."""
        return Recorded(self.folder / "dockerd.pid", str(self.folder / "daemon.json"))

    @property
    def containerd(self) -> Recorded:
        """Its containerd's process."""
        return Recorded(self.folder / "containerd.pid", str(self.folder / "containerd.toml"))

    def shims(self) -> tuple[int, ...]:
        """Pids of the shims of our containers; they live on when the daemon is killed."""
        return with_argument(str(self.containerd_socket))

    def alive(self) -> bool:
        """Whether both processes run; says nothing about whether they answer."""
        return all(record.pid() is not None for record in self._records().values())

    def last_words(self, lines: int = 8) -> str:
        """The last lines printed by whichever of the two processes ended, or by the daemon when both run."""
        ended = [name for name, record in self._records().items() if record.pid() is None]
        told: list[str] = []
        for path in (self.folder / f"{name}.log" for name in ended or ["dockerd"]):
            if path.exists():
                told += [f"{path}:", *(f"  {line}" for line in path.read_text(errors="replace").splitlines()[-lines:])]
        return "\n".join(told)

    def launch(self) -> None:
        """Start whichever of the two processes does not run; stale pids and sockets are no obstacle.

        Raises:
            BadInput: The state folder's path is too long for a socket.
            MachineCannot: A program is missing, or the bridge cannot be made.
        """
        if len(str(self.socket)) > LONGEST_SOCKET_PATH:
            raise BadInput(
                f"{self.socket}: {len(str(self.socket))} characters are too many for a socket, "
                f"{LONGEST_SOCKET_PATH} are possible; set XDG_STATE_HOME to a shorter path"
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        subnet = self._subnet()
        self._write_configuration(subnet)
        self._make_bridge(subnet)
        env = tool_environment({"PATH": search_path()})
        if self.containerd.pid() is None:
            self._start("containerd", self.containerd, ("--config", str(self.folder / "containerd.toml")), env)
        if self.dockerd.pid() is None:
            # dockerd ends what a killed one left running; a container that heeds no signal would cost it ten seconds
            kill_children(self.shims())
            # dockerd takes any living process for itself when its pid is in the file: pids are reused
            (self.folder / "docker.pid").unlink(missing_ok=True)
            self._start("dockerd", self.dockerd, ("--config-file", str(self.folder / "daemon.json")), env)

    def end(self) -> None:
        """End both processes, remove the bridge and the sockets; images stay for the next start."""
        self.dockerd.end(STOP_DOCKERD_S)
        self.containerd.end(STOP_CONTAINERD_S)
        if Path("/sys/class/net", self.bridge).exists():
            run(_needed("ip"), "link", "delete", self.bridge)
        # a killed daemon leaves mounts behind, and a folder with mounts cannot be deleted
        for mount in reversed(mounts_below(self.folder, Path("/proc/self/mounts").read_text())):
            run("umount", mount)
        for path in (self.socket, self.containerd_socket):
            path.unlink(missing_ok=True)

    def _records(self) -> dict[str, Recorded]:
        return {"containerd": self.containerd, "dockerd": self.dockerd}

    def _start(self, name: str, record: Recorded, arguments: Iterable[str], env: dict[str, str]) -> None:
        process = Background(_needed(name), *arguments, log_path=self.folder / f"{name}.log", env=env)
        record.record(process.pid)
        _started.append(process)

    def _subnet(self) -> ipaddress.IPv4Network:
        """The range of our containers: chosen once where no route of this machine goes, then kept."""
        record = self.folder / "subnet"
        if not record.exists():
            record.write_text(str(free_subnet(Path("/proc/net/route").read_text())))
        return ipaddress.IPv4Network(record.read_text())

    def _write_configuration(self, subnet: ipaddress.IPv4Network) -> None:
        daemon: dict[str, object] = {
            "hosts": [f"unix://{self.socket}"],
            "data-root": str(self.folder / "data"),
            "exec-root": str(self.folder / "exec"),
            "pidfile": str(self.folder / "docker.pid"),
            "containerd": str(self.containerd_socket),
            "bridge": self.bridge,
            # the first block is the bridge's own
            "default-address-pools": [
                {"base": str(net), "size": 24} for net in list(subnet.subnets(new_prefix=17))[1:]
            ],
            "oom-score-adjust": 0,
            "log-opts": {"max-size": "20m"},
        }
        if lacks_sys_resource():
            wrapper = self.folder / "runc-without-sys-resource"
            # A copy, and the Python below our virtual environment: the daemon may outlive this checkout.
            copy = self.folder / "runc_wrapper.py"
            copy.write_text(Path(runc_wrapper.__file__).read_text())
            python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
            command = shlex.join((str(python), "-I", "-S", str(copy), _needed("runc")))
            wrapper.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            wrapper.chmod(0o755)
            daemon |= {"runtimes": {"meshproof": {"path": str(wrapper)}}, "default-runtime": "meshproof"}
        (self.folder / "daemon.json").write_text(json.dumps(daemon, indent=2))
        containerd = f"""\
version = 2
root = {json.dumps(str(self.folder / "containerd"))}
state = {json.dumps(str(self.folder / "exec-containerd"))}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = {json.dumps(str(self.containerd_socket))}
"""
        (self.folder / "containerd.toml").write_text(containerd)

    def _make_bridge(self, subnet: ipaddress.IPv4Network) -> None:
        ip = _needed("ip")
        if not Path("/sys/class/net", self.bridge).exists():
            run(ip, "link", "add", "name", self.bridge, "type", "bridge")
        run(ip, "address", "replace", f"{subnet.network_address + 1}/24", "dev", self.bridge)
        run(ip, "link", "set", self.bridge, "up")


def mounts_below(folder: Path, mounts: str) -> list[str]:
    """Mount points below a folder, in the order in which they were mounted, by the text of /proc/self/mounts."""
    points = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[1]) for line in mounts.splitlines()]
    return [point for point in points if Path(point).is_relative_to(folder)]


def free_subnet(routes: str) -> ipaddress.IPv4Network:
    """The first of our private ranges that no route, in the form of /proc/net/route, leads into.

    Raises:
        MachineCannot: All of them are taken.
    """
    taken: list[ipaddress.IPv4Network] = []
    for line in routes.splitlines()[1:]:
        fields = line.split()
        network, mask = (ipaddress.IPv4Address(bytes.fromhex(fields[i])[::-1]) for i in (1, 7))
        taken.append(ipaddress.IPv4Network(f"{network}/{mask}"))
    candidates = [ipaddress.IPv4Network(f"10.{number}.0.0/16") for number in range(208, 224)]
    for candidate in candidates:
        if not any(route.prefixlen and route.overlaps(candidate) for route in taken):
            return candidate
    raise MachineCannot(
        f"no private range is left for containers: routes of this machine lead into each of {candidates[0]} to "
        f"{candidates[-1]}; start a container engine by hand, with a range that is free"
    )


def _needed(name: str) -> str:
    path = program(name)
    if path is None:
        raise MachineCannot(f"{name} is not on {os.environ.get('PATH', '')}; install Debian's docker.io and iproute2")
    return path
