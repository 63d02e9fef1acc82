"""The hops of a request, told from what was observed: the answer, the headers in it, the containers of the pods."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from meshproof.checks.requests import is_ok, last_element
from meshproof.errors import Refuted
from meshproof.formats.answer import Response

Kind = Literal["mTLS", "TLS", "plaintext", "unknown"]
SIDECAR = "istio-proxy"


@dataclass(frozen=True)
class Hop:
    """One connection of a request's way; `why` is the observation that its kind is told from."""

    source: str
    target: str
    kind: Kind
    why: str


def hops(response: Response, app: Collection[str]) -> tuple[Hop, ...]:
    """The hops of a request from the client to the app.

    Where the observations do not fit together, a hop's kind is `unknown` and `why` says so.

    Args:
        response: What came back.
        app: Names of the containers in the app's pod.
    """
    first = Hop("client", "gateway", *_into_gateway(response))
    kind, why = _into_pod(response)
    if SIDECAR in app:
        inner: Kind = "plaintext" if response.received is not None else "unknown"
        return first, Hop("gateway", "sidecar", kind, why), Hop("sidecar", "app", inner, "inside the pod")
    if kind == "mTLS":
        kind, why = "unknown", "a client certificate is named, but no sidecar is there that could take one"
    return first, Hop("gateway", "app", kind, why)


def _into_gateway(response: Response) -> tuple[Kind, str]:
    """The gateway says in a header of its own how the client spoke to it."""
    proto = (response.received or {}).get("x-forwarded-proto", ())
    kinds: dict[tuple[str, ...], Kind] = {("http",): "plaintext", ("https",): "TLS"}
    return kinds.get(tuple(proto), "unknown"), f"X-Forwarded-Proto: {', '.join(proto) or 'absent'}"


def _into_pod(response: Response) -> tuple[Kind, str]:
    if not is_ok(response).holds:
        return "unknown", f"answered {response.status}{', not by httpbin' if response.received is None else ''}"
    if response.xfcc is None:
        return "plaintext", "no client certificate"
    try:
        digest = last_element(response).hash or ""
    except Refuted:
        return "unknown", "a malformed client certificate header"
    return "mTLS", f"certificate {digest[:8]}…"
