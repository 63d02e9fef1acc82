"""What the latency notebook measures and draws: each host's times are its own. hey is not run."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube.kinds import Ref
from meshproof.names import Names
from meshproof.run import Completed
from meshproof.runbook.shown.latency import REQUESTS, ROUNDS, Latency, measure, plot

HOST, SERVICE_HOST = "a.example", "b.example"
NAMES = replace(Names(), host=HOST, service_host=SERVICE_HOST)
BASE_MS = {HOST: 100.0, SERVICE_HOST: 200.0}


def times_ms(host: str, call: int) -> list[float]:
    """What hey tells of a host, the `call`-th time that it is asked."""
    return [BASE_MS[host] + call] * REQUESTS


@dataclass
class Recording:
    """A cluster whose hey takes as long as `times_ms` says; `fails` names a call that is not answered with 200."""

    fails: int = -1
    argv: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    hosts: list[str] = field(default_factory=list[str])

    listener_port: int = 8081

    def gateway(self, gateway: Ref) -> Recording:
        assert gateway == NAMES.gateway
        return self

    def kubectl(self, *argv: str) -> Completed:
        host = argv[argv.index("-host") + 1]
        code = 503 if len(self.hosts) == self.fails else 200
        rows = [f"{code},{time / 1000:.4f}" for time in times_ms(host, self.hosts.count(host))]
        self.argv.append(argv)
        self.hosts.append(host)
        return Completed(argv, 0, "\n".join(["status-code,response-time", *rows]), "", 0.0)


def test_each_kind_has_the_times_of_its_own_host_and_the_first_round_does_not_count() -> None:
    cluster = Recording()
    with_mtls, without = measure(cast(Cluster, cluster), NAMES)
    assert (with_mtls.label, with_mtls.host) == ("with mTLS", HOST)
    assert (without.label, without.host) == ("without mTLS", SERVICE_HOST)
    for latency in (with_mtls, without):
        counted = [time for call in range(1, ROUNDS + 1) for time in times_ms(latency.host, call)]
        assert latency.times_ms == pytest.approx(counted)
    assert cluster.hosts == [HOST, SERVICE_HOST] * (1 + ROUNDS), "in turn, so that both meet the same conditions"
    assert ROUNDS > 1


def test_every_measurement_is_the_same_but_for_its_host() -> None:
    cluster = Recording()
    measure(cast(Cluster, cluster), NAMES)
    for argv, host in zip(cluster.argv, cluster.hosts, strict=True):
        assert argv[:4] == ("exec", "--namespace", "httpbin", "deploy/httpbin")
        assert argv[argv.index("--") + 1] == "hey"
        assert argv[argv.index("-n") + 1] == str(REQUESTS)
        assert argv[-3:] == ("-host", host, "http://http.kgateway-system:8081/headers")
    assert len({tuple(word for word in argv if word not in BASE_MS) for argv in cluster.argv}) == 1


@pytest.mark.parametrize("call", range(2 * (1 + ROUNDS)))
def test_a_request_that_is_not_answered_is_told_whichever_round_it_is_in(call: int) -> None:
    host = (HOST, SERVICE_HOST)[call % 2]
    with pytest.raises(NotReady, match=f"hey to {host}: expected {REQUESTS} answers of 200"):
        measure(cast(Cluster, Recording(fails=call)), NAMES)


def test_each_line_and_row_is_of_its_own_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    from matplotlib.axes import Axes  # after its folder is set

    drawn: list[tuple[str, tuple[float, ...]]] = []
    marked: list[float] = []
    ecdf, axvline = cast(Any, Axes).ecdf, cast(Any, Axes).axvline

    def draw(axes: Any, times: tuple[float, ...], *, label: str, **how: Any) -> Any:
        drawn.append((label, times))
        return ecdf(axes, times, label=label, **how)

    def mark(axes: Any, time: float, **how: Any) -> Any:
        marked.append(time)
        return axvline(axes, time, **how)

    monkeypatch.setattr(Axes, "ecdf", draw)
    monkeypatch.setattr(Axes, "axvline", mark)
    slow, fast = Latency("with", "a.example", (3.0, 3.0, 9.0)), Latency("without", "b.example", (1.0, 2.0))
    html = plot((slow, fast)).html
    assert drawn == [("with", slow.times_ms), ("without", fast.times_ms)]
    assert marked == [3.0, 1.5]
    rows = [re.sub(r"<[^>]*>", " ", row).split() for row in re.findall(r"<tr><td>.*?</tr>", html)]
    assert rows == [
        ["with", "a.example", "3", "3.00", "7.80", "8.88"],
        ["without", "b.example", "2", "1.50", "1.90", "1.99"],
    ]
    assert Counter(re.findall(r"<(svg|table)\b", html)) == {"svg": 1, "table": 1}
