from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshproof.doctor import GIB, Line, check_room, doctor, render, worst
from meshproof.engine import Engine
from meshproof.errors import MachineCannot
from meshproof.inotify import Inotify, inotify
from meshproof.machine import Kernel, Machine, look

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
