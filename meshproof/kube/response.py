"""An answer of httpbin, as a frozen snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


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
            received = {str(name).lower(): tuple(map(str, values)) for name, values in headers.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
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
        return f"{self.host}: {self.status}, {f'X-Forwarded-Client-Cert: {self.xfcc}' if self.xfcc else 'no XFCC'}"
