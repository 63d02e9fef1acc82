"""Processes that outlive us, with real small ones: who is believed to be ours, and who is signalled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from meshproof import processes
from meshproof.processes import Recorded, arguments, end_started_with, kill_children, started_with, with_argument
from meshproof.run import Background
from meshproof.wait import wait_for

SLEEPS = "import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); {SLEEPS}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEPS}', sys.argv[1]]); {SLEEPS}"

SOON_S = 30.0  # far below the sleepers' minute, far above what a busy machine needs

Start = Callable[..., Background]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    """Starts a Python of its own with a program and arguments; all of them end with the test."""
    with ExitStack() as all_of_them:

        def begin(program: str, *words: str) -> Background:
            log = tmp_path / f"{len(list(tmp_path.iterdir()))}.log"
            return all_of_them.enter_context(Background(sys.executable, "-c", program, *words, log_path=log))

        yield begin


def await_end(process: Background) -> None:
    """The last moments of a process, when it has no arguments any more, are not quite its end."""
    wait_for(process.running, lambda runs: not runs, what="its end", timeout_s=SOON_S, every_s=0.02)


@pytest.fixture
def mark(tmp_path: Path) -> str:
    return str(tmp_path / "daemon.json")


@pytest.fixture
def record(tmp_path: Path, mark: str) -> Recorded:
    return Recorded(tmp_path / "dockerd.pid", mark)


def test_a_recorded_process_of_ours_is_known(record: Recorded, start: Start, mark: str) -> None:
    process = start(SLEEPS, mark)
    record.record(process.pid)
    assert record.pid() == process.pid


def test_a_pid_that_another_program_has_now_is_not_believed_and_not_signalled(
    record: Recorded, start: Start, mark: str
) -> None:
    other = start(SLEEPS, f"{mark}.old")
    record.record(other.pid)
    assert record.pid() is None
    record.end(timeout_s=1)
    assert other.running()
    assert not record.pid_path.exists()


def test_what_is_left_of_an_ended_process_is_not_believed(record: Recorded, mark: str) -> None:
    with subprocess.Popen([sys.executable, "-c", "", mark]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        record.record(ended.pid)
        assert arguments(ended.pid) == ()
        assert record.pid() is None
    assert record.pid() is None


def test_a_process_is_recorded_once_it_can_be_known_again(
    record: Recorded, start: Start, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between exec and the first instruction Linux shows no command line: under load in most starts."""
    process = start(SLEEPS, mark)
    looks: list[tuple[str, ...]] = [(), (), arguments(process.pid) or (mark,)]

    def look(_: int) -> tuple[str, ...]:
        return looks.pop(0) if len(looks) > 1 else looks[0]

    monkeypatch.setattr(processes, "arguments", look)
    record.record(process.pid)
    assert record.pid() == process.pid


@pytest.mark.parametrize("text", ["", "forty-one", "-1", "4194305", f"{2**70}"])
def test_a_broken_pid_file_means_that_nothing_runs(record: Recorded, text: str) -> None:
    record.pid_path.write_text(text)
    assert record.pid() is None


def test_ending_signals_our_process_and_removes_the_record(record: Recorded, start: Start, mark: str) -> None:
    process = start(SLEEPS, mark)
    record.record(process.pid)
    record.end(timeout_s=SOON_S)
    await_end(process)
    assert not record.pid_path.exists()


def test_one_that_heeds_no_signal_is_killed(record: Recorded, start: Start, mark: str) -> None:
    process = start(STUBBORN, mark)
    wait_for(process.output, bool, what="the process", timeout_s=SOON_S, every_s=0.02)
    record.record(process.pid)
    record.end(timeout_s=0.2)
    await_end(process)


def test_processes_are_found_by_a_whole_argument(start: Start, mark: str) -> None:
    process = start(SLEEPS, mark)
    start(SLEEPS, f"{mark}.old")
    assert with_argument(mark) == (process.pid,)


def test_asking_one_that_is_gone_to_end_is_no_error() -> None:
    processes.end(4194305)


def test_only_children_of_the_given_processes_are_killed(start: Start, mark: str) -> None:
    parent, other = start(PARENT, f"{mark}.child"), start(SLEEPS, mark)

    def children() -> tuple[int, ...]:
        return tuple(pid for pid in with_argument(f"{mark}.child") if pid != parent.pid)

    (child,) = wait_for(children, bool, what="the child", timeout_s=SOON_S, every_s=0.02)
    kill_children(())
    assert arguments(child) != ()
    kill_children((parent.pid, 4194305))
    wait_for(children, lambda pids: not pids, what="the child's end", timeout_s=SOON_S, every_s=0.02)
    assert parent.running()
    assert other.running()


IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def test_what_was_started_with_a_variable_ends_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "KILL_GRACE_S", 0.3)
    ours, theirs = ("MESHPROOF_TEST", str(tmp_path)), f"{tmp_path}/other"
    children = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {IGNORES!r}])"
    with (
        Background(
            sys.executable, "-c", children, log_path=tmp_path / "a", env={**os.environ, "MESHPROOF_TEST": str(tmp_path)}
        ) as a,
        Background("sleep", "60", log_path=tmp_path / "b", env={**os.environ, "MESHPROOF_TEST": theirs}) as b,
    ):
        wait_for(a.output, lambda text: "on" in text, what="the child", timeout_s=20, every_s=0.05)
        assert a.pid in started_with(*ours)
        assert end_started_with(*ours) == 2
        assert started_with(*ours) == ()
        assert b.running()
    assert end_started_with(*ours) == 0
