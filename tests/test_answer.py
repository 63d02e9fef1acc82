"""Answers: httpbin's own, and everything that is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshproof.formats.answer import Response

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("headers"), inner),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.text(st.characters(codec="ascii"), min_size=1), st.lists(st.text()))


@given(st.text() | JSON.map(json.dumps))
def test_any_body_is_read_without_an_error(body: str) -> None:
    answer = Response.of("h", 200, body, {})
    assert str(answer).startswith("h: 200, ")
    assert answer.received is not None or answer.xfcc is None


@given(HEADERS)
def test_what_httpbin_received_is_read_whole_with_lower_case_names(headers: dict[str, list[str]]) -> None:
    answer = Response.of("h", 200, json.dumps({"headers": headers}), {})
    assert answer.received == {name.lower(): tuple(values) for name, values in headers.items()}


@pytest.mark.parametrize(
    "body",
    [
        *("", "null", "[]", "1", '"headers"', "{}", '{"headers": null}', '{"headers": []}', "<html>503</html>"),
        *('{"headers": {"A": "text"}}', '{"headers": {"A": [1]}}', '{"headers": {"A": null}}', "[" * 100_000),
    ],
    ids=lambda body: body[:30] or "empty",
)
def test_a_body_of_another_form_is_not_httpbins(body: str) -> None:
    answer = Response.of("h", 503, body, {})
    assert (answer.received, answer.xfcc) == (None, None)
    assert str(answer).startswith("h: 503, not an answer of the app: ")


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (
            "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
            {"Server": "envoy"},
            "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        ),
        ("no healthy upstream", {"X-Envoy-Response-Flags": "UH"}, "no healthy upstream; x-envoy-response-flags: UH"),
        (
            "RBAC: access denied",
            {"Proxy-Status": 'envoy; error="x"'},
            'RBAC: access denied; proxy-status: envoy; error="x"',
        ),
        ("\n \n<html>\x1b[2J\x00\n<body>", {}, "<html> [2J"),
        ("", {}, "(no body)"),
        (" \n", {}, "(no body)"),
        ("x" * 9000, {"proxy-status": "y" * 9000}, "x" * 200 + "; " + ("proxy-status: " + "y" * 200)[:200]),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_an_answer_that_is_not_httpbins_tells_what_it_says(body: str, headers: dict[str, str], words: str) -> None:
    answer = Response.of("h", 503, body, headers)
    assert str(answer).rstrip() == f"h: 503, not an answer of the app: {words}"
    assert answer.body == body[:2000]
    assert answer.headers == {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("values", "header", "words"),
    [
        (["By=a"], "By=a", "X-Forwarded-Client-Cert: By=a"),
        (["By=a", "By=b"], "By=a,By=b", "X-Forwarded-Client-Cert: By=a,By=b"),
        ([""], "", "X-Forwarded-Client-Cert: "),
        ([], None, "no XFCC"),
    ],
)
def test_the_client_certificate_header_is_joined_and_an_empty_one_is_there(
    values: list[str], header: str | None, words: str
) -> None:
    answer = Response.of("h", 200, json.dumps({"headers": {"X-Forwarded-Client-Cert": values}}), {})
    assert answer.xfcc == header
    assert str(answer) == f"h: 200, {words}"
