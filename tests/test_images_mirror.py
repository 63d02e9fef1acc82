"""Mirrors: where each released thing is asked for, what is no mirror, and what a node is told."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from meshproof.errors import BadInput, MachineCannot
from meshproof.images.mirror import MIRROR, Mirror, check, mirror_of_environment, trouble, whole
from meshproof.releases import PublishedForm, cells
from rehearsal.front import LOGIN, PAGE, Answer, Behaviour, Front
from rehearsal.stock import free_port

COMPANY = Mirror("https://mirror.example:8443/released")


@pytest.fixture
def form() -> PublishedForm:
    form = cells()[0].published
    assert form is not None
    return form.with_extras(["load-balancer"])


def test_what_is_released_at_a_host_is_asked_for_below_that_host(form: PublishedForm) -> None:
    got = COMPANY.applied(form)
    assert got.node_image == f"mirror.example:8443/released/docker.io/{form.node_image}"
    assert got.charts["istiod"].chart == "oci://mirror.example:8443/released/registry.istio.io/release/charts/istiod"
    assert got.charts["istiod"].version == form.charts["istiod"].version
    assert got.charts["metallb"].chart.startswith("https://mirror.example:8443/released/github.com/metallb/metallb/")
    assert got.gateway_api_crds == form.gateway_api_crds.replace("https://", "https://mirror.example:8443/released/")
    assert got.images == form.images, "pods name what was released, whoever has it"


def test_a_nodes_containerd_is_told_of_the_mirror_for_each_host_and_of_nothing_else(form: PublishedForm) -> None:
    files = COMPANY.hosts_files(list(form.images.values()))
    hosts = {whole(image).partition("/")[0] for image in form.images.values()}
    assert files.keys() == {f"/etc/containerd/certs.d/{host}/hosts.toml" for host in hosts}
    address = "https://mirror.example:8443/v2/released/docker.io"
    how = {"capabilities": ["pull", "resolve"], "override_path": True}
    assert tomllib.loads(files["/etc/containerd/certs.d/docker.io/hosts.toml"]) == {
        "server": address,
        **how,
        "host": {address: how},
    }
    plain = Mirror("http://10.1.2.3:5000").hosts_files(["quay.io/a/b:1"])
    assert tomllib.loads(plain["/etc/containerd/certs.d/quay.io/hosts.toml"])["server"] == (
        "http://10.1.2.3:5000/v2/quay.io"
    )


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("kindest/node:v1", "docker.io/kindest/node:v1"),
        ("busybox", "docker.io/library/busybox"),
        ("quay.io/a/b@sha256:0", "quay.io/a/b@sha256:0"),
        ("localhost/a", "localhost/a"),
        ("localhost:5000/a", "localhost:5000/a"),
    ],
)
def test_a_short_reference_is_of_the_hub(short: str, long: str) -> None:
    assert whole(short) == long


@pytest.mark.parametrize(
    ("address", "loopback", "in_node"),
    [
        ("http://127.0.0.1:5000", True, "http://10.0.0.1:5000"),
        ("http://127.1.2.3", True, "http://10.0.0.1"),
        ("https://localhost:5000/a", True, "https://10.0.0.1:5000/a"),
        ("http://1270.example:5000", False, "http://10.0.0.1:5000"),
    ],
)
def test_a_mirror_on_loopback_has_another_address_in_a_node(address: str, loopback: bool, in_node: str) -> None:
    mirror = Mirror(address)
    assert mirror.loopback is loopback
    assert mirror.at_host("10.0.0.1") == Mirror(in_node)


@pytest.mark.parametrize(
    "address",
    ["mirror.example", "ftp://mirror.example", "https://user:secret@mirror.example", "http://a b", "https://"],
)
def test_what_is_no_address_is_refused_and_no_password_repeated(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, address)
    with pytest.raises(
        BadInput, match=r"MESHPROOF_MIRROR: expected an address such as https://mirror\.example"
    ) as told:
        mirror_of_environment()
    assert "secret" not in str(told.value)


def test_the_environment_names_a_mirror_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR, raising=False)
    assert mirror_of_environment() is None
    monkeypatch.setenv(MIRROR, " http://127.0.0.1:5000/ ")
    assert mirror_of_environment() == Mirror("http://127.0.0.1:5000")


def at_fault(answer: Answer, tmp_path: Path) -> Front:
    return Front(["127.0.0.1"], free_port(), 0, tmp_path, Behaviour(answer=answer))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(200, b"{}"), ""),
        (Answer(401, b"{}", challenge='Bearer realm="https://auth.example/token"'), ""),
        (LOGIN, "wants a login (401, Basic)"),
        (PAGE, "answers with a web page (text/html), as no registry does"),
        (Answer(503, b""), "answers 503 Service Unavailable"),
    ],
)
def test_what_a_mirror_answers_is_told_by_name(answer: Answer, why: str, tmp_path: Path) -> None:
    with at_fault(answer, tmp_path) as front:
        mirror = Mirror(f"http://127.0.0.1:{front.port}")
        assert trouble(mirror.registry, 5.0).startswith(why)
        assert bool(trouble(mirror.registry, 5.0)) == bool(why)
        if not why:
            check(mirror, 5.0)
            return
        with pytest.raises(MachineCannot) as told:
            check(mirror, 5.0)
    assert f"the mirror {mirror.address} (MESHPROOF_MIRROR) {why}" in str(told.value)
    assert str(told.value).endswith("nothing was begun")


def test_a_mirror_that_is_not_there_is_told() -> None:
    with pytest.raises(MachineCannot, match=r"the mirror http://127\.0\.0\.1:\d+ .*does not answer \(ConnectError"):
        check(Mirror(f"http://127.0.0.1:{free_port()}"), 5.0)
