from __future__ import annotations

import fcntl
import platform
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from meshproof import lock
from meshproof.engine import Engine, Host, Silence, core, ensure_engine, find_engine, stop_engine
from meshproof.engine.daemon import Daemon
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.run import Completed


class World:
    """A machine with docker clients that answer as told, and daemons that never really start."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.user: tuple[int, str, str] = (1, "", "Cannot connect")
        self.own: tuple[int, str, str] = (1, "", "Cannot connect to our own")
        self.context = ""
        self.calls: list[tuple[str, ...]] = []
        self.launched = 0
        self.ended = 0
        self.alive = False
        self.shims: tuple[int, ...] = ()
        self.said: list[str] = []

        def launch(_: Daemon) -> None:
            self.launched += 1
            self.alive = True
            self.own = (0, "20.10 Engine containerd", "")

        def end(_: Daemon) -> None:
            self.ended += 1
            self.alive = False

        monkeypatch.setattr(core, "run", self.run)
        monkeypatch.setattr(core, "program", lambda _name: "docker")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        monkeypatch.setattr(core, "why_not_ours", lambda: "")
        monkeypatch.setattr(core, "install_missing", lambda announce: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        monkeypatch.setattr(Daemon, "launch", launch)
        monkeypatch.setattr(Daemon, "end", end)
        monkeypatch.setattr(Daemon, "alive", lambda _self: self.alive)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        monkeypatch.setattr(Daemon, "shims", lambda _self: self.shims)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]

    def run(self, *argv: str, env: Mapping[str, str], check: bool = True, **_: object) -> Completed:
        self.calls.append(argv[1:])
        if argv[1] == "version":
            ours = env.get("DOCKER_HOST") == core.own_daemon().env["DOCKER_HOST"]
            code, stdout, stderr = self.own if ours else self.user
            return Completed(argv, code, stdout, stderr, 0.0)
        if argv[1] == "context":
            return Completed(argv, 0, f"{self.context}\n", "", 0.0)
        return Completed(argv, 0, "abc node-1\n" if argv[1] == "ps" else "", "", 0.0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    return World(monkeypatch)


def test_an_engine_that_answers_is_used_as_it_is(world: World) -> None:
    world.user = (0, "28.2.2 Engine containerd", "")
    assert ensure_engine(world.said.append) == Engine("found", "28.2.2", {})
    assert world.launched == 0
    assert world.said == []


def test_our_own_daemon_is_used_when_it_runs(world: World) -> None:
    world.alive = True
    world.own = (0, "20.10 Engine containerd", "")
    engine = ensure_engine(world.said.append)
    assert engine.kind == "own"
    assert engine.env["DOCKER_HOST"].startswith("unix://")
    assert world.launched == 0


def test_our_own_is_started_when_none_answers(world: World) -> None:
    assert ensure_engine(world.said.append).kind == "own"
    assert world.launched == 1
    assert any("starting our own Docker daemon" in line for line in world.said)


def test_a_daemon_without_its_containerd_does_not_count(world: World) -> None:
    world.alive = True
    world.own = (0, "20.10 Engine", "")
    found = find_engine()
    assert isinstance(found, Silence)
    ensure_engine(world.said.append)
    assert world.launched == 1


@pytest.mark.parametrize("variable", ["DOCKER_HOST", "DOCKER_CONTEXT"])
def test_a_named_engine_that_is_silent_is_not_replaced_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "elsewhere")
    with pytest.raises(MachineCannot, match=f"{variable}=elsewhere"):
        ensure_engine(world.said.append)
    assert world.launched == 0


def test_naming_our_own_socket_is_the_same_as_naming_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", core.own_daemon().env["DOCKER_HOST"])
    assert ensure_engine(world.said.append).kind == "own"
    assert world.launched == 1
    world.user = world.own
    assert ensure_engine(world.said.append).kind == "own"


def test_where_neither_is_possible_one_paragraph_says_what_is_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "why_not_ours", lambda: "this is user 1000, not root")
    with pytest.raises(MachineCannot) as caught:
        ensure_engine(world.said.append)
    message = str(caught.value)
    assert "Cannot connect" in message
    assert "this is user 1000, not root; podman is here and is not used, only Docker is. " in message
    assert "\n" not in message
    assert caught.value.exit_code == 3


def test_a_client_that_hangs_counts_as_silence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: str, **__: object) -> Completed:
        raise CommandFailed("docker version", -15, "", "")

    monkeypatch.setattr(core, "run", hang)
    found = find_engine()
    assert isinstance(found, Silence)
    assert "within 5 s" in found.reason


def test_a_daemon_that_dies_at_start_tells_its_last_words_and_is_cleared_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(daemon: Daemon) -> None:
        (daemon.folder / "dockerd.log").write_text("no space left on device\n")

    monkeypatch.setattr(Daemon, "launch", launch)
    with pytest.raises(MachineCannot, match="no space left on device"):
        ensure_engine(world.said.append)
    assert world.ended == 1


def test_a_state_folder_that_cannot_be_written_is_the_machines_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(_: Daemon) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Daemon, "launch", launch)
    with pytest.raises(MachineCannot, match="No space left"):
        ensure_engine(world.said.append)


def test_a_second_caller_waits_and_uses_what_the_first_started(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = core.own_daemon().folder
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)

        def wait_for(read: Callable[[], bool], *_: object, **__: object) -> bool:
            assert not read(), "the lock is not held"
            world.alive, world.own = True, (0, "20.10 Engine containerd", "")
            fcntl.flock(first, fcntl.LOCK_UN)
            return read()

        monkeypatch.setattr(lock, "wait_for", wait_for)
        assert ensure_engine(world.said.append).kind == "own"
    assert world.launched == 0
    assert any("waiting for another meshproof" in line for line in world.said)


def test_stop_removes_the_containers_and_ends_the_daemon(world: World) -> None:
    ensure_engine(world.said.append)
    stop_engine(world.said.append)
    assert ("rm", "--force", "--volumes", "abc") in world.calls
    assert world.ended == 1
    assert "removing containers: node-1" in world.said


def test_stop_after_a_kill_starts_the_daemon_to_end_left_over_containers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.own_daemon().folder.mkdir(parents=True)
    world.shims = (7,)

    def end(_: Daemon) -> None:
        world.shims = ()

    monkeypatch.setattr(Daemon, "end", end)
    stop_engine(world.said.append)
    assert world.launched == 1
    assert ("rm", "--force", "--volumes", "abc") in world.calls


def test_stop_names_what_it_could_not_end(world: World) -> None:
    ensure_engine(world.said.append)
    world.shims = (7,)
    with pytest.raises(MachineCannot, match=r"\(7,\)"):
        stop_engine(world.said.append)


@pytest.mark.parametrize("ever", [True, False])
def test_stop_says_so_when_nothing_runs(world: World, ever: bool) -> None:
    if ever:
        core.own_daemon().folder.mkdir(parents=True)
    stop_engine(world.said.append)
    assert world.said == ["no engine of ours runs"]
    assert world.launched == 0


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("", ""),
        ("unix:///var/run/docker.sock", ""),
        ("unix:///Users/me/.colima/default/docker.sock", ""),
        ("npipe:////./pipe/docker_engine", ""),
        ("tcp://127.0.0.1:2375", ""),
        ("tcp://localhost:2375", ""),
        ("tcp://[::1]:2375", ""),
        ("ssh://me@build.test", "build.test"),
        ("tcp://10.0.0.5:2376", "10.0.0.5"),
        ("tcp://docker:2375", "docker"),
    ],
)
def test_an_engine_on_another_machine_is_refused_with_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch, address: str, host: str
) -> None:
    world.user = (0, "28.2.2 Engine containerd", "")
    world.context = address
    if not host:
        assert isinstance(find_engine(), Engine)
        return
    with pytest.raises(MachineCannot, match=f"^the container engine at {re.escape(address)} is on another machine"):
        find_engine()
    world.context = ""
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(MachineCannot, match=rf"127\.0\.0\.1 of {host}, where nothing reaches it from here; run "):
        ensure_engine(world.said.append)
    assert world.launched == 0


def test_an_engine_tells_of_its_machine() -> None:
    info = (
        '{"OperatingSystem":"Docker Desktop","KernelVersion":"6.12.5-linuxkit","Architecture":"aarch64","NCPU":4,'
        '"MemTotal":8218034176,"CgroupVersion":"2","SecurityOptions":["name=seccomp,profile=unconfined",'
        '"name=rootless"],"MemoryLimit":true,"PidsLimit":true,"CPUShares":false,"Other":{}}'
    )
    assert Host.of(info) == Host("Docker Desktop", "6.12.5-linuxkit", "aarch64", 4, 8218034176, 2, True, False)
    assert not Host.of(info).ours
    old = Host.of(f'{{"KernelVersion":"{platform.release()}","SecurityOptions":null}}')
    assert (old.ours, old.cgroup_version, old.rootless, old.limits) == (True, 1, False, True)
