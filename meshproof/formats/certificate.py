"""Certificates: what identifies the leaf of a PEM chain."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256

from meshproof.errors import Refuted
from meshproof.formats import distinguished_name


class NotACertificate(Refuted):
    """A text that holds no certificate that can be read."""


def leaf_sha256(pem_chain: str) -> str:
    """SHA-256 of the DER form of the chain's first certificate, 64 lowercase hex digits, as XFCC's Hash has it.

    Raises:
        NotACertificate: The text holds no readable certificate.
    """
    return _leaf(pem_chain).fingerprint(SHA256()).hex()


def leaf_subject(pem_chain: str) -> str:
    """Subject of the chain's first certificate for people to read; empty for Istio's workload certificates.

    Raises:
        NotACertificate: The text holds no readable certificate.
    """
    return distinguished_name.text_of(_subject(pem_chain))


def subject_difference(written: str, pem_chain: str) -> str | None:
    """Where a name in RFC 2253 form is not the subject of the chain's first certificate: the RDN; None where it is.

    Raises:
        NotACertificate: The text holds no readable certificate.
    """
    return distinguished_name.difference(written, _subject(pem_chain))


def leaf_uris(pem_chain: str) -> tuple[str, ...]:
    """URI subject alternative names of the chain's first certificate, in its order; empty when it has none.

    Raises:
        NotACertificate: The text holds no readable certificate.
    """
    try:
        names = _leaf(pem_chain).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except ValueError as error:
        raise NotACertificate(f"certificate: its extensions cannot be read: {error}") from error
    return tuple(names.get_values_for_type(x509.UniformResourceIdentifier))


def leaf_validity(pem_chain: str) -> tuple[datetime, datetime]:
    """From when to when the chain's first certificate is valid, in UTC.

    Raises:
        NotACertificate: The text holds no readable certificate.
    """
    leaf = _leaf(pem_chain)
    return leaf.not_valid_before_utc, leaf.not_valid_after_utc


def issued_by(pem_chain: str, pem_roots: str, when: datetime) -> bool:
    """Whether each certificate of a chain is signed by the one after it, and the last one by one of the roots.

    Those who sign must be authorities at that time; of the leaf's own time, see `leaf_validity`.

    Raises:
        NotACertificate: One of the texts holds no readable certificate.
    """
    leaf, *above = _all(pem_chain)
    roots = [root for root in _all(pem_roots) if _may_sign(root, when)]
    signed = all(_signed_by(one, other) for one, other in pairwise([leaf, *above]))
    leads = any(root in above[-1:] or _signed_by([leaf, *above][-1], root) for root in roots)
    return signed and leads and all(_may_sign(each, when) for each in above)


def _may_sign(certificate: x509.Certificate, when: datetime) -> bool:
    """Whether it is an authority's; one that does not say so is none.

    Source: RFC 5280, section 4.2.1.9
    """
    try:
        authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False
    return authority and certificate.not_valid_before_utc <= when <= certificate.not_valid_after_utc


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _all(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise NotACertificate(f"certificates: expected PEM, found {pem[:40]!r}: {error}") from error


def _subject(pem_chain: str) -> x509.Name:
    try:
        return _leaf(pem_chain).subject
    except ValueError as error:
        raise NotACertificate(f"certificate: its subject cannot be read: {error}") from error


def _leaf(pem_chain: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem_chain.encode())
    except ValueError as error:
        # The beginning is enough to recognise the text, and no private key is spelled out in a log.
        raise NotACertificate(
            f"certificate chain: expected PEM that begins with a certificate, found {pem_chain[:40]!r}: {error}"
        ) from error
