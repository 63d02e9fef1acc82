"""The node of a kind cluster, from inside: connections that begin there, and the addresses of its network."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_network
from itertools import islice
from typing import Any

from meshproof.engine import Engine
from meshproof.engine.install import program
from meshproof.environment import tool_environment
from meshproof.errors import MachineCannot, NotReady
from meshproof.run import Completed, Dialogue

# An address that kube-proxy does not know yet keeps the kernel trying for longer than it takes until it does.
CONNECT_TIMEOUT_S = 2.0
# Bash is in every node image of kind's. The empty line says that the connection is there; when we hang up, all ends.
_RELAY = 'exec 3<>"/dev/tcp/$0/$1" && echo && { cat <&3 & cat >&3; kill $!; }'


@dataclass(frozen=True)
class Network:
    """A container network: its range, and the addresses in it that somebody has."""

    name: str
    subnet: IPv4Network
    taken: frozenset[IPv4Address]

    def spare(self, count: int) -> tuple[IPv4Address, ...]:
        """The highest addresses that nobody has: the engine gives out the lowest first.

        Raises:
            MachineCannot: There are not so many.
        """
        last = int(self.subnet.broadcast_address)
        downwards = map(IPv4Address, range(last - 1, int(self.subnet.network_address), -1))
        found = tuple(islice((address for address in downwards if address not in self.taken), count))
        if len(found) < count:
            raise MachineCannot(
                f"container network {self.name}, {self.subnet}: expected {count} spare addresses, found {len(found)}; "
                "delete a cluster, or give the network a larger range"
            )
        return found

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Network:
        """Read the engine's form of a network.

        Raises:
            MachineCannot: It has no range of IPv4 addresses.
        """
        configured: Sequence[Mapping[str, str]] = raw["IPAM"]["Config"] or ()
        subnets = [network for part in configured if isinstance(network := ip_network(part["Subnet"]), IPv4Network)]
        if not subnets:
            raise MachineCannot(f"container network {raw['Name']}: expected a range of IPv4 addresses, found none")
        gateways = [gateway for part in configured if (gateway := part.get("Gateway", ""))]
        containers: Sequence[str] = [each["IPv4Address"] for each in raw["Containers"].values()]
        taken = (IPv4Interface(text).ip for text in (*gateways, *containers) if text and ":" not in text)
        return cls(raw["Name"], subnets[0], frozenset(taken))


@dataclass(frozen=True)
class Node:
    """The one node of a kind cluster: a container of this name."""

    name: str
    engine: Engine

    @classmethod
    def of(cls, cluster: str, engine: Engine) -> Node:
        """The node of a kind cluster of ours."""
        return cls(f"{cluster}-control-plane", engine)

    def run(self, *argv: str, stdin: str = "", timeout_s: float = 60.0) -> Completed:
        """Run a program in it; see `meshproof.run.run`."""
        given = ("--interactive",) if stdin else ()
        return self.engine.docker("exec", *given, self.name, *argv, stdin=stdin, timeout_s=timeout_s)

    def host_address(self) -> str:
        """The address by which containers reach the machine that the engine runs on; empty where it has none.

        Source: https://docs.docker.com/reference/cli/dockerd/, "host-gateway": the address of the default bridge.
        """
        form = "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
        answer = self.engine.docker("network", "inspect", "bridge", "--format", form, check=False)
        return next((text for text in answer.stdout.split() if ":" not in text), "") if answer.code == 0 else ""

    def network(self) -> Network:
        """The network that it is in.

        Raises:
            CommandFailed: The engine knows no such node.
            MachineCannot: The network has no range of IPv4 addresses.
        """
        inspected = self.engine.docker("inspect", "--format={{json .NetworkSettings.Networks}}", self.name)
        (name, *_) = json.loads(inspected.stdout)
        return Network.from_dict(json.loads(self.engine.docker("network", "inspect", name).stdout)[0])

    @contextmanager
    def connect(self, host: str, port: int) -> Generator[socket.socket]:
        """A TCP connection that begins inside the node, so that it is the same on every system.

        Raises:
            NotReady: It did not come about in time.
        """
        argv = (
            program("docker") or "docker",
            "exec",
            "--interactive",
            self.name,
            "bash",
            "-c",
            _RELAY,
            host,
            str(port),
        )
        with Dialogue(*argv, env=tool_environment(self.engine.env)) as dialogue:
            connection = dialogue.socket
            connection.settimeout(CONNECT_TIMEOUT_S)
            try:
                there = connection.recv(1) == b"\n"
                why = "" if there else next(iter(dialogue.errors().splitlines()), "it said nothing")
            except OSError:
                there, why = False, f"none within {CONNECT_TIMEOUT_S:g} s"
            if not there:
                raise NotReady(f"connection from {self.name} to {host} port {port}: {why}")
            yield connection
