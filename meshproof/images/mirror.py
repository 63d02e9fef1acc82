"""A mirror: one address that has what is released at many, for those who cannot or may not reach these.

The rule is one for all: what is released at HOST/PATH is asked for at MIRROR/HOST/PATH, be it an image, a chart or a
file. So `docker.io/istio/pilot:1.30.4` is `istio/pilot` below `docker.io` there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from msgspec.structs import replace

from meshproof.errors import BadInput, MachineCannot
from meshproof.releases import PublishedChart, PublishedForm

MIRROR = "MESHPROOF_MIRROR"
HUB = "docker.io"
OCI = "oci://"
CERTS_D = "/etc/containerd/certs.d"
_FORM = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[a-z0-9._/-]*[a-z0-9])?")


@dataclass(frozen=True)
class Mirror:
    """A mirror by its address: http:// or https://, a host, and below it a path where there is one."""

    address: str

    @property
    def plain(self) -> bool:
        """Whether it speaks HTTP without TLS, which some clients must be told."""
        return self.address.startswith("http://")

    @property
    def place(self) -> str:
        """Its address without a scheme, as an image's reference begins."""
        return self.address.partition("://")[2]

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine's loopback, which is not that of a node."""
        host = self.place.partition("/")[0].partition(":")[0]
        return host == "localhost" or host.startswith("127.")

    @property
    def registry(self) -> str:
        """The address at which it answers as a registry."""
        return f"{self.address.partition('://')[0]}://{self.place.partition('/')[0]}"

    def at_host(self, host: str) -> Mirror:
        """The same mirror at another address of its machine; the port stays."""
        scheme, _, rest = self.address.partition("://")
        return Mirror(f"{scheme}://{re.sub('^[^:/]*', host, rest)}")

    def image(self, reference: str) -> str:
        """Where an image is pulled from."""
        return f"{self.place}/{whole(reference)}"

    def file(self, address: str) -> str:
        """Where a file is fetched from, or a chart."""
        scheme, _, rest = address.partition("://")
        return f"{OCI}{self.place}/{rest}" if f"{scheme}://" == OCI else f"{self.address}/{rest}"

    def applied(self, form: PublishedForm) -> PublishedForm:
        """A published form that is had from here. Images keep their names: it is nodes that are told of a mirror."""
        charts = {name: PublishedChart(self.file(chart.chart), chart.version) for name, chart in form.charts.items()}
        return replace(
            form,
            node_image=self.image(form.node_image),
            charts=charts,
            gateway_api_crds=self.file(form.gateway_api_crds),
        )

    def hosts_files(self, images: Sequence[str]) -> Mapping[str, str]:
        """Path in a node -> what tells its containerd to ask here, and nowhere else, for images of a host.

        Source: https://github.com/containerd/containerd/blob/main/docs/hosts.md; `override_path` says that the address
        has the registry's `/v2` in it already.
        """
        hosts = dict.fromkeys(whole(image).partition("/")[0] for image in images)
        _, slash, below = self.place.partition("/")
        return {
            f"{CERTS_D}/{host}/hosts.toml": _hosts_file(f"{self.registry}/v2{slash}{below}/{host}") for host in hosts
        }


def _hosts_file(address: str) -> str:
    """A mirror, and the same as the server that is asked after it; containerd 1.6 wants both."""
    how = 'capabilities = ["pull", "resolve"]\noverride_path = true\n'
    return f'server = "{address}"\n{how}[host."{address}"]\n{how}'


def whole(reference: str) -> str:
    """An image's reference with the host that a short one leaves out."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"{HUB}/{reference}" if slash else f"{HUB}/library/{reference}"


def mirror_of_environment() -> Mirror | None:
    """The mirror that MESHPROOF_MIRROR names; None where it names none.

    Raises:
        BadInput: It is not an address of one.
    """
    address = os.environ.get(MIRROR, "").strip().removesuffix("/")
    if not address:
        return None
    if not _FORM.fullmatch(address):
        raise BadInput(
            f"{MIRROR}: expected an address such as https://mirror.example or http://127.0.0.1:5000, without a name or "
            "a password in it; nothing was changed"
        )
    return Mirror(address)


def trouble(address: str, timeout_s: float) -> str:
    """Why there is no registry to pull from at an address; empty where there is one.

    A registry answers /v2/ with 200, or with 401 where it wants a token, which it gives to anybody; a proxy that
    forbids it answers otherwise, and a login page answers 200.
    Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md, "Determining Support".
    """
    try:
        answer = httpx.get(f"{address}/v2/", timeout=timeout_s, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:  # all but the first: of a proxy's URL
        return f"does not answer ({type(error).__name__}: {error})"
    if answer.status_code not in (httpx.codes.OK, httpx.codes.UNAUTHORIZED):
        return f"answers {answer.status_code} {answer.reason_phrase}"
    if "html" in answer.headers.get("content-type", ""):
        return "answers with a web page (text/html), as no registry does: a login or a portal may be before it"
    if answer.headers.get("www-authenticate", "").lower().startswith("basic"):
        return "wants a login (401, Basic), which nodes do not have; it must be readable without"
    return ""


def check(mirror: Mirror, timeout_s: float) -> None:
    """Refuse a mirror that nothing can be pulled from, before anything is begun.

    Raises:
        MachineCannot: It is one.
    """
    if why := trouble(mirror.registry, timeout_s):
        raise MachineCannot(
            f"the mirror {mirror.address} ({MIRROR}) {why}. Start or mend it, name another, or unset {MIRROR}; "
            "nothing was begun"
        )
