"""XFCC: the documented examples, what Envoy really writes, and everything that must be refused."""

from __future__ import annotations

import contextlib
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meshproof.formats.xfcc import Element, MalformedXfcc, parse, render

HASH = "5e" * 32
GATEWAY = "spiffe://cluster.local/ns/kgateway-system/sa/http"
HTTPBIN = "spiffe://cluster.local/ns/httpbin/sa/httpbin"

# A busy machine is no reason to fail.
AT_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Only a quoted value that ends in a backslash cannot be written; see the module's docstring.
VALUES = st.text(alphabet=st.one_of(st.sampled_from('",;=\\ \t%aB/'), st.characters(exclude_categories=["Cs"])))
WRITABLE = VALUES.filter(lambda value: not value.endswith("\\"))
ELEMENTS = st.builds(
    Element,
    by=st.lists(WRITABLE, max_size=3).map(tuple),
    hash=st.none() | WRITABLE,
    cert=st.none() | VALUES,
    chain=st.none() | VALUES,
    subject=st.none() | WRITABLE,
    uri=st.lists(WRITABLE, max_size=3).map(tuple),
    dns=st.lists(WRITABLE, max_size=3).map(tuple),
).filter(lambda element: element != Element())


def test_what_a_sidecar_sets() -> None:
    assert parse(f'By={HTTPBIN};Hash={HASH};Subject="";URI={GATEWAY}') == (
        Element(by=(HTTPBIN,), hash=HASH, subject="", uri=(GATEWAY,)),
    )


def test_each_proxy_is_an_element_in_order() -> None:
    first, second = parse(f"By=a;Hash={HASH};URI=x, By=b;Hash=00;URI=y")
    assert (first.by, second.by) == (("a",), ("b",))
    assert (first.uri, second.uri) == (("x",), ("y",))


def test_blanks_around_elements_are_no_part_of_values() -> None:
    assert parse(' By=a ,\tBy= b\t;Subject=" c " ') == (Element(by=("a",)), Element(by=(" b",), subject=" c "))


def test_keys_may_repeat_and_come_in_any_case() -> None:
    assert parse("BY=a;by=b;uRi=u;URI=v;Dns=d;dns=e;HASH=Ff") == (
        Element(by=("a", "b"), hash="Ff", uri=("u", "v"), dns=("d", "e")),
    )


def test_an_absent_key_differs_from_an_empty_one() -> None:
    (element,) = parse("By=a;URI=")
    assert element.subject is None
    assert element.uri == ("",)
    assert element.dns == ()


@AT_ANY_SPEED
@given(st.text(alphabet=',;="', min_size=1), st.text(alphabet="ab,;=", max_size=5))
def test_quoted_separators_do_not_split(inside: str, after: str) -> None:
    subject = f"CN=x{inside}{after}z"
    header = 'By=a;Subject="' + subject.replace('"', '\\"') + '";URI=u,By=b'
    assert parse(header) == (Element(by=("a",), subject=subject, uri=("u",)), Element(by=("b",)))


def test_only_the_double_quote_is_escaped() -> None:
    (element,) = parse(r'Subject="CN=a\,b\\,O=\"Acme\""')
    assert element.subject == r"CN=a\,b\\,O=" + '"Acme"'


def test_a_bare_equals_sign_is_part_of_the_value() -> None:
    assert parse("URI=https://x/?a=b")[0].uri == ("https://x/?a=b",)


def test_certificates_are_decoded_from_their_url_encoding() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAb+/c==\n-----END CERTIFICATE-----\n"
    (element,) = parse(f'Hash=0;Cert="{quote(pem, safe="")}";Chain="{quote(pem + pem, safe="")}"')
    assert element.cert == pem
    assert element.chain == pem + pem


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("", "at character 0"),
        ("  ", "at character 0"),
        ("By", "at character 0"),
        ("By=a;", "at character 5"),
        ("By=a,", "at character 5"),
        (",By=a", "at character 0"),
        ("By=a;;URI=b", "at character 5"),
        ("By=a,,By=b", "at character 5"),
        ("=a", "at character 0"),
        ('Subject="open', "at character 0"),
        ('Subject="a"b', "at character 0"),
        ('Subject=a"b', "at character 0"),
        ('Subject="a"\n', "at character 0"),
        ('By=a;Subject="ends\\"', "at character 5"),
        ("Spiffe=a", "'spiffe'"),
        ("Hash=1;hash=2", "'hash' once"),
        ('Subject="";Subject=""', "'subject' once"),
        ("Cert=%zz", "two hex digits"),
        ("Chain=%ff", "not text"),
    ],
)
def test_malformed_headers_are_refused(header: str, complaint: str) -> None:
    with pytest.raises(MalformedXfcc, match=complaint) as raised:
        parse(header)
    assert repr(header) in str(raised.value)


@AT_ANY_SPEED
@given(st.text() | st.text(alphabet='ByURIHashCert=,;"\\% \n'))
@example('By="' + "\\" * 5000)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MalformedXfcc):
        assert parse(text)


@AT_ANY_SPEED
@given(st.lists(ELEMENTS, min_size=1, max_size=4))
def test_what_is_written_reads_back(elements: list[Element]) -> None:
    assert parse(render(elements)) == tuple(elements)


def test_the_written_form_is_envoys() -> None:
    header = f'By={HTTPBIN};Hash={HASH};Subject="";URI={GATEWAY},By=b;URI=x;DNS=d'
    assert render(parse(header)) == header


@pytest.mark.parametrize("elements", [[], [Element()], [Element(hash="1"), Element()], [Element(subject="a\\")]])
def test_what_the_format_cannot_express_is_refused(elements: list[Element]) -> None:
    with pytest.raises(MalformedXfcc, match="cannot write"):
        render(elements)
