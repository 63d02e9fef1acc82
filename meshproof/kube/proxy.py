"""Which proxy leads to an API server: decided as kubectl, helm and kind decide it, so that all of them go one way.

Source: https://pkg.go.dev/golang.org/x/net/http/httpproxy
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from kubernetes.client import rest

# ALL_PROXY is no variable of kubectl's; pip and what else is written in Python read it.
VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_excepted = cast("Callable[[str, str], bool]", rest.should_bypass_proxies)


@dataclass(frozen=True)
class Proxy:
    """A proxy, and what names it: a variable, or a kubeconfig's `proxy-url`. As text it is without its password."""

    named_by: str
    url: str = field(repr=False)

    @property
    def of_kubeconfig(self) -> bool:
        """Whether a kubeconfig names it, and no variable does."""
        return self.named_by.upper() not in VARIABLES

    def __str__(self) -> str:
        return f"{public(self.url)} of {self.named_by}"


def proxy_to(server: str) -> Proxy | None:
    """The proxy that the environment names for a server's URL. Loopback is never reached through one."""
    if _is_loopback(urlsplit(server).hostname or ""):
        return None
    found = settings()
    excepted = next((value for variable, value in found.items() if variable.upper() == "NO_PROXY"), "")
    if _excepted(server, excepted):
        return None
    wanted = f"{urlsplit(server).scheme}_proxy".upper()
    return next((Proxy(variable, _url(value)) for variable, value in found.items() if variable.upper() == wanted), None)


def settings() -> Mapping[str, str]:
    """The variables about proxies that are set, as they are spelled; the capital spelling counts before the other."""
    spellings = (spelling for variable in VARIABLES for spelling in (variable, variable.lower()))
    return {spelling: value for spelling in spellings if (value := os.environ.get(spelling, ""))}


def public(value: str) -> str:
    """A proxy's address without the user and the password in it."""
    scheme, separator, rest_of_it = value.rpartition("://")
    return f"{scheme}{separator}{rest_of_it.rpartition('@')[2]}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(value: str) -> str:
    return value if "://" in value else f"http://{value}"
