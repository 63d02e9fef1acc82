r"""The header's text form.

    header  = element *("," element)
    element = pair *(";" pair)
    pair    = key "=" value                By Hash Cert Chain Subject URI DNS, in any case; others are kept

A value is bare or in double quotes. In both, backslash-quote is a quote, two backslashes are one, and any other
backslash stands for itself; a quote after an even number of backslashes opens or closes. Blanks around key and value
are no part of them. Envoy quotes Subject, Cert and Chain; Subject is RFC 2253 text, which needs no further escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

from meshproof.formats.xfcc.element import Element, Fault, MalformedXfcc

UNQUOTED = "Envoy quotes neither By, URI nor DNS, so that one with a comma, a semicolon or a quote in it cannot be read"

_REPEATED = ("by", "uri", "dns")
_SINGLE = ("hash", "cert", "chain", "subject")
_KEY = re.compile(r"[ \t]*(?P<key>[A-Za-z][A-Za-z0-9_-]*)[ \t]*=[ \t]*")
# A backslash takes what it escapes with it and never gives it back, so that no quote can be read in two ways.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\]?+)*+)"')
_BARE = re.compile(r'((?:[^",;\\]|\\["\\]?+)*+)')
_END = re.compile(r"[ \t]*([,;]|\Z)")
_ESCAPED = re.compile(r'\\(["\\])')
_NEEDS_ESCAPE = re.compile(r'"|\\(?=["\\]|\Z)')
_NEEDS_QUOTES = re.compile(r'[,;="\\]|\A[ \t]|[ \t]\Z')
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NEVER_QUOTED = re.compile(r"[ \t]*(?:by|uri|dns)[ \t]*=", re.IGNORECASE)
_NO_KEY = re.compile(r'[ \t]*[":]?(?:(?P<pem>-----BEGIN(?P<blank>[ +]|%20))|MII[A-Za-z0-9+/]{40})')


class _Pair(NamedTuple):
    key: str
    value: str
    written: str


def elements(header: str) -> tuple[Element, ...]:
    """Every element.

    Raises:
        Fault: One of them cannot be read.
    """
    found: list[Element] = []
    position, end = 0, ","
    while end:
        element, end, position = _element(header, position)
        found.append(element)
    return tuple(found)


def last(header: str) -> tuple[Element, str] | None:
    """The last element and what stands before its comma, or None where it cannot be read.

    Nothing inside of an element of Envoy's reads as one: a quote in it is escaped, and no value begins so.
    """
    for comma in reversed([match.start() for match in re.finditer(",", header)]):
        try:
            element, end, _ = _element(header, comma + 1)
        except Fault:
            continue
        if not end:
            return element, header[:comma]
    return None


def write(element: Element) -> str:
    """An element's text, in Envoy's order of keys; empty for an element without any.

    Raises:
        MalformedXfcc: A key of `other` is none that can be written.
    """
    return ";".join(_pairs(element))


def _element(header: str, position: int) -> tuple[Element, str, int]:
    """The element at a position, the sign that ends it (none at the header's end), and where the next one begins."""
    if bare := _NO_KEY.match(header, position):
        form = "base64" if not bare["pem"] else "PEM with + for blanks" if bare["blank"] == "+" else "PEM"
        raise Fault(
            f"expected key=value at character {position}, found a certificate without a key ({form}); "
            'Envoy writes Cert="…", URL-encoded'
        )
    pairs: list[_Pair] = []
    end = ";"
    while end == ";":
        pair, end, position = _pair(header, position)
        pairs.append(pair)
    return _made(pairs), end, position


def _pair(header: str, position: int) -> tuple[_Pair, str, int]:
    key = _KEY.match(header, position)
    if key is None:
        at = len(header) - len(header[position:].lstrip(" \t"))
        raise Fault(
            f"expected key=value at character {at}, found {_found(header, at)}{_cut(header, max(position - 1, 0))}"
        )
    start = key.end()
    opened = header.startswith('"', start)
    value = (_QUOTED if opened else _BARE).match(header, start)
    if value is None:
        raise Fault(f"the quote opened at character {start} is not closed")
    at = value.end()
    end = _END.match(header, at)
    if end is None and opened:
        raise Fault(
            f"expected , or ; or the end at character {at}, after the closing quote, found {_found(header, at)}"
        )
    if end is None:
        raise Fault(f"the quote at character {at} is inside of a value that does not begin with one{_cut(header, at)}")
    written = value[1] if opened else value[1].rstrip(" \t")
    return _Pair(key["key"], _ESCAPED.sub(r"\1", written), written), end[1], end.end()


def _made(pairs: Sequence[_Pair]) -> Element:
    repeated: dict[str, tuple[str, ...]] = dict.fromkeys(_REPEATED, ())
    single: dict[str, _Pair] = {}
    other: list[tuple[str, str]] = []
    for pair in pairs:
        key = pair.key.lower()
        if key in _REPEATED:
            repeated[key] += (pair.value,)
        elif key not in _SINGLE:
            other.append((pair.key, pair.value))
        elif key in single:
            raise Fault(f"expected {key!r} once in an element, found it twice")
        else:
            single[key] = pair
    values = {key: pair.value for key, pair in single.items()}
    return Element(
        by=repeated["by"],
        hash=values.get("hash"),
        cert=_decoded(values, "cert"),
        chain=_decoded(values, "chain"),
        subject=values.get("subject"),
        uri=repeated["uri"],
        dns=repeated["dns"],
        other=tuple(other),
        name=single["subject"].written if "subject" in single else None,
    )


def _decoded(values: Mapping[str, str], key: str) -> str | None:
    value = values.get(key)
    if value is None:
        return None
    if "-----BEGIN+" in value:
        raise Fault(f"expected URL-encoded PEM in {key!r}, found + for blanks, as forms are encoded")
    if _BAD_PERCENT.search(value):
        raise Fault(f"expected URL-encoded PEM in {key!r}, found a % without two hex digits after it")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise Fault(f"expected URL-encoded PEM in {key!r}, found bytes that are not text: {error}") from error


def _found(header: str, at: int) -> str:
    return repr(header[at : at + 40]) if at < len(header) else "the end"


def _cut(header: str, at: int) -> str:
    """Why a value may end at a character where nobody meant it to."""
    start = max(header.rfind(sign, 0, at) for sign in ',;"') + 1
    return f"; {UNQUOTED}" if _NEVER_QUOTED.match(header, start, at) else ""


def _pairs(element: Element) -> Iterator[str]:
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
    for key, value in element.other:
        if not _KEY.fullmatch(f"{key}=") or key.lower() in (*_REPEATED, *_SINGLE):
            raise MalformedXfcc(
                f"XFCC: cannot write {key!r}: expected a key of letters, digits, _ and - of no meaning yet"
            )
        yield f"{key}={_quoted(value)}"


def _quoted(value: str, *, always: bool = False) -> str:
    if not always and not _NEEDS_QUOTES.search(value):
        return value
    return '"' + _NEEDS_ESCAPE.sub(r"\\\g<0>", value) + '"'
