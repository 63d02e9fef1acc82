"""The gateway's Envoys: the way in to each, what they hold, and the answers that come through them."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from meshproof.diagnose.reading import Place
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import Proxy
from meshproof.dialects import Dialect, pod_port, upstream_of
from meshproof.errors import Inconclusive, MeshproofError, NotReady
from meshproof.formats import envoy
from meshproof.formats.answer import Response
from meshproof.kube.workloads import Pod
from meshproof.path.access import PodAccess
from meshproof.path.ask import Answers, Ask, Get, Patience, ask
from meshproof.path.link import NotSeen, Unseen

PATIENCE = Patience(each=2, spare=3, noisy=6)


@contextlib.contextmanager
def opened(place: Place, scene: Scene) -> Generator[Mapping[str, PodAccess] | NotSeen]:
    """The way in to each of the gateway's pods whose Envoy runs, for as long as the context lasts."""
    if place.env is None:
        yield NotSeen("there is no kubectl on this machine, and without it no port-forward to the gateway's pods")
        return
    try:
        pods = [pod for pod in scene.gateway_pods if _runs(pod, scene.dialect)]
    except Unseen as unseen:
        yield NotSeen(str(unseen))
        return
    if not pods:
        yield NotSeen("no pod of the gateway runs")
        return
    port = pod_port(_listener_port(scene))
    accesses = {pod.name: PodAccess(place.env, pod, 0, port) for pod in pods}
    try:
        yield accesses
    finally:
        for access in accesses.values():
            access.close()


def _runs(pod: Pod, dialect: Dialect) -> bool:
    running = [part.name for part in pod.containers if part.state == "running"]
    return pod.phase == "Running" and dialect.proxy_container in running


def _listener_port(scene: Scene) -> int:
    plain = [listener.port for listener in scene.gateway.listeners if listener.protocol in ("HTTP", "")]
    return (plain or list(scene.gateway.ports))[0]


def held(accesses: Mapping[str, PodAccess] | NotSeen, host: str) -> Mapping[str, Proxy] | NotSeen:
    """What the Envoys hold."""
    if isinstance(accesses, NotSeen):
        return accesses
    found: dict[str, Proxy] = {}
    try:
        for name, access in accesses.items():
            secrets = access.admin(envoy.SECRETS_PAGE)
            clusters = envoy.held(access.admin(envoy.CONFIGURED_PAGE), access.admin(envoy.MARKED_PAGE))
            found[name] = Proxy(_chain(secrets), clusters, access.led_to(host))
    except MeshproofError as problem:
        return NotSeen(str(problem))
    return found


def _chain(secrets: str) -> str:
    try:
        return envoy.certificate_chain(secrets, "istio_server_cert")
    except NotReady:
        return ""


@dataclass
class Counted:
    """A sender that counts what is sent through it."""

    sender: PodAccess
    sent: list[str]

    def __post_init__(self) -> None:
        self.pod, self.way = self.sender.pod, self.sender.way
        self.upstreams, self.led_to = self.sender.upstreams, self.sender.led_to

    @contextlib.contextmanager
    def connected(self) -> Generator[Get]:
        """As the sender has it."""
        with self.sender.connected() as get:

            def counting(host: str, headers: Sequence[tuple[str, str]]) -> Response:
                self.sent.append(host)
                return get(host, headers)

            yield counting

    @contextlib.contextmanager
    def unfinished(self, host: str, headers: Sequence[tuple[str, str]], count: int) -> Generator[None]:
        """As the sender has it."""
        self.sent += [host] * count
        with self.sender.unfinished(host, headers, count):
            yield


def answers(accesses: Mapping[str, PodAccess] | NotSeen, scene: Scene) -> tuple[Answers | NotSeen, int]:
    """The answers for the host, and how many requests were sent for them."""
    if isinstance(accesses, NotSeen):
        return accesses, 0
    sent: list[str] = []
    ready = {pod.name for pod in scene.gateway_pods if pod.all_ready}
    through = [Counted(access, sent) for name, access in accesses.items() if name in ready or not ready]
    to = scene.targets[0].ref if len(scene.targets) == 1 else None
    try:
        found = ask(through, Ask(scene.host, (), upstream_of(to) if to else ""), PATIENCE)
    except Inconclusive as problem:
        return NotSeen(str(problem), unclear=True), len(sent)
    except MeshproofError as problem:
        return NotSeen(str(problem)), len(sent)
    return found, len(sent)
