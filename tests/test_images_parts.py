"""The door to images: which way it goes, and why."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from snapshots import always

from meshproof.engine import Engine
from meshproof.errors import BadInput, MachineCannot
from meshproof.images import assembly, cached, parts, prepare
from meshproof.images.assembly import Assembly
from meshproof.images.declaration import GoComponent, declaration
from meshproof.images.gobuild import Go
from meshproof.images.mirror import MIRROR, Mirror
from meshproof.images.plan import Item, items
from meshproof.images.published import registry_of, unreachable
from meshproof.images.store import Entry, Store
from meshproof.platforms import Platform
from meshproof.progress import Progress
from meshproof.releases import Cell, PublishedForm, cells, with_sources
from meshproof.run import Completed


@pytest.fixture
def progress() -> Progress:
    return Progress(StringIO(), live=False)


@pytest.fixture
def cell() -> Cell:
    return cells()[0]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "meshproof" / "images"


@pytest.fixture
def all_cached(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def released(_: Store, kubernetes: str, __: Progress) -> tuple[Entry, Mapping[str, str]]:
        return Entry("tools", kubernetes, cache / "released", {"items": []}), {"kubectl": "1.36.4"}

    monkeypatch.setattr(parts, "released_tools", released)

    def have(self: Assembly) -> Mapping[str, Entry]:
        return {name: Entry(name, item.key, cache / name, {"items": []}) for name, item in self.items.items()}

    monkeypatch.setattr(Assembly, "prepare", have)
    monkeypatch.setattr(parts, "fetch", always(Entry("published", "key", cache / "published", {"items": []})))
    monkeypatch.delenv(MIRROR, raising=False)


def no_engine() -> Engine:
    raise AssertionError("no engine is needed for this")


def published(cell: Cell) -> PublishedForm:
    assert cell.published is not None
    return cell.published


def said(progress: Progress) -> str:
    stream = progress._stream  # pyright: ignore[reportPrivateUsage]
    assert isinstance(stream, StringIO)
    return stream.getvalue()


reachable = always("")
forbidden = always("the registry r answers 403 Forbidden")


def test_an_unknown_choice_is_refused_with_the_known_ones(cell: Cell, progress: Progress) -> None:
    with pytest.raises(BadInput, match="IMAGES=released: not supported; allowed: auto, source, published"):
        prepare(cell, "released", no_engine, progress)


@pytest.mark.usefixtures("all_cached")
def test_auto_takes_the_published_ones_where_their_registry_answers(
    cell: Cell, progress: Progress, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "unreachable", reachable)
    got = prepare(cell, "auto", no_engine, progress)
    assert got.form == "published"
    assert got.node_image == published(cell).node_image
    assert got.charts["istiod"] == str(cache / "published" / "istiod.tgz")
    assert got.gateway_api_crds == str(cache / "published" / "gateway-api-crds.yaml")
    assert set(got.pulled) == set(published(cell).images.values())
    assert (got.mirror, "containerdConfigPatches" in got.kind_config) == (None, False)
    assert (got.versions["istio"], got.versions["kubectl"]) == ("1.30.4", "1.36.4")
    assert got.tools.name == "released"
    assert "their registries answer" in said(progress)


@pytest.mark.usefixtures("all_cached")
def test_a_mirror_has_the_node_image_and_the_nodes_are_told_of_it(
    cell: Cell, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:5000")
    monkeypatch.setattr(parts, "unreachable", reachable)
    got = prepare(cell, "auto", no_engine, progress)
    assert got.node_image == f"127.0.0.1:5000/docker.io/{published(cell).node_image}"
    assert got.mirror == Mirror("http://127.0.0.1:5000")
    (patch,) = got.kind_config["containerdConfigPatches"]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    registry = tomllib.loads(str(patch))["plugins"]["io.containerd.grpc.v1.cri"]["registry"]  # pyright: ignore[reportUnknownArgumentType]
    assert registry == {"config_path": "/etc/containerd/certs.d"}
    assert "the mirror http://127.0.0.1:5000 answers" in said(progress)
    monkeypatch.setattr(parts, "unreachable", always("the mirror http://127.0.0.1:5000 does not answer"))
    assert prepare(cell, "auto", no_engine, progress).form == "source"
    assert "assembled from source, because the mirror http://127.0.0.1:5000 does not answer" in said(progress)


@pytest.mark.usefixtures("all_cached")
def test_auto_assembles_and_says_why_where_it_does_not(
    cell: Cell, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "unreachable", forbidden)
    got = prepare(cell, "auto", no_engine, progress)
    assert got.form == "source"
    assert got.node_image.startswith("meshproof.local/node:")
    assert got.charts["istiod"].endswith("charts/istiod.tgz")
    assert got.kind_config["networking"] == {"disableDefaultCNI": True, "podSubnet": "10.244.0.0/16"}
    assert got.images["pilot"] == f"{got.istiod_values['hub']}/pilot:{got.istiod_values['tag']}"
    assert "assembled from source, because the registry r answers 403 Forbidden" in said(progress)


@pytest.mark.parametrize("name", ["darwin-arm64", "darwin-amd64", "linux-arm64"])
def test_on_another_platform_nothing_is_assembled_and_that_is_told_at_once(
    cell: Cell, progress: Progress, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(*name.split("-"))
    monkeypatch.setattr(parts, "here", lambda: platform)
    monkeypatch.setattr(parts, "unreachable", forbidden)
    only = "images are assembled from source on Linux on amd64 only, "
    with pytest.raises(MachineCannot, match=f"^{only}and this is {platform}; use IMAGES=published$"):
        prepare(cell, "source", no_engine, progress)
    with pytest.raises(MachineCannot, match=f"use KGATEWAY={cell.kgateway} IMAGES=published, which was released"):
        prepare(replace(cell, published=None), "source", no_engine, progress)
    with pytest.raises(
        MachineCannot, match=f"^the registry r answers 403 Forbidden, and {only}while this is {platform}"
    ):
        prepare(cell, "auto", no_engine, progress)


@pytest.mark.usefixtures("all_cached")
def test_released_images_are_had_on_another_platform_without_an_assembly(
    cell: Cell, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Assembly) -> Mapping[str, Entry]:
        raise AssertionError("nothing is assembled for released images")

    monkeypatch.setattr(Assembly, "prepare", refuse)
    monkeypatch.setattr(parts, "here", lambda: Platform("darwin", "arm64"))
    assert prepare(replace(cell, source=None), "published", no_engine, progress).form == "published"


@pytest.mark.usefixtures("all_cached")
def test_tools_are_those_for_the_cluster_that_there_is(
    cell: Cell, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def released(_: Store, kubernetes: str, __: Progress) -> tuple[Entry, Mapping[str, str]]:
        asked.append(kubernetes)
        return Entry("tools", "", Path("/"), {}), {}

    monkeypatch.setattr(parts, "released_tools", released)
    prepare(cell, "published", no_engine, progress)
    prepare(cell, "published", no_engine, progress, kubernetes="1.33.2")
    assert asked == [published(cell).versions["kubernetes"], "1.33.2"]


def test_a_form_that_a_cell_lacks_is_refused(cell: Cell, progress: Progress) -> None:
    with pytest.raises(BadInput, match="use IMAGES=source"):
        prepare(replace(cell, published=None), "published", no_engine, progress)
    with pytest.raises(BadInput, match="use IMAGES=published"):
        prepare(replace(cell, source=None), "source", no_engine, progress)


@pytest.mark.usefixtures("all_cached")
@pytest.mark.parametrize("form", ["source", "published"])
def test_a_kubelet_accepts_cgroup_v1_whatever_this_machine_has(cell: Cell, progress: Progress, form: str) -> None:
    patches = prepare(cell, form, no_engine, progress).kind_config["kubeadmConfigPatches"]
    assert "failCgroupV1: false" in str(patches)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(200, ""), (401, ""), (403, "answers 403 Forbidden"), (503, "answers 503 Service Unavailable")],
)
def test_a_registry_that_asks_for_a_token_can_be_had(
    cell: Cell, status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def get(url: str, **_: object) -> httpx.Response:
        asked.append(url)
        return httpx.Response(status)

    monkeypatch.setattr(httpx, "get", get)
    assert unreachable(published(cell)).endswith(reason)
    assert bool(unreachable(published(cell))) == bool(reason)
    assert asked[0] == "https://registry-1.docker.io/v2/"


def test_a_registry_that_does_not_answer_is_told(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(_: str, **options: object) -> httpx.Response:
        assert options["timeout"] == 5.0
        raise httpx.ConnectTimeout("timed out")

    monkeypatch.setattr(httpx, "get", get)
    reason = unreachable(published(cell))
    assert reason == "the registry registry-1.docker.io does not answer (ConnectTimeout: timed out)"


@pytest.mark.parametrize(
    ("reference", "host"),
    [
        ("kindest/node:v1", "registry-1.docker.io"),
        ("docker.io/istio/pilot:1", "registry-1.docker.io"),
        ("cr.kgateway.dev/kgateway-dev/sds:v2", "cr.kgateway.dev"),
        ("localhost:5000/a/b", "localhost:5000"),
        ("busybox", "registry-1.docker.io"),
    ],
)
def test_the_registry_of_a_reference(reference: str, host: str) -> None:
    assert registry_of(reference) == host


def test_a_full_disk_is_seen_before_anything_is_begun(
    cell: Cell, progress: Progress, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 5 * 10**9

    def usage(_: Path) -> Usage:
        return Usage()

    monkeypatch.setattr(assembly.shutil, "disk_usage", usage)
    with pytest.raises(MachineCannot, match=r"takes about 22 GB, 5\.0 GB are free; make room") as caught:
        Assembly(declaration(cell), Store(cache, progress.say), no_engine, progress).prepare()
    assert str(cache) in str(caught.value)
    assert [path.name for path in cache.iterdir()] == ["lock"]


@pytest.mark.usefixtures("all_cached")
def test_an_extra_is_among_the_parts_only_where_it_is_asked_for(cell: Cell, progress: Progress, cache: Path) -> None:
    without = prepare(cell, "source", no_engine, progress)
    assert ("metallb" in without.charts, "metallb-controller" in without.images, without.archives) == (False, False, [])
    got = prepare(cell, "source", no_engine, progress, ["load-balancer"])
    assert got.charts["metallb"] == str(cache / "load-balancer" / "metallb.tgz")
    assert got.images["metallb-controller"] == "meshproof.local/metallb/controller:v0.15.3"
    assert (got.versions["metallb"], got.chart_versions["metallb"]) == ("0.15.3", "")
    assert got.archives == [cache / "load-balancer" / "images.tar"]
    assert got.node_image == without.node_image
    assert got.bom != without.bom


@pytest.mark.usefixtures("all_cached")
def test_a_published_extra_is_pulled_and_not_loaded(cell: Cell, progress: Progress) -> None:
    assert "metallb" not in prepare(cell, "published", no_engine, progress).charts
    got = prepare(cell, "published", no_engine, progress, ["load-balancer"])
    assert got.charts["metallb"].endswith("/metallb.tgz")
    assert got.images["metallb-controller"] == "quay.io/metallb/controller:v0.15.3"
    assert "quay.io/metallb/controller:v0.15.3" in got.pulled
    assert (got.versions["metallb"], list(got.archives)) == ("0.15.3", [])
    with pytest.raises(BadInput, match="balancer: was never published with this combination; known: load-balancer"):
        prepare(cell, "published", no_engine, progress, ["balancer"])


def test_an_extra_is_its_images_in_one_archive_and_its_charts(
    cell: Cell, progress: Progress, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def docker(_: Engine, *args: str, **__: object) -> Completed:
        asked.append(args)
        return Completed(args, 0, "", "", 0.0)

    def package(charts: Mapping[str, object], *_: object) -> Mapping[str, object]:
        return {"kind": "charts", "items": [*charts]}

    monkeypatch.setattr(Engine, "docker", docker)
    monkeypatch.setattr(assembly, "package_charts", package)
    declared = declaration(cell, ["load-balancer"])
    made = Assembly(declared, Store(cache, progress.say), lambda: Engine("own", "20.10"), progress)
    binary = cache / "metallb" / "bin" / "metallb-controller"
    binary.parent.mkdir(parents=True)
    binary.write_text("program")
    entries = {"metallb": Entry("metallb", "key", cache / "metallb", {})}
    about = made._build(made.items["load-balancer"], entries, cache)  # pyright: ignore[reportPrivateUsage]
    controller = "meshproof.local/metallb/controller:v0.15.3"
    assert about == {"kind": "extra", "images": {"metallb-controller": controller}, "items": ["metallb"]}
    assert ("save", "--output", str(cache / "images.tar"), controller) in asked
    assert [args[0] for args in asked].count("build") == 1


@pytest.mark.usefixtures("all_cached")
def test_what_a_run_names_itself_is_assembled_whatever_can_be_pulled(
    cell: Cell, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "unreachable", reachable)
    given = with_sources(cell, {"kgateway": "v2.4.9"})
    got = prepare(given, "auto", no_engine, progress)
    assert (got.form, got.versions["kgateway"], got.versions["istio"]) == ("source", "v2.4.9", "1.31-dev")
    assert got.images["sds"] == "meshproof.local/kgateway/sds:v2.4.9"
    assert got.kgateway_values["image"] == {
        "registry": "meshproof.local/kgateway",
        "tag": "v2.4.9",
        "pullPolicy": "IfNotPresent",
    }
    assert got.node_image != prepare(cell, "source", no_engine, progress).node_image
    assert "images: assembled from source, kgateway from v2.4.9" in said(progress)
    with pytest.raises(BadInput, match="was never published as a whole; use IMAGES=source"):
        prepare(given, "published", no_engine, progress)


def test_doctor_is_told_whether_a_source_is_built_already(cell: Cell, cache: Path, progress: Progress) -> None:
    given = with_sources(cell, {"kgateway": "v2.4.9"})
    assert dict(cached(given)) == {"kgateway's source": "v2.4.9: the next run builds it"}
    key = items(declaration(given))["kgateway"].key
    Store(cache, progress.say).make("kgateway", key, lambda _: {})
    (cache / "tree-work" / "build").mkdir(parents=True)
    lines = dict(cached(given))
    assert lines["kgateway's source"] == "v2.4.9: built already"
    assert lines["tree-work"].endswith(f"for changed trees to be compiled soon; {cache / 'tree-work'} may be removed")


def test_a_version_that_nobody_pinned_is_looked_up_and_what_is_made_of_old_ones_is_dropped(
    cell: Cell, progress: Progress, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    looked_up: list[str] = []

    def docker(_: Engine, *args: str, **__: object) -> Completed:
        asked.append(args)
        return Completed(args, 0, "", "", 0.0)

    def download(component: GoComponent, _: Go) -> None:
        looked_up.append(component.name)

    def build(self: Assembly, item: Item, *_: object) -> Mapping[str, object]:
        return {"image": self.node_image} if item.name == "node" else {}

    monkeypatch.setattr(Engine, "docker", docker)
    monkeypatch.setattr(assembly, "download", download)
    monkeypatch.setattr(Assembly, "_build", build)
    store = Store(cache, progress.say)
    nodes: list[str] = []
    for number in range(5):
        looked_up.clear()
        given = with_sources(cell, {"istio": f"v0.0.0-{number}"})
        made = Assembly(declaration(given), store, lambda: Engine("own", "20.10"), progress)
        made.prepare()
        assert looked_up == ["istio"]
        nodes.append(made.node_image)
        for path in cache.iterdir():
            earlier = path.stat().st_mtime - 10
            os.utime(path, (earlier, earlier))
    assert [args[-1] for args in asked if args[:2] == ("image", "rm")] == nodes[:2]
    kept = [name for name in store.sizes() if name.startswith(("istio-", "node-", "charts-"))]
    assert len(kept) == 9
    assert len(store.sizes()) == 9 + len(items(declaration(cell))) - 3
    assert "cache: dropped istio " in said(progress)
