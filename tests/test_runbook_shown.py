"""What the runbook shows is told from observations: hops, pods, changes, latency; and none of it guesses."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape

import pytest
from report_runs import a_refuted_run, a_run
from snapshots import BY, URI, answer, gateway_pod, pod, response, stranger, xfcc

from meshproof.checks.finding import Finding
from meshproof.errors import NotReady
from meshproof.formats.xfcc import nearest, parse
from meshproof.kube.inventory import Difference
from meshproof.path.ask import Answer
from meshproof.report import html
from meshproof.runbook.hops import hops
from meshproof.runbook.observe import Certificate, Path
from meshproof.runbook.shown.certificate import certificate_tables
from meshproof.runbook.shown.claims import claims_table
from meshproof.runbook.shown.commands import what_ran
from meshproof.runbook.shown.latency import REQUESTS, Latency, read_csv
from meshproof.runbook.shown.pods import pods_table
from meshproof.runbook.shown.request import path_picture
from meshproof.runbook.shown.verdict import verdict_table

IN_MESH, OUTSIDE = ("go-httpbin", "istio-proxy"), ("go-httpbin",)
HEADER = "status-code,response-time\n"
GIVEN = {"By": BY, "Hash": "ab12", "Subject": '"CN=it"', "URI": URI}


def arrived(
    xfcc: str | None = None, *, proto: str = "http", status: int = 200, handshakes: int | None = None
) -> Answer:
    plain = response(xfcc, status=status)
    received = {**(plain.received or {}), "x-forwarded-proto": (proto,)}
    return answer(replace(plain, received=received), handshakes=handshakes)


@pytest.mark.parametrize(
    ("came", "app", "kinds"),
    [
        (arrived(xfcc()), IN_MESH, ["plaintext", "mTLS", "plaintext"]),
        (arrived(), IN_MESH, ["plaintext", "plaintext", "plaintext"]),
        (arrived(), OUTSIDE, ["plaintext", "plaintext"]),
        (arrived(proto="https"), OUTSIDE, ["TLS", "plaintext"]),
        (arrived(xfcc()), OUTSIDE, ["plaintext", "unknown"]),  # a certificate that nobody there could have taken
        (arrived("By=a;By"), IN_MESH, ["plaintext", "unknown", "plaintext"]),
        (arrived(handshakes=1), IN_MESH, ["plaintext", "TLS", "plaintext"]),  # the header was taken out on the way
        (arrived(xfcc(), handshakes=0), IN_MESH, ["plaintext", "unknown", "plaintext"]),  # or was put in
        (replace(arrived(), marked=False), OUTSIDE, ["plaintext", "unknown"]),
        (answer(stranger()), IN_MESH, ["unknown", "unknown", "unknown"]),
        (answer(stranger(503)), OUTSIDE, ["unknown", "unknown"]),
        (arrived(status=503), OUTSIDE, ["plaintext", "unknown"]),  # httpbin's, but no answer that counts
        (arrived(xfcc(), status=503), IN_MESH, ["plaintext", "unknown", "plaintext"]),
    ],
)
def test_a_hop_is_called_what_was_observed_or_unknown(came: Answer, app: tuple[str, ...], kinds: list[str]) -> None:
    assert [hop.kind for hop in hops(came, app)] == kinds


def test_an_answer_that_does_not_count_is_told_as_what_it_is() -> None:
    assert hops(answer(stranger()), OUTSIDE)[-1].why == "answered 200, not by httpbin"
    assert hops(arrived(status=503), OUTSIDE)[-1].why == "answered 503"


def test_the_picture_says_the_same_as_the_hops() -> None:
    way = Path(
        "www.example.com",
        "http://localhost:8080/headers",
        arrived(xfcc()),
        ("kgateway-proxy", "sds", "istio-proxy"),
        IN_MESH,
    )
    shown = path_picture(way)
    picture = shown.html
    assert shown.text == ("www.example.com: client → gateway (plaintext) → sidecar (mTLS) → app (plaintext)")
    for words in ("localhost:8080", "kgateway-proxy", "sds", "mTLS", "go-httpbin", shown.text):
        assert f">{words}<" in picture or f'"{words}"' in picture
    assert picture.count('stroke-dasharray="6 4"') == 2, "plaintext is dashed, and only plaintext"
    assert "sidecar" not in path_picture(replace(way, answer=arrived(), app=OUTSIDE)).html


def test_containers_that_the_picture_has_no_room_for_are_counted() -> None:
    def names(*gateway: str) -> list[str]:
        way = Path("www.example.com", "http://localhost:8080/headers", arrived(), gateway, OUTSIDE)
        return re.findall(r">((?:kgateway-proxy|sds|istio-proxy|extra)[^<]*)<", path_picture(way).html)

    all_three = ["kgateway-proxy", "sds", "istio-proxy"]
    assert names(*all_three) == all_three
    assert names(*all_three, "extra") == ["kgateway-proxy", "sds", "istio-proxy +1 more"]
    assert names(*all_three, "extra", "extra") == ["kgateway-proxy", "sds", "istio-proxy +2 more"]


def test_a_container_that_a_workload_did_not_have_stands_out_and_a_lost_one_is_struck_out() -> None:
    before, after = [gateway_pod("kgateway-proxy")], [replace(gateway_pod("kgateway-proxy", "sds"), name="http-2")]
    table = pods_table(before, after)
    rows = table.html
    assert '<span class="chip new" title="image">sds</span>' in rows
    assert '<span class="chip" title="image">kgateway-proxy</span>' in rows
    assert "<b>1/1 → 2/2</b>" in rows
    assert table.text == "kgateway-system/http-2 1/1 → 2/2: kgateway-proxy, sds"
    assert '<span class="chip gone">sds</span>' in pods_table(after, before).html
    assert "chip new" not in pods_table([], [pod("app")]).html, "a workload that was not there is new as a whole"
    assert "app" not in pods_table([], [pod("app", terminating=True)]).html


def changed(changes: Sequence[Difference] | None) -> str:
    """What a section's own panel shows of its changes, and nothing else of it."""
    return what_ran(replace(a_run().steps[0], commands=(), moments=(), changes=changes and tuple(changes))).html


def test_changes_are_shown_by_kind_and_many_are_folded() -> None:
    assert "different" not in changed(None)
    assert "it was already so" in what_ran(replace(a_run().steps[0], changes=())).html
    gateway = Difference("changed", "Gateway.x", "ns/http", ("spec.a", "spec.b"))
    few = [Difference("added", "Secret", f"ns/s{number}") for number in range(3)]
    assert rows(changed([*few, gateway])) == [
        *[["+", "Secret", f"ns/s{number}", "added"] for number in range(3)],
        ["~", "Gateway", "ns/http", "spec.a, spec.b"],
    ]
    many = [*few, Difference("added", "Secret", "ns/<s>")]
    assert "<summary>4 objects</summary>" in changed(many)
    assert "ns/&lt;s&gt;" in changed(many)
    kinds = [Difference("removed", f"K{number}.g", "ns/x") for number in range(17)]
    assert "<details>" not in changed(kinds[:16])
    assert "<summary>17 objects are different</summary>" in changed(kinds)


def test_the_report_shows_the_same_changes() -> None:
    first, *others = a_run().steps
    changes = (Difference("removed", "Secret", "ns/<s>"),)
    page = html.render(replace(a_run(), steps=(replace(first, changes=changes), *others)))
    assert rows(page)[0] == ["-", "Secret", "ns/<s>", "removed"]
    assert "What changed in the cluster (1)" in page


def rows(page: str) -> list[list[str]]:
    """The cells of a table's rows without their markup, heads left out."""
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]
    return [[unescape(re.sub(r"<[^>]*>", " ", cell)).strip() for cell in row] for row in cells if len(row) > 1]


def a_certificate(*refuted: str) -> Certificate:
    """What `observe` found where some fields are not what they should be."""
    expected = {key: f"{key}={value}" if key not in refuted else f"{key}=other" for key, value in GIVEN.items()}
    text = ";".join(f"{key}={value}" for key, value in GIVEN.items())
    return Certificate(
        text=text,
        header=parse(text),
        findings=tuple((key, Finding(key not in refuted, expected[key], f"{key}={GIVEN[key]}")) for key in GIVEN),
        subject="",
        uris=(URI,),
        sha256="cd34",
        not_before=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        not_after=datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    )


@pytest.mark.parametrize("refuted", [(), ("By",), ("Hash",), ("Subject",), ("URI",), tuple(GIVEN)])
def test_a_field_of_the_certificate_header_is_marked_as_it_was_judged_beside_what_was_expected(
    refuted: tuple[str, ...],
) -> None:
    page = certificate_tables(a_certificate(*refuted)).html
    marks = ["✗ refuted" if key in refuted else "✓ proven" for key in GIVEN]
    expected = ["other" if key in refuted else value for key, value in GIVEN.items()]
    found = [row for row in rows(page) if len(row) == 4]
    assert [row[0].split()[0] for row in found] == list(GIVEN)
    assert [row[1] for row in found] == list(GIVEN.values())
    assert [row[2] for row in found] == expected
    assert [row[3] for row in found] == marks
    assert page.count('<td class="refuted">') == len(refuted)
    for words in ("cd34", "(empty, as Istio leaves it)", "2026-01-01 00:00:00 UTC", "2026-01-02 00:00:00 UTC"):
        assert f"<td>{words}</td>" in page


def test_what_stands_before_the_sidecars_element_is_shown_and_not_taken_for_it() -> None:
    alone = certificate_tables(a_certificate())
    assert "1 element, the sidecar&#x27;s own" in alone.html or "1 element, the sidecar's own" in alone.html
    assert "decoded from its text form" in alone.html
    two = certificate_tables(replace(a_certificate(), header=parse(f"By=spiffe://eve,By={BY};Issuer=it"))).html
    assert "2 elements, the first is not the sidecar" in two
    assert "spiffe://eve" in two
    assert "further keys: Issuer=it" in two
    unread = certificate_tables(replace(a_certificate(), header=nearest(f'Subject="open,By={BY}'))).html
    assert 'Subject="open' in unescape(unread)
    json = certificate_tables(replace(a_certificate(), header=parse(f'[{{"by":["{BY}"]}}]'))).html
    assert "decoded from its JSON form" in json


def test_a_field_that_did_not_arrive_is_said_to_be_absent() -> None:
    page = certificate_tables(replace(a_certificate("Hash", "Subject"), header=parse(f"By={BY}"))).html
    assert page.count("<td><code>(absent)</code></td>") == 2


def test_a_claim_is_marked_with_its_status_and_the_reason_stands_beside_what_was_observed() -> None:
    run = a_refuted_run()
    marks = {"proven": "✓ proven", "refuted": "✗ refuted", "skipped": "○ skipped"}
    for step in run.steps:
        table = claims_table(step)
        assert [row[0] for row in rows(table.html)] == [marks[check.status] for check in step.checks]
        assert re.findall(r'<tr><td class="(\w+)">', table.html) == [check.status for check in step.checks]
        for check, (_, claim, expected, observed) in zip(step.checks, rows(table.html), strict=True):
            assert check.claim in claim
            assert check.id in claim
            assert check.expected == expected
            assert observed.startswith(check.observed)
            assert observed.endswith(check.reason)
    route, exclude = claims_table(run.steps[3]), claims_table(run.steps[4])
    assert route.text == "Claims: 8 of 9 proven, found 2026-01-01 00:00:40 UTC"
    assert exclude.text.startswith(f"Claims: 0 of {len(run.steps[4].checks)} proven, found ")
    assert "<span class=refuted>2 elements in the header, 1 expected" in route.html


def test_the_verdict_is_told_with_what_each_section_proved() -> None:
    assert verdict_table(a_run()).text == "Verdict: proven"
    table = verdict_table(a_refuted_run())
    assert table.text == "Verdict: refuted"
    counts = {row[0]: row[1] for row in rows(table.html)}
    assert counts["Route to a service in the mesh"] == "8 of 9"
    assert counts["Install Istio"] == "1 of 1"


def test_latency_counts_only_when_every_request_was_answered() -> None:
    rows = "200,0.0015\n" * REQUESTS
    assert read_csv(HEADER + rows, "a.example") == [1.5] * REQUESTS
    for bad in (rows[:-11], rows[:-11] + "503,0.001\n", ""):
        with pytest.raises(NotReady, match=rf"hey to a.example: expected {REQUESTS} answers of 200"):
            read_csv(HEADER + bad, "a.example")
    assert Latency("x", "a", tuple(float(each) for each in range(101))).quantile_ms(90) == 90.0
