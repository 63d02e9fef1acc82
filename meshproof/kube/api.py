"""Reading the Kubernetes API: plain GETs over the official client, and watches that say when to look again."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import urllib3.exceptions
from kubernetes import config as kubernetes_config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from meshproof import yamls
from meshproof.errors import BadInput, MachineCannot
from meshproof.wait import Clock

REQUEST_TIMEOUT_S = 15.0
WATCH_TIMEOUT_S = 600


class NotFound(MachineCannot):
    """The API server knows no such object or kind."""


class Api:
    """One API server, reached with the credentials of one kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        try:
            yamls.load_file(kubeconfig)
            # The official client has no complete types: it stays behind this class.
            self._client = cast(Any, kubernetes_config).new_client_from_config(config_file=str(kubeconfig))
        except (ConfigException, OSError, ValueError) as error:
            raise BadInput(f"kubeconfig {kubeconfig}: cannot be used: {error}") from error

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Read one object or list.

        Args:
            path: The API path, as `kubectl get --raw` takes it.
            query: Query parameters such as `labelSelector`.

        Raises:
            NotFound: There is no such object or kind.
            MachineCannot: The server cannot be reached, or answered with another error.
        """
        status, body = self._request(path, query)
        if status == 404:
            raise NotFound(f"{path}: not found")
        if status >= 400:
            raise MachineCannot(f"{path}: the API server answered {status}: {body[:500]}")
        try:
            return cast(dict[str, Any], json.loads(body))
        except ValueError as error:
            raise MachineCannot(f"{path}: expected JSON from the API server, found {body[:200]!r}") from error

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
            status, _ = self._request("/readyz", {})
        except MachineCannot:
            return False
        return status == 200

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
                except (MachineCannot, urllib3.exceptions.HTTPError, OSError, ValueError):
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

    def _request(self, path: str, query: dict[str, str]) -> tuple[int, str]:
        response = self._open(path, query, REQUEST_TIMEOUT_S)
        return response.status, response.data.decode()

    def _open(self, path: str, query: dict[str, str], timeout_s: float | None) -> Any:
        request = self._client.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            return self._client.call_api(*request, _request_timeout=timeout_s).response
        except ApiException as error:
            raise MachineCannot(f"{path}: the API server cannot be reached: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise MachineCannot(f"{path}: the API server cannot be reached: {error}") from error
