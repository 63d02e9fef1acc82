"""ACCESS=load-balancer: what is typed, and which pod a connection through the load balancer went to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from snapshots import PARTS, SETTING

from meshproof import yamls
from meshproof.errors import NotReady
from meshproof.images import Parts
from meshproof.path import load_balancer as module
from meshproof.path.access import PodAccess
from meshproof.path.load_balancer import LoadBalancer, from_here
from meshproof.steps import load_balancer
from meshproof.steps.load_balancer import undo, values
from meshproof.steps.model import Command

WITH_EXTRA = replace(
    PARTS,
    charts={**PARTS.charts, "metallb": "/charts/metallb.tgz"},
    chart_versions={**PARTS.chart_versions, "metallb": ""},
    images={**PARTS.images, "metallb-controller": "registry.example:5000/metallb/controller:v1"},
)
POOL = ("10.9.0.254", "10.9.0.253")


def install(parts: Parts = WITH_EXTRA) -> tuple[Command, ...]:
    return load_balancer.commands(replace(SETTING, parts=parts, pool=POOL))


def test_what_is_typed_installs_the_controller_and_gives_it_these_addresses() -> None:
    write, helm, wait, pool = (command.text for command in install())
    assert write.startswith("cat > metallb.yaml <<")
    assert helm == (
        "helm upgrade --install metallb /charts/metallb.tgz --namespace metallb-system --create-namespace "
        "--values metallb.yaml"
    )
    assert wait.startswith("kubectl wait '--for=jsonpath=")
    assert wait.endswith(" crd/ipaddresspools.metallb.io")
    assert pool.startswith("kubectl apply -f - <<")
    (manifest,) = yamls.load(install()[-1].stdin)
    assert manifest["spec"] == {"addresses": ["10.9.0.254/32", "10.9.0.253/32"]}
    assert manifest["metadata"]["namespace"] == "metallb-system"


def test_a_chart_with_a_version_is_installed_in_it() -> None:
    parts = replace(WITH_EXTRA, chart_versions={"metallb": "0.15.3"})
    assert "--version 0.15.3" in install(parts)[1].text


def test_the_image_is_the_parts_one_and_the_speaker_stays_away() -> None:
    given = cast("dict[str, dict[str, object]]", values("registry.example:5000/metallb/controller:v1"))
    image = {"repository": "registry.example:5000/metallb/controller", "tag": "v1", "pullPolicy": "IfNotPresent"}
    assert given["controller"]["image"] == image
    assert given["speaker"] == {"enabled": False}


def test_the_way_back_takes_the_namespace_too() -> None:
    assert [command.text.split(" --")[0] for command in undo(SETTING)] == [
        "helm uninstall metallb",
        "kubectl delete namespace metallb-system",
        "kubectl annotate service http",
    ]


@dataclass
class StandInPod:
    """A pod of the gateway whose Envoy counts what it accepts."""

    pod: str
    accepted: int = 0
    listener: int = 8080

    def admin(self, path: str) -> str:
        assert path == module.accepted_page(self.listener)
        return f"listener.[__]_8080.downstream_cx_total: {self.accepted}\n"


@dataclass
class StandInBalancer:
    """A load balancer that leads each connection to the pods in turn, and whose apps answer all alike."""

    pods: list[StandInPod]
    turns: Iterator[int]
    answer: bytes = b""
    asked: list[bytes] = field(default_factory=list[bytes])
    ended: int = 0

    @contextmanager
    def connect(self, host: str, port: int) -> Generator[socket.socket]:
        assert (host, port) == ("10.9.0.254", 8080)
        turn = next(self.turns)
        if turn >= 0:
            self.pods[turn].accepted += 1
        ours, theirs = socket.socketpair()

        def serve() -> None:
            while request := theirs.recv(10_000):
                self.asked.append(request)
                theirs.sendall(self.answer)
                if b"Connection: close" in self.answer:
                    theirs.shutdown(socket.SHUT_RDWR)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        with theirs:
            with ours:
                yield ours
            server.join(10)
        self.ended += 1


BODY = b'{"headers": {"Host": ["www.example.com:8080"]}}'
OK = b"HTTP/1.1 200 OK\r\nserver: envoy\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACCEPT_TIMEOUT_S", 0.05)


def bench(
    *turns: int, pods: int = 1, answer: bytes = OK
) -> tuple[StandInBalancer, LoadBalancer, tuple[PodAccess, ...]]:
    known = [StandInPod(f"http-{number}") for number in range(pods)]
    balancer = StandInBalancer(known, iter(turns), answer)
    return balancer, LoadBalancer("10.9.0.254", 8080, balancer.connect), cast("tuple[PodAccess, ...]", tuple(known))


def test_all_requests_go_over_one_connection_with_the_port_in_the_host() -> None:
    balancer, access, pods = bench(0)
    (sender,) = access.senders(pods)
    with sender.connected() as get:
        answers = [get("www.example.com", (("x-mark", str(number)),)) for number in range(2)]
    assert (balancer.ended, len(balancer.asked)) == (1, 2)
    lines = balancer.asked[1].decode().split("\r\n")
    assert lines[0] == "GET /headers HTTP/1.1"
    assert {"Host: www.example.com:8080", "x-mark: 1"} <= set(lines)
    assert {(answer.host, answer.status, answer.headers["server"]) for answer in answers} == {
        ("www.example.com", 200, "envoy")
    }
    assert answers[0].received == {"host": ("www.example.com:8080",)}


def test_an_answer_that_is_not_httpbins_is_an_answer() -> None:
    _, access, pods = bench(0, answer=b"HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\n\r\n\xffno\n")
    with access.senders(pods)[0].connected() as get:
        answer = get("www.example.com", ())
    assert (answer.status, answer.received) == (503, None)


@pytest.mark.parametrize(
    "answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\n"]
)
def test_a_connection_that_breaks_is_not_ready(answer: bytes) -> None:
    _, access, pods = bench(0, answer=answer)
    with (
        access.senders(pods)[0].connected() as get,
        pytest.raises(NotReady, match=r"GET www\.example\.com/headers through load balancer 10\.9\.0\.254"),
    ):
        get("www.example.com", ())


def test_another_connection_is_not_made_in_the_place_of_one_that_was_closed() -> None:
    _, access, pods = bench(0, answer=OK.replace(b"\r\nserver", b"\r\nConnection: close\r\nserver"))
    with access.senders(pods)[0].connected() as get:
        assert get("www.example.com", ()).status == 200
        with pytest.raises(NotReady):
            get("www.example.com", ())


def test_with_several_pods_the_connection_is_one_that_the_pod_accepted() -> None:
    balancer, access, pods = bench(0, 0, 1, 0, pods=2)
    first, second = access.senders(pods)
    assert (first.pod, second.pod) == ("http-0", "http-1")
    with second.connected():
        assert [pod.accepted for pod in balancer.pods] == [2, 1]
        assert balancer.ended == 2  # those that went elsewhere
    with first.connected():
        assert [pod.accepted for pod in balancer.pods] == [3, 1]


def test_a_pod_that_the_load_balancer_does_not_lead_to_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 2)
    balancer, access, pods = bench(*[0] * 10, pods=2)
    with (
        pytest.raises(NotReady, match=r"load balancer 10\.9\.0\.254: of 4 connections, none was seen to reach http-1"),
        access.senders(pods)[1].connected(),
    ):
        pass
    assert balancer.ended == 4


def test_a_connection_that_no_pod_has_accepted_is_not_ready() -> None:
    stand_in, access, pods = bench(*[-1] * module.TRIES)
    told = rf"of {module.TRIES} connections, none was seen to reach http-0"
    with pytest.raises(NotReady, match=told), access.senders(pods)[0].connected():
        pass
    assert stand_in.ended == module.TRIES, "each was closed"


def test_a_connection_from_here_is_a_plain_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with from_here("127.0.0.1", port) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)
    with pytest.raises(NotReady, match=rf"connection to 127\.0\.0\.1 port {port}"), from_here("127.0.0.1", port):
        pass
