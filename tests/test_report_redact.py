from __future__ import annotations

import base64
import datetime
import json
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st
from report_runs import a_run

from meshproof.report.redact import redact, redact_run
from meshproof.report.secret_objects import REDACTED
from meshproof.results import Moment

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_EC = ec.generate_private_key(ec.SECP256R1())
KEYS = [
    _RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    _RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
    _RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")).decode(),
    _EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
    _EC.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
    ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
]


def _certificate() -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "httpbin")])
    day = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder(name, name, _EC.public_key(), 1, day, day + datetime.timedelta(days=1))
    return builder.sign(_EC, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


CERTIFICATE = _certificate()
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodHRwYmluIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda pem: pem,
    "indented": lambda pem: textwrap.indent(pem, "      "),
    "json": json.dumps,
    "json in json": lambda pem: json.dumps(json.dumps({"key": pem})),
    "base64": _b64,
    "base64 in json": lambda pem: json.dumps({"private_key": {"inline_bytes": _b64(pem)}}),
    "base64 of several": lambda pem: _b64(CERTIFICATE + pem),
    "base64 not aligned": lambda pem: _b64("x" + pem)[1:],
    "base64 in lines": lambda pem: base64.encodebytes(pem.encode()).decode(),
    "base64 in lines shorter than any mark": lambda pem: textwrap.fill(_b64(pem), 20),
    "base64 in lines in json": lambda pem: json.dumps(base64.encodebytes(pem.encode()).decode()),
    "cut off": lambda pem: pem[: len(pem) * 2 // 3],
    "kubeconfig": lambda pem: f"users:\n- name: a\n  user:\n    client-key-data: {_b64(pem)}\n",
}


def _pieces(text: str) -> set[str]:
    """All runs of 16 letters in a key's body, as they read plain."""
    body = "".join(line for line in text.splitlines() if "-" not in line and ":" not in line)
    return {body[at : at + 16] for at in range(len(body) - 16)}


def _leaks(pem: str, text: str) -> bool:
    """Whether any 16 letters of the key are there, plain or in base64 at any of its alignments."""
    flat = text.replace("\\n", "").replace("\\", "").replace("\n", "").replace(" ", "")
    encoded = {_b64("x" * lead + pem)[at : at + 16] for lead in range(3) for at in range(4, len(pem) * 4 // 3 - 16)}
    return any(piece in flat for piece in _pieces(pem) | encoded)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("pem", KEYS, ids=lambda pem: pem.splitlines()[0].strip("-"))
def test_no_private_key_is_left_however_it_is_wrapped(pem: str, wrapping: str) -> None:
    wrapped = WRAPPINGS[wrapping](pem)
    assert _leaks(pem, wrapped), "the test itself must see the key before"
    assert not _leaks(pem, redact(f"before: {wrapped}\nafter"))


@settings(deadline=None, max_examples=40)  # the machine is shared
@given(st.sampled_from(KEYS), st.sampled_from(sorted(WRAPPINGS)), st.text(), st.text())
def test_no_private_key_is_left_whatever_stands_around_it(pem: str, wrapping: str, before: str, after: str) -> None:
    assert not _leaks(pem, redact(f"{before} {WRAPPINGS[wrapping](pem)} {after}"))


@settings(deadline=None)  # the machine is shared
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                *KEYS,
                CERTIFICATE,
                JWT,
                '{"kind":"Secret",',
                '"data":{"a":"b"}',
                "}",
                "kind: Secret\n",
                "data:\n",
                "  a: b\n",
                "password: x",
                "token=",
                "Bearer ",
                "\n",
                '"',
                "\\",
                "://u:p@h",
                "-----",
            ]
        )
    ).map("".join)
)
@example("kind:Secret\r-----BEGIN PRIVATE KEY-----:\rdata:0")
def test_twice_is_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@settings(deadline=None)  # the machine is shared
@given(st.text(alphabet=st.characters(exclude_characters=":=@\\")))
def test_text_without_secrets_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("wrapping", ["plain", "json", "base64", "base64 in lines", "indented"])
def test_certificates_stay(wrapping: str) -> None:
    text = WRAPPINGS[wrapping](CERTIFICATE)
    assert redact(text) == text


def test_a_certificate_beside_a_key_stays() -> None:
    redacted = redact(KEYS[0] + CERTIFICATE)
    assert CERTIFICATE in redacted
    assert redacted.startswith(REDACTED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"authorization: Bearer {JWT}", f"authorization: Bearer {REDACTED}"),
        (f"the token is {JWT}, you see", f"the token is {REDACTED}, you see"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {REDACTED}"),
        ('{"token": "abc def"}', f'{{"token": "{REDACTED}"}}'),
        (r'"{\"password\":\"hunter2\"}"', rf'"{{\"password\":\"{REDACTED}\"}}"'),
        ("    token: abcdef\n    name: x", f"    token: {REDACTED}\n    name: x"),
        ("DB_PASSWORD=hunter2 next", f"DB_PASSWORD={REDACTED} next"),
        ("helm login --password hunter2 --debug", f"helm login --password {REDACTED} --debug"),
        ("https://user:hunter2@example.com/x", f"https://user:{REDACTED}@example.com/x"),
        ("- name: DB_PASSWORD\n  value: hunter2", f"- name: DB_PASSWORD\n  value: {REDACTED}"),
        ('{"name": "API_TOKEN", "value": "hunter2"}', f'{{"name": "API_TOKEN", "value": "{REDACTED}"}}'),
    ],
)
def test_tokens_and_passwords(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "automountServiceAccountToken: false",
        "- serviceAccountToken:\n    audience: istio-ca\n    path: istio-token",
        '{"token_bucket": {"max_tokens": 100}}',
        "value: /var/run/secrets/tokens/istio-token",
        "bearer tokens are refused",
        'By=spiffe://cluster.local/ns/httpbin/sa/httpbin;Hash=00ff;Subject="";URI=spiffe://cluster.local/ns/a/sa/b',
        "outbound|8000||httpbin.httpbin.svc.cluster.local",
        '{"private_key": {"filename": "/etc/certs/key.pem"}}',
    ],
)
def test_what_only_sounds_like_a_secret_stays(text: str) -> None:
    assert redact(text) == text


def _secret(data: dict[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "data": data,
        "kind": "Secret",
        "metadata": {"name": "s", "ownerReferences": [{"kind": "Deployment", "name": "d"}]},
        "stringData": {"plain": "gossamer"},
    }


CONFIG = {"apiVersion": "v1", "data": {"mesh": "trustDomain: cluster.local"}, "kind": "ConfigMap"}
VALUES = st.dictionaries(st.sampled_from(["tls.key", "kind", "data", "a"]), st.text("QUJDRA", min_size=12), min_size=1)


@settings(deadline=None)  # the machine is shared
@given(VALUES, st.booleans(), st.sampled_from([None, 2, 4]))
def test_secret_objects_in_json_keep_keys_and_lose_values(data: dict[str, str], sort: bool, indent: int | None) -> None:
    items = [CONFIG, _secret(data), CONFIG]
    text = json.dumps({"apiVersion": "v1", "items": items, "kind": "List"}, sort_keys=sort, indent=indent)
    first, second, third = json.loads(redact(f"{text}"))["items"]
    assert first == third == CONFIG
    assert second["data"] == dict.fromkeys(data, REDACTED)
    assert second["stringData"] == {"plain": REDACTED}
    assert second["metadata"]["name"] == "s"


@settings(deadline=None)  # the machine is shared
@given(VALUES, st.booleans())
def test_secret_objects_in_yaml_keep_keys_and_lose_values(data: dict[str, str], in_list: bool) -> None:
    items = [CONFIG, _secret(data | {"block": "gossamer\ntwo lines\n"}), CONFIG]
    text = yaml.safe_dump({"items": items, "kind": "List"} if in_list else items[1], sort_keys=False)
    redacted = redact(text if in_list else f"{yaml.safe_dump(CONFIG)}---\n{text}---\n{yaml.safe_dump(CONFIG)}")
    assert "gossamer" not in redacted
    documents = yaml.safe_load(redacted)["items"] if in_list else list(yaml.safe_load_all(redacted))
    assert documents[0] == documents[2] == CONFIG
    assert documents[1]["data"] == dict.fromkeys([*data, "block"], REDACTED)
    assert documents[1]["metadata"]["name"] == "s"


@pytest.mark.parametrize("nested", [False, True], ids=["yaml", "json"])
def test_the_copy_that_kubectl_keeps_in_an_annotation_goes_too(nested: bool) -> None:
    last = json.dumps(_secret({"a": "Z29zc2FtZXI="}))
    holder = {"kind": "Secret", "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": last}}}
    redacted = redact(
        json.dumps(holder) if nested else yaml.safe_dump(holder, default_style="|" if nested else None, width=9999)
    )
    assert "Z29zc2FtZXI" not in redacted
    assert "gossamer" not in redacted


def test_a_list_of_secrets_whose_items_do_not_say_their_kind() -> None:
    text = json.dumps({"kind": "SecretList", "items": [{"metadata": {}, "data": {"a": "Z29zc2FtZXI="}}]})
    assert json.loads(redact(text))["items"][0]["data"] == {"a": REDACTED}


def test_a_secret_whose_end_was_cut_off() -> None:
    text = '$ kubectl get\n{"kind": "Secret", "data": {"a": "Z29zc2FtZXI=", "b": "Z29z'
    assert "Z29zc2FtZXI" not in redact(text)


def test_every_text_of_a_run_is_redacted() -> None:
    def poison(text: str) -> str:
        return f"{text} {JWT}"

    run = a_run()
    step = run.steps[0]
    check, moment = step.checks[0], step.moments[0]
    check = replace(check, **{name: poison("x") for name in ("claim", "expected", "observed", "reason")})
    moment = Moment(poison("x"), "command", moment.started, 1.0, poison("x"))
    step = replace(
        step,
        section=poison("x"),
        commands=(poison("x"),),
        checks=(check,),
        departures=(poison("x"),),
        moments=(moment,),
        error=poison("x"),
    )
    run = replace(run, versions={"a": poison("x")}, choices={"b": poison("x")}, steps=(step,))
    assert repr(run).count(JWT) == 12
    assert JWT not in repr(redact_run(run))


def test_a_large_dump_takes_seconds_not_minutes() -> None:
    one = json.dumps({"kind": "Secret", "data": {"a": "b" * 400}, "bytes": _b64(CERTIFICATE)}, indent=1)
    text = one * (2_000_000 // len(one)) + "-" * 20_000 + "A" * 200_000 + "{" * 2000
    started = time.monotonic()
    redact(text)
    assert time.monotonic() - started < 20
