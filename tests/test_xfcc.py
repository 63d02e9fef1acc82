"""XFCC: what Envoy writes, what its reader takes it for, and what must be refused, with the reason.

What is marked "Envoy 1.38.3" was read off that binary: a listener with a home-made certificate wrote it, or the
substitution %XFCC_VALUE(key)% of an access log read it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meshproof.formats.xfcc import Element, EmptyXfcc, Header, MalformedXfcc, Unread, nearest, parse, render

HASH = "5e" * 32
GATEWAY = "spiffe://mesh.test/ns/kgateway-system/sa/http"
HTTPBIN = "spiffe://mesh.test/ns/httpbin/sa/httpbin"
SIDECAR = f'By={HTTPBIN};Hash={HASH};Subject="";URI={GATEWAY}'
SIDECAR_JSON = f'{{"by":["{HTTPBIN}"],"hash":"{HASH}","uri":["{GATEWAY}"]}}'
SIDECAR_ELEMENT = Element(by=(HTTPBIN,), hash=HASH, subject="", uri=(GATEWAY,))
UNQUOTED = "Envoy quotes neither By, URI nor DNS"
PEM = "-----BEGIN CERTIFICATE-----\nAb+/c==\n-----END CERTIFICATE-----\n"

# A busy machine is no reason to fail.
AT_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VALUES = st.text(alphabet=st.one_of(st.sampled_from('",;=\\ \t%aB/'), st.characters(exclude_categories=["Cs"])))
LISTS = st.lists(VALUES, max_size=3).map(tuple)
KEYS = st.sampled_from(["Issuer", "x-1", "By2", "serial_number"])
ELEMENTS = st.builds(
    Element,
    by=LISTS,
    hash=st.none() | VALUES,
    cert=st.none() | VALUES,
    chain=st.none() | VALUES,
    subject=st.none() | VALUES,
    uri=LISTS,
    dns=LISTS,
    other=st.lists(st.tuples(KEYS, VALUES), max_size=2).map(tuple),
).filter(lambda element: element != Element())


def test_what_a_sidecar_sets() -> None:
    assert parse(SIDECAR) == Header((SIDECAR_ELEMENT,), "text")


def test_each_proxy_is_an_element_in_order() -> None:
    read = parse(f"By=a;Hash={HASH};URI=x, By=b;Hash=00;URI=y")
    assert [(element.by, element.uri) for element in read.elements] == [(("a",), ("x",)), (("b",), ("y",))]
    assert read.last is read.elements[1]


def test_keys_may_repeat_and_come_in_any_case() -> None:
    assert parse("BY=a;by=b;uRi=u;URI=v;Dns=d;dns=e;HASH=Ff").last == Element(
        by=("a", "b"), hash="Ff", uri=("u", "v"), dns=("d", "e")
    )


def test_an_absent_key_differs_from_an_empty_one() -> None:
    element = parse("By=a;URI=").last
    assert (element.subject, element.uri, element.dns) == (None, ("",), ())


# Envoy 1.38.3 read each of them so.
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (r'Subject="a\\"', Element(subject="a\\")),
        (r'Subject="a\"b"', Element(subject='a"b')),
        (r'Subject="a\b"', Element(subject=r"a\b")),
        (r'Subject="a\\b"', Element(subject=r"a\b")),
        (r'Subject="a\";Hash=1"', Element(subject='a";Hash=1')),
        (r'Subject="a\\";Hash=1', Element(subject="a\\", hash="1")),
        (r'Subject="a\,b\\,c"', Element(subject=r"a\,b\,c")),
        (r'Subject="\\\"x"', Element(subject=r"\"x")),
        (r"Subject=a\\b;Hash=1", Element(subject=r"a\b", hash="1")),
        (r"Hash=a\"b", Element(hash='a"b')),
        ("Hash=\\", Element(hash="\\")),
        ('Hash= "1" ;By=x', Element(by=("x",), hash="1")),
        (" By = a ;Hash = 1 ", Element(by=("a",), hash="1")),
        ('Subject="\tab "', Element(subject="\tab ")),
        ("URI=https://x/?a=b", Element(uri=("https://x/?a=b",))),
    ],
)
def test_a_value_means_what_envoys_own_reader_takes_it_for(header: str, expected: Element) -> None:
    assert parse(header) == Header((expected,), "text")


# Envoy 1.38.3 wrote these subjects, as they stand between its quotes, for home-made certificates.
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("CN=app,OU=Unit,O=Org,C=ZZ", "CN=app,OU=Unit,O=Org,C=ZZ"),
        (r"CN=\",O=The \"Mesh\"", 'CN=",O=The "Mesh"'),
        (r"CN=app,O=Org \"Q\"\, x\\,C=ZZ", r'CN=app,O=Org "Q"\, x\,C=ZZ'),
        (r"CN=\,By=evil\;Hash=00\;Subject=\"\"\;URI=x", r'CN=\,By=evil\;Hash=00\;Subject=""\;URI=x'),
        (r"CN=y,O=x\"\;Cert=FORGED\,By=evil\;Hash=00", r'CN=y,O=x"\;Cert=FORGED\,By=evil\;Hash=00'),
    ],
)
def test_a_subject_is_kept_as_a_name_and_as_envoys_reader_shows_it(name: str, shown: str) -> None:
    header = f'By={HTTPBIN};Hash={HASH};Subject="{name}";URI={GATEWAY}'
    for read in (parse(header), nearest(f'Subject="open,{header}')):
        assert read.last == replace(SIDECAR_ELEMENT, subject=shown)
        assert read.last.name == name


# As Envoy 1.38.3 wrote them, with shorter values: alone, behind an object of ours, with SANs and a subject, with PEM.
@pytest.mark.parametrize(
    ("header", "name", "expected"),
    [
        (f"[{SIDECAR_JSON}]", "", [replace(SIDECAR_ELEMENT, subject=None)]),
        (
            f'[{{"by":["f"],"x":1}},{SIDECAR_JSON}]',
            "",
            [Element(by=("f",), other=(("x", "1"),)), replace(SIDECAR_ELEMENT, subject=None)],
        ),
        (
            r'[{"hash":"h","subject":"CN=app,O=Org \\\"Q\\\"\\, x\\\\,C=ZZ",'
            r'"uri":["u","x\",y\\\"z\\\\;w"],"dns":["d"]}]',
            r"CN=app,O=Org \"Q\"\, x\\,C=ZZ",
            [Element(hash="h", subject=r"CN=app,O=Org \"Q\"\, x\\,C=ZZ", uri=("u", r'x",y\"z\\;w'), dns=("d",))],
        ),
        (
            r'[{"hash":"h","cert":"-----BEGIN\nAb+/c==\n","chain":["leaf\n","root\n"],"subject":"CN=x"}]',
            "CN=x",
            [Element(hash="h", cert="-----BEGIN\nAb+/c==\n", chain="leaf\nroot\n", subject="CN=x")],
        ),
    ],
)
def test_the_json_form_is_read(header: str, name: str, expected: list[Element]) -> None:
    read = parse(header)
    assert read == Header(tuple(expected), "json")
    assert read.last.name == name


def test_a_key_of_a_later_envoy_is_kept_in_its_order_and_refuses_nothing() -> None:
    read = parse(f'Issuer="CN=ca,O=\\"x\\"";{SIDECAR};Serial=1;issuer=2').last
    assert read.other == (("Issuer", 'CN=ca,O="x"'), ("Serial", "1"), ("issuer", "2"))
    assert (read.by, read.hash, read.uri) == ((HTTPBIN,), HASH, (GATEWAY,))
    assert parse('[{"issuer":"CN=ca","by":["a"],"more":{"b":[1]}}]').last.other == (
        ("issuer", "CN=ca"),
        ("more", '{"b": [1]}'),
    )


def test_what_is_read_today_stays_readable() -> None:
    two = parse(f'Hash={HASH};Subject="CN=app,OU=Unit,O=Org,C=ZZ";URI=,By=A;Hash={HASH};Subject="";URI={GATEWAY}')
    assert [element.subject for element in two.elements] == ["CN=app,OU=Unit,O=Org,C=ZZ", ""]
    assert parse('Cert="r";Subject="CN=x;Cert=FORGED;O=y"').last == Element(cert="r", subject="CN=x;Cert=FORGED;O=y")
    assert [element.by for element in parse("By=a ,\tBy=b").elements] == [("a",), ("b",)]
    assert parse("URI=a;URI=b").last.uri == ("a", "b")
    assert parse(",".join([SIDECAR, SIDECAR])).elements == (SIDECAR_ELEMENT, SIDECAR_ELEMENT)  # sent twice


def test_certificates_are_decoded_from_their_url_encoding() -> None:
    element = parse(f'Hash=0;Cert="{quote(PEM, safe="")}";Chain="{quote(PEM + PEM, safe="")}"').last
    assert (element.cert, element.chain) == (PEM, PEM + PEM)
    assert parse(f'Cert="{quote(PEM, safe="+/=")}"').last.cert == PEM  # base64's own signs, left as they are


@AT_ANY_SPEED
@given(st.text(alphabet=',;="', min_size=1), st.text(alphabet="ab,;=", max_size=5))
def test_quoted_separators_do_not_split(inside: str, after: str) -> None:
    subject = f"CN=x{inside}{after}z"
    header = 'By=a;Subject="' + subject.replace('"', '\\"') + '";URI=u,By=b'
    assert parse(header).elements == (Element(by=("a",), subject=subject, uri=("u",)), Element(by=("b",)))


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("By", "expected key=value at character 0, found 'By'"),
        ("By=a;", "at character 5, found the end"),
        ("By=a, ", "at character 6, found the end"),
        (",By=a", "at character 0, found ',By=a'"),
        ("By=a;;URI=b", "at character 5, found ';URI=b'"),
        ("By=a,,By=b", "at character 5, found ',By=b'"),
        ("=a", "at character 0"),
        ("ü=a", "at character 0"),
        ('Subject="open', "the quote opened at character 8 is not closed"),
        ('By=a;Subject="ends\\"', "the quote opened at character 13 is not closed"),
        ('Subject="a"b', "at character 11, after the closing quote, found 'b'"),
        ('Subject="a"\n', "at character 11, after the closing quote"),
        ('Subject=a"b', "the quote at character 9 is inside of a value that does not begin with one"),
        ('Subject=x";Cert=REAL;URI=";Cert=FORGED', "the quote at character 9 is inside"),
        (r'By=a\\"b', "the quote at character 6 is inside"),
        ("Hash=1;hash=2", "'hash' once"),
        ('Subject="";Subject=""', "'subject' once"),
        ("Cert=%zz", "two hex digits"),
        ("Chain=%ff", "not text"),
        ('Cert="-----BEGIN+CERTIFICATE-----%0A"', r"in 'cert', found \+ for blanks"),
        (quote(PEM), r"a certificate without a key \(PEM\)"),
        (PEM.replace("\n", " "), r"a certificate without a key \(PEM\)"),
        (f'"{quote(PEM)}"', r"a certificate without a key \(PEM\)"),
        (quote(PEM).replace("%20", "+"), r"a certificate without a key \(PEM with \+ for blanks\)"),
        ("MII" + "Aa0/" * 12 + "==", r"a certificate without a key \(base64\)"),
        (f"By=a,:MII{'A' * 60}:", r"at character 5, found a certificate without a key \(base64\)"),
        ("[1", "at character 0, found '\\[1'"),
        ("[]", r"expected a JSON list with an object in it, found \[\]"),
        ("[1]", "expected a JSON object for each element, found 1"),
        ("[,{}]", "expected JSON, found at character 1"),
        ('[{"by":["a"]}],[{"by":["b"]}]', "expected JSON, found at character 14"),
        ('[{"by":"a"}]', "expected a list of texts in 'by', found 'a'"),
        ('[{"hash":1}]', "expected text in 'hash', found 1"),
        ('[{"uri":[null]}]', "expected text in 'uri', found None"),
        ('[{"hash":"1","hash":"2"}]', "each key once"),
        (r'[{"hash":"\ud800"}]', "expected text in 'hash'"),
        (r'[{"x":"\udfff"}]', "expected text in 'x'"),
        ("[" * 100_000 + "]", "expected JSON"),
        (f'[{{"x":{"1" * 5000}}}]', "expected JSON"),
    ],
)
def test_malformed_headers_are_refused_at_the_fault(header: str, complaint: str) -> None:
    with pytest.raises(MalformedXfcc, match=complaint) as raised:
        parse(header)
    assert repr(header) in str(raised.value)


# Envoy 1.38.3 wrote such By, URI and DNS without quotes, and its own reader takes spiffe://a for the first By.
@pytest.mark.parametrize(
    ("header", "position"),
    [
        ('By=spiffe://a,b;c="d";By=spiffe://two;Hash=00', 14),
        (f"By={HTTPBIN};Hash=00;URI=spiffe://a;b", 67),
        ('Hash=00;DNS=a"b,c', 13),
        ("uri = a,b", 8),
    ],
)
def test_an_identity_that_envoy_cut_says_why(header: str, position: int) -> None:
    for read in (parse, nearest):
        with pytest.raises(MalformedXfcc, match=f"at character {position}.*{UNQUOTED}"):
            read(header)


def test_an_end_that_is_no_element_of_envoys_is_not_taken_for_the_sidecars() -> None:
    header = f'By={HTTPBIN};Hash=00;Subject="";URI=spiffe://a,b=c'
    assert parse(header).last == Element(other=(("b", "c"),))
    with pytest.raises(MalformedXfcc, match=f"no key that Envoy writes, only b; {UNQUOTED}"):
        nearest(header)


@pytest.mark.parametrize("header", ["", " ", "\t "])
def test_present_but_empty_is_neither_absent_nor_malformed(header: str) -> None:
    for read in (parse, nearest):
        with pytest.raises(EmptyXfcc, match="present but empty"):
            read(header)


# Envoy 1.38.3 put its element behind each of them so.
@pytest.mark.parametrize(
    ("before", "header", "why"),
    [
        ('Subject="open', f'Subject="open,{SIDECAR}', "the quote opened at character 8 is not closed"),
        ('Subject="a\\', f'Subject="a\\,{SIDECAR}', "the quote opened at character 8 is not closed"),
        ("Hash=1,garbage", f"Hash=1,garbage,{SIDECAR}", "expected key=value at character 7, found 'garbage'"),
        (",", f",,{SIDECAR}", "expected key=value at character 0, found ','"),
        ("null", f"null,{SIDECAR}", "expected key=value at character 0, found 'null'"),
        ('[{"by":["f"]}', f'[{{"by":["f"]}},{SIDECAR}', 'expected key=value at character 0, found \'[{"by":["f"]}\''),
        ("[],", f"[],,{SIDECAR}", "expected key=value at character 0, found '[],'"),
        ("[]", f"[,{SIDECAR_JSON}]", "expected a JSON list with an object in it, found []"),
        ("[garbage]", f"[garbage,{SIDECAR_JSON}]", "expected JSON, found at character 1: Expecting value"),
        ('[1,"x"]', f'[1,"x",{SIDECAR_JSON}]', "expected a JSON object for each element, found 1"),
        (
            '[{"by":["f"]}],[{"by":["g"]}]',
            f'[{{"by":["f"]}}],[{{"by":["g"]}},{SIDECAR_JSON}]',
            "expected JSON, found at character 14: Extra data",
        ),
        ('[{"a":1,"a":2}]', f'[{{"a":1,"a":2}},{SIDECAR_JSON}]', "expected each key once in a JSON object, found a, a"),
    ],
)
def test_the_last_element_is_read_behind_what_cannot_be(before: str, header: str, why: str) -> None:
    with pytest.raises(MalformedXfcc):
        parse(header)
    read = nearest(header)
    assert (read.last.by, read.last.hash, read.last.uri) == ((HTTPBIN,), HASH, (GATEWAY,))
    assert read.unread == Unread(before, why)
    assert not read.sole
    assert read.standing == f"1 element, and before it what cannot be read: {before!r}: {why}"


@AT_ANY_SPEED
@given(st.text(alphabet='By=aHashSubjectURI,;"\\ []{}:1', min_size=1), st.text(alphabet='",;=\\a'))
@example('Subject="', "")
@example('Subject="x,K=";URI="', "")
@example("By=f\\", ',By=evil;Hash=00;Subject="')
def test_whatever_stands_before_it_neither_swallows_nor_forges_the_last_element(before: str, subject: str) -> None:
    own = Element(by=(HTTPBIN,), hash=HASH, subject=f"CN={subject}", uri=(GATEWAY,))
    read = nearest(f"{before},{render([own])}")
    assert read.last == own
    assert not read.sole


@AT_ANY_SPEED
@given(st.text(alphabet='by="[]{},:1\\ ', max_size=20), st.text(alphabet='{}[],:"\\by'))
@example("{},", '},{"by":["x"]}]')
def test_the_same_holds_in_json(before: str, uri: str) -> None:
    own = {"by": [HTTPBIN], "hash": HASH, "uri": [uri]}
    read = nearest(f"[{before},{json.dumps(own)}]")
    assert read.last == Element(by=(HTTPBIN,), hash=HASH, uri=(uri,))
    assert not read.sole


def test_how_the_last_element_stands_is_told() -> None:
    assert [nearest(header).sole for header in (SIDECAR, f"[{SIDECAR_JSON}]", f"By=a,{SIDECAR}")] == [True, True, False]
    assert nearest(SIDECAR).standing == "1 element"
    assert nearest(f"By=a,{SIDECAR}").standing == "2 elements, the first is not the sidecar's"
    assert nearest(f"By=a,By=b,{SIDECAR}").standing == "3 elements, the first 2 are not the sidecar's"


@AT_ANY_SPEED
@given(
    st.text()
    | st.text(alphabet='ByURIHashCert=,;"\\% \n')
    | st.text(alphabet='[]{},:"by\\u0d8').map(lambda t: f"[{t}]")
)
@example('By="' + "\\" * 5000)
@example("[" + ',{"a":[' * 3000 + "]")
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse, nearest):
        with contextlib.suppress(MalformedXfcc, EmptyXfcc):
            assert read(text).elements


@AT_ANY_SPEED
@given(st.lists(ELEMENTS, min_size=1, max_size=4))
@example([Element(by=("a\\\\b", "a\\"), hash=" 1", subject="a\\\\\\", dns=('\\"',))])
def test_what_is_written_reads_back(elements: list[Element]) -> None:
    assert parse(render(elements)) == Header(tuple(elements), "text")


@AT_ANY_SPEED
@given(st.text(alphabet='By=aHashURI,;"\\ '))
@example(SIDECAR)
def test_what_is_read_is_written_with_the_same_meaning(text: str) -> None:
    with contextlib.suppress(MalformedXfcc, EmptyXfcc):
        read = parse(text)
        assert parse(render(read.elements)) == read


def test_the_written_form_is_envoys() -> None:
    header = f'{SIDECAR},By=b;Hash=00;Cert="{quote(PEM, safe="")}";Subject="O=\\"x\\"\\, \\C3\\BC";URI=x;DNS=d'
    assert render(parse(header).elements) == header


@pytest.mark.parametrize(
    "elements",
    [
        [],
        [Element()],
        [Element(hash="1"), Element()],
        [Element(other=(("hash", "1"),))],
        [Element(other=(("a b", "1"),))],
    ],
)
def test_what_the_format_cannot_express_is_refused(elements: list[Element]) -> None:
    with pytest.raises(MalformedXfcc, match="cannot write"):
        render(elements)
