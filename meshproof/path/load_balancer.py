"""The way in through a load balancer: requests go to its address, what is read of Envoy goes to the pods as ever."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from meshproof.errors import NotReady
from meshproof.formats.answer import Response
from meshproof.formats.envoy import Upstream
from meshproof.path.access import REQUEST_TIMEOUT_S, PodAccess
from meshproof.path.ask import Get
from meshproof.wait import wait_for

ACCEPT_TIMEOUT_S = 0.5
ACCEPT_EVERY_S = 0.02
TRIES = 8  # connections for each pod, at most

Connect = Callable[[str, int], AbstractContextManager[socket.socket]]


@contextmanager
def from_here(host: str, port: int) -> Generator[socket.socket]:
    """A TCP connection that begins on this machine.

    Raises:
        NotReady: It did not come about.
    """
    try:
        connection = socket.create_connection((host, port), REQUEST_TIMEOUT_S)
    except OSError as error:
        raise NotReady(f"connection to {host} port {port}: {error}") from error
    with connection:
        yield connection


@dataclass(frozen=True)
class LoadBalancer:
    """The way in through a load balancer.

    Attributes:
        host: Its address or host name.
        port: The port of the Service, which is the listener's.
        connect: Opens a connection: from here, or from inside a node.
    """

    host: str
    port: int
    connect: Connect

    def senders(self, pods: Sequence[PodAccess]) -> tuple[ThroughLoadBalancer, ...]:
        """The way in through each of the gateway's ready pods."""
        return tuple(ThroughLoadBalancer(self, pod, tuple(pods)) for pod in pods)

    @contextmanager
    def to(self, pod: PodAccess, pods: Sequence[PodAccess]) -> Generator[socket.socket]:
        """A connection that this pod has accepted.

        The load balancer chooses, be it a pod that is on its way out; it is then asked again.

        Raises:
            NotReady: No connection came about, or none that went to this pod.
        """
        with ExitStack() as opened:
            for _ in range(TRIES * len(pods)):
                before = _accepted(pods)
                connection = opened.enter_context(self.connect(self.host, self.port))
                if _grown(pods, before) == {pod.pod}:
                    yield connection
                    return
                opened.close()
        raise NotReady(
            f"load balancer {self.host}: of {TRIES * len(pods)} connections, none was seen to reach {pod.pod}"
        )


@dataclass(frozen=True)
class ThroughLoadBalancer:
    """A sender: requests through the load balancer to one pod. What is not a request of ours goes to the pod itself."""

    balancer: LoadBalancer
    direct: PodAccess
    pods: tuple[PodAccess, ...]

    @property
    def pod(self) -> str:
        """The pod's name."""
        return self.direct.pod

    @property
    def way(self) -> str:
        """The load balancer."""
        return self.balancer.host

    @contextmanager
    def connected(self) -> Generator[Get]:
        """A connection to the pod, for `GET /headers` with a Host of one's choice and the port that it is sent to.

        Raises:
            NotReady: There was none, or it broke.
        """
        with self.balancer.to(self.direct, self.pods) as connection:
            connection.settimeout(REQUEST_TIMEOUT_S)
            http = HTTPConnection(self.balancer.host)
            http.auto_open = 0  # one that broke is an error, not another connection
            http.sock = connection

            def get(host: str, headers: Sequence[tuple[str, str]]) -> Response:
                try:
                    return _get(http, host, (("Host", f"{host}:{self.balancer.port}"), *headers))
                except TimeoutError:  # it was sent, and that is what came of it
                    return Response.none(host, REQUEST_TIMEOUT_S)
                except (OSError, HTTPException) as error:
                    raise NotReady(
                        f"GET {host}/headers through load balancer {self.balancer.host}: {error!r}"
                    ) from error

            yield get

    def upstreams(self) -> Mapping[str, Upstream]:
        """As `PodAccess.upstreams`."""
        return self.direct.upstreams()

    def led_to(self, host: str) -> tuple[str, ...]:
        """As `PodAccess.led_to`."""
        return self.direct.led_to(host)

    def unfinished(self, host: str, headers: Sequence[tuple[str, str]], count: int) -> AbstractContextManager[None]:
        """As `PodAccess.unfinished`: they only have Envoy close connections of its own."""
        return self.direct.unfinished(host, headers, count)

    def admin(self, path: str) -> str:
        """As `PodAccess.admin`."""
        return self.direct.admin(path)


def _get(http: HTTPConnection, host: str, headers: Sequence[tuple[str, str]]) -> Response:
    http.putrequest("GET", "/headers", skip_host=True, skip_accept_encoding=True)
    for name, value in (("Accept", "*/*"), *headers):
        http.putheader(name, value)
    http.endheaders()
    answer = http.getresponse()
    body = answer.read().decode(errors="replace")
    return Response.of(host, answer.status, body, {name: answer.getheader(name, "") for name in answer.headers})


def accepted_page(listener: int) -> str:
    """What Envoy counts of the connections to a listener, by its port in the pod."""
    return rf"/stats?filter=^listener\..*_{listener}\.downstream_cx_total$"


def _accepted(pods: Sequence[PodAccess]) -> Mapping[str, int]:
    """How many connections the listener of each pod has accepted."""
    pages = {pod.pod: pod.admin(accepted_page(pod.listener)) for pod in pods}
    return {pod: sum(int(line.rpartition(": ")[2]) for line in page.splitlines()) for pod, page in pages.items()}


def _grown(pods: Sequence[PodAccess], before: Mapping[str, int]) -> set[str]:
    """The pods that have accepted a connection since, as soon as there is one; none where it went elsewhere."""

    def look() -> set[str]:
        return {pod for pod, count in _accepted(pods).items() if count > before[pod]}

    with contextlib.suppress(NotReady):
        return wait_for(look, bool, what="a connection", timeout_s=ACCEPT_TIMEOUT_S, every_s=ACCEPT_EVERY_S)
    return set()
