"""One header in whichever form it has: read whole, read from its end, written.

Envoy keeps the form that it finds: it appends "," and an element of text to a text, and puts an object before the
last bracket of anything between brackets, whatever either holds. So the last element is whole and in Envoy's own
hand even where what stands before it is not; nothing that is inside of it reads as an element.

Source: Envoy, HTTP header manipulation, x-forwarded-client-cert; asked of Envoy 1.38.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from meshproof.formats.xfcc import json_form, text_form
from meshproof.formats.xfcc.element import Element, EmptyXfcc, Fault, Form, Header, MalformedXfcc, Unread


def parse(header: str) -> Header:
    """Read a whole header.

    Raises:
        EmptyXfcc: It is there with nothing in it.
        MalformedXfcc: It does not follow the format; nothing is guessed.
    """
    form = _form(header)
    try:
        return Header(_elements(header, form), form)
    except Fault as fault:
        raise _malformed(header, str(fault)) from fault


def nearest(header: str) -> Header:
    """Read the last element even where what stands before it cannot be read; that is kept as `unread`.

    Raises:
        EmptyXfcc: It is there with nothing in it.
        MalformedXfcc: The last element cannot be read either.
    """
    form = _form(header)
    try:
        read = Header(_elements(header, form), form)
    except Fault as fault:
        found = (json_form if form == "json" else text_form).last(header)
        if found is None:
            raise _malformed(header, str(fault)) from fault
        element, before = found
        try:
            _elements(before, form)
        except Fault as nearer:
            fault = nearer
        read = Header((element,), form, Unread(before, str(fault)))
    if read.last == Element(other=read.last.other):
        keys = ", ".join(key for key, _ in read.last.other)
        raise _malformed(header, f"the last element has no key that Envoy writes, only {keys}; {text_form.UNQUOTED}")
    return read


def render(elements: Sequence[Element]) -> str:
    """Write a header's text form; the inverse of `parse`.

    Raises:
        MalformedXfcc: There is no element, an element is empty, or a key of `other` is none that can be written.
    """
    written = [text_form.write(element) for element in elements]
    if not written or not all(written):
        raise MalformedXfcc(f"XFCC: cannot write {elements!r}: expected at least one element, each with a key")
    return ",".join(written)


def _form(header: str) -> Form:
    """The form, as Envoy tells it before it appends."""
    text = header.strip(" \t")
    if not text:
        raise EmptyXfcc(
            "X-Forwarded-Client-Cert: present but empty\n"
            "  expected: an element, or no header at all\n"
            "  next: look at who set it; Envoy writes no empty header"
        )
    return "json" if text.startswith("[") and text.endswith("]") else "text"


def _elements(header: str, form: Form) -> tuple[Element, ...]:
    return json_form.elements(header) if form == "json" else text_form.elements(header)


def _malformed(header: str, why: str) -> MalformedXfcc:
    return MalformedXfcc(
        f"X-Forwarded-Client-Cert: {why}\n  header: {header!r}\n  next: look at who set it, hop by hop"
    )
