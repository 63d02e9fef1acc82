"""Which proxy a request goes through, told by servers on loopback: one with the API, one that is a proxy."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator
from pathlib import Path

import pytest
from api_servers import ApiServer, Authority, ProxyServer, api_server, inline, proxy_server, write

from meshproof.errors import MachineCannot
from meshproof.images import published
from meshproof.kube.api import Api
from meshproof.kube.proxy import VARIABLES, proxy_to, settings
from meshproof.releases import cells

AUTHORITY = Authority()
SPELLINGS = [*VARIABLES, *(variable.lower() for variable in VARIABLES)]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for spelling in SPELLINGS:
        monkeypatch.delenv(spelling, raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Generator[ApiServer]:
    with api_server(AUTHORITY, tmp_path) as server:
        yield server


@pytest.fixture
def proxy(server: ApiServer) -> Generator[ProxyServer]:
    with proxy_server(server.port) as proxy:
        yield proxy


def api(folder: Path, url: str, **cluster: object) -> Api:
    trusted = {"server": url, "certificate-authority-data": inline(AUTHORITY.pem)}
    return Api(write(folder / "config", {**trusted, **cluster}, user={"token": "abc"}))


def refusal(api: Api) -> str:
    with pytest.raises(MachineCannot) as raised:
        api.get("/version")
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_loopback_is_never_reached_through_a_proxy(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for spelling in SPELLINGS:
        if spelling.upper() != "NO_PROXY":
            monkeypatch.setenv(spelling, "socks5://127.0.0.1:9" if spelling.upper() == "ALL_PROXY" else NOBODY)
    assert api(tmp_path, server.url).get("/version")
    for host in ("localhost", "127.0.0.1", "127.8.9.10", "[::1]"):
        assert proxy_to(f"https://{host}:6443") is None
    assert proxy_to("https://api.test:6443") is not None


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_a_server_elsewhere_is_reached_through_the_proxy_that_kubectl_would_take(
    variable: str, proxy: ProxyServer, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy.url.replace("//", "//me:p%40ss@"))
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.setenv("ALL_PROXY", NOBODY)
    assert api(tmp_path, "https://api.test:6443").get("/version")
    assert proxy.asked == [("api.test:6443", "Basic " + b64encode(b"me:p@ss").decode())]
    assert server.asked == [("Bearer abc", "")]


def test_a_kubeconfigs_own_proxy_comes_before_the_variables(
    proxy: ProxyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", NOBODY)
    assert api(tmp_path, "https://127.0.0.1:6443", **{"proxy-url": proxy.url}).get("/version")
    assert [asked for asked, _ in proxy.asked] == ["127.0.0.1:6443"]
    proxy.status = 403
    error = refusal(api(tmp_path, "https://127.0.0.1:6443", **{"proxy-url": proxy.url}))
    assert f"through the proxy {proxy.url} of proxy-url in kubeconfig {tmp_path}/config, cluster home: " in error


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses_is_named_with_its_variable_and_without_its_password(
    status: int, proxy: ProxyServer, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.status = status
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:hidden@"))
    error = refusal(api(tmp_path, "https://api.test:6443"))
    assert error.startswith("/version: the API server https://api.test:6443 cannot be reached, through the proxy ")
    assert f"the proxy {proxy.url} of HTTPS_PROXY (to go without: NO_PROXY=api.test): " in error
    assert str(status) in error
    assert "hidden" not in error
    assert server.asked == []


def test_a_proxy_that_nobody_is_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "127.0.0.1:9")  # as for kubectl, http:// goes without saying
    error = refusal(api(tmp_path, "https://api.test:6443"))
    assert "through the proxy http://127.0.0.1:9 of https_proxy (to go without: NO_PROXY=api.test): " in error
    assert error.endswith("Connection refused")


def test_a_proxy_that_answers_itself_is_named(
    proxy: ProxyServer, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    server.answer = (200, "<html>log in</html>")
    error = refusal(api(tmp_path, "https://api.test:6443"))
    assert (
        f"expected JSON of the API server https://api.test:6443, through the proxy {proxy.url} of HTTPS_PROXY" in error
    )
    server.answer = (503, "<html>")
    assert f"answered 503, through the proxy {proxy.url} of HTTPS_PROXY" in refusal(
        api(tmp_path, "https://api.test:6443")
    )


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("excepted", ["*", "api.test", ".test", "other, api.test:6443"])
def test_what_is_excepted_is_reached_without(variable: str, excepted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", NOBODY)
    assert proxy_to("https://api.test:6443")
    monkeypatch.setenv(variable, excepted)
    assert proxy_to("https://api.test:6443") is None
    assert proxy_to("https://example.com") is not None or excepted == "*"


def test_a_variable_counts_for_its_scheme_and_in_capitals_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://small")
    assert proxy_to("https://api.test") is None
    assert str(proxy_to("http://api.test")) == "http://small of http_proxy"
    monkeypatch.setenv("HTTP_PROXY", "http://capital")
    assert str(proxy_to("http://api.test")) == "http://capital of HTTP_PROXY"
    assert settings() == {"HTTP_PROXY": "http://capital", "http_proxy": "http://small"}


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:9", "strange://127.0.0.1:9", NOBODY])
@pytest.mark.parametrize("variable", ["ALL_PROXY", "https_proxy"])
def test_a_registry_behind_a_proxy_that_cannot_be_used_is_unreachable_and_no_traceback(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    form = next(cell.published for cell in cells() if cell.published)
    assert "does not answer" in published.unreachable(form)
