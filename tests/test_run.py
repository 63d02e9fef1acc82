"""The door to processes, with real small ones. A run that returns proves its children gone: they held its pipes."""

from __future__ import annotations

import shlex
import signal
import socket
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from meshproof import run as door
from meshproof.errors import MACHINE_CANNOT, CommandFailed
from meshproof.run import Background, Dialogue, run

SOON_S = 10.0  # far below the 60 s of the sleepers here, far above what a busy machine needs


def test_both_outputs_and_the_exit_code_are_kept() -> None:
    done = run("sh", "-c", "echo out; echo err >&2; exit 3", check=False)
    assert (done.code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert 0 < done.seconds < SOON_S


def test_arguments_reach_the_program_as_they_are() -> None:
    odd = ["a b", "$HOME", "*", "'\"", "", "é\n"]
    done = run(sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))", *odd)
    assert done.stdout.strip() == ascii(odd)
    assert shlex.split(done.command) == list(done.argv)


def test_folder_variables_and_input(tmp_path: Path) -> None:
    done = run("sh", "-c", 'pwd; echo "$X:${HOME:+kept}"; cat', cwd=tmp_path, env={"X": "1", "HOME": "/h"}, stdin="in")
    assert done.stdout == f"{tmp_path}\n1:kept\nin"


def test_an_environment_that_is_given_is_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "here")
    assert run("sh", "-c", 'echo "$OURS $X"', env={"X": "1"}).stdout == " 1\n"
    assert run("sh", "-c", 'echo "$OURS"').stdout == "here\n"


def test_a_failure_can_be_pasted_and_read() -> None:
    with pytest.raises(CommandFailed) as raised:
        run("sh", "-c", "echo 'half done'; echo 'no \"luck\"' >&2; exit 7")
    error = raised.value
    pasted = str(error).splitlines()[1].strip()
    assert run(*shlex.split(pasted), check=False).code == 7
    assert str(error).splitlines()[0].endswith(': exit code 7: no "luck"')
    assert str(error).splitlines()[2:] == ["  stdout: half done", '  stderr: no "luck"']
    assert (error.code, error.exit_code) == (7, MACHINE_CANNOT)


@pytest.mark.parametrize("program", ["/nonexistent/program", "/"])
def test_what_cannot_be_started_is_said(program: str, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="cannot be started"):
        run(program, "x")
    with pytest.raises(CommandFailed, match="cannot be started"):
        Background(program, log_path=tmp_path / "log")


def test_output_that_is_not_text_is_no_obstacle() -> None:
    assert run("printf", r"a\377b").stdout == "a\ufffdb"


def test_the_deadline_ends_the_program_and_its_children() -> None:
    with pytest.raises(CommandFailed, match=r"ended after its limit of 0\.5 s") as raised:
        run("sh", "-c", "echo up; sleep 60 & sleep 60", timeout_s=0.5)
    assert "stdout: up" in str(raised.value)
    assert raised.value.code == -signal.SIGTERM


def test_children_that_refuse_to_end_are_ended() -> None:
    with pytest.raises(CommandFailed, match="ended after its limit"):
        run("sh", "-c", "(trap '' TERM; sleep 60; sleep 60) & sleep 60", timeout_s=0.5)


def test_a_program_that_refuses_to_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "TERMINATE_GRACE_S", 0.3)
    with pytest.raises(CommandFailed, match="ended after its limit") as raised:
        run("sh", "-c", "trap '' TERM; echo up; while :; do sleep 60; done", timeout_s=0.5)
    assert raised.value.code == -signal.SIGKILL


def test_lines_come_as_they_appear_with_both_outputs_merged() -> None:
    seen: list[str] = []
    done = run("sh", "-c", "echo one; echo two >&2; printf three", on_line=seen.append)
    assert seen == ["one", "two", "three"]
    assert (done.stdout, done.stderr) == ("one\ntwo\nthree", "")


def test_the_deadline_holds_while_following_lines() -> None:
    with pytest.raises(CommandFailed, match="stdout: one"):
        run("sh", "-c", "echo one; sleep 60", on_line=lambda _: None, timeout_s=0.5)


@pytest.fixture
def interruptible() -> Generator[None]:
    """Ctrl-C as on a terminal: a shell without job control has what it starts with `&` ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_what_runs(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    script = f"trap 'touch {shlex.quote(str(ended))}; exit' TERM; echo up; while :; do sleep 0.05; done"
    with pytest.raises(KeyboardInterrupt):
        run("sh", "-c", script, on_line=lambda _: signal.raise_signal(signal.SIGINT))
    assert ended.exists()


def test_all_that_runs_in_other_threads_can_be_ended() -> None:
    up = threading.Event()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run, "sh", "-c", "echo up; sleep 60", on_line=lambda _: up.set())
        assert up.wait(SOON_S)
        door.end_all()
        with pytest.raises(CommandFailed) as raised:
            running.result(SOON_S)
    assert raised.value.code == -signal.SIGTERM


def test_input_and_lines_together_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be combined"):
        run("cat", stdin="x", on_line=lambda _: None)


def test_a_background_process_runs_until_it_is_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Background("sh", "-c", "echo $X; sleep 60", log_path=log, env={"X": "hello"}) as process:
        assert process.running()
        assert process.pid > 0
    assert not process.running()
    process.stop()
    assert process.output() == log.read_text()


def test_a_dialogue_goes_both_ways_over_one_socket() -> None:
    with Dialogue("sh", "-c", 'echo "$X"; echo odd >&2; exec cat', env={"X": "hello", "PATH": "/usr/bin:/bin"}) as talk:
        talk.socket.settimeout(SOON_S)
        assert talk.socket.recv(100) == b"hello\n"
        talk.socket.sendall(bytes(range(256)))
        assert talk.socket.recv(256, socket.MSG_WAITALL) == bytes(range(256))
        assert talk.errors() == "odd\n"


def test_a_dialogue_ends_with_its_input_and_one_that_does_not_is_ended(tmp_path: Path) -> None:
    with Dialogue("sh", "-c", f"cat; touch {tmp_path}/by-itself") as talk:
        pass
    assert (tmp_path / "by-itself").exists()
    with Dialogue("sh", "-c", "sleep 60 & echo $!; wait") as talk:
        talk.socket.settimeout(SOON_S)
        pid = int(talk.socket.recv(100))
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_dialogue_that_cannot_be_started_is_said() -> None:
    with pytest.raises(CommandFailed, match="cannot be started"):
        Dialogue("/nonexistent/program")
