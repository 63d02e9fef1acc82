from __future__ import annotations

import base64
import datetime
import json
import re
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, quote_plus

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from report_runs import GATEWAY_ID, HASH, HTTPBIN_ID, a_run

from meshproof.kube.inventory import Difference
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
CERTIFICATE_DER = x509.load_pem_x509_certificate(CERTIFICATE.encode()).public_bytes(Encoding.DER)
HIDDEN = base64.b64encode(b"[redacted]").decode()  # Envoy's own word for it
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


_DER = (Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
_EXAMPLE = _EC.private_bytes(*_DER)
BINARY_KEYS = {
    "rsa pkcs8": _RSA.private_bytes(*_DER),
    "rsa pkcs1": _RSA.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    "rsa under a password": _RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
    "ec pkcs8": _EXAMPLE,
    "ec sec1": _EC.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    "ec p-521": ec.generate_private_key(ec.SECP521R1()).private_bytes(*_DER),
    "ed25519": ed25519.Ed25519PrivateKey.generate().private_bytes(*_DER),
    "pkcs12": pkcs12.serialize_key_and_certificates(b"a", _EC, None, None, BestAvailableEncryption(b"x")),
    "pem": KEYS[0].encode(),
}
ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "base64": lambda key: base64.b64encode(key).decode(),
    "base64 twice": lambda key: base64.b64encode(base64.b64encode(key)).decode(),
    "base64 of a certificate and it": lambda key: base64.b64encode(CERTIFICATE_DER + key).decode(),
    "base64 not aligned": lambda key: base64.b64encode(b"xyzw" + key).decode()[1:],
    "base64url": lambda key: base64.urlsafe_b64encode(key).decode(),
    "base64, url-encoded": lambda key: quote(base64.b64encode(key), safe=""),
    "hex": lambda key: key.hex(),
    "capital hex": lambda key: "0" + key.hex().upper(),
}


def _lines(word: str, width: int = 64) -> str:
    return "\n".join(word[at : at + width] for at in range(0, len(word), width))


LAYOUTS: dict[str, Callable[[str], str]] = {
    "as it is": lambda word: word,
    "data": lambda word: f"apiVersion: v1\nbinaryData:\n  tls.bin: {word}\nkind: ConfigMap\n",
    "assigned": lambda word: f"key={word};",
    "lines": lambda word: _lines(word),
    "block": lambda word: f"data:\n  key: |\n{textwrap.indent(_lines(word), '    ')}\nkind: ConfigMap\n",
    "lines in json": lambda word: json.dumps({"key": _lines(word, 76)}),
    "lines in json in json": lambda word: json.dumps(json.dumps({"key": _lines(word, 76)})),
    "log": lambda word: textwrap.indent(_lines(word), "2026-01-01T00:00:00.5Z "),
    "cut off": lambda word: word[: len(word) * 3 // 4],
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", BINARY_KEYS)
def test_no_private_key_is_left_however_it_is_encoded(name: str, encoding: str) -> None:
    encode, key = ENCODINGS[encoding], BINARY_KEYS[name]
    word, public = encode(key), encode(b"")
    windows = {word[at : at + 24] for at in range(max(len(public) - 24, 0), len(word) - 24)}

    def left(text: str) -> bool:
        flat = re.sub(r"2026-\S+Z|\\+n|\s", "", text)
        return any(window in flat for window in windows)

    texts = {layout: f"before: {lay_out(word)}\n-- after\n- name: b" for layout, lay_out in LAYOUTS.items()}
    seen = {layout for layout, text in texts.items() if left(text)}
    assert seen >= set(LAYOUTS) - {"cut off"}, "the test itself must see the key before"
    assert [layout for layout, text in texts.items() if left(redact(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        b'{"auths":{"https://index.example/v1/":{"auth":"aHVudGVyMjpnb3NzYW1lcg=="}}}',
        b"users:\n- name: a\n  user:\n    token: gossamer-gossamer\n",
        f"of a service account: {JWT}".encode(),
        b'{"kty":"oct","k":"Z29zc2FtZXJnb3NzYW1lcmdvc3NhbWVy"}',
        b"machine a.example login me password gossamer-gossamer",
    ],
)
@pytest.mark.parametrize("encoding", ["base64", "base64 twice", "base64url", "hex", "capital hex"])
def test_no_encoded_text_is_left_that_has_a_secret_in_it(text: bytes, encoding: str) -> None:
    word = ENCODINGS[encoding](text)
    assert redact(f"a: {word}\nb: c") == f"a: {REDACTED}\nb: c"


@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_no_private_key_is_left_that_is_url_encoded(encode: Callable[[str], str]) -> None:
    for pem in KEYS:
        assert redact(f"?key={encode(pem)}&a=b") == f"?key={REDACTED}&a=b"
    assert redact(encode(CERTIFICATE)) == encode(CERTIFICATE)


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


_ANYBODY = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "httpbin")])
PUBLIC = {
    "certificate": CERTIFICATE_DER,
    # Without a version, as of old: where the version of a key stands, this has its serial number.
    "first edition": bytes.fromhex("3082020030820100020101300d06092a864886f70d01010b050030") + bytes(range(200)),
    "request": x509.CertificateSigningRequestBuilder(_ANYBODY).sign(_EC, hashes.SHA256()).public_bytes(Encoding.DER),
    "public key": _RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "public pkcs1": _RSA.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1),
    "signature": _EC.sign(b"a", ec.ECDSA(hashes.SHA256())),
    "pem": CERTIFICATE.encode(),
    "text": b"discoveryAddress: istiod.istio-system.svc:15012\nsecretName: httpbin-credential\n",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_stays_however_it_is_encoded(name: str, encoding: str) -> None:
    for lay_out in LAYOUTS.values():
        text = lay_out(ENCODINGS[encoding](PUBLIC[name]))
        assert redact(text) == text


def test_the_header_of_a_client_certificate_stays() -> None:
    header = (
        f'By={HTTPBIN_ID};Hash={HASH};Cert="{quote(CERTIFICATE, safe="")}";Chain="{quote(CERTIFICATE, safe="")}";'
        f'Subject="CN=httpbin,O=\\"a\\"";URI={GATEWAY_ID};DNS=httpbin.example'
    )
    for text in (header, f"X-Forwarded-Client-Cert: {header}", json.dumps({"X-Forwarded-Client-Cert": [header]})):
        assert redact(text) == text


def test_what_envoy_tells_of_itself_stays() -> None:
    chain = _b64(CERTIFICATE)
    secret = {
        "tls_certificate": {"certificate_chain": {"inline_bytes": chain}, "private_key": {"inline_bytes": HIDDEN}}
    }
    cluster = {
        "name": "kube_httpbin_httpbin_8000",
        "transport_socket_matches": [{"name": "tlsMode-istio", "match": {"tlsMode": "istio"}}],
        "tls_certificate_sds_secret_configs": [{"name": "istio_server_cert", "sds_config": {"api_type": "GRPC"}}],
        "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": HTTPBIN_ID}}],
        "sni": "outbound_.8000_._.httpbin.httpbin.svc.cluster.local",
        "hash_policy": [{"cookie": {"name": "session", "ttl": "0s"}}, {"header": {"header_name": "cookie"}}],
        "runtime_key": "upstream.healthy_panic_threshold",
        "token_bucket": {"max_tokens": 100, "tokens_per_fill": 100},
        "forward_client_cert_details": "SANITIZE_SET",
        "version_info": "16189352673482109785",
    }
    dump = {"configs": [{"name": "istio_server_cert", "secret": secret}, {"cluster": cluster}]}
    stats = "cluster.kube_httpbin_httpbin_8000.ssl.handshake: 12\nhttp.http.jwt_authn.denied: 0\n"
    for text in (json.dumps(dump), json.dumps(dump, indent=1), yaml.safe_dump(dump), stats):
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
        ("MY_SECRET=hunter2", f"MY_SECRET={REDACTED}"),
        ("      SIGNING_SECRET:  hunter2\n", f"      SIGNING_SECRET:  {REDACTED}\n"),
        ("- name: PGPASS\n  value: hunter2", f"- name: PGPASS\n  value: {REDACTED}"),
        ("- name: smtp-password\n  value: hunter2", f"- name: smtp-password\n  value: {REDACTED}"),
        ('{"name":"SIGNING_SECRET","value":"hunter2"}', f'{{"name":"SIGNING_SECRET","value":"{REDACTED}"}}'),
        (r"{\"name\":\"SESSION_KEY\",\"value\":\"a b\"}", rf"{{\"name\":\"SESSION_KEY\",\"value\":\"{REDACTED}\"}}"),
        ("ENCRYPTION_KEY=hunter2 PGPASSWORD=hunter3", f"ENCRYPTION_KEY={REDACTED} PGPASSWORD={REDACTED}"),
        ("db_pass: hunter2", f"db_pass: {REDACTED}"),
        ("connecting with password hunter2 now", f"connecting with password {REDACTED} now"),
        ('password "hunter two" given', f'password "{REDACTED}" given'),
        ("machine a.example login me password swordfish", f"machine a.example login me password {REDACTED}"),
        ("Cookie: session=abc; lang=en", f"Cookie: {REDACTED}"),
        ("set-cookie: a=b; Path=/; Secure\nserver: envoy", f"set-cookie: {REDACTED}\nserver: envoy"),
        ('"Cookie": [\n  "session=abc"\n]', f'"Cookie": [\n  "{REDACTED}"\n]'),
        ("'cookie', 'session=abc'\n'host', 'a'", f"'cookie', '{REDACTED}'\n'host', 'a'"),
        ('"Authorization": [\n  "Basic dXNlcjpwYXNz"\n]', f'"Authorization": [\n  "Basic {REDACTED}"\n]'),
        ('"X-Api-Key": ["hunter2"]', f'"X-Api-Key": ["{REDACTED}"]'),
        (f"id AKIA{'A1' * 8}.", f"id {REDACTED}."),
        (f'{{"a": "ASIA{"A1" * 8}", "b": "c"}}', f'{{"a": "{REDACTED}", "b": "c"}}'),
        (f"AKIA{'A1' * 8},{'aB3/' * 10}\n", f"{REDACTED}\n"),
        (f"aws_secret_access_key = {'aB3/' * 10}", f"aws_secret_access_key = {REDACTED}"),
        (f'{{"SecretAccessKey": "/{"aB3+" * 9}abc"}}', f'{{"SecretAccessKey": "{REDACTED}"}}'),
        (f"git clone with ghp_{'a1' * 18}", f"git clone with {REDACTED}"),
        (f"gho_{'a1' * 18} ghs_{'a1' * 18} github_pat_{'a1_' * 20}x", f"{REDACTED} {REDACTED} {REDACTED}"),
        (rf'"log\ngho_{"a1" * 18}"', rf'"log\n{REDACTED}"'),
        (f"# created\nAGE-SECRET-KEY-1{'QPZ' * 19}Q\n", f"# created\n{REDACTED}\n"),
        ("xoxb-1234567890-abcDEF says", f"{REDACTED} says"),
        (f"key AIza{'aB-_3' * 7};", f"key {REDACTED};"),
        ('{"auths":{"r":{"auth":"bWU6aHVudGVyMg=="}}}', f'{{"auths":{{"r":{{"auth":"{REDACTED}"}}}}}}'),
        (".dockerconfigjson: eyJhIjoxfQ==", f".dockerconfigjson: {REDACTED}"),
        ("    token: abc\n    client-key-data: QUJD\n", f"    token: {REDACTED}\n    client-key-data: {REDACTED}\n"),
        ("sent Bearer gossamer-gossamer and", f"sent Bearer {REDACTED} and"),
        ("helm login --token hunter2 --debug", f"helm login --token {REDACTED} --debug"),
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
        "TLS_KEY=/etc/certs/key.pem TOKEN=/var/run/secrets/tokens/istio-token",
        "PUBLIC_KEY=abc topologyKey: kubernetes.io/hostname",
        "- key: node-role.kubernetes.io/control-plane\n  operator: Exists",
        "secretName: istio-ca-secret\ncredentialName: httpbin-credential\nkind: Secret\nname: httpbin-credential",
        '      DB_PASSWORD:  <set to the key "password" in secret "db">  Optional: false',
        "secret:\n  defaultMode: 420\n  secretName: istiod-tls",
        'MountVolume.SetUp failed for volume "cacerts" : secret "cacerts" not found',
        "username/password credentials in a header",
        "the password is wrong; password authentication failed; a password must be given",
        '{"cookie": {"name": "session", "ttl": "0s"}}',
        "auth: required\nauth: c3BpZmZlOi8v/notalogin",
        '{"d": "outbound-8000-httpbin-httpbin-svc", "k": "short", "p": 5432}',
        "allow_credentials: true\npassword: null",
        "resourceVersion: '123456'\nuid: 5c6f0a4e-1b1c-4c39-9a57-02a8ad6a3f11\ngenerateName: httpbin-7d9c5b6f4d-",
        "pod-template-hash=7d9c5b6f4d",
        f"docker.io/istio/proxyv2@sha256:{'0123456789abcdef' * 4}",
        "exclude.service-no-xfcc route.forged-xfcc-dropped enable.values-have-no-effect cleanup.inventory",
        "spiffe://cluster.local/ns/kgateway-system/sa/http",
    ],
)
def test_what_only_sounds_like_a_secret_stays(text: str) -> None:
    assert redact(text) == text


WRITTEN: dict[str, Callable[[dict[str, str]], str]] = {
    "json": json.dumps,
    "json in json": lambda key: json.dumps(json.dumps(key)),
    "yaml": lambda key: yaml.safe_dump(key),
    "python": repr,
}


@pytest.mark.parametrize("form", WRITTEN)
def test_of_a_json_web_key_only_the_public_members_stay(form: str) -> None:
    def member(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")

    numbers = _RSA.private_numbers()
    public = {"kty": "RSA", "kid": "A1-b2_C3" * 4, "n": member(numbers.public_numbers.n), "e": "AQAB"}
    values = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    private: dict[str, str] = dict(zip(("d", "p", "q", "dp", "dq", "qi"), map(member, values), strict=True))
    private["k"] = "Z29zc2FtZXJHb3NzYW1lcg"
    redacted = redact(WRITTEN[form](public | private))
    assert [value for value in public.values() if value not in redacted] == []
    assert [name for name, value in private.items() if value in redacted] == []


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
        changes=(Difference("changed", poison("x"), poison("x"), (poison("x"),), then={"data": JWT}),),
    )
    run = replace(run, versions={"a": poison("x")}, choices={"b": poison("x")}, steps=(step,))
    assert repr(run).count(JWT) == 15
    assert JWT not in repr(redact_run(run))
    assert [each.then for each in redact_run(run).steps[0].changes or ()] == [{}], "what was in it is not kept"


def _log_line(number: int) -> str:
    return (
        f'2026-01-01T00:00:00.{number}Z {{"logger":"controller","msg":"reconciling kgateway-system/http-{number}"}}\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"kind": "Secret", "data": {"a": "b" * 400}, "bytes": _b64(CERTIFICATE)}, indent=1) * 500,
        "".join(map(_log_line, range(10_000))),
        *(piece * (200_000 // len(piece)) for piece in ("-", "A", "{", "%25", "\\n", "MIIE", "password ", "auth: ")),
        *(
            piece * (200_000 // len(piece))
            for piece in ("name: A_", "A_KEY", "://", "cookie: a", "A" * 30 + "\n", "k: A")
        ),
        *(
            piece * (200_000 // len(piece))
            for piece in ("-----BEGIN PRIVATE KEY-----", "kind: Secret\ndata:\n  a: b\n")
        ),
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()  # the machine is shared
    redact(text)
    assert time.process_time() - started < 10
