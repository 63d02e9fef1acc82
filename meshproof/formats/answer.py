"""An answer of httpbin, as a frozen snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Response:
    """What came back for a request, and what httpbin says that it received.

    `received` are the request's headers as the app saw them, with lower-case names; None when the
    answer is not httpbin's.
    """

    host: str
    status: int
    received: Mapping[str, tuple[str, ...]] | None

    @classmethod
    def of(cls, host: str, status: int, body: str) -> Response:
        """Read an answer; a body that is not httpbin's leaves `received` None."""
        try:
            headers = json.loads(body)["headers"]
            received = {name.lower(): _texts(values) for name, values in headers.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            received = None
        return cls(host, status, received)

    @property
    def xfcc(self) -> str | None:
        """The X-Forwarded-Client-Cert header that reached the app, or None."""
        values = (self.received or {}).get("x-forwarded-client-cert")
        return ",".join(values) if values else None

    def __str__(self) -> str:
        if self.received is None:
            return f"{self.host}: {self.status}, not an answer of httpbin"
        header = "no XFCC" if self.xfcc is None else f"X-Forwarded-Client-Cert: {self.xfcc}"
        return f"{self.host}: {self.status}, {header}"


def _texts(values: object) -> tuple[str, ...]:
    """go-httpbin gives each header as a list of texts; anything else is not its answer."""
    if isinstance(values, list) and all(isinstance(value, str) for value in cast("list[object]", values)):
        return tuple(cast("list[str]", values))
    raise TypeError(f"expected a list of texts, found {values!r}")
