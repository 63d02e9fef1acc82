from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from meshproof import processes
from meshproof.processes import Recorded, end_started_with, kill_children, started_with, with_argument
from meshproof.run import Background
from meshproof.wait import wait_for

MARK = "/state/engine/daemon.json"


def a_process(proc: Path, pid: int, *argv: str, parent: int = 1, name: str = "dockerd") -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(part.encode() + b"\0" for part in argv))
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {pid} 0 -1")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    folder = tmp_path / "proc"
    a_process(folder, 41, "/usr/sbin/dockerd", "--config-file", MARK)
    a_process(folder, 42, "vim", MARK + ".old")
    a_process(folder, 43)
    (folder / "self").mkdir()
    return folder


@pytest.fixture
def record(tmp_path: Path, proc: Path) -> Recorded:
    return Recorded(tmp_path / "dockerd.pid", MARK, proc)


def test_a_recorded_process_of_ours_is_known(record: Recorded) -> None:
    record.record(41)
    assert record.pid() == 41


@pytest.mark.parametrize("pid", [42, 43, 44], ids=["reused by another program", "a zombie", "gone"])
def test_a_pid_that_is_no_longer_ours_is_not_believed(record: Recorded, pid: int) -> None:
    record.record(pid)
    assert record.pid() is None


@pytest.mark.parametrize("text", ["", "forty-one"])
def test_a_broken_pid_file_means_that_nothing_runs(record: Recorded, text: str) -> None:
    record.pid_path.write_text(text)
    assert record.pid() is None


def test_ending_a_stale_record_signals_nobody(record: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    signalled: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: signalled.append(pid))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    record.record(42)
    record.end(timeout_s=1)
    assert signalled == []
    assert not record.pid_path.exists()


def test_ending_signals_our_process_and_removes_the_record(
    record: Recorded, proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signalled: list[tuple[int, str]] = []

    def kill(pid: int, sign: processes.signal.Signals) -> None:
        signalled.append((pid, sign.name))
        (proc / str(pid) / "cmdline").write_bytes(b"")

    monkeypatch.setattr(os, "kill", kill)
    record.record(41)
    record.end(timeout_s=1)
    assert signalled == [(41, "SIGTERM")]
    assert not record.pid_path.exists()


def test_processes_are_found_by_a_whole_argument(proc: Path) -> None:
    assert with_argument(MARK, proc) == (41,)


def test_only_children_of_the_given_processes_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: killed.append(pid))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    a_process(tmp_path, 10, "shim")
    a_process(tmp_path, 11, "init", parent=10, name="a) S 99 (b")
    a_process(tmp_path, 12, "other", parent=1)
    kill_children((), tmp_path)
    assert killed == []
    kill_children((10,), tmp_path)
    assert killed == [11]


IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def test_what_was_started_with_a_variable_ends_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "KILL_GRACE_S", 0.3)
    ours, theirs = f"MESHPROOF_TEST={tmp_path}", f"{tmp_path}/other"
    children = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {IGNORES!r}])"
    with (
        Background(sys.executable, "-c", children, log_path=tmp_path / "a", env={"MESHPROOF_TEST": str(tmp_path)}) as a,
        Background("sleep", "60", log_path=tmp_path / "b", env={"MESHPROOF_TEST": theirs}) as b,
    ):
        wait_for(a.output, lambda text: "on" in text, what="the child", timeout_s=20, every_s=0.05)
        assert a.pid in started_with(ours)
        assert end_started_with(ours) == 2
        assert started_with(ours) == ()
        assert b.running()
    assert end_started_with(ours) == 0
