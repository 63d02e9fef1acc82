"""The way in: which pod is reached, over which port, and what a broken connection does."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from snapshots import always

from meshproof.dialects import pod_port
from meshproof.environment import STARTED_FOR
from meshproof.errors import NotReady
from meshproof.formats.answer import Response
from meshproof.kube.api import Api
from meshproof.kube.forward import end_forwards
from meshproof.names import Names
from meshproof.path import access
from meshproof.path.access import GatewayAccess, free_port
from meshproof.run import Background
from meshproof.wait import wait_for


def raw_pod(name: str, created: str, *, ready: bool = True, **meta: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "kgateway-system", "creationTimestamp": created, **meta},
        "spec": {"containers": [{"name": "kgateway-proxy", "image": "envoy"}]},
        "status": {"containerStatuses": [{"name": "kgateway-proxy", "ready": ready, "state": {"running": {}}}]},
    }


LISTENER = 8088
GATEWAY = Names().gateway


class StandInApi:
    """An API server with these pods."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = list(pods)

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/apis/gateway.networking.k8s.io/v1/namespaces/kgateway-system/gateways/http"
        metadata = {"name": "http", "namespace": "kgateway-system", "generation": 1}
        return {"metadata": metadata, "spec": {"listeners": [{"name": "http", "port": LISTENER}]}}

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        assert path == "/api/v1/namespaces/kgateway-system/pods"
        assert query == {"labelSelector": "gateway.networking.k8s.io/gateway-name=http"}
        return self.pods


class StandInForward:
    """A port-forward that starts nothing."""

    made: list[StandInForward]

    def __init__(self, env: Mapping[str, str], namespace: str, target: str, ports: Sequence[str]) -> None:
        self.target, self.ports, self.running = f"{namespace}/{target}", tuple(ports), True
        StandInForward.made.append(self)

    def url(self, remote_port: int) -> str:
        return f"http://127.0.0.1:{remote_port}"

    def alive(self) -> bool:
        return self.running

    def stop(self) -> None:
        self.running = False


Asked = list[tuple[str, list[tuple[str, str]]]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The requests that were made; each is answered as httpbin would."""
    record: Asked = []

    def get(client: httpx.Client, url: str, *, headers: list[tuple[str, str]]) -> httpx.Response:
        assert not client.is_closed
        record.append((url, headers))
        if ("Host", "broken") in headers:
            raise httpx.ConnectError("refused")
        if ("Host", "slow") in headers or url.endswith("/slow"):
            raise httpx.ReadTimeout("timed out")
        return httpx.Response(
            404 if url.endswith("/missing") else 200, text='{"headers": {}}', headers={"Server": "envoy"}
        )

    StandInForward.made = []
    monkeypatch.setattr(access, "PortForward", StandInForward)
    monkeypatch.setattr(httpx.Client, "get", get)
    return record


def gateway(*pods: dict[str, Any]) -> GatewayAccess:
    return GatewayAccess(cast(Api, StandInApi(*pods)), {}, GATEWAY)


def once(way: GatewayAccess, host: str, *headers: tuple[str, str]) -> Response:
    with way.senders()[0].connected() as get:
        return get(host, headers)


def test_a_request_goes_to_a_ready_pod_with_its_host(asked: Asked) -> None:
    way = gateway(
        raw_pod("new", "2026-01-02T00:00:00Z"),
        raw_pod("starting", "2026-01-03T00:00:00Z", ready=False),
        raw_pod("ending", "2026-01-04T00:00:00Z", deletionTimestamp="now"),
    )
    answer = once(way, "www.example.com", ("X-A", "1"), ("x-a", "2"))
    assert (answer.host, answer.status, answer.received) == ("www.example.com", 200, {})
    assert (answer.body, answer.headers["server"]) == ('{"headers": {}}', "envoy")
    assert asked == [("http://127.0.0.1:8088/headers", [("Host", "www.example.com"), ("X-A", "1"), ("x-a", "2")])]
    [forward] = StandInForward.made
    assert forward.target == "kgateway-system/pod/new"
    assert forward.ports == (f"{way.port}:8088", ":19000")


def test_a_forward_is_kept_while_its_pod_is_and_made_anew_after(asked: Asked) -> None:
    api = StandInApi(raw_pod("one", "2026-01-01T00:00:00Z"))
    way = GatewayAccess(cast(Api, api), {}, GATEWAY)
    once(way, "a")
    assert way.senders()[0].admin("/stats") == '{"headers": {}}'
    assert [forward.target for forward in StandInForward.made] == ["kgateway-system/pod/one"]
    api.pods = [raw_pod("two", "2026-01-02T00:00:00Z")]
    once(way, "a")
    first, second = StandInForward.made
    assert (first.running, second.target) == (False, "kgateway-system/pod/two")
    assert first.ports[0] == second.ports[0], "the local port stays"
    second.running = False
    once(way, "a")
    assert len(StandInForward.made) == 3
    way.close()
    assert not StandInForward.made[2].running
    assert len(asked) == 4
    once(way, "a")
    assert way.senders()[0].admin("/stats")
    assert StandInForward.made[3].running, "what was closed is opened again when it is needed"


def test_each_ready_pod_has_a_way_in_and_the_newest_comes_first(asked: Asked) -> None:
    api = StandInApi(raw_pod("old", "2026-01-01T00:00:00Z"))
    way = GatewayAccess(cast(Api, api), {}, GATEWAY)
    once(way, "a")
    api.pods = [*api.pods, raw_pod("new", "2026-01-02T00:00:00Z")]
    assert [sender.pod for sender in way.senders()] == ["new", "old"]
    assert [sender.port for sender in way.senders()] == [0, way.port], "the one that has the page's port keeps it"
    once(way, "a")
    assert [forward.running for forward in StandInForward.made] == [True, True]
    assert StandInForward.made[1].ports == (":8088", ":19000")
    api.pods = api.pods[1:]
    way.senders()
    assert [forward.running for forward in StandInForward.made] == [False, True], "the pod is gone"
    way.close()
    assert len(asked) == 2


def test_a_broken_connection_is_not_ready_and_forgets_the_forward(asked: Asked) -> None:
    way = gateway(raw_pod("one", "2026-01-01T00:00:00Z"))
    with pytest.raises(NotReady, match="refused"):
        once(way, "broken")
    assert not StandInForward.made[0].running
    assert once(way, "a").status == 200
    assert len(StandInForward.made) == 2
    assert len(asked) == 2


def test_a_page_is_not_ready_where_another_thread_has_closed_the_way_meanwhile(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = gateway(raw_pod("one", "2026-01-01T00:00:00Z"))
    sender = way.senders()[0]

    def get(client: httpx.Client, url: str, **_: object) -> httpx.Response:
        sender.close()
        return client.send(client.build_request("GET", url))

    monkeypatch.setattr(httpx.Client, "get", get)
    with pytest.raises(NotReady, match="the client has been closed"):
        sender.admin("/clusters")


def test_a_request_that_is_not_answered_in_time_is_seen_and_a_page_that_is_not_is_not(asked: Asked) -> None:
    way = gateway(raw_pod("one", "2026-01-01T00:00:00Z"))
    answer = once(way, "slow")
    assert (answer.status, answer.received) == (0, None)
    assert str(answer) == "slow: 0, not an answer of the app: no answer within 5 s"
    with pytest.raises(NotReady, match="timed out"):
        way.senders()[0].admin("/slow")
    assert len(asked) == 2


def test_unfinished_requests_are_refused_at_the_end_by_whoever_listens(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                received.append(b"".join(iter(lines.readline, b"\r\n")))
                chunk = lines.readline()
                received.append(chunk)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(StandInForward, "url", always(f"http://127.0.0.1:{port}"))
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        with gateway(raw_pod("one", "2026-01-01T00:00:00Z")).senders()[0].unfinished("a.example", [("X-A", "1")], 2):
            pass
        server.join(5)
    head, chunk = received[0], received[1]
    assert head.startswith(b"GET /headers HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\n"), "as the requests that are asked"
    assert not chunk.split()[0].isalnum() or not all(digit in b"0123456789abcdef" for digit in chunk.split()[0])
    assert received[2:] == [head, chunk]
    assert asked == []


def test_unfinished_requests_need_somebody_who_listens(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandInForward, "url", always(f"http://127.0.0.1:{free_port()}"))
    way = gateway(raw_pod("one", "2026-01-01T00:00:00Z")).senders()[0]
    with pytest.raises(NotReady, match="refused"), way.unfinished("a.example", [], 1):
        pytest.fail("nobody listens")
    assert asked == []


def test_an_admin_page_must_be_there(asked: Asked) -> None:
    with pytest.raises(NotReady, match=r"admin /missing of one: answered 404, expected 200"):
        gateway(raw_pod("one", "2026-01-01T00:00:00Z")).senders()[0].admin("/missing")
    assert asked


@pytest.mark.parametrize("pods", [(), (raw_pod("one", "2026-01-01T00:00:00Z", ready=False),)])
def test_no_ready_pod_is_not_ready(pods: tuple[dict[str, Any], ...], asked: Asked) -> None:
    with pytest.raises(NotReady, match="Gateway kgateway-system/http: no pod of it is ready"):
        once(gateway(*pods), "a")
    assert asked == []


@pytest.mark.parametrize(("listener", "port"), [(80, 8080), (443, 8443), (1023, 9023), (1024, 1024), (8080, 8080)])
def test_a_listener_that_only_root_could_open_is_moved_up_in_the_pod(listener: int, port: int) -> None:
    assert pod_port(listener) == port


def test_the_preferred_port_is_taken_only_where_it_is_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
        assert free_port() > 0


def test_port_forwards_that_outlived_their_parent_are_ended_and_nothing_else_is(tmp_path: Path) -> None:
    def stands_for(word: str, name: str) -> Background:
        env = {**os.environ, STARTED_FOR: str(tmp_path / name)}
        return Background("sh", "-c", "sleep 60", word, log_path=tmp_path / "log", env=env)

    with (
        stands_for("port-forward", "one") as lost,
        stands_for("port-forward", "two") as other,
        stands_for("get", "one") as busy,
    ):
        end_forwards(tmp_path / "one")
        wait_for(lost.running, lambda runs: not runs, what="the end of the forward", timeout_s=5.0, every_s=0.02)
        assert other.running()
        assert busy.running()
