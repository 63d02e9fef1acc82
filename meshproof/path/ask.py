"""Asking: one request for each endpoint behind a host, each on a connection of its own, and who answered it.

An answer says what is so now only if nothing in it is older than the question. Envoy keeps its connections to an app,
so a request may go over one from before a label, policy or certificate changed; and it spreads requests over the
endpoints, so one answer speaks for one of them, and for the gateway's pod that it went through. Envoy counts requests
and connections of each endpoint: read before and after a request, the counters tell who answered and whether the
connection was new. Each request carries a mark that the app must have received.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from meshproof.errors import Inconclusive, NotReady
from meshproof.formats.answer import Response
from meshproof.formats.envoy import Endpoint, Upstream
from meshproof.wait import wait_for

MARK = "x-meshproof-mark"
TRIES = 8  # requests for each endpoint, at most
SPARE_TRIES = 8  # and these for connections that were there before
NOISY_TRIES = 40  # and at most these that other traffic spoils
CLOSE_TIMEOUT_S = 2.0
CLOSE_EVERY_S = 0.02
AT_ONCE = 64  # connections to the gateway that are open at the same time, at most


@dataclass(frozen=True)
class Patience:
    """How many requests are sent at most: for each endpoint, to spare, and that other traffic spoils."""

    each: int = TRIES
    spare: int = SPARE_TRIES
    noisy: int = NOISY_TRIES


@dataclass(frozen=True)
class Ask:
    """`GET /headers` for a host, with further headers. Equal by value: whoever asks the same shares the answers.

    `to` is how the name of the Envoy cluster begins that it must lead to.
    """

    host: str
    headers: tuple[tuple[str, str], ...] = ()
    to: str = ""


@dataclass(frozen=True)
class Answer:
    """What came back for one request.

    Attributes:
        response: The answer.
        marked: Whether the app received the mark of this very request.
        gateway: The gateway's pod that it went through.
        way: The load balancer that led there; empty where it went to the pod itself.
        upstream: Envoy's cluster that it went through; empty where the gateway answered by itself.
        endpoint: Who answered, as `IP:PORT`; empty as `upstream`.
        handshakes: TLS handshakes that its connection took: 1 with TLS, 0 without.
    """

    response: Response
    marked: bool
    gateway: str = ""
    way: str = ""
    upstream: str = ""
    endpoint: str = ""
    handshakes: int = 0

    @property
    def host(self) -> str:
        """The address of who answered, without its port."""
        return self.endpoint.rpartition(":")[0]

    def __str__(self) -> str:
        told = str(self.response)
        if not self.endpoint:
            return f"{told}, by the gateway itself"
        return told if self.marked or self.response.received is None else f"{told}, to another request than ours"


@dataclass(frozen=True)
class Answers:
    """One answer on a new connection from each endpoint, by each way in to each pod of the gateway.

    `missing` are the pod of the gateway, the way to it, and the endpoint where there was none. `strays` are clusters
    of Envoy that the host leads to beside the one that was asked for, so that other requests may go there.
    """

    ask: Ask
    each: tuple[Answer, ...]
    missing: tuple[tuple[str, str, str], ...] = ()
    strays: tuple[str, ...] = ()

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """The gateway's pods that were asked through, with the way to each."""
        named = (*((answer.gateway, answer.way) for answer in self.each), *(missing[:2] for missing in self.missing))
        return tuple(dict.fromkeys(named))


class Get(Protocol):
    """`GET /headers` for a host with further headers."""

    def __call__(self, host: str, headers: Sequence[tuple[str, str]]) -> Response:
        """Send one."""
        ...


class Sender(Protocol):
    """The way in through one pod of the gateway."""

    @property
    def pod(self) -> str:
        """The pod's name."""
        ...

    @property
    def way(self) -> str:
        """What leads to it; empty where requests go to the pod itself."""
        ...

    def connected(self) -> AbstractContextManager[Get]:
        """A connection to the gateway: one thread of Envoy serves all that is sent over it, endpoint by endpoint."""
        ...

    def upstreams(self) -> Mapping[str, Upstream]:
        """The clusters of the gateway's Envoy by name."""
        ...

    def led_to(self, host: str) -> tuple[str, ...]:
        """The clusters that a request for a host may be sent to."""
        ...

    def unfinished(self, host: str, headers: Sequence[tuple[str, str]], count: int) -> AbstractContextManager[None]:
        """This many requests that have begun, and are broken off at the end of the context."""
        ...


@dataclass(frozen=True)
class _Taken:
    """What one endpoint's counters grew by."""

    upstream: Upstream
    endpoint: Endpoint
    requests: int
    connections: int
    handshakes: int


def ask(senders: Iterable[Sender], what: Ask, patience: Patience | None = None) -> Answers:
    """Ask until each endpoint behind the host has answered on a new connection, as far as that comes about.

    What cannot be told from other traffic by the counters is asked again.

    Args:
        senders: The way in through each pod of the gateway.
        what: What is asked.
        patience: How often; as the constants above have it by default.

    Raises:
        NotReady: The gateway cannot be reached.
        Inconclusive: No answer could be told from other traffic, or was on a new connection.
    """
    asked: list[Answers] = []
    strays: dict[str, None] = {}
    for sender in senders:
        with sender.connected() as get:
            asked.append(_each(sender, get, what, patience or Patience()))
        strays |= dict.fromkeys(name for name in sender.led_to(what.host) if not name.startswith(what.to))
    each = tuple(answer for answers in asked for answer in answers.each)
    missing = tuple(missing for answers in asked for missing in answers.missing)
    return Answers(what, each, missing, tuple(strays))


def _each(sender: Sender, get: Get, what: Ask, patience: Patience) -> Answers:
    found: dict[str, Answer] = {}
    missing: tuple[str, ...] = ()
    before = sender.upstreams()
    tries, noisy, limit, last = 0, 0, patience.spare, None
    while tries - noisy < limit and noisy < patience.noisy:
        tries += 1
        mark = uuid.uuid4().hex
        response = get(what.host, (*what.headers, (MARK, mark)))
        marked = (response.received or {}).get(MARK) == (mark,)
        after = sender.upstreams()
        taken = _taken(before, after)
        # Where there is other traffic, a connection that was counted may be one whose request has yet to be counted.
        before = sender.upstreams() if noisy else after
        if not taken:
            return Answers(what, (Answer(response, marked, sender.pod, sender.way),))
        one = taken[0]
        if len(taken) > 1 or one.requests > 1 or (noisy and _taken(after, before)):
            noisy += 1
            continue
        last = response
        if one.connections:  # several where it was tried again: all of them are new
            where = one.upstream.name, one.endpoint.address
            answer = Answer(response, marked, sender.pod, sender.way, *where, handshakes=one.handshakes)
            found.setdefault(answer.endpoint, answer)
        missing = tuple(each.address for each in one.upstream.endpoints if each.address not in found)
        if not missing:
            break
        limit = patience.spare + patience.each * len(one.upstream.endpoints)
        if one.connections == 0:
            before = _close_idle(sender, what, mark, one.upstream.name)
    if noisy and (missing or not found):
        raise Inconclusive(
            f"GET {what.host}/headers: of {tries} requests through {sender.pod}, {noisy} could not be told from other "
            "traffic to the same pods, or from copies that the route makes"
        )
    if not found:
        # An answer that is none of the app's says so over an old connection as well.
        raise (Inconclusive if last is None or last.status == 200 else NotReady)(
            f"GET {what.host}/headers: no answer of {tries} through {sender.pod} was on a new connection; the last: "
            f"{last}"
        )
    return Answers(what, tuple(found.values()), tuple((sender.pod, sender.way, endpoint) for endpoint in missing))


def _taken(before: Mapping[str, Upstream], after: Mapping[str, Upstream]) -> list[_Taken]:
    """The endpoints that have had requests in between."""
    changes: list[_Taken] = []
    for upstream in after.values():
        earlier = before.get(upstream.name, Upstream(upstream.name, (), 0))
        then = {each.address: each for each in earlier.endpoints}
        for now in upstream.endpoints:
            was = then.get(now.address, Endpoint(now.address, 0, 0, 0))
            if now.requests > was.requests:
                grown = now.requests - was.requests, now.connections - was.connections
                changes.append(_Taken(upstream, now, *grown, upstream.handshakes - earlier.handshakes))
    return changes


def _close_idle(sender: Sender, what: Ask, mark: str, name: str) -> Mapping[str, Upstream]:
    """Have Envoy close its idle connections to a cluster, and return what it counts then.

    Envoy can use a connection to an HTTP/1.1 app no more once a request on it was broken off. Where other traffic keeps
    connections open, not all close.
    """

    def look() -> Mapping[str, Upstream]:
        seen = sender.upstreams()
        if name in seen and (count := seen[name].open_connections):
            with sender.unfinished(what.host, (*what.headers, (MARK, mark)), min(2 * count + 2, AT_ONCE)):
                sender.upstreams()  # what was sent is in Envoy when this answers
        return seen

    with contextlib.suppress(NotReady):
        return wait_for(
            look,
            lambda seen: name not in seen or not seen[name].open_connections,
            what=f"connections to {name}",
            timeout_s=CLOSE_TIMEOUT_S,
            every_s=CLOSE_EVERY_S,
        )
    return sender.upstreams()
