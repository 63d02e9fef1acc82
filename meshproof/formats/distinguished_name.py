r"""Distinguished names as Envoy writes them, held against the name that a certificate carries.

    name      = [RDN *("," RDN)]           the certificate's last RDN first
    RDN       = attribute *("+" attribute)
    attribute = type "=" value             a value begins with # where it is DER in hex, which a type in digits has

Text outside of ASCII is written byte by byte: ü is \C3\BC. Names are compared, not spellings, so that an escape
more or less and the order inside of an RDN make no difference.

Source: RFC 2253, sections 2 to 4; which types have which name was asked of Envoy 1.38.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

TYPES: Mapping[ObjectIdentifier, str] = {
    NameOID.BUSINESS_CATEGORY: "businessCategory",
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.GENERATION_QUALIFIER: "generationQualifier",
    NameOID.GIVEN_NAME: "GN",
    NameOID.INITIALS: "initials",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.POSTAL_ADDRESS: "postalAddress",
    NameOID.POSTAL_CODE: "postalCode",
    NameOID.PSEUDONYM: "pseudonym",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.STREET_ADDRESS: "street",
    NameOID.SURNAME: "SN",
    NameOID.TITLE: "title",
    NameOID.UNSTRUCTURED_NAME: "unstructuredName",
    NameOID.USER_ID: "UID",
    NameOID.X500_UNIQUE_IDENTIFIER: "x500UniqueIdentifier",
    ObjectIdentifier("2.5.4.13"): "description",
    ObjectIdentifier("2.5.4.41"): "name",
}
_OIDS = {name.lower(): oid.dotted_string for oid, name in TYPES.items()}
_ATTRIBUTE = re.compile(
    r"""(?P<type>[A-Za-z][A-Za-z0-9-]*|[0-9.]+)=
        (?P<value>\#(?:[0-9A-Fa-f]{2}){2,}|(?!\#)(?:[^,+"\\;<>]|\\[0-9A-Fa-f]{2}|\\[^0-9A-Fa-f])*+)
        (?P<end>[,+]|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\([0-9A-Fa-f]{2}|[^0-9A-Fa-f])")
# DER's tags of text, with their encodings; T61String is read as Latin-1, as BoringSSL reads it.
_TEXTS = {
    0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1",
    0x16: "ascii", 0x1A: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be",
}  # fmt: skip


class _Unclear(Exception):
    """An attribute that cannot be compared."""


@dataclass(frozen=True)
class _Rdn:
    written: str
    attributes: tuple[tuple[str, str], ...]


def text_of(name: x509.Name) -> str:
    """A name for people to read, its types named as Envoy names them."""
    return name.rfc4514_string(TYPES)


def difference(written: str, name: x509.Name) -> str | None:
    """The first RDN where a written name differs from a certificate's, or cannot be compared; None without one."""
    rdns = _rdns(written)
    if rdns is None:
        return f"{written!r} is no distinguished name"
    for rdn, own in zip_longest(rdns, reversed(name.rdns)):
        if own is None:
            return f"{rdn.written!r} is not in the certificate" if rdn else None
        ours = own.rfc4514_string(TYPES)
        if rdn is None:
            return f"{ours!r} is missing"
        try:
            if sorted(map(_told, rdn.attributes)) != sorted(map(_carried, own)):
                return f"{rdn.written!r} is {ours!r} in the certificate"
        except _Unclear as problem:
            return f"{rdn.written!r} cannot be compared with {ours!r}: {problem}"
    return None


def _rdns(written: str) -> list[_Rdn] | None:
    """The RDNs of a written name, in its order; None where it is no name."""
    rdns: list[_Rdn] = []
    attributes: list[tuple[str, str]] = []
    start = position = 0
    end = "," if written else ""
    while end:
        match = _ATTRIBUTE.match(written, position)
        if match is None:
            return None
        end, position = match["end"], match.end()
        attributes.append((match["type"], match["value"]))
        if end != "+":
            rdns.append(_Rdn(written[start : match.start("end")], tuple(attributes)))
            attributes, start = [], position
    return rdns


def _told(attribute: tuple[str, str]) -> tuple[str, str]:
    """Type, as an OID, and value of a written attribute."""
    kind, value = attribute
    oid = kind if kind[0].isdigit() else _OIDS.get(kind.lower())
    if oid is None:
        raise _Unclear(f"the type {kind!r} is not known here")
    try:
        return oid, _der(bytes.fromhex(value[1:])) if value.startswith("#") else _unescaped(value)
    except UnicodeDecodeError as error:
        raise _Unclear(f"the value of {kind!r} is not text") from error


def _carried(attribute: x509.NameAttribute[str | bytes]) -> tuple[str, str]:
    """Type and value of a certificate's attribute."""
    if isinstance(attribute.value, bytes):
        raise _Unclear(f"the value of {TYPES.get(attribute.oid, attribute.oid.dotted_string)!r} is not text")
    return attribute.oid.dotted_string, attribute.value


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(
        lambda match: bytes.fromhex(match[1].decode()) if len(match[1]) == 2 else match[1], value.encode()
    ).decode()


def _der(value: bytes) -> str:
    """Text in DER: its tag, its length in one byte or in several, its bytes."""
    head = 2 + (value[1] & 0x7F if len(value) > 1 and value[1] & 0x80 else 0)
    length = int.from_bytes(value[2:head]) if head > 2 else value[1]
    if value[0] not in _TEXTS or len(value) != head + length:
        raise _Unclear(f"the value {value.hex()} is not text in DER")
    return value[head:].decode(_TEXTS[value[0]])
