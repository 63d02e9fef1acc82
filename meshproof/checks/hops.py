"""The hops of a request, told from what was observed: the answer, the headers in it, the containers of the pods."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from meshproof.checks.requests import answered, header_of
from meshproof.errors import Refuted
from meshproof.formats.answer import Response
from meshproof.path.ask import Answer

Kind = Literal["mTLS", "TLS", "plaintext", "unknown"]
SIDECAR = "istio-proxy"


@dataclass(frozen=True)
class Hop:
    """One connection of a request's way; `why` is the observation that its kind is told from."""

    source: str
    target: str
    kind: Kind
    why: str


def hops(answer: Answer, app: Collection[str]) -> tuple[Hop, ...]:
    """The hops of a request from the client to the app.

    Where the observations do not fit together, a hop's kind is `unknown` and `why` says so.

    Args:
        answer: What came back, and how it was reached.
        app: Names of the containers in the app's pod.
    """
    response = answer.response
    first = Hop("client", "gateway", *_into_gateway(response))
    kind, why = _into_pod(answer)
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


def _into_pod(answer: Answer) -> tuple[Kind, str]:
    """Told from what Envoy counted of the connection and from what the app received; both must agree."""
    response = answer.response
    if not answered(answer):
        return "unknown", f"answered {response.status}{', not by the app' if response.received is None else ''}"
    if response.xfcc is None:
        return ("TLS", "a handshake, no client certificate") if answer.handshakes else ("plaintext", "no TLS handshake")
    try:
        digest = header_of(answer).last.hash or ""
    except Refuted:
        return "unknown", "a malformed client certificate header"
    if not answer.handshakes:
        return "unknown", "a client certificate is named, but there was no TLS handshake"
    return "mTLS", f"certificate {digest[:8]}…"
