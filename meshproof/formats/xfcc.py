"""The `X-Forwarded-Client-Cert` header, read and written as Envoy documents it.

    header  = element *("," element)       one element per proxy that took a client certificate, oldest first
    element = pair *(";" pair)
    pair    = key "=" value                By Hash Cert Chain Subject URI DNS, in any case

A value is bare or in double quotes; inside quotes a double quote is written as backslash, double quote. That is the
only escape: any other backslash stands for itself, so a quoted value that ends in one cannot be written at all.
Envoy never quotes By, URI and DNS, even with "=" in them; a bare "=" leaves no doubt and is accepted.

Source: Envoy, HTTP header manipulation, x-forwarded-client-cert; what is repeated and what is quoted is in
conn_manager_utility.cc.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote, unquote

from meshproof.errors import Refuted

_REPEATED = ("by", "uri", "dns")
_SINGLE = ("hash", "subject")
_ENCODED = ("cert", "chain")
# The three ways on inside quotes exclude each other, so that no backslash can be read in two ways.
_PAIR = re.compile(
    r"""[ \t]*(?P<key>[A-Za-z]+)=
        (?: "(?P<quoted>(?: [^"\\] | \\" | \\(?!") )*)" | (?P<bare>[^",;]*) )
        [ \t]*(?P<end>[,;]|\Z)""",
    re.VERBOSE,
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NEEDS_QUOTES = re.compile(r'[,;="]|^[ \t]|[ \t]$')


class MalformedXfcc(Refuted):
    """A header that does not follow the format, or an element that the format cannot express."""


@dataclass(frozen=True)
class Element:
    """What one proxy says of the client certificate that it was shown.

    None is a key that is absent; an empty text is a key that is there with nothing in it.

    Attributes:
        by: URI SANs of the proxy's own certificate.
        hash: SHA-256 of the client certificate's DER form, in hex.
        cert: The client certificate as PEM, decoded from its URL encoding.
        chain: The client's chain as PEM, leaf first, decoded from its URL encoding.
        subject: The client certificate's subject, RFC 2253 form.
        uri: URI SANs of the client certificate.
        dns: DNS SANs of the client certificate.
    """

    by: tuple[str, ...] = ()
    hash: str | None = None
    cert: str | None = None
    chain: str | None = None
    subject: str | None = None
    uri: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()


def parse(header: str) -> tuple[Element, ...]:
    """Read a header's value; the last element is the nearest proxy's.

    Raises:
        MalformedXfcc: It does not follow the format; nothing is guessed.
    """
    elements: list[Element] = []
    pairs: list[tuple[str, str]] = []
    position = 0
    while True:
        match = _PAIR.match(header, position)
        if match is None:
            _refuse(header, f'expected key=value or key="value" at character {position}, found {header[position:]!r}')
        quoted, bare = match["quoted"], match["bare"]
        value = bare.rstrip(" \t") if quoted is None else quoted.replace('\\"', '"')
        pairs.append((match["key"].lower(), value))
        position = match.end()
        if match["end"] != ";":
            elements.append(_element(header, pairs))
            pairs = []
        if not match["end"]:
            return tuple(elements)


def render(elements: Sequence[Element]) -> str:
    """Write a header's value; the inverse of `parse`.

    Raises:
        MalformedXfcc: There is no element, an element is empty, or a value that needs quotes ends in a backslash.
    """
    written = [";".join(_pairs(element)) for element in elements]
    if not written or not all(written):
        raise MalformedXfcc(f"XFCC: cannot write {elements!r}: expected at least one element, each with a key")
    return ",".join(written)


def _element(header: str, pairs: Sequence[tuple[str, str]]) -> Element:
    single: dict[str, str] = {}
    repeated: dict[str, tuple[str, ...]] = dict.fromkeys(_REPEATED, ())
    for key, value in pairs:
        if key in _REPEATED:
            repeated[key] += (value,)
        elif key not in (*_SINGLE, *_ENCODED):
            _refuse(header, f"expected one of By, Hash, Cert, Chain, Subject, URI, DNS, found the key {key!r}")
        elif key in single:
            _refuse(header, f"expected {key!r} once in an element, found it twice")
        else:
            single[key] = _decoded(header, key, value) if key in _ENCODED else value
    return Element(
        by=repeated["by"],
        hash=single.get("hash"),
        cert=single.get("cert"),
        chain=single.get("chain"),
        subject=single.get("subject"),
        uri=repeated["uri"],
        dns=repeated["dns"],
    )


def _decoded(header: str, key: str, value: str) -> str:
    if _BAD_PERCENT.search(value):
        _refuse(header, f"expected URL-encoded PEM in {key!r}, found a % without two hex digits after it")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        _refuse(header, f"expected URL-encoded PEM in {key!r}, found bytes that are not text: {error}")


def _pairs(element: Element) -> Iterator[str]:
    """Envoy's own order of keys."""
    yield from (f"By={_quoted(uri)}" for uri in element.by)
    if element.hash is not None:
        yield f"Hash={_quoted(element.hash)}"
    if element.cert is not None:
        yield f'Cert="{quote(element.cert, safe="")}"'
    if element.chain is not None:
        yield f'Chain="{quote(element.chain, safe="")}"'
    if element.subject is not None:
        yield f"Subject={_quoted(element.subject, always=True)}"
    yield from (f"URI={_quoted(uri)}" for uri in element.uri)
    yield from (f"DNS={_quoted(name)}" for name in element.dns)


def _quoted(value: str, *, always: bool = False) -> str:
    if not always and not _NEEDS_QUOTES.search(value):
        return value
    if value.endswith("\\"):
        raise MalformedXfcc(f"XFCC: cannot write {value!r}: a quoted value cannot end in a backslash")
    return '"' + value.replace('"', '\\"') + '"'


def _refuse(header: str, why: str) -> NoReturn:
    raise MalformedXfcc(f"X-Forwarded-Client-Cert: {why}\n  header: {header!r}\n  next: look at who set it, hop by hop")
