"""Certificates: the leaf of a chain, its hash as OpenSSL would give it, its URIs."""

from __future__ import annotations

import base64
import datetime
import hashlib
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from snapshots import AUTHORITY, Certificate, issue

from meshproof.formats.certificate import (
    NotACertificate,
    issued_by,
    leaf_sha256,
    leaf_subject,
    leaf_uris,
    leaf_validity,
    subject_difference,
)

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
URI = "spiffe://cluster.local/ns/kgateway-system/sa/http"


def certificate(name: str, *alternatives: x509.GeneralName) -> str:
    """A self-signed certificate in PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


LEAF = certificate("leaf", x509.DNSName("ignored.example"), x509.UniformResourceIdentifier(URI))
ROOT = certificate("root")


def test_the_hash_is_of_the_first_certificates_der() -> None:
    der = base64.b64decode("".join(LEAF.splitlines()[1:-1]))
    assert leaf_sha256(LEAF + ROOT) == hashlib.sha256(der).hexdigest()
    assert leaf_sha256(ROOT + LEAF) == leaf_sha256(ROOT) != leaf_sha256(LEAF)


def test_the_uris_are_the_first_certificates() -> None:
    assert leaf_uris(LEAF + ROOT) == (URI,)
    assert leaf_uris(ROOT + LEAF) == ()


def test_the_subject_is_the_first_certificates() -> None:
    assert leaf_subject(LEAF + ROOT) == "CN=leaf"
    assert subject_difference("CN=leaf", LEAF + ROOT) is None
    assert subject_difference("CN=leaf", ROOT + LEAF) == "'CN=leaf' is 'CN=root' in the certificate"


@pytest.mark.parametrize("text", ["", "hello", KEY_PEM, LEAF.replace("A", "!"), LEAF[: len(LEAF) // 2]])
def test_what_is_no_certificate_is_refused_without_spelling_it_out(text: str) -> None:
    for read in (leaf_sha256, leaf_subject, leaf_uris, leaf_validity, partial(subject_difference, "CN=leaf")):
        with pytest.raises(NotACertificate, match="expected PEM") as raised:
            read(text)
        assert KEY_PEM.splitlines()[1] not in str(raised.value)


def patched(pem: str, old: bytes, new: bytes) -> str:
    """A certificate with bytes of its DER form replaced; nobody here looks at the signature."""
    der = base64.b64decode("".join(pem.splitlines()[1:-1])).replace(old, new)
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"


def test_a_subject_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(NotACertificate, match="its subject cannot be read"):
        leaf_subject(patched(LEAF, b"leaf", b"le\xfff"))


def test_a_subject_of_bits_cannot_be_compared() -> None:
    bits = patched(LEAF, b"\x55\x04\x03\x0c\x04leaf", b"\x55\x04\x2d\x03\x04\x00eaf")  # an x500UniqueIdentifier
    told = subject_difference("x500UniqueIdentifier=eaf", bits)
    assert told is not None
    assert told.endswith("the value of 'x500UniqueIdentifier' is not text")


NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
BETWEEN = issue("between", by=AUTHORITY, ca=True)


def is_issued(*chain: Certificate, root: Certificate = AUTHORITY) -> bool:
    return issued_by("".join(each.pem for each in chain), root.pem, NOW)


def test_a_chain_leads_to_a_root_that_stands_in_it_or_not() -> None:
    leaf, below = issue("leaf", by=AUTHORITY), issue("leaf", by=BETWEEN)
    assert is_issued(leaf)
    assert is_issued(leaf, AUTHORITY)
    assert is_issued(below, BETWEEN)
    assert is_issued(below, BETWEEN, AUTHORITY)
    assert is_issued(below, BETWEEN, root=BETWEEN), "a root may be signed by another"
    assert not is_issued(below), "what is between them is missing"
    assert not is_issued(leaf, BETWEEN)
    assert not is_issued(leaf, root=issue("root", ca=True)), "another root of the same name"


@pytest.mark.parametrize("ca", [False, None])
def test_who_does_not_say_that_it_is_an_authority_is_none(ca: bool | None) -> None:
    root = issue("root", ca=ca)
    assert not is_issued(issue("leaf", by=root), root=root)
    assert not is_issued(root, root=root)
    between = issue("between", by=AUTHORITY, ca=ca)
    assert not is_issued(issue("leaf", by=between), between)


@pytest.mark.parametrize("start", [2010, 2040])
def test_an_authority_whose_time_is_over_or_to_come_issues_nothing(start: int) -> None:
    root = issue("root", ca=True, start=start)
    assert not is_issued(issue("leaf", by=root), root=root)
    between = issue("between", by=AUTHORITY, ca=True, start=start)
    assert not is_issued(issue("leaf", by=between), between)


def test_a_leaf_is_valid_from_and_to() -> None:
    begin, end = leaf_validity(issue("leaf", by=AUTHORITY, start=2010).pem + AUTHORITY.pem)
    assert (begin.isoformat(), end.isoformat()) == ("2010-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00")
