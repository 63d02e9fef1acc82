"""Small servers on loopback for what reads kubeconfigs: an API server with TLS of a home-made CA, and a proxy."""

from __future__ import annotations

import base64
import json
import select
import socket
import ssl
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from meshproof import yamls

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Authority:
    """A home-made certificate authority."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = name_of("home-made")
        self.pem = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None), NOW - DAY, DAY)

    def issue(self, name: str, *, begins: datetime = NOW - DAY, lasts: timedelta = 2 * DAY) -> Pair:
        """A certificate for a server on loopback or called api.test, or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = (x509.DNSName("api.test"), x509.IPAddress(ip_address("127.0.0.1")))
        return Pair(self._sign(name_of(name), key, x509.SubjectAlternativeName(names), begins, lasts), pem_of(key))

    def issue_workload(self, identity: str, *, begins: datetime = NOW - DAY, lasts: timedelta = DAY) -> str:
        """The certificate of a workload of the mesh, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
        return self._sign(x509.Name([]), key, names, begins, lasts)

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        begins: datetime,
        lasts: timedelta,
    ) -> str:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=True)
        builder = builder.not_valid_before(begins).not_valid_after(begins + lasts + DAY)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@dataclass
class ApiServer:
    """An API server that answers every GET, and what it saw: who asked, by header and by certificate."""

    url: str
    port: int
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    answer: tuple[int, str] = (200, '{"gitVersion": "v1.35.4"}')


@contextmanager
def api_server(authority: Authority, folder: Path) -> Generator[ApiServer]:
    """Serve with TLS on a free port of loopback."""
    seen = ApiServer("", 0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            assert isinstance(self.connection, ssl.SSLSocket)
            peer: Any = self.connection.getpeercert() or {}
            shown = dict(pair for part in peer.get("subject", ()) for pair in part).get("commonName", "")
            seen.asked.append((self.headers.get("Authorization", ""), shown))
            status, text = seen.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nothing: what was asked is kept."""

    own = authority.issue("server")
    for name, pem in {"ca.pem": authority.pem, "server.pem": own.certificate + own.key}.items():
        (folder / name).write_text(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    with _Quiet(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        seen.port = server.server_port
        seen.url = f"https://127.0.0.1:{seen.port}"
        with _serving(server):
            yield seen


@dataclass
class ProxyServer:
    """A proxy that leads every CONNECT to one port of loopback, or refuses it; and what it was asked for."""

    url: str
    to_port: int
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@contextmanager
def proxy_server(to_port: int) -> Generator[ProxyServer]:
    """Serve on a free port of loopback."""
    seen = ProxyServer("", to_port)

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            seen.asked.append((self.path, self.headers.get("Proxy-Authorization", "")))
            self.send_response(seen.status)
            self.end_headers()
            if seen.status == 200:
                with socket.create_connection(("127.0.0.1", seen.to_port)) as onward:
                    _copy(self.connection, onward)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nothing: what was asked is kept."""

    with _Quiet(("127.0.0.1", 0), Handler) as server, _serving(server):
        seen.url = f"http://127.0.0.1:{server.server_port}"
        yield seen


def write(path: Path, cluster: Mapping[str, object], *, user: object = None, current: str = "dev") -> Path:
    """A kubeconfig with one context, `dev`, whose cluster is `home` and whose user is `me`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "home", "cluster": dict(cluster)}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "dev", "context": {"cluster": "home", "user": "me"}}],
        "current-context": current,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yamls.dump(config))
    return path


def inline(text: str) -> str:
    """A text as the fields that end in -data hold it."""
    return base64.b64encode(text.encode()).decode()


def jwt(ends: datetime) -> str:
    """A token that says when it ends."""
    parts = ({"alg": "none"}, {"exp": int(ends.timestamp())})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that ends a handshake is part of the tests."""


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Generator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def _copy(one: socket.socket, other: socket.socket) -> None:
    """Both ways until one side closes."""
    to = {one: other, other: one}
    while True:
        for side in select.select(list(to), [], [])[0]:
            data = side.recv(65536)
            if not data:
                return
            to[side].sendall(data)
