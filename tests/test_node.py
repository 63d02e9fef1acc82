"""The node from inside: spare addresses of its network, and connections that begin there. docker is stood in for."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Generator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from meshproof.cluster import node as module
from meshproof.cluster.node import Network, Node
from meshproof.engine import Engine
from meshproof.errors import MachineCannot, NotReady


def raw(*addresses: str, subnets: tuple[str, ...] = ("10.9.0.0/24", "fc00::/64")) -> dict[str, Any]:
    """A network as `docker network inspect` shows it; the gateway has the first address."""
    return {
        "Name": "kind",
        "IPAM": {
            "Config": [{"Subnet": subnet} for subnet in subnets] + [{"Subnet": "fd00::/64", "Gateway": "fd00::1"}]
        },
        "Containers": {str(number): {"IPv4Address": text} for number, text in enumerate(addresses)},
    }


def spare(count: int, *addresses: str, **how: Any) -> list[str]:
    return [str(address) for address in Network.from_dict(raw(*addresses, **how)).spare(count)]


def test_spare_addresses_are_the_highest_that_nobody_has() -> None:
    assert spare(3) == ["10.9.0.254", "10.9.0.253", "10.9.0.252"]
    assert spare(3, "10.9.0.254/24", "10.9.0.2/24", "10.9.0.252/24", "") == ["10.9.0.253", "10.9.0.251", "10.9.0.250"]


def test_the_networks_gateway_has_its_address() -> None:
    network = raw()
    network["IPAM"]["Config"][0]["Gateway"] = "10.9.0.254"
    assert Network.from_dict(network).spare(1) == (IPv4Address("10.9.0.253"),)


def test_a_large_network_is_not_gone_through() -> None:
    assert spare(1, subnets=("10.0.0.0/8",)) == ["10.255.255.254"]


def test_a_network_that_is_full_or_has_no_such_addresses_is_refused() -> None:
    with pytest.raises(MachineCannot, match=r"kind, 10\.9\.0\.0/30: expected 2 spare addresses, found 1; delete a"):
        spare(2, "10.9.0.2/30", subnets=("10.9.0.0/30",))
    with pytest.raises(MachineCannot, match="network kind: expected a range of IPv4 addresses, found none"):
        spare(1, subnets=("fc00::/64",))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node that is this machine: its docker runs what comes after `exec --interactive NODE` here."""
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\n[ "$1 $2 $3" = "exec --interactive mine-control-plane" ] || exit 9\nshift 3\nexec "$@"\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return Node.of("mine", Engine("found", "29"))


@pytest.fixture
def port() -> Generator[int]:
    """A port whose server gives back what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            accepted, _ = server.accept()
            with accepted:
                while data := accepted.recv(100):
                    accepted.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive(), "the connection outlived its context"


def test_a_connection_begins_in_the_node_and_ends_with_its_context(node: Node, port: int) -> None:
    with node.connect("127.0.0.1", port) as connection:
        for data in (b"one", bytes(range(100))):
            connection.sendall(data)
            assert connection.recv(len(data), socket.MSG_WAITALL) == data


def test_a_connection_that_is_refused_says_why(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    with (
        pytest.raises(NotReady, match=rf"from mine-control-plane to 127\.0\.0\.1 port {closed}: .*[Rr]efused"),
        node.connect("127.0.0.1", closed),
    ):
        pass


def test_one_that_does_not_come_about_in_time_is_given_up(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RELAY", "sleep 60")
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.1)
    with pytest.raises(NotReady, match=r"port 1: none within 0\.1 s"), node.connect("127.0.0.1", 1):
        pass
