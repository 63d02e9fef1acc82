"""What an answer of httpbin must be. Absence of a header counts only on an answer of 200 that httpbin gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meshproof.checks.finding import Finding
from meshproof.errors import Refuted
from meshproof.formats import xfcc
from meshproof.formats.answer import Response
from meshproof.formats.certificate import leaf_sha256, leaf_subject
from meshproof.formats.spiffe import SpiffeId
from meshproof.kube.workloads import Pod


def is_ok(response: Response) -> Finding:
    """Status 200, and the answer is httpbin's."""
    return Finding(_answered(response), "200 from httpbin", str(response))


def has_no_client_cert(response: Response) -> Finding:
    """Status 200 from httpbin, which received no X-Forwarded-Client-Cert."""
    return Finding(_answered(response) and response.xfcc is None, "200 from httpbin, no XFCC", str(response))


def names_server(response: Response, server: Sequence[Pod], trust_domain: str) -> Finding:
    """XFCC's By is the identity of the app's pods."""
    expected = f"By={_identity(server, trust_domain)}"
    return _told_by_header(response, expected, lambda element: f"By={', '.join(element.by) or '(absent)'}")


def names_client(response: Response, client: Sequence[Pod], trust_domain: str) -> Finding:
    """XFCC's URI is the identity of the gateway's pods."""
    expected = f"URI={_identity(client, trust_domain)}"
    return _told_by_header(response, expected, lambda element: f"URI={', '.join(element.uri) or '(absent)'}")


def hashes_certificate(response: Response, chain: str) -> Finding:
    """XFCC's Hash is SHA-256 of the certificate that the gateway holds."""
    expected = f"Hash={leaf_sha256(chain)}"
    return _told_by_header(response, expected, lambda element: f"Hash={element.hash or '(absent)'}")


def names_subject(response: Response, chain: str) -> Finding:
    """XFCC's Subject is there and is the subject of the certificate that the gateway holds; Istio's is empty."""
    expected = f'Subject="{leaf_subject(chain)}"'
    return _told_by_header(
        response, expected, lambda element: "(absent)" if element.subject is None else f'Subject="{element.subject}"'
    )


def _told_by_header(response: Response, expected: str, told: Callable[[xfcc.Element], str]) -> Finding:
    """Whether the header says what is expected; where there is none, the answer is what was seen."""
    try:
        seen = told(last_element(response))
    except Refuted as problem:
        return Finding(False, expected, str(problem))
    return Finding(seen == expected, expected, seen)


def drops_forged(response: Response, forged: str) -> Finding:
    """A forged header did not reach the app: one element, and none of its values is the forger's."""
    expected = "one element, nothing of the forged one"
    if not _answered(response) or response.xfcc is None:
        return Finding(False, expected, str(response))
    elements = xfcc.parse(response.xfcc).elements
    lies, told = _told(xfcc.parse(forged).elements), _told(elements)
    return Finding(len(elements) == 1 and not lies & told, expected, str(response))


def keeps_client_cert(response: Response, server: Sequence[Pod], client: Sequence[Pod], trust_domain: str) -> Finding:
    """Both identities are still in XFCC, on an answer of 200."""
    parts = (
        is_ok(response),
        names_server(response, server, trust_domain),
        names_client(response, client, trust_domain),
    )
    return Finding(
        all(part.holds for part in parts),
        "; ".join(part.expected for part in parts),
        "; ".join(part.observed for part in parts),
    )


def last_element(response: Response) -> xfcc.Element:
    """The element of the hop into the app: a sidecar appends, so it is the last.

    Raises:
        Refuted: There is no header, or it is malformed.
    """
    if response.xfcc is None:
        raise Refuted(str(response))
    return xfcc.nearest(response.xfcc).last


def _told(elements: Sequence[xfcc.Element]) -> set[str | None]:
    return {value for e in elements for value in (*e.by, *e.uri, *e.dns, e.hash, e.subject)}


def _answered(response: Response) -> bool:
    return response.status == 200 and response.received is not None


def _identity(pods: Sequence[Pod], trust_domain: str) -> SpiffeId:
    accounts = {(pod.namespace, pod.service_account) for pod in pods if not pod.terminating}
    if len(accounts) != 1:
        raise Refuted(f"identity: expected pods of one service account, found {sorted(accounts) or 'no pod'}")
    namespace, account = accounts.pop()
    return SpiffeId(trust_domain, namespace, account)
