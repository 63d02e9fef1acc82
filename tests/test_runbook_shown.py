"""What the runbook shows is told from observations: hops, pods, changes, latency; and none of it guesses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_runs import a_run
from snapshots import gateway_pod, pod, response, stranger, xfcc

from meshproof.errors import NotReady
from meshproof.kube.inventory import Difference
from meshproof.kube.response import Response
from meshproof.runbook.changes import MANY, objects_table, with_changes
from meshproof.runbook.hops import hops
from meshproof.runbook.latency import REQUESTS, Latency, read_csv
from meshproof.runbook.observe import Path
from meshproof.runbook.picture import draw, told
from meshproof.runbook.pods import pods_rows, pods_text

IN_MESH, OUTSIDE = ("go-httpbin", "istio-proxy"), ("go-httpbin",)
HEADER = "status-code,response-time\n"


def arrived(xfcc: str | None = None, *, proto: str = "http") -> Response:
    plain = response(xfcc)
    return replace(plain, received={**(plain.received or {}), "x-forwarded-proto": (proto,)})


@pytest.mark.parametrize(
    ("answer", "app", "kinds"),
    [
        (arrived(xfcc()), IN_MESH, ["plaintext", "mTLS", "plaintext"]),
        (arrived(), IN_MESH, ["plaintext", "plaintext", "plaintext"]),
        (arrived(), OUTSIDE, ["plaintext", "plaintext"]),
        (arrived(proto="https"), OUTSIDE, ["TLS", "plaintext"]),
        (arrived(xfcc()), OUTSIDE, ["plaintext", "unknown"]),  # a certificate that nobody there could have taken
        (arrived("By=a;By"), IN_MESH, ["plaintext", "unknown", "plaintext"]),
        (stranger(), IN_MESH, ["unknown", "unknown", "unknown"]),
        (stranger(503), OUTSIDE, ["unknown", "unknown"]),
    ],
)
def test_a_hop_is_called_what_was_observed_or_unknown(answer: Response, app: tuple[str, ...], kinds: list[str]) -> None:
    assert [hop.kind for hop in hops(answer, app)] == kinds


def test_the_picture_says_the_same_as_the_hops() -> None:
    way = Path(
        "www.example.com",
        "http://localhost:8080/headers",
        arrived(xfcc()),
        ("kgateway-proxy", "sds", "istio-proxy"),
        IN_MESH,
    )
    picture = draw(way)
    assert told(way) == ("www.example.com: client → gateway (plaintext) → sidecar (mTLS) → app (plaintext)")
    for words in ("localhost:8080", "kgateway-proxy", "sds", "mTLS", "go-httpbin", told(way)):
        assert f">{words}<" in picture or f'"{words}"' in picture
    assert picture.count('stroke-dasharray="6 4"') == 2, "plaintext is dashed, and only plaintext"
    assert "sidecar" not in draw(replace(way, response=arrived(), app=OUTSIDE))


def test_a_container_that_a_workload_did_not_have_stands_out_and_a_lost_one_is_struck_out() -> None:
    before, after = [gateway_pod("kgateway-proxy")], [replace(gateway_pod("kgateway-proxy", "sds"), name="http-2")]
    rows = pods_rows(before, after)
    assert '<span class="chip new" title="image">sds</span>' in rows
    assert '<span class="chip" title="image">kgateway-proxy</span>' in rows
    assert "<b>1/1 → 2/2</b>" in rows
    assert pods_text(before, after) == "kgateway-system/http-2 1/1 → 2/2: kgateway-proxy, sds"
    assert '<span class="chip gone">sds</span>' in pods_rows(after, before)
    assert "new" not in pods_rows([], [pod("app")]), "a workload that was not there is new as a whole"
    assert pods_rows([], [pod("app", terminating=True)]) == ""


def test_changes_are_kept_with_the_result_and_shown_by_kind() -> None:
    result = a_run().steps[0]
    assert objects_table(result) == ""
    assert "it was already so" in objects_table(with_changes(result, []))
    many = [Difference("added", f"Secret ns/s{number}") for number in range(MANY + 1)]
    table = objects_table(with_changes(result, [*many, Difference("changed", "Gateway.x ns/http", "spec.a, spec.b")]))
    assert f"{MANY + 1} objects" in table
    assert "<code>ns/http</code></td><td>spec.a, spec.b" in table
    assert ">Gateway<" in table


def test_latency_counts_only_when_every_request_was_answered() -> None:
    rows = "200,0.0015\n" * REQUESTS
    assert read_csv(HEADER + rows, "a.example") == [1.5] * REQUESTS
    for bad in (rows[:-11], rows[:-11] + "503,0.001\n", ""):
        with pytest.raises(NotReady, match=rf"hey to a.example: expected {REQUESTS} answers of 200"):
            read_csv(HEADER + bad, "a.example")
    assert Latency("x", "a", tuple(float(each) for each in range(101))).quantile_ms(90) == 90.0
