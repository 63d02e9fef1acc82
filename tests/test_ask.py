"""Asking each endpoint on a new connection: who answered is told from what Envoy counts, here a stand-in for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from snapshots import response

from meshproof.errors import Inconclusive
from meshproof.formats.answer import Response
from meshproof.formats.envoy import Endpoint, Upstream
from meshproof.path import ask as module
from meshproof.path.ask import MARK, Answers, Ask, Get, ask

APP = "app"
Sent = tuple[str, Sequence[tuple[str, str]]]


@dataclass
class Pool:
    """The connections to one endpoint, and what was counted of them."""

    idle: int = 0
    requests: int = 0
    connections: int = 0

    def take(self) -> bool:
        """Use an idle connection, or make one; whether it is new."""
        new = not self.idle
        self.connections += new
        self.idle -= not new
        self.requests += 1
        return new


@dataclass
class Envoy:
    """A gateway whose Envoy asks its endpoints in turn and keeps connections.

    Attributes:
        pools: Its endpoints by address; none where the gateway answers by itself.
        tls: Endpoints that a handshake is made with.
        others: What others do between two looks at the counters.
        stubborn: Connections that do not close.
    """

    pools: dict[str, Pool]
    tls: frozenset[str] = frozenset()
    others: Callable[[Envoy], None] = lambda _: None
    stubborn: bool = False
    echoes: bool = True
    pod: str = "http-1"
    way: str = ""
    leads: tuple[str, ...] = ()
    handshakes: int = 0
    asked: list[str] = field(default_factory=list[str])
    sent: list[Sent] = field(default_factory=list[Sent])

    @contextlib.contextmanager
    def connected(self) -> Generator[Get]:
        yield self._get

    def _get(self, host: str, headers: Sequence[tuple[str, str]]) -> Response:
        self.sent.append((host, headers))
        plain = response(host=host)
        if not self.pools:
            return replace(plain, status=404, received=None)
        address = self._next()
        if self.pools[address].take():
            self.handshakes += address in self.tls
        self.pools[address].idle += 1
        self.asked.append(address)
        received = {**(plain.received or {}), MARK: (dict(headers)[MARK],)} if self.echoes else plain.received
        return replace(plain, received=received)

    def upstreams(self) -> Mapping[str, Upstream]:
        self.others(self)
        endpoints = tuple(Endpoint(name, p.requests, p.connections, p.idle) for name, p in self.pools.items())
        quiet = Upstream("xds", (Endpoint("10.0.0.1:9977", 4, 1, 1),), 0)
        return {"xds": quiet, APP: Upstream(APP, endpoints, self.handshakes)} if self.pools else {"xds": quiet}

    def led_to(self, host: str) -> tuple[str, ...]:
        assert host == "a.example"
        return (APP, *self.leads) if self.pools else ()

    @contextlib.contextmanager
    def unfinished(self, host: str, headers: Sequence[tuple[str, str]], count: int) -> Generator[None]:
        assert (host, headers) == self.sent[-1], "a route leads it where it led the last request"
        for _ in range(count):
            self.pools[self._next()].take()
        yield
        if self.stubborn:
            for pool in self.pools.values():
                pool.idle = max(pool.idle, 1)

    def _next(self) -> str:
        addresses = list(self.pools)
        return addresses[sum(pool.requests for pool in self.pools.values()) % len(addresses)]


def answers(envoy: Envoy) -> Answers:
    return ask([envoy], Ask("a.example", (("X-A", "1"),)))


def test_an_answer_tells_who_gave_it_and_that_it_is_to_our_request() -> None:
    envoy = Envoy({"10.0.0.7:80": Pool()}, tls=frozenset({"10.0.0.7:80"}))
    [answer] = answers(envoy).each
    assert (answer.endpoint, answer.upstream, answer.handshakes, answer.marked) == ("10.0.0.7:80", APP, 1, True)
    [(host, [own, (name, mark)])] = envoy.sent
    assert (host, own, name) == ("a.example", ("X-A", "1"), MARK)
    assert len(mark) == 32
    assert answers(envoy).each[0].marked
    assert envoy.sent[1][1][1][1] != mark, "each request has a mark of its own"


def test_an_answer_to_another_request_is_not_ours() -> None:
    [answer] = answers(Envoy({"10.0.0.7:80": Pool()}, echoes=False)).each
    assert not answer.marked
    assert str(answer) == "a.example: 200, no XFCC, to another request than ours"


@pytest.mark.parametrize("idle", [1, 3, 40])
def test_connections_from_before_are_closed_and_no_answer_over_them_counts(idle: int) -> None:
    envoy = Envoy({"10.0.0.7:80": Pool(idle=idle)}, tls=frozenset({"10.0.0.7:80"}))
    [answer] = answers(envoy).each
    assert (answer.endpoint, answer.handshakes, len(envoy.asked)) == ("10.0.0.7:80", 1, 2)


@pytest.mark.parametrize("count", [2, 5])
def test_each_endpoint_is_asked_on_a_connection_of_its_own(count: int) -> None:
    pools = {f"10.0.0.{number}:80": Pool(idle=number % 3) for number in range(count)}
    secure = frozenset(list(pools)[:-1])
    found = answers(Envoy(pools, tls=secure))
    assert {answer.endpoint: answer.handshakes for answer in found.each} == {
        name: int(name in secure) for name in pools
    }
    assert found.missing == ()


def test_an_endpoint_that_is_never_chosen_is_missing() -> None:
    class Partial(Envoy):
        def _next(self) -> str:
            return next(iter(self.pools))

    found = answers(Partial({"10.0.0.7:80": Pool(), "10.0.0.8:80": Pool()}))
    assert [answer.endpoint for answer in found.each] == ["10.0.0.7:80"]
    assert found.missing == (("http-1", "", "10.0.0.8:80"),)


def test_what_the_gateway_answers_by_itself_has_no_endpoint() -> None:
    envoy = Envoy({})
    [answer] = answers(envoy).each
    assert (answer.endpoint, answer.upstream, answer.marked, len(envoy.sent)) == ("", "", False, 1)
    assert str(answer).endswith("404, not an answer of the app: (no body), by the gateway itself")


def test_an_answer_that_cannot_be_told_from_others_is_asked_for_again() -> None:
    looks = iter(range(1000))

    def busy_at_first(envoy: Envoy) -> None:
        if next(looks) in (1, 2):
            envoy.pools["10.0.0.7:80"].take()

    envoy = Envoy({"10.0.0.7:80": Pool()}, others=busy_at_first)
    [answer] = answers(envoy).each
    assert answer.endpoint == "10.0.0.7:80"
    assert len(envoy.asked) > 2


def test_a_connection_whose_request_is_counted_later_is_not_taken_for_ours() -> None:
    looks = iter(range(1000))

    def others(envoy: Envoy) -> None:
        pool, look = envoy.pools["10.0.0.7:80"], next(looks)
        if look == 1:  # a first request of theirs beside ours
            pool.requests += 1
        if look == 2:  # beside our next one they begin a connection, whose request comes right after
            pool.connections += 1
        if look == 3:
            pool.requests += 1

    envoy = Envoy({"10.0.0.7:80": Pool(idle=1)}, others=others)
    [answer] = answers(envoy).each
    assert (answer.endpoint, len(envoy.asked)) == ("10.0.0.7:80", 4), "the third went over an old connection"


def test_what_cannot_be_told_from_other_traffic_decides_nothing() -> None:
    def busy(envoy: Envoy) -> None:
        envoy.pools["10.0.0.7:80"].take()

    envoy = Envoy({"10.0.0.7:80": Pool()}, others=busy)
    with pytest.raises(Inconclusive, match=r"through http-1, 40 could not be told from other traffic to the same pods"):
        answers(envoy)
    assert len(envoy.asked) == module.NOISY_TRIES


def test_a_host_that_leads_elsewhere_as_well_has_strays() -> None:
    ours = Ask("a.example", to="app")
    assert ask([Envoy({"10.0.0.7:80": Pool()})], ours).strays == ()
    assert ask([Envoy({"10.0.0.7:80": Pool()}, leads=("other", "application"))], ours).strays == ("other",)
    assert ask([Envoy({})], ours).strays == (), "no route, no cluster"


def test_a_request_that_was_tried_again_is_on_new_connections() -> None:
    class Failing(Envoy):
        def _next(self) -> str:
            address = super()._next()
            self.pools[address].connections += 1  # a first try that broke
            return address

    [answer] = ask([Failing({"10.0.0.7:80": Pool()})], Ask("a.example")).each
    assert answer.endpoint == "10.0.0.7:80"


def test_each_pod_of_the_gateway_is_asked_through() -> None:
    old = Envoy({"10.0.0.7:80": Pool(idle=1)}, pod="http-1")
    new = Envoy({"10.0.0.7:80": Pool()}, tls=frozenset({"10.0.0.7:80"}), pod="http-2")
    found = ask([new, old], Ask("a.example"))
    assert [(each.gateway, each.endpoint, each.handshakes) for each in found.each] == [
        ("http-2", "10.0.0.7:80", 1),
        ("http-1", "10.0.0.7:80", 0),
    ]
    assert found.ways == (("http-2", ""), ("http-1", ""))


def test_connections_that_do_not_close_leave_nothing_to_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT_S", 0.0)
    envoy = Envoy({"10.0.0.7:80": Pool(idle=9)}, stubborn=True)
    with pytest.raises(Inconclusive, match=r"no answer of \d+ through http-1 was on a new .* the last: a.example: 200"):
        answers(envoy)
    assert len(envoy.asked) == module.SPARE_TRIES + module.TRIES
