"""The way in through the gateway: a port-forward to each of its ready pods."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import cast

import httpx

from meshproof.dialects import pod_port
from meshproof.errors import MachineCannot, NotReady
from meshproof.formats import envoy
from meshproof.formats.answer import Response
from meshproof.kube.api import Api
from meshproof.kube.forward import PortForward
from meshproof.kube.kinds import Ref
from meshproof.kube.objects import Gateway
from meshproof.kube.workloads import Pod
from meshproof.names import pods_of_gateway
from meshproof.path.ask import Get

ADMIN_PORT = 19000
REQUEST_TIMEOUT_S = 5.0
# Only http is spoken here; without a context of ours each request would load all CA certificates (20 ms of processor).
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class GatewayAccess:
    """Requests to a gateway from this machine, through each of its ready pods.

    The local port is that of the listener, as on the page, where it is free, else any free one, and stays the same;
    further pods of the gateway have any.

    Args:
        api: The cluster.
        env: The environment of the cluster's tools.
        gateway: The Gateway.
    """

    def __init__(self, api: Api, env: Mapping[str, str], gateway: Ref) -> None:
        self._api = api
        self._env = env
        self._gateway = gateway
        self._pods = pods_of_gateway(gateway)
        self._listener_port = 0
        self._port = 0
        self._known: dict[str, PodAccess] = {}
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """The local port, chosen at first use."""
        if not self._port:
            self._port = free_port(self.listener_port)
        return self._port

    @property
    def listener_port(self) -> int:
        """The port of its first listener.

        Raises:
            NotFound: There is no such Gateway.
        """
        if not self._listener_port:
            self._listener_port = Gateway.from_dict(self._api.get(self._gateway.path)).ports[0]
        return self._listener_port

    def senders(self) -> tuple[PodAccess, ...]:
        """The way in through each ready pod, newest first.

        Raises:
            NotReady: No pod of the gateway is ready.
        """
        pods = self._ready_pods()
        with self._lock:
            for gone in self._known.keys() - {pod.name for pod in pods}:
                self._known.pop(gone).close()
            for pod in pods:
                if pod.name not in self._known:
                    self._known[pod.name] = PodAccess(self._env, pod, self._free_port(), pod_port(self.listener_port))
            return tuple(self._known[pod.name] for pod in pods)

    def close(self) -> None:
        """End the port-forwards; the next request begins others."""
        with self._lock:
            while self._known:
                self._known.popitem()[1].close()

    def _free_port(self) -> int:
        """The local port, unless it is in use for another pod or, by now, for something else."""
        if any(each.port == self.port for each in self._known.values()):
            return 0
        self._port = free_port(self.port)
        return self._port

    def _ready_pods(self) -> list[Pod]:
        raw = self._api.list(self._pods.path, labelSelector=self._pods.selector)
        newest_first = sorted(raw, key=lambda item: item["metadata"]["creationTimestamp"], reverse=True)
        ready = [pod for pod in map(Pod.from_dict, newest_first) if pod.all_ready and pod.living]
        if not ready:
            raise NotReady(f"{self._gateway}: no pod of it is ready")
        return ready


class PodAccess:
    """The way in to one pod of the gateway: a port-forward, for requests and for Envoy's admin pages.

    Args:
        env: The environment of the cluster's tools.
        pod: The pod.
        port: Local port for requests; 0 takes any.
        listener: The pod's port that they go to.
    """

    def __init__(self, env: Mapping[str, str], pod: Pod, port: int, listener: int) -> None:
        self.pod, self.way = pod.name, ""
        self._namespace = pod.namespace
        self.listener = listener
        self.port = port
        self._env = env
        self._forward: PortForward | None = None
        self._lock = threading.Lock()
        self._admin = _client()

    @contextmanager
    def connected(self) -> Generator[Get]:
        """A connection to the pod, for `GET /headers` with a Host of one's choice.

        Raises:
            NotReady: The connection broke.
        """
        with _client() as client:

            def get(host: str, headers: Sequence[tuple[str, str]]) -> Response:
                url = f"{self._base(self.listener)}/headers"
                try:
                    answer = self._get(client, url, [("Host", host), *headers])
                except httpx.ReadTimeout:  # it was sent, and that is what came of it
                    return Response.none(host, REQUEST_TIMEOUT_S)
                return Response.of(host, answer.status_code, answer.text, answer.headers)

            yield get

    def upstreams(self) -> Mapping[str, envoy.Upstream]:
        """The clusters of the pod's Envoy by name, with what it counts of them.

        Raises:
            NotReady: As `admin`.
        """
        return envoy.upstreams(self.admin(envoy.CLUSTERS_PAGE), self.admin(envoy.HANDSHAKES_PAGE))

    def led_to(self, host: str) -> tuple[str, ...]:
        """The clusters that the pod's Envoy may send a request for a host to.

        Raises:
            NotReady: As `admin`.
        """
        return envoy.led_to(self.admin(envoy.ROUTES_PAGE), host)

    @contextmanager
    def unfinished(self, host: str, headers: Sequence[tuple[str, str]], count: int) -> Generator[None]:
        """This many requests whose bodies have not come; at the end of the context they come and are malformed.

        In all that a route may look at they are like those of `connected`.

        Raises:
            NotReady: As `connected`.
        """
        address = self._base(self.listener).removeprefix("http://")
        name, _, port = address.rpartition(":")
        lines = ["GET /headers HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
        begun = "\r\n".join((*lines, "Transfer-Encoding: chunked", "", "")).encode()
        try:
            with ExitStack() as opened:
                connections = [
                    opened.enter_context(socket.create_connection((name, int(port)), REQUEST_TIMEOUT_S))
                    for _ in range(count)
                ]
                for connection in connections:
                    connection.sendall(begun)
                yield
                for connection in connections:
                    connection.sendall(b"no size of a chunk\r\n")
                for connection in connections:
                    connection.recv(1)  # Envoy has refused it
        except OSError as error:
            raise NotReady(f"connection to {address}: {error}") from error

    def admin(self, path: str) -> str:
        """A page of the pod's Envoy admin interface.

        Raises:
            NotReady: As `connected`, or Envoy does not answer 200.
        """
        answer = self._get(self._admin, f"{self._base(ADMIN_PORT)}{path}", ())
        if answer.status_code != 200:
            raise NotReady(f"Envoy admin {path} of {self.pod}: answered {answer.status_code}, expected 200")
        return answer.text

    def close(self) -> None:
        """End the port-forward."""
        self._admin.close()
        self._admin = _client()
        with self._lock:
            self._drop(self._forward)

    def _drop(self, forward: PortForward | None) -> None:
        """End a forward, unless another has taken its place; the lock is held."""
        if forward is not None and forward is self._forward:
            forward.stop()
            self._forward = None

    def _get(self, client: httpx.Client, url: str, headers: Sequence[tuple[str, str]]) -> httpx.Response:
        forward = self._forward
        try:
            return client.get(url, headers=list(headers))
        except (httpx.HTTPError, RuntimeError) as error:  # the latter where another thread closed it: the pod is gone
            if isinstance(error, httpx.ReadTimeout) and client is not self._admin:
                raise
            with self._lock:
                self._drop(forward)  # the pod behind it may be gone
            raise NotReady(f"GET {url}: {error!r}") from error

    def _base(self, remote_port: int) -> str:
        with self._lock:
            if self._forward is None or not self._forward.alive():
                self._drop(self._forward)
                ports = [f"{self.port or ''}:{self.listener}", f":{ADMIN_PORT}"]
                try:
                    self._forward = PortForward(self._env, self._namespace, f"pod/{self.pod}", ports)
                except MachineCannot:
                    self.port = 0  # somebody else may have taken it meanwhile
                    raise
            return self._forward.url(remote_port)


def _client() -> httpx.Client:
    return httpx.Client(timeout=REQUEST_TIMEOUT_S, trust_env=False, verify=_NO_TLS)


def free_port(preferred: int = 0) -> int:
    """A local TCP port that nobody listens on: the preferred one if it is free, else any.

    Raises:
        NotReady: There is none.
    """
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return cast(int, probe.getsockname()[1])
    raise NotReady("no free local port for the port-forward")
