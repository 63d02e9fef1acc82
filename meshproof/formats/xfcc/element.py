"""What an X-Forwarded-Client-Cert header says, and what may be wrong with one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from meshproof.errors import Refuted

Form = Literal["text", "json"]


class MalformedXfcc(Refuted):
    """A header that does not follow the format, or an element that the format cannot express."""


class EmptyXfcc(Refuted):
    """A header that is there with nothing in it: not absent, and not malformed either."""


class Fault(Exception):
    """What is wrong with a header, and at which character; `header.py` tells it as one of the errors above."""


@dataclass(frozen=True)
class Element:
    """What one proxy says of the client certificate that it was shown.

    None is a key that is absent; an empty text is a key that is there with nothing in it.

    Attributes:
        by: URI SANs of the proxy's own certificate.
        hash: SHA-256 of the client certificate's DER form, in hex.
        cert: The client certificate as PEM, without URL encoding.
        chain: The client's chain as PEM, leaf first, without URL encoding.
        subject: The client certificate's subject, as Envoy's own reader takes it. That reader takes a backslash off
            what needs it, so it is for showing; `name` is for comparing.
        uri: URI SANs of the client certificate.
        dns: DNS SANs of the client certificate.
        other: Keys that Envoy 1.38 does not write, in their order, with their values.
        name: The subject in RFC 2253 form, as `parse` found it. The JSON form leaves an empty one out, so that there
            an absent key is an empty name.
    """

    by: tuple[str, ...] = ()
    hash: str | None = None
    cert: str | None = None
    chain: str | None = None
    subject: str | None = None
    uri: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    other: tuple[tuple[str, str], ...] = ()
    name: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Unread:
    """What stands before the last element and cannot be read, and why."""

    text: str
    why: str


@dataclass(frozen=True)
class Header:
    """A header that was read.

    Attributes:
        elements: One for each proxy that took a client certificate, oldest first; never empty.
        form: The form that arrived.
        unread: What stands before the elements, where `nearest` could not read it.
    """

    elements: tuple[Element, ...]
    form: Form
    unread: Unread | None = None

    @property
    def last(self) -> Element:
        """The nearest proxy's: in a mesh, that of the sidecar beside the app."""
        return self.elements[-1]

    @property
    def sole(self) -> bool:
        """Nothing stands before the last element."""
        return len(self.elements) == 1 and self.unread is None

    @property
    def standing(self) -> str:
        """How the last element stands among others, in a sentence."""
        if self.unread is not None:
            return f"1 element, and before it what cannot be read: {self.unread.text!r}: {self.unread.why}"
        others = len(self.elements) - 1
        if not others:
            return "1 element"
        told = "the first is" if others == 1 else f"the first {others} are"
        return f"{others + 1} elements, {told} not the sidecar's"
