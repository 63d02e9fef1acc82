"""Reading the Kubernetes API: plain GETs over the official client, and watches that say when to look again.

The one thing that is posted is a review, which is a question too: nothing is stored.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import urllib3.exceptions
from kubernetes.client.exceptions import ApiException

from meshproof.errors import MachineCannot, MeshproofError
from meshproof.kube.connection import Connection, connect
from meshproof.wait import Clock

REQUEST_TIMEOUT_S = 15.0
WATCH_TIMEOUT_S = 600


class NotFound(MeshproofError):
    """The API server knows no such object or kind."""


class Api:
    """One API server, reached as a context of a kubeconfig says.

    Args:
        kubeconfig: A file, or several as KUBECONFIG has them.
        context: The context; the current one where it is empty.

    Raises:
        BadInput: The kubeconfig cannot be used.
        MachineCannot: A credential plugin gives no credential.
    """

    def __init__(self, kubeconfig: Path | str, context: str = "") -> None:
        self._kubeconfig = kubeconfig
        self._connection = connect(kubeconfig, context)
        self._lock = threading.Lock()

    @property
    def server(self) -> str:
        """The server's URL."""
        return self._connection.server

    @property
    def context(self) -> str:
        """The context that leads there."""
        return self._connection.context

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Read one object or list.

        Args:
            path: The API path, as `kubectl get --raw` takes it.
            query: Query parameters such as `labelSelector`.

        Raises:
            NotFound: There is no such object or kind.
            MachineCannot: The server cannot be reached, or answered with another error.
        """
        return self._read(path, self._open(path, query, REQUEST_TIMEOUT_S))

    def review(self, path: str, question: Mapping[str, object]) -> dict[str, Any]:
        """Ask the server a question of its own kinds of reviews; the answer is in the review's status. As `get`."""
        return self._read(path, self._open(path, {}, REQUEST_TIMEOUT_S, question))

    def _read(self, path: str, response: Any) -> dict[str, Any]:
        """The JSON of a response; errors as `get` has them."""
        body = self._body(path, response)
        try:
            return cast(dict[str, Any], json.loads(body))
        except ValueError as error:
            connection = self._connection
            raise MachineCannot(
                f"{path}: expected JSON of the API server {connection.server}{connection.through}, found {body[:80]!r}"
            ) from error

    def _body(self, path: str, response: Any) -> str:
        """The text of a response; errors as `get` has them."""
        status, body = response.status, cast(str, response.data.decode(errors="replace"))
        if status == 404:
            raise NotFound(f"{path}: not found")
        connection = self._connection
        if status == 401:
            raise MachineCannot(
                f"{path}: the API server {connection.server} does not take the credential of {connection.who}"
                f"{connection.through}; renew it, by a login or a new kubeconfig"
            )
        if status >= 400:
            raise MachineCannot(f"{path}: the API server answered {status}{connection.through}: {_said(body)}")
        return body

    def text(self, path: str, **query: str) -> str:
        """What is served as text, such as a container's log; errors as `get` has them."""
        return self._body(path, self._open(path, query, REQUEST_TIMEOUT_S))

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        """The items of a list; see `get`. An unknown kind is an empty list."""
        try:
            return cast(list[dict[str, Any]], self.get(path, **query).get("items") or [])
        except NotFound:
            return []

    def find(self, path: str) -> dict[str, Any] | None:
        """One object, or None where there is none; see `get`."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def answers(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            return self._open("/readyz", {}, REQUEST_TIMEOUT_S).status == 200
        except MachineCannot:
            return False

    @contextlib.contextmanager
    def watching(self, *paths: str) -> Generator[Clock]:
        """A clock whose pauses end as soon as an object below one of the list paths changes."""
        changed = threading.Event()
        over = threading.Event()

        def follow(path: str) -> None:
            while not over.is_set():
                try:
                    response = self._open(path, {"watch": "true", "timeoutSeconds": str(WATCH_TIMEOUT_S)}, None)
                    if response.status != 200:
                        raise ValueError(f"{path}: the API server answered {response.status}")
                    for _ in response.stream(amt=None):
                        changed.set()
                        if over.is_set():
                            return
                except (MeshproofError, urllib3.exceptions.HTTPError, OSError, ValueError):
                    changed.wait(0.5)  # the server may be restarting; polling goes on meanwhile

        def pause(seconds: float) -> None:
            changed.wait(seconds)
            changed.clear()

        for path in paths:
            threading.Thread(target=follow, args=(path,), daemon=True, name=f"watch {path}").start()
        try:
            yield Clock(now=time.monotonic, pause=pause)
        finally:
            over.set()

    def _open(
        self, path: str, query: dict[str, str], timeout_s: float | None, question: Mapping[str, object] | None = None
    ) -> Any:
        connection = self._connected()
        request = connection.client.param_serialize(
            "POST" if question else "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            body=question,
            auth_settings=["BearerToken"],
        )
        try:
            return connection.client.call_api(*request, _request_timeout=timeout_s).response
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            raise MachineCannot(f"{path}: {connection.unreachable(error)}") from error

    def _connected(self) -> Connection:
        """The connection, made anew when its credential has ended: to the same context, whichever is current now."""
        with self._lock:
            if self._connection.credential.ended():
                self._connection = connect(self._kubeconfig, self._connection.context)
            return self._connection


def _said(body: str) -> str:
    """What an error of the server says: a Status has it in its message."""
    with contextlib.suppress(ValueError):
        status: object = json.loads(body)
        if isinstance(status, dict) and (message := str(cast("dict[str, object]", status).get("message", ""))):
            return message
    return body[:500]
