from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from meshproof.errors import CommandFailed
from meshproof.names import Names
from meshproof.report import diagnostics
from meshproof.run import Completed

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodHRwYmluIn0.c2lnbmF0dXJl"


def pod(namespace: str, name: str, *containers: str, init: tuple[str, ...] = (), restarted: str = "") -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "initContainers": [{"name": one} for one in init],
            "containers": [{"name": one} for one in containers],
        },
        "status": {"containerStatuses": [{"name": one, "restartCount": int(one == restarted)} for one in containers]},
    }


PODS = {
    "kgateway-system": [pod("kgateway-system", "http-1", "kgateway-proxy", "sds", "istio-proxy", restarted="sds")],
    "httpbin": [pod("httpbin", "httpbin-1", "go-httpbin", "curl", init=("istio-init", "istio-proxy"))],
    "istio-system": [pod("istio-system", "istiod-1", "discovery")],
}
KINDS = {
    "--namespaced=true": "pods\nsecrets\nevents\nhttproutes.gateway.networking.k8s.io\n",
    "--namespaced=false": "nodes\ngatewayclasses.gateway.networking.k8s.io\nclusterroles.rbac.authorization.k8s.io\n",
}


class Cluster:
    """Answers as a cluster would; a command that begins with one of `broken` fails."""

    def __init__(self, *broken: tuple[str, ...], cost_s: float = 0.0) -> None:
        self.broken = broken
        self.calls: list[tuple[str, ...]] = []
        self.timeouts: list[float] = []
        self.time = 0.0
        self.cost_s = cost_s

    def now(self) -> float:
        return self.time

    def kubectl(self, *args: str, check: bool = True, timeout_s: float = 60.0) -> Completed:
        self.calls.append(args)
        self.timeouts.append(timeout_s)
        self.time += self.cost_s
        if any(args[: len(broken)] == broken for broken in self.broken):
            raise CommandFailed("kubectl " + " ".join(args), 1, "", f"refused {JWT}")
        if args[:2] == ("get", "pods"):
            return Completed(args, 0, json.dumps({"items": PODS[args[3]]}), "", 0.1)
        if args[0] == "api-resources":
            return Completed(args, 1, KINDS[args[-1]], "metrics: unavailable", 0.1)
        return Completed(args, 0, f"{' '.join(args)}: token: {JWT}\n", "", 0.1)

    @contextmanager
    def forward(self, namespace: str, target: str, port: int) -> Generator[str]:
        if (namespace, target) in self.broken:
            raise CommandFailed("port-forward", 1, "", "no such pod")
        self.calls.append(("forward", namespace, target, str(port)))
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def admin(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: object) -> httpx.Response:
        request = httpx.Request("GET", url)
        return httpx.Response(404 if "certs" in url else 200, text=f"{url} Bearer {JWT}", request=request)

    monkeypatch.setattr("meshproof.report.diagnostics.httpx.get", get)


NAMESPACES = Names().namespaces


def gather(cluster: Cluster, folder: Path, deadline_s: float = 120.0) -> str:
    return diagnostics.gather(
        cluster, folder / "diagnostics", namespaces=NAMESPACES, now=cluster.now, deadline_s=deadline_s
    ).read_text()


def written(folder: Path) -> set[str]:
    root = folder / "diagnostics"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_logs_of_all_containers_and_admin_pages_of_all_proxies_are_there(tmp_path: Path) -> None:
    index = gather(Cluster(), tmp_path)
    assert {
        "kgateway-system/http-1/kgateway-proxy.log",
        "kgateway-system/http-1/sds.log",
        "kgateway-system/http-1/sds.previous.log",
        "kgateway-system/http-1/kgateway-proxy/config_dump",
        "kgateway-system/http-1/istio-proxy/stats",
        "httpbin/httpbin-1/istio-init.log",
        "httpbin/httpbin-1/istio-proxy.log",
        "httpbin/httpbin-1/istio-proxy/clusters",
        "istio-system/istiod-1/istiod/debug-syncz",
        "istio-system/istiod-1/discovery.log",
        "httpbin/objects.yaml",
        "httpbin/pods-described.txt",
        "custom-objects.yaml",
        "cluster-objects.yaml",
        "events.txt",
    } <= written(tmp_path)
    assert "httpbin/httpbin-1/curl.previous.log" not in written(tmp_path)
    assert "kgateway-proxy/certs: not gathered: HTTPStatusError" in index
    listed = {line.partition(": ")[0] for line in index.splitlines() if "bytes" in line}
    assert listed == written(tmp_path) - {"index.txt"}


def test_each_proxy_is_asked_at_its_own_port(tmp_path: Path) -> None:
    cluster = Cluster()
    gather(cluster, tmp_path)
    assert {call[1:] for call in cluster.calls if call[0] == "forward"} == {
        ("kgateway-system", "pod/http-1", "19000"),
        ("kgateway-system", "pod/http-1", "15000"),
        ("httpbin", "pod/httpbin-1", "15000"),
        ("istio-system", "pod/istiod-1", "15014"),
    }


def test_all_kinds_are_asked_for_but_those_left_out(tmp_path: Path) -> None:
    cluster = Cluster()
    gather(cluster, tmp_path)
    asked = [call[1] for call in cluster.calls if call[0] == "get"]
    assert "pods,httproutes.gateway.networking.k8s.io" in asked
    assert "httproutes.gateway.networking.k8s.io,gatewayclasses.gateway.networking.k8s.io" in asked
    assert "metrics: unavailable" in (tmp_path / "diagnostics/kinds-cluster.txt").read_text()


def test_of_secrets_only_names_are_asked_for(tmp_path: Path) -> None:
    cluster = Cluster()
    gather(cluster, tmp_path)
    asked = [call for call in cluster.calls if call[0] != "api-resources" and "secret" in " ".join(call).lower()]
    assert len(asked) == 3
    for call in asked:
        assert call[:3] == ("get", "secrets", "-n")
        assert call[-1].startswith("go-template=")
        assert "$value}}" not in call[-1]
    assert "httpbin/secrets.txt" in written(tmp_path)


def test_no_secret_is_written(tmp_path: Path) -> None:
    gather(Cluster(("describe",)), tmp_path)
    texts = [path.read_text() for path in (tmp_path / "diagnostics").rglob("*") if path.is_file()]
    assert len(texts) > 30
    assert not any(JWT in text for text in texts)
    assert any("<redacted>" in text for text in texts)


def test_what_fails_is_noted_and_the_rest_is_gathered(tmp_path: Path) -> None:
    cluster = Cluster(("get", "pods", "-n", "httpbin"), ("describe",), ("istio-system", "pod/istiod-1"))
    index = gather(cluster, tmp_path)
    assert "httpbin/pods.json: not gathered: CommandFailed" in index
    assert "httpbin/: its pods are unknown" in index
    assert "httpbin/pods-described.txt: not gathered: CommandFailed" in index
    assert "istio-system/istiod-1/istiod/: not gathered: CommandFailed" in index
    assert "kgateway-system/http-1/sds.log" in written(tmp_path)
    assert "httpbin/objects.yaml" in written(tmp_path)


def test_the_deadline_holds(tmp_path: Path) -> None:
    cluster = Cluster(cost_s=10.0)
    index = gather(cluster, tmp_path, deadline_s=45.0)
    assert cluster.timeouts == [20.0, 20.0, 20.0, 15.0, 5.0]
    assert "events.txt: not gathered: the time for diagnostics was used up" in index


def test_a_huge_file_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "FILE_LIMIT_BYTES", 10)
    index = gather(Cluster(), tmp_path)
    assert (tmp_path / "diagnostics/events.txt").stat().st_size == 10
    assert "events.txt: 10 bytes, the first 10 of" in index


def test_the_index_is_written_even_when_the_user_has_had_enough(tmp_path: Path) -> None:
    class Interrupted(Cluster):
        def kubectl(self, *args: str, check: bool = True, timeout_s: float = 60.0) -> Completed:
            if args[0] == "logs":
                raise KeyboardInterrupt
            return super().kubectl(*args, check=check, timeout_s=timeout_s)

    with pytest.raises(KeyboardInterrupt):
        gather(Interrupted(), tmp_path)
    assert "kgateway-system/http-1/kgateway-proxy/config_dump" in (tmp_path / "diagnostics/index.txt").read_text()
