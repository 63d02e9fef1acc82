"""Published images: whether they can be had from here."""

from __future__ import annotations

import httpx

from meshproof.releases import PublishedForm

PROBE_S = 5.0
HUB = "registry-1.docker.io"


def unreachable(form: PublishedForm) -> str:
    """Why the registry of the node image cannot be used from here, asked within 5 s; empty when it can.

    A registry answers /v2/ with 200 or asks for a token with 401; a proxy that forbids it answers otherwise.
    """
    host = registry_of(form.node_image)
    try:
        answer = httpx.get(f"https://{host}/v2/", timeout=PROBE_S, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:  # all but the first: of a proxy's URL
        return f"the registry {host} does not answer ({type(error).__name__}: {error})"
    if answer.status_code not in (httpx.codes.OK, httpx.codes.UNAUTHORIZED):
        return f"the registry {host} answers {answer.status_code} {answer.reason_phrase}"
    return ""


def registry_of(reference: str) -> str:
    """The host that an image reference is pulled from."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return HUB if first == "docker.io" else first
    return HUB
