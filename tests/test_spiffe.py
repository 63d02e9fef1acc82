"""SPIFFE ids: the form, and everything that is not it."""

from __future__ import annotations

import pytest

from meshproof.formats.spiffe import MalformedSpiffeId, SpiffeId

HTTPBIN = SpiffeId("cluster.local", "httpbin", "httpbin")


def test_it_is_written_as_certificates_carry_it() -> None:
    assert str(HTTPBIN) == "spiffe://cluster.local/ns/httpbin/sa/httpbin"


@pytest.mark.parametrize("identity", [HTTPBIN, SpiffeId("td-1.example_x", "a-b", "with.dots-0")])
def test_what_is_written_reads_back(identity: SpiffeId) -> None:
    assert SpiffeId.parse(str(identity)) == identity


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://cluster.local",
        "spiffe://cluster.local/ns/a/sa/",
        "spiffe:///ns/a/sa/b",
        "spiffe://cluster.local/ns/a/sa/b/",
        "spiffe://cluster.local/ns/a/sa/b\n",
        "spiffe://cluster.local/ns/a.b/sa/c",
        "spiffe://cluster.local/sa/a/ns/b",
        "https://cluster.local/ns/a/sa/b",
        " spiffe://cluster.local/ns/a/sa/b",
        "spiffe://td/ns/a/sa/b,spiffe://td/ns/a/sa/b",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(MalformedSpiffeId) as raised:
        SpiffeId.parse(text)
    assert repr(text) in str(raised.value)
