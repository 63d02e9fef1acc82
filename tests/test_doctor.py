from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from snapshots import always

from meshproof import doctor as doctors
from meshproof.doctor import GIB, Line, check_room, doctor, render, tool_lines, worst
from meshproof.engine import Engine, Host
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.images.tools import Choice
from meshproof.inotify import Inotify, inotify
from meshproof.machine import Kernel, Machine, look
from meshproof.platforms import Platform
from meshproof.releases import cells

LINUX = Kernel(frozenset({"CAP_SYS_RESOURCE"}), cgroup_version=2, inotify=Inotify(1024, 524288, used=26))
GOOD = Machine(
    engine=Engine("found", "28.2.2"),
    why_not_ours="",
    packages=(),
    kernel=LINUX,
    open_files=1048576,
    memory_available_bytes=16 * GIB,
    disk_free_bytes=100 * GIB,
    disk_path=Path("/home/x/.cache"),
    go="go version go1.26",
    ignored=(),
)
CACHED = (Line("images", "ok", "1.7 GB"),)
DESKTOP = Host("Docker Desktop", "6.12.5-linuxkit", "aarch64", 4, 8 * GIB, cgroup_version=2)
MAC = replace(GOOD, kernel=None, host=DESKTOP)


@pytest.fixture(autouse=True)
def no_engine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: Engine) -> Host:
        raise CommandFailed("docker info", 1, "", "no")

    monkeypatch.setattr(Engine, "host", silent)


def a_line(machine: Machine, name: str, **how: Any) -> Line:
    return next(line for line in doctor((), machine, **how) if line.name == name)


def the_line(name: str, cache_lines: tuple[Line, ...] = (), **changes: Any) -> Line:
    machine = {key: value for key, value in changes.items() if not hasattr(LINUX, key)}
    kernel = {key: value for key, value in changes.items() if hasattr(LINUX, key)}
    seen = replace(GOOD, kernel=replace(LINUX, **kernel), **machine)
    return next(line for line in doctor(cache_lines, seen) if line.name == name)


def test_a_good_machine_is_ok_throughout() -> None:
    lines = doctor(CACHED, GOOD)
    assert [line.name for line in lines] == [
        "engine", "environment", "capability", "cgroup", "inotify", "open files", "memory", "disk", "go", "proxy",
        "images",
    ]  # fmt: skip
    assert {line.status for line in lines} == {"ok"}
    assert worst(lines) == 0


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("engine", {"engine": "Cannot connect", "why_not_ours": "this is user 1000, not root"}),
        ("cgroup", {"cgroup_version": 0}),
        ("inotify", {"inotify": Inotify(127, 524288)}),
        ("inotify", {"inotify": Inotify(1024, 8192)}),
        ("inotify", {"inotify": Inotify(128, 524288, used=97)}),
        ("open files", {"open_files": 1024}),
        ("memory", {"memory_available_bytes": 4 * GIB - 1}),
        ("disk", {"disk_free_bytes": 25 * GIB - 1}),
    ],
)
def test_what_is_missing_cannot_and_names_a_remedy(name: str, changes: dict[str, Any]) -> None:
    line = the_line(name, **changes)
    assert line.status == "cannot"
    assert line.remedy
    assert worst([*CACHED, line]) == 3


@pytest.mark.parametrize(
    ("name", "changes", "detail"),
    [
        ("engine", {"engine": "Cannot connect", "packages": ("docker.io",)}, "installs Debian's docker.io"),
        ("capability", {"engine": "Cannot connect", "capabilities": frozenset[str]()}, "runtime wrapper"),
        ("go", {"go": ""}, "brings a pinned toolchain"),
    ],
)
def test_what_the_next_run_fixes_is_no_failure(name: str, changes: dict[str, Any], detail: str) -> None:
    line = the_line(name, **changes)
    assert line.status == "will fix"
    assert detail in line.detail
    assert worst([line]) == 0


def test_images_that_are_all_cached_need_no_room_for_building() -> None:
    assert the_line("disk", CACHED, disk_free_bytes=3 * GIB).status == "ok"
    assert the_line("disk", CACHED, disk_free_bytes=3 * GIB - 1).status == "cannot"
    assert the_line("disk", (*CACHED, Line("x", "will fix", "missing")), disk_free_bytes=3 * GIB).status == "cannot"


def test_a_withheld_capability_is_ok_once_our_own_engine_answers() -> None:
    line = the_line("capability", engine=Engine("own", "20.10"), capabilities=frozenset[str]())
    assert (line.status, "withheld" in line.detail) == ("ok", True)


def test_unlimited_open_files_are_enough() -> None:
    assert the_line("open files", open_files=-1).status == "ok"


def test_variables_that_no_tool_is_given_are_named_in_one_line() -> None:
    line = the_line("environment", ignored=("HELM_DRIVER", "KUBECONFIG"))
    assert (line.status, line.detail) == ("ok", "set, but given to no tool: HELM_DRIVER, KUBECONFIG")
    assert "no variable" in the_line("environment").detail


@pytest.mark.parametrize("engine", ["found", "none"])
def test_an_engine_that_is_used_as_it_is_keeps_its_address(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = {"DOCKER_HOST": "tcp://theirs:2375"}
    found = (Engine("found", "28", address), "") if engine == "found" else ("silent", "")
    monkeypatch.setattr("meshproof.machine._find_engine", lambda: found)
    for name, value in {**address, "HELM_DRIVER": "configmap"}.items():
        monkeypatch.setenv(name, value)
    ignored = look().ignored
    assert "HELM_DRIVER" in ignored
    assert ("DOCKER_HOST" in ignored) == (engine == "none")


def test_where_the_engine_has_a_machine_of_its_own_our_kernel_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_text(path: Path, *_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr("meshproof.machine._find_engine", lambda: (GOOD.engine, ""))
    monkeypatch.setattr("meshproof.machine.sys.platform", "darwin")
    monkeypatch.setattr(Path, "read_text", read_text)
    machine = look()
    assert machine.memory_available_bytes > 0
    assert {line.name for line in doctor((), machine)} & {"capability", "cgroup", "inotify"} == set()


def test_the_text_is_aligned_with_each_remedy_under_its_line() -> None:
    lines = [Line("engine", "ok", "Docker 28"), Line("open files", "cannot", "at most 10", "raise it")]
    assert render(lines).splitlines() == [
        "engine      ok        Docker 28",
        "open files  cannot    at most 10",
        "                      -> raise it",
    ]


@pytest.mark.parametrize("shortage", [{"memory_available_bytes": 1}, {"disk_free_bytes": 1}])
def test_a_run_is_refused_where_memory_or_disk_cannot_hold_it(shortage: dict[str, int]) -> None:
    check_room(GOOD)
    with pytest.raises(MachineCannot, match="a run needs"):
        check_room(replace(GOOD, **shortage))


def test_inotify_says_how_many_instances_are_left_for_another_cluster() -> None:
    line = the_line("inotify", inotify=Inotify(128, 524288, used=96))
    assert (line.status, line.remedy.startswith("for several clusters: sysctl -w ")) == ("ok", True)
    line = the_line("inotify", inotify=Inotify(128, 524288, used=97))
    assert "97 are taken" in line.detail
    assert "'too many open files'" in line.detail
    assert line.remedy.startswith("sysctl -w fs.inotify.max_user_instances=512 ")


def test_inotify_instances_are_counted(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/inotify").mkdir(parents=True)
    (tmp_path / "sys/fs/inotify/max_user_instances").write_text("128\n")
    (tmp_path / "sys/fs/inotify/max_user_watches").write_text("524288\n")
    for pid, targets in {"1": ["anon_inode:inotify", "/dev/null"], "22": ["anon_inode:inotify"] * 2}.items():
        (tmp_path / pid / "fd").mkdir(parents=True)
        for number, target in enumerate(targets):
            (tmp_path / pid / "fd" / str(number)).symlink_to(target)
    (tmp_path / "333").mkdir()  # it has just ended
    assert inotify(tmp_path) == Inotify(128, 524288, used=3)
    assert inotify().instances > 0


@pytest.mark.parametrize("engine", [Engine("own", "20.10"), "Cannot connect"])
@pytest.mark.parametrize("why_not_ours", ["", "this is user 1000, not root"])
def test_podman_is_said_not_to_be_used(engine: Engine | str, why_not_ours: str) -> None:
    changes: dict[str, Any] = {"engine": engine, "why_not_ours": why_not_ours}
    clause = "podman is here and is not used, only Docker is"
    assert clause not in the_line("engine", **changes).detail
    assert clause in the_line("engine", **changes, unused_engines=f"; {clause}").detail


def test_proxies_are_named_with_what_they_are_for_and_without_their_passwords() -> None:
    assert the_line("proxy").detail == "no variable names one"
    line = the_line("proxy", proxies={"HTTPS_PROXY": "http://me:secret@proxy.test:3128", "no_proxy": "a.test"})
    assert line.status == "ok"
    assert line.detail == (
        "HTTPS_PROXY=http://proxy.test:3128, no_proxy=a.test; "
        "for downloads and a cluster elsewhere, never for one on this machine"
    )


def test_a_machine_within_this_one_is_told_and_has_memory_of_its_own() -> None:
    assert a_line(MAC, "engine").detail == (
        "Docker 28.2.2, found, used as it is, in a machine of its own (Docker Desktop, aarch64, 4 CPUs)"
    )
    scarce = replace(MAC, memory_available_bytes=1)  # of this machine, where no cluster runs
    assert (a_line(scarce, "memory").status, a_line(scarce, "memory").detail) == (
        "ok",
        "8.0 GiB in the engine's machine",
    )
    check_room(scarce)
    small = replace(MAC, host=replace(DESKTOP, memory_bytes=2 * GIB))
    assert a_line(small, "memory").status == "cannot"
    assert "colima start --memory 8" in a_line(small, "memory").remedy
    with pytest.raises(MachineCannot, match=r"2\.0 GiB in the engine's machine; a run needs 4 GiB; give it more"):
        check_room(small)


def test_memory_of_a_machine_that_is_not_up_yet_is_not_guessed() -> None:
    line = a_line(replace(MAC, engine="Cannot connect", host=None, memory_available_bytes=1), "memory")
    assert (line.status, line.detail) == ("ok", "that of the engine's machine, known once it answers")


@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("kernel", ["our own", "another"])
def test_our_kernel_is_looked_at_only_where_the_engine_has_the_same(
    system: str, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = platform.release() if kernel == "our own" else "6.12.5-linuxkit"
    host = replace(DESKTOP, kernel=release)
    monkeypatch.setattr("meshproof.machine._find_engine", lambda: (GOOD.engine, ""))
    monkeypatch.setattr(Engine, "host", always(host))
    monkeypatch.setattr("meshproof.engine.host.sys.platform", system)
    machine = look()
    assert (machine.kernel is not None) == (system == "linux" and kernel == "our own")
    assert machine.host_elsewhere == (None if machine.kernel else host)


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({}, "ok", "with control groups of its own"),
        ({"cgroup_version": 1}, "cannot", "has cgroup v1"),
        ({"limits": False}, "cannot", "may not limit what a node takes"),
    ],
)
def test_an_engine_without_root_needs_control_groups(changes: dict[str, Any], status: str, why: str) -> None:
    assert "rootless" not in {line.name for line in doctor((), MAC)}
    line = a_line(replace(GOOD, host=replace(DESKTOP, rootless=True, **changes)), "rootless")
    assert (line.status, why in line.detail, bool(line.remedy)) == (status, True, status == "cannot")


def test_released_images_need_no_room_for_building(monkeypatch: pytest.MonkeyPatch) -> None:
    little = replace(GOOD, disk_free_bytes=4 * GIB, go="")
    assert a_line(little, "disk").status == "cannot"
    assert a_line(little, "disk", images="published").status == "ok"
    assert "nothing is to be assembled" in a_line(little, "go", images="published").detail
    monkeypatch.setattr(doctors, "here", lambda: Platform("darwin", "arm64"))
    assert a_line(little, "disk").status == "ok"


def test_where_each_tool_comes_from_is_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cell = cells()[0]
    chosen = [
        Choice("kind", "0.34.1", Path("/opt/bin/kind"), "", "kind 0.33 or a newer 0"),
        Choice("kubectl", "1.35.8", None, "/usr/bin/kubectl is 1.30.1, and kubectl 1.34 to 1.36 is needed", ""),
        Choice("helm", "4.1.1", None, "", "helm 4.1 or a newer 4"),
    ]
    monkeypatch.setattr(doctors, "choose", always(chosen))
    assert [(line.name, line.status, line.detail) for line in tool_lines(cell, "auto")] == [
        ("kind", "ok", "0.34.1, that of PATH: /opt/bin/kind"),
        (
            "kubectl",
            "will fix",
            "1.35.8 as released, for released images; /usr/bin/kubectl is 1.30.1, and kubectl 1.34 to 1.36 is needed, "
            "to be downloaded",
        ),
        ("helm", "will fix", "4.1.1 as released, for released images, to be downloaded"),
    ]
    monkeypatch.setattr(doctors, "at_hand", always(True))
    assert [line.status for line in tool_lines(cell, "published")] == ["ok"] * 3
    monkeypatch.setattr(doctors, "here", lambda: Platform("freebsd14", "amd64"))
    assert [line.status for line in tool_lines(cell, "auto")] == ["ok", "cannot", "cannot"]
    assert tool_lines(cell, "auto")[2].remedy == "put helm 4.1 or a newer 4 on PATH"
    assert tool_lines(cell, "source") == []
