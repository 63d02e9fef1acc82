"""From a kubeconfig to the official client: with a connection pool of ours, where TLS and proxy are decided.

The client's own pool sends loopback through a proxy, and needs the private key in a file that a killed process leaves.
"""

from __future__ import annotations

import logging
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import urllib3
from kubernetes import client

from meshproof.errors import BadInput
from meshproof.kube.credential import Credential, credential_of
from meshproof.kube.kubeconfig import Entry, read_context
from meshproof.kube.proxy import Proxy, proxy_to
from meshproof.kube.raw import Malformed

CONNECTIONS = 16
# Else each attempt that fails is a line on standard error before the error itself, which tells all.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Connection:
    """A way to one API server.

    Attributes:
        context: The context that it follows.
        who: The user, as an error names it.
        server: The server's URL.
        proxy: What stands in between, or None.
        credential: What is shown.
        client: The official client, which has no complete types.
    """

    context: str
    who: str
    server: str
    proxy: Proxy | None
    credential: Credential
    client: Any

    @property
    def through(self) -> str:
        """What stands in between, as the end of a sentence; empty where nothing does."""
        if self.proxy is None:
            return ""
        host = urlsplit(self.server).hostname
        without = "" if self.proxy.of_kubeconfig else f" (to go without: NO_PROXY={host})"
        return f", through the proxy {self.proxy}{without}"

    def unreachable(self, error: Exception) -> str:
        """A request's failure in one line: the server, what stands in between, and the innermost reason."""
        reason: object = error
        while isinstance(reason, urllib3.exceptions.MaxRetryError | urllib3.exceptions.ProxyError):
            within = reason.reason if isinstance(reason, urllib3.exceptions.MaxRetryError) else reason.original_error
            reason = within or "no reason is given"
        return f"the API server {self.server} cannot be reached{self.through}: {' '.join(str(reason).split())}"


def connect(kubeconfig: Path | str, context: str = "") -> Connection:
    """Read a kubeconfig and make all ready for a request; none is sent.

    Args:
        kubeconfig: As for `meshproof.kube.kubeconfig.read_context`.
        context: The context; the current one where it is empty.

    Raises:
        BadInput: The kubeconfig cannot be used.
        MachineCannot: A credential plugin gives none.
    """
    try:
        chosen = read_context(kubeconfig, context)
        server = _server(chosen.cluster)
        proxy = _proxy(chosen.cluster, server)
        credential = credential_of(chosen)
        pool = _pool(chosen.cluster, proxy, _tls(chosen.cluster, credential, str(chosen.user)))
    except Malformed as error:
        raise BadInput(str(error)) from error
    # An empty proxy, rather than none, keeps the client from looking for one itself.
    configuration = cast(Any, client.Configuration)(host=server, proxy="", no_proxy="")
    if credential.authorization:
        configuration.api_key["BearerToken"] = credential.authorization
    made = cast(Any, client.ApiClient)(configuration)
    made.rest_client.pool_manager = pool
    return Connection(chosen.name, str(chosen.user or "nobody"), server, proxy, credential, made)


def _server(cluster: Entry) -> str:
    server = cluster.raw.need("server", str).rstrip("/")
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(f"{cluster}: expected a server such as https://HOST:PORT, found {server!r}")
    return server


def _proxy(cluster: Entry, server: str) -> Proxy | None:
    """A kubeconfig's own proxy comes before the environment's, and holds for loopback as well."""
    url = cluster.raw.get("proxy-url", "")
    proxy = Proxy(f"proxy-url in {cluster}", url) if url else proxy_to(server)
    if proxy and urlsplit(proxy.url).scheme not in ("http", "https"):
        raise BadInput(f"{cluster}: its server is behind the proxy {proxy}; expected one that speaks http or https")
    return proxy


def _tls(cluster: Entry, credential: Credential, who: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # for kubectl, each certificate that it is given is a root
    authority = cluster.content("certificate-authority")
    if cluster.raw.get("insecure-skip-tls-verify", False):
        if authority is not None:
            raise BadInput(f"{cluster}: has a certificate-authority and insecure-skip-tls-verify; take one of them out")
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # that is what was asked for
    elif authority is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(cadata=authority.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise BadInput(f"{cluster}: expected certificate-authority to be certificates in PEM: {error}") from error
    if credential.certificate:
        _load_pair(context, credential, who)
    return context


def _load_pair(context: ssl.SSLContext, credential: Credential, who: str) -> None:
    """Give TLS the client's certificate and key, which it takes from files only: they are gone when this returns."""
    with tempfile.TemporaryDirectory(prefix="meshproof-tls-") as folder:
        pair = Path(folder, "certificate"), Path(folder, "key")
        for path, pem in zip(pair, (credential.certificate, credential.key), strict=True):
            path.write_bytes(pem)
        try:
            context.load_cert_chain(*pair, password="")  # where none is given, OpenSSL asks on the terminal
        except (OSError, ValueError) as error:
            raise BadInput(f"{who}: its client-key is no plain PEM or not its certificate's: {error}") from error


def _pool(cluster: Entry, proxy: Proxy | None, tls: ssl.SSLContext) -> urllib3.PoolManager:
    name = cluster.raw.get("tls-server-name", "") or None
    if proxy is None:
        return urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=tls, server_hostname=name)
    login = unquote(urlsplit(proxy.url).netloc.rpartition("@")[0])
    headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
    return urllib3.ProxyManager(
        proxy.url, proxy_headers=headers, maxsize=CONNECTIONS, ssl_context=tls, server_hostname=name
    )
