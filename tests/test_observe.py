"""What the runbook looks at for its pictures: each field of the header is judged by its own check. No cluster."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from snapshots import (
    BY,
    GATEWAY_POD,
    OTHER_CERTIFICATE,
    TRUST_DOMAIN,
    URI,
    answer,
    gateway_pod,
    pod,
    response,
    stranger,
    xfcc,
)

from meshproof.cluster import Cluster
from meshproof.errors import Refuted
from meshproof.formats.answer import Response
from meshproof.formats.certificate import leaf_sha256
from meshproof.kube.kinds import Ref
from meshproof.kube.workloads import Pod
from meshproof.names import Names
from meshproof.path.ask import Answers, Ask
from meshproof.path.link import Link
from meshproof.path.links import Links
from meshproof.runbook import observe

ON = Links(Names())
HOST = "a.example"
EVE = "spiffe://cluster.local/ns/default/sa/eve"
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
END = START + datetime.timedelta(days=1)


def leaf() -> str:
    """A certificate as Istio's: no subject, and the gateway's identity among its names."""
    key = ec.generate_private_key(ec.SECP256R1())
    nobody = x509.Name([])
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI)])
    builder = x509.CertificateBuilder(nobody, nobody, key.public_key(), 1, START, END).add_extension(names, True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


LEAF = leaf()
HASH = leaf_sha256(LEAF)
HEADER = xfcc(digest=HASH)


@dataclass(frozen=True)
class Seen:
    """What each look finds."""

    answer: Response = response(HEADER, host=HOST)  # noqa: RUF009 - frozen
    app: tuple[Pod, ...] = (pod("go-httpbin", "istio-proxy"),)
    gateway: tuple[Pod, ...] = (gateway_pod("kgateway-proxy", "sds"),)
    chain: str = LEAF + OTHER_CERTIFICATE
    trust: str = TRUST_DOMAIN


def cluster_where(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster, at a port of its own, in which the links find this."""

    def asked(_: Links, host: str) -> Link[Answers]:
        assert host == HOST
        return finds(Answers(Ask(host), (answer(seen.answer),)))

    monkeypatch.setattr(Links, "answers", asked)
    monkeypatch.setattr(Links, "app_pods", finds(seen.app))
    monkeypatch.setattr(Links, "gateway_pods", finds(seen.gateway))
    monkeypatch.setattr(Links, "certificates", finds({GATEWAY_POD: seen.chain}))
    monkeypatch.setattr(Links, "trust_domain", finds(seen.trust))
    return cast(Cluster, StandIn())


@dataclass(frozen=True)
class StandIn:
    """Only the gateway's port is asked of it; all else the links find."""

    port: int = 32123

    def gateway(self, gateway: Ref) -> StandIn:
        assert gateway == ON.names.gateway
        return self


def finds(what: Any) -> Link[Any]:
    return Link("it", repr(what), lambda _: what)


GOOD = Seen()


@pytest.mark.parametrize(
    ("seen", "refuted"),
    [
        (GOOD, set[str]()),
        (replace(GOOD, answer=response(xfcc(by=EVE, digest=HASH), host=HOST)), {"By"}),
        (replace(GOOD, answer=response(xfcc(uri=EVE, digest=HASH), host=HOST)), {"URI"}),
        (replace(GOOD, answer=response(xfcc(by=URI, uri=BY, digest=HASH), host=HOST)), {"By", "URI"}),
        (replace(GOOD, answer=response(xfcc(digest="0" * 64), host=HOST)), {"Hash"}),
        (replace(GOOD, answer=response(xfcc(subject="CN=eve", digest=HASH), host=HOST)), {"Subject"}),
        (replace(GOOD, answer=response(xfcc(subject=None, digest=HASH), host=HOST)), {"Subject"}),
        (replace(GOOD, app=(pod("go-httpbin", account="other"),)), {"By"}),
        (replace(GOOD, gateway=(gateway_pod("kgateway-proxy", account="other"),)), {"URI"}),
        (replace(GOOD, chain=OTHER_CERTIFICATE + LEAF), {"Hash", "Subject"}),
        (replace(GOOD, trust="other.domain"), {"By", "URI"}),
    ],
)
def test_each_field_of_the_header_is_refuted_for_its_own_fault_alone(
    seen: Seen, refuted: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = observe.certificate(cluster_where(seen, monkeypatch), ON, HOST).findings
    assert [key for key, _ in findings] == ["By", "Hash", "Subject", "URI"]
    assert {key for key, finding in findings if not finding.holds} == refuted
    assert all(finding.expected.startswith(f"{key}=") for key, finding in findings), "judged by another field's check"


def test_the_certificate_is_the_gateways_leaf_and_the_header_the_last_hops(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = f"{xfcc(by=EVE, uri=EVE)},{HEADER}"
    told = observe.certificate(cluster_where(replace(GOOD, answer=response(twice, host=HOST)), monkeypatch), ON, HOST)
    last = told.header.last
    assert (told.text, told.header.sole) == (twice, False)
    assert (last.by, last.uri, last.hash) == ((BY,), (URI,), HASH)
    assert (told.subject, told.uris, told.sha256) == ("", (URI,), HASH)
    assert (told.not_before, told.not_after) == (START, END)


@pytest.mark.parametrize("answer", [response(host=HOST), response("By", host=HOST), stranger(503)])
def test_without_a_header_that_can_be_read_there_is_no_certificate(
    answer: Response, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refuted):
        observe.certificate(cluster_where(replace(GOOD, answer=answer), monkeypatch), ON, HOST)


def test_a_way_tells_the_containers_of_gateway_and_app_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    old = replace(pod("old"), terminating=True)
    way = observe.way(cluster_where(replace(GOOD, app=(*GOOD.app, old)), monkeypatch), ON, HOST)
    assert way.answer == answer(GOOD.answer)
    assert (way.gateway, way.app) == (("kgateway-proxy", "sds"), ("go-httpbin", "istio-proxy"))


def test_pods_on_their_way_out_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    old = replace(pod("old"), terminating=True)
    cluster = cluster_where(replace(GOOD, app=(old, *GOOD.app)), monkeypatch)
    kgateway, istiod = pod("controller", name="kgateway"), pod("discovery", name="istiod")
    monkeypatch.setattr(Links, "controller_pods", finds((kgateway,)))
    monkeypatch.setattr(Links, "istiod_pods", finds((istiod,)))
    assert observe.pods(cluster, ON) == (kgateway, istiod, *GOOD.gateway, *GOOD.app)
