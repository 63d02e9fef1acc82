"""The `X-Forwarded-Client-Cert` header, read and written as Envoy 1.38 reads and writes it."""

from __future__ import annotations

from meshproof.formats.xfcc.element import Element, EmptyXfcc, Form, Header, MalformedXfcc, Unread
from meshproof.formats.xfcc.header import nearest, parse, render

__all__ = [
    "Element",
    "EmptyXfcc",
    "Form",
    "Header",
    "MalformedXfcc",
    "Unread",
    "nearest",
    "parse",
    "render",
]
