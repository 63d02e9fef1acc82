"""The header's JSON form: a list of objects with the keys by, hash, cert, chain, subject, uri, dns.

By, uri, dns and chain are lists. Nothing in it is URL-encoded, and what would be empty is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import cast

from meshproof.formats.xfcc.element import Element, Fault

_TEXTS = ("hash", "cert", "subject")
_LISTS = ("by", "chain", "uri", "dns")
_HALF = re.compile("[\ud800-\udfff]")  # half of a character, which no encoding can print


def elements(header: str) -> tuple[Element, ...]:
    """Every element.

    Raises:
        Fault: It is not a list of such objects.
    """
    found = _loaded(header)
    if not isinstance(found, list) or not found:
        raise Fault(f"expected a JSON list with an object in it, found {found!r}")
    return tuple(_element(one) for one in cast("list[object]", found))


def last(header: str) -> tuple[Element, str] | None:
    """The last element and what arrived before Envoy put it there, or None where it cannot be read.

    Nothing inside of an object of Envoy's reads as one: a brace in it is in a text, and a quote there is escaped.
    """
    text = header.strip(" \t")
    at = len(text)
    while (at := text.rfind(",{", 0, at)) >= 0:
        try:
            return _element(_loaded(text[at + 1 : -1])), f"{text[:at]}]"
        except Fault:
            continue
    return None


def _element(found: object) -> Element:
    if not isinstance(found, dict):
        raise Fault(f"expected a JSON object for each element, found {found!r}")
    keys = cast("dict[str, object]", found)
    texts = {key: _text(key, keys[key]) for key in _TEXTS if key in keys}
    lists = {key: _list(key, keys[key]) for key in _LISTS if key in keys}
    return Element(
        by=lists.get("by", ()),
        hash=texts.get("hash"),
        cert=texts.get("cert"),
        chain="".join(lists["chain"]) if "chain" in lists else None,
        subject=texts.get("subject"),
        uri=lists.get("uri", ()),
        dns=lists.get("dns", ()),
        other=tuple(
            (_text("a key", key), _shown(key, value)) for key, value in keys.items() if key not in (*_TEXTS, *_LISTS)
        ),
        name=texts.get("subject", ""),
    )


def _loaded(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Fault(f"expected JSON, found at character {error.pos}: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number or a depth that Python refuses
        raise Fault(f"expected JSON, found {error}") from error


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Fault(f"expected each key once in a JSON object, found {', '.join(key for key, _ in pairs)}")
    return found


def _list(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Fault(f"expected a list of texts in {key!r}, found {value!r}")
    return tuple(_text(key, one) for one in cast("list[object]", value))


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or _HALF.search(value):
        raise Fault(f"expected text in {key!r}, found {value!r}")
    return value


def _shown(key: str, value: object) -> str:
    return _text(key, value) if isinstance(value, str) else json.dumps(value)
