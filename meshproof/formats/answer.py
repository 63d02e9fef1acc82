"""An answer of httpbin, as a frozen snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

BODY_LIMIT = 2000
LINE_LIMIT = 200
# Where a proxy says why it answered in the app's place: a habit of Envoy's users, and RFC 9209.
_REASONS = ("x-envoy-response-flags", "proxy-status")


@dataclass(frozen=True)
class Response:
    """What came back for a request, and what httpbin says that it received.

    `received` are the request's headers as the app saw them, with lower-case names; None when the
    answer is not httpbin's. `headers` are the answer's own, with lower-case names; `body` is its first
    `BODY_LIMIT` characters.
    """

    host: str
    status: int
    received: Mapping[str, tuple[str, ...]] | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""

    @classmethod
    def of(cls, host: str, status: int, body: str, headers: Mapping[str, str]) -> Response:
        """Read an answer; a body that is not httpbin's leaves `received` None."""
        try:
            seen = json.loads(body)["headers"]
            received = {name.lower(): _texts(values) for name, values in seen.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            received = None
        own = {name.lower(): value for name, value in headers.items()}
        return cls(host, status, received, own, body[:BODY_LIMIT])

    @classmethod
    def none(cls, host: str, timeout_s: float) -> Response:
        """What is known of a request that was sent and not answered in time: status 0."""
        return cls(host, 0, None, body=f"no answer within {timeout_s:g} s")

    @property
    def xfcc(self) -> str | None:
        """The X-Forwarded-Client-Cert header that reached the app, or None."""
        values = (self.received or {}).get("x-forwarded-client-cert")
        return ",".join(values) if values else None

    def __str__(self) -> str:
        if self.received is None:
            return f"{self.host}: {self.status}, not an answer of the app: {self._said()}"
        header = "no XFCC" if self.xfcc is None else f"X-Forwarded-Client-Cert: {self.xfcc}"
        return f"{self.host}: {self.status}, {header}"

    def _said(self) -> str:
        """What an answer that is not httpbin's says: its first line, and the proxy's reason where one is given."""
        line = next((line.strip() for line in self.body.splitlines() if line.strip()), "(no body)")
        reasons = [f"{name}: {self.headers[name]}" for name in _REASONS if name in self.headers]
        said = "; ".join(each[:LINE_LIMIT] for each in (line, *reasons))
        return "".join(letter if letter.isprintable() else " " for letter in said)


def _texts(values: object) -> tuple[str, ...]:
    """go-httpbin gives each header as a list of texts; anything else is not its answer."""
    if isinstance(values, list) and all(isinstance(value, str) for value in cast("list[object]", values)):
        return tuple(cast("list[str]", values))
    raise TypeError(f"expected a list of texts, found {values!r}")
