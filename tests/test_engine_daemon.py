from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from meshproof.engine import capabilities, daemon, install
from meshproof.engine.daemon import Daemon, free_subnet, mounts_below
from meshproof.errors import BadInput, MachineCannot
from meshproof.run import Completed

ROUTES = """\
Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def a_route(network: str) -> str:
    return f"br0\t{network}\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"


class Started:
    """Stands in for Background: remembers what would have been started."""

    argv: ClassVar[list[tuple[str, ...]]] = []
    orphaned: ClassVar[list[tuple[int, ...]]] = []

    def __init__(self, *argv: str, log_path: Path, env: dict[str, str]) -> None:
        type(self).argv.append(argv)
        self.pid = 4_000_000 + len(self.argv)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    Started.argv.clear()
    Started.orphaned.clear()

    def ran(*argv: str) -> Completed:
        return Completed(argv, 0, "", "", 0.0)

    def program(name: str) -> str:
        return f"/usr/sbin/{name}"

    # a unit test looks at no process of this machine, and signals none
    monkeypatch.setattr(daemon, "with_argument", lambda mark: (7,) if mark.endswith("containerd.sock") else ())  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType, reportUnknownMemberType]
    monkeypatch.setattr(daemon, "kill_children", Started.orphaned.append)
    monkeypatch.setattr(daemon, "Background", Started)
    monkeypatch.setattr(daemon, "run", ran)
    monkeypatch.setattr(daemon, "program", program)
    return Started.argv


def test_the_default_route_does_not_count_as_taken() -> None:
    assert str(free_subnet(ROUTES)) == "10.208.0.0/16"


def test_a_range_that_a_route_leads_into_is_passed_over() -> None:
    assert str(free_subnet(ROUTES + a_route("0000D00A"))) == "10.209.0.0/16"


def test_no_free_range_says_so() -> None:
    with pytest.raises(MachineCannot, match=r"10\.208\.0\.0/16 to 10\.223\.0\.0/16"):
        free_subnet(ROUTES + "".join(a_route(f"0000{number:02X}0A") for number in range(208, 224)))


def test_mounts_below_a_folder_are_unescaped_and_in_order() -> None:
    mounts = "/dev/vda /s/e ext4 rw 0 0\n/dev/vda /s/e2 ext4 rw 0 0\noverlay /s/e/a\\040b overlay rw 0 0\n"
    assert mounts_below(Path("/s/e"), mounts) == ["/s/e", "/s/e/a b"]


@pytest.mark.parametrize("withheld", [True, False])
def test_the_wrapper_is_configured_only_where_the_capability_is_withheld(
    tmp_path: Path, started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, withheld: bool
) -> None:
    monkeypatch.setattr(daemon, "lacks_sys_resource", lambda: withheld)
    ours = Daemon(tmp_path / "engine")
    ours.launch()
    configuration = json.loads((ours.folder / "daemon.json").read_text())
    assert ("default-runtime" in configuration) is withheld
    assert (ours.folder / "runc-without-sys-resource").exists() is withheld
    assert [argv[0] for argv in started] == ["/usr/sbin/containerd", "/usr/sbin/dockerd"]


def test_everything_of_the_daemon_is_below_its_folder(tmp_path: Path, started: list[tuple[str, ...]]) -> None:
    ours = Daemon(tmp_path / "engine")
    ours.launch()
    configuration = json.loads((ours.folder / "daemon.json").read_text())
    places = [configuration[key] for key in ("data-root", "exec-root", "pidfile", "containerd")]
    places += [host.removeprefix("unix://") for host in configuration["hosts"]]
    assert len(places) == 5
    assert all(Path(place).is_relative_to(ours.folder) for place in places)
    assert configuration["bridge"] not in ("docker0", Daemon(tmp_path / "other").bridge)
    assert len(started) == 2


def test_a_pid_file_that_would_stop_dockerd_is_removed(tmp_path: Path, started: list[tuple[str, ...]]) -> None:
    ours = Daemon(tmp_path / "engine")
    ours.folder.mkdir()
    (ours.folder / "docker.pid").write_text("1")
    (ours.folder / "dockerd.pid").write_text("1")
    ours.launch()
    assert not (ours.folder / "docker.pid").exists()
    assert len(started) == 2


def test_what_a_killed_daemon_left_running_is_ended_before_the_next_one(
    tmp_path: Path, started: list[tuple[str, ...]]
) -> None:
    Daemon(tmp_path / "engine").launch()
    assert Started.orphaned == [(7,)]
    assert len(started) == 2


def test_a_path_too_long_for_a_socket_is_refused_before_anything_starts(
    tmp_path: Path, started: list[tuple[str, ...]]
) -> None:
    with pytest.raises(BadInput, match="XDG_STATE_HOME"):
        Daemon(tmp_path / ("x" * 100)).launch()
    assert started == []


STATUS = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t{}\nCapBnd:\t{}\n"
ALL, ALL_BUT_SYS_RESOURCE = "000001ffffffffff", "000001fffeffffff"


@pytest.mark.parametrize(
    ("effective", "bounding", "held"),
    [(ALL, ALL, True), (ALL_BUT_SYS_RESOURCE, ALL, False), (ALL, ALL_BUT_SYS_RESOURCE, False)],
)
def test_a_capability_is_held_when_it_may_be_used_and_passed_on(effective: str, bounding: str, held: bool) -> None:
    assert ("CAP_SYS_RESOURCE" in capabilities.held(STATUS.format(effective, bounding))) is held


@pytest.mark.parametrize(
    ("release", "uid", "capable", "expected"),
    [
        ('ID=debian\nPRETTY_NAME="D"\n', 0, True, ""),
        ('ID=mint\nID_LIKE="ubuntu debian"\n', 0, True, ""),
        ('ID=fedora\nPRETTY_NAME="Fedora 42"\n', 0, True, "Fedora 42"),
        ("ID=debian\n", 1000, True, "user 1000"),
        ("ID=debian\n", 0, False, "CAP_SYS_ADMIN"),
        ("", 0, True, "not Debian-like"),
    ],
)
def test_an_engine_of_our_own_needs_debian_root_and_capabilities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, uid: int, capable: bool, expected: str
) -> None:
    os_release = tmp_path / "os-release"
    os_release.write_text(release)
    capabilities_held = frozenset(capabilities.NUMBERS if capable else ())
    monkeypatch.setattr(install.shutil, "which", lambda name, **_: f"/usr/bin/{name}")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    monkeypatch.setattr(install.os, "geteuid", lambda: uid)
    monkeypatch.setattr(install, "ours", lambda: capabilities_held)
    reason = install.why_not_ours(os_release)
    assert (reason == "") is (expected == "")
    assert expected in reason
