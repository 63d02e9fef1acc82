"""The mirror of a rehearsal: before a registry and some files; it counts what is asked, and can be at fault."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from meshproof.wait import Clock

PIECE_BYTES = 1 << 16
MEGABYTE = 10**6
PASSED_ON = ("content-type", "content-length", "docker-content-digest", "docker-distribution-api-version", "etag")
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Answer:
    """An answer in place of the real one."""

    status: int
    body: bytes
    kind: str = "application/json"
    challenge: str = ""


@dataclass(frozen=True)
class Behaviour:
    """How a mirror answers: as it should, but for what is set here.

    Attributes:
        about: What a request's path must have in it to be answered wrongly.
        answer: What is then answered.
        spoilt: One byte of the body is then another.
        rate: Bytes per second of all answers together; 0 for no limit.
        dies_after: Bytes after which it is gone; 0 for never.
    """

    about: str = ""
    answer: Answer | None = None
    spoilt: bool = False
    rate: int = 0
    dies_after: int = 0


@dataclass(frozen=True)
class Access:
    """One request that was answered."""

    client: str
    path: str
    status: int
    size: int

    @property
    def kind(self) -> str:
        """What was asked for."""
        return next((kind for kind in ("manifests", "blobs") if f"/{kind}/" in self.path), "other")


@dataclass
class Log:
    """What was asked, by whom, and how much was sent."""

    accesses: list[Access] = field(default_factory=list[Access])
    sent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free: float = 0.0

    def sending(self, size: int, rate: int, clock: Clock) -> int:
        """Count a piece, once it may be sent at this rate, and return how much was sent by then."""
        with self._lock:
            self.sent += size
            sent, wait_s = self.sent, 0.0
            if rate:
                now = clock.now()
                self._free = max(now, self._free) + size / rate
                wait_s = self._free - now
        clock.pause(wait_s)
        return sent

    def table(self) -> str:
        """How many manifests, layers and files each client was given, and how much that was."""
        counted: Counter[tuple[str, str]] = Counter()
        bytes_of: Counter[str] = Counter()
        for access in self.accesses:
            if access.status < httpx.codes.BAD_REQUEST and access.size:
                counted[access.client, access.kind] += 1
                bytes_of[access.client] += access.size
        return "\n".join(
            f"  {client:<24} {counted[client, 'manifests']:>3} manifests {counted[client, 'blobs']:>3} blobs "
            f"{counted[client, 'other']:>3} others {bytes_of[client] / MEGABYTE:>7.1f} MB"
            for client in sorted(bytes_of)
        )


@dataclass
class Front(AbstractContextManager["Front"]):
    """A mirror that listens on one port of some addresses.

    Attributes:
        addresses: Where it listens.
        port: The port of each.
        registry: Port of loopback that has the registry.
        files: Folder of what is not in the registry.
        behaviour: What is wrong with it.
    """

    addresses: Sequence[str]
    port: int
    registry: int
    files: Path
    behaviour: Behaviour = field(default_factory=Behaviour)
    log: Log = field(default_factory=Log)
    clock: Clock = field(default_factory=Clock)
    _servers: list[ThreadingHTTPServer] = field(default_factory=list[ThreadingHTTPServer])

    def __enter__(self) -> Front:
        for address in self.addresses:
            server = ThreadingHTTPServer((address, self.port), partial(_Handler, self))
            server.daemon_threads = True
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Listen no more."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    protocol_version = "HTTP/1.1"

    def __init__(self, front: Front, *args: object) -> None:
        self._front = front
        super().__init__(*args)  # pyright: ignore[reportArgumentType]

    def do_GET(self) -> None:
        """Answer with a body."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._answer()

    do_HEAD = do_GET  # noqa: N815 - the base class calls it so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing: the log counts."""

    def _answer(self) -> None:
        wrong = self._front.behaviour
        concerned = wrong.about in self.path
        if wrong.answer and concerned:
            answer = wrong.answer
            headers = {"content-type": answer.kind, "content-length": str(len(answer.body))}
            headers |= {"www-authenticate": answer.challenge} if answer.challenge else {}
            self._send(answer.status, headers, iter([answer.body]))
        elif self.path.startswith("/v2/"):
            self._pass_on(spoilt=wrong.spoilt and concerned)
        else:
            self._send_file()

    def _pass_on(self, *, spoilt: bool) -> None:
        asked = {name: value for name in ("accept", "range", "user-agent") if (value := self.headers.get(name))}
        address = f"http://127.0.0.1:{self._front.registry}{self.path}"
        with httpx.stream(self.command, address, headers=asked, timeout=TIMEOUT_S, trust_env=False) as answer:
            headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
            pieces = answer.iter_raw(PIECE_BYTES)
            self._send(answer.status_code, headers, _spoilt(pieces) if spoilt else pieces)

    def _send_file(self) -> None:
        path = self._front.files / urlsplit(self.path).path.lstrip("/")
        inside = path.resolve().is_relative_to(self._front.files.resolve())
        body = path.read_bytes() if inside and path.is_file() else b""
        headers = {"content-type": "application/octet-stream", "content-length": str(len(body))}
        self._send(httpx.codes.OK if body else httpx.codes.NOT_FOUND, headers, iter([body]))

    def _send(self, status: int, headers: dict[str, str], pieces: Iterator[bytes]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        front, size = self._front, 0
        try:
            for piece in pieces if self.command == "GET" else ():
                sent = front.log.sending(len(piece), front.behaviour.rate, front.clock)
                if front.behaviour.dies_after and sent > front.behaviour.dies_after:
                    front.die()
                    self.close_connection = True
                    return
                self.wfile.write(piece)
                size += len(piece)
        finally:
            client = self.headers.get("user-agent", "(nobody)").split(" ")[0]
            front.log.accesses.append(Access(client, self.path, status, size))


def _spoilt(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same with one byte changed; what is JSON stays it, so that only its digest tells."""
    for number, piece in enumerate(pieces):
        other = piece.replace(b"\n", b" ", 1) if piece.startswith(b"{") else bytes([piece[0] ^ 1]) + piece[1:]
        yield piece if number else other


def unknown_manifest() -> Answer:
    """What a registry says of an image that it has not.

    Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md, "Error Codes".
    """
    error = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}
    return Answer(404, json.dumps({"errors": [error]}).encode())


PAGE = Answer(200, b"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8")
LOGIN = Answer(401, b"{}", challenge='Basic realm="mirror"')
