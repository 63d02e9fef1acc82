"""No variable of the user's leads a tool elsewhere: programs of the tools' names note what they are given."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from snapshots import PARTS

from meshproof.cluster import Cluster
from meshproof.cluster.kind import KindCluster
from meshproof.engine import Engine
from meshproof.engine.core import find_engine
from meshproof.environment import ignored
from meshproof.images.charts import package_charts
from meshproof.images.declaration import Chart

# What each of these does is in the tools' own documentation; the last three are nobody's yet.
HOSTILE = {
    "HELM_KUBEAPISERVER": "https://127.0.0.1:1",
    "HELM_KUBETOKEN": "t",
    "HELM_KUBECAFILE": "/ca",
    "HELM_KUBECONTEXT": "production",
    "HELM_DRIVER": "configmap",
    "HELM_NAMESPACE": "other",
    "HELM_PLUGINS": "/plugins",
    "HELM_REPOSITORY_CONFIG": "/repositories.yaml",
    "KUBECTL_EXTERNAL_DIFF": "rm",
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    "KUBERC": "/home/user/kuberc",
    "KUBECONFIG": "/home/user/config",
    "KIND_EXPERIMENTAL_PROVIDER": "podman",
    "DOCKER_DEFAULT_PLATFORM": "linux/s390x",
    "BUILDX_BUILDER": "remote",
    "BUILDKIT_HOST": "tcp://elsewhere",
    "HELM_OF_TOMORROW": "x",
    "KUBECTL_OF_TOMORROW": "x",
    "DOCKER_OF_TOMORROW": "x",
}
PASSING = {"HTTPS_PROXY": "http://proxy", "SSL_CERT_FILE": "/ca.pem", "LANG": "C.UTF-8"}
NOTES = """\
#!/bin/sh
env >"$0.env"
case $* in
port-forward*) echo "Forwarding from 127.0.0.1:1 -> 8080"; exec sleep 60 ;;
package*) for last; do :; done; touch "${last#--destination=}/c.tgz" ;;
esac
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("helm", "kubectl", "kind", "docker"):
        (folder / name).write_text(NOTES)
        (folder / name).chmod(0o755)
    for name in [name for name in os.environ if name.startswith("DOCKER_")]:
        monkeypatch.delenv(name)
    for name, value in {**HOSTILE, **PASSING, "XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def given_to(tools: Path, name: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (tools / f"{name}.env").read_text().splitlines())


def the_cluster(tools: Path) -> Cluster:
    return Cluster("mine", tools / "kubeconfig", replace(PARTS, tools=tools), tools)


def the_kind(tools: Path) -> KindCluster:
    return KindCluster("mine", tools / "kubeconfig", "node", tools, {"DOCKER_HOST": "unix:///ours"})


def forward(tools: Path) -> None:
    with the_cluster(tools).forward("a", "pod/b", 8080):
        pass


def package(tools: Path) -> None:
    component = tools / "component"
    (component / "bin").mkdir(parents=True)
    (component / "bin" / "helm").symlink_to(tools / "helm")
    package_charts({"c": Chart("c", "helm:chart", "1")}, {"helm": component}, tools)
    (component / "bin" / "helm.env").rename(tools / "helm.env")


DOORS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "helm of a step": ("helm", lambda tools: the_cluster(tools).run("helm", "list")),
    "helm of an assembly": ("helm", package),
    "kubectl": ("kubectl", lambda tools: the_cluster(tools).kubectl("get", "pods")),
    "port-forward": ("kubectl", forward),
    "kind get": ("kind", lambda tools: the_kind(tools).exists()),
    "kind create": ("kind", lambda tools: the_kind(tools).create()),
    "kind delete": ("kind", lambda tools: the_kind(tools).delete()),
    "docker": ("docker", lambda _: Engine("own", "28", {"DOCKER_HOST": "unix:///ours"}).docker("ps")),
}


@pytest.mark.parametrize("door", DOORS)
def test_no_variable_of_the_users_leads_a_tool_elsewhere(door: str, tools: Path) -> None:
    name, use = DOORS[door]
    use(tools)
    given = given_to(tools, name)
    assert {each: given[each] for each in HOSTILE if given.get(each) == HOSTILE[each]} == {}
    assert {each: given.get(each) for each in PASSING} == PASSING
    assert given["KUBERC"] == "off"
    assert all(Path(given[f"HELM_{each}_HOME"]).is_relative_to(tools.parent) for each in ("CACHE", "CONFIG", "DATA"))


@pytest.mark.parametrize("door", ["helm of a step", "kubectl", "port-forward"])
def test_the_clusters_own_kubeconfig_is_the_only_one_and_temporary_files_are_its(door: str, tools: Path) -> None:
    name, use = DOORS[door]
    use(tools)
    given = given_to(tools, name)
    assert (given["KUBECONFIG"], given["TMPDIR"]) == (str(tools / "kubeconfig"), str(tools))


@pytest.mark.parametrize("door", ["kind get", "docker"])
def test_a_client_reaches_the_engine_that_was_found_and_no_other(
    door: str, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, use = DOORS[door]
    for address in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CONFIG"):
        monkeypatch.setenv(address, "elsewhere")
    use(tools)
    given = given_to(tools, name)
    assert {each: value for each, value in given.items() if each.startswith("DOCKER_")} == {
        "DOCKER_HOST": "unix:///ours"
    }


def test_the_users_own_engine_keeps_the_address_that_the_user_gives(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tools / "docker").write_text('#!/bin/sh\nenv >"$0.env"; echo 28.2.2 Engine containerd\n')
    address = {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certificates"}
    for name, value in address.items():
        monkeypatch.setenv(name, value)
    engine = find_engine()
    assert isinstance(engine, Engine)
    assert engine.env == address
    engine.docker("ps")
    given = given_to(tools, "docker")
    assert {name: value for name, value in given.items() if name.startswith("DOCKER_")} == address


def test_what_is_set_and_ignored_is_named(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ignored(()) == tuple(sorted(HOSTILE))
    monkeypatch.setenv("DOCKER_HOST", "unix:///theirs")
    assert "DOCKER_HOST" in ignored(())
    assert "DOCKER_HOST" not in ignored({"DOCKER_HOST"})
