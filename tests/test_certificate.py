"""Certificates: the leaf of a chain, its hash as OpenSSL would give it, its URIs."""

from __future__ import annotations

import base64
import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from meshproof.formats.certificate import NotACertificate, leaf_sha256, leaf_subject, leaf_uris

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


@pytest.mark.parametrize("text", ["", "hello", KEY_PEM, LEAF.replace("A", "!"), LEAF[: len(LEAF) // 2]])
def test_what_is_no_certificate_is_refused_without_spelling_it_out(text: str) -> None:
    for read in (leaf_sha256, leaf_subject, leaf_uris):
        with pytest.raises(NotACertificate, match="expected PEM") as raised:
            read(text)
        assert KEY_PEM.splitlines()[1] not in str(raised.value)
