"""Locks between processes: who holds one, and what becomes of one whose file was removed."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from pathlib import Path

import pytest

from meshproof.cluster import Record
from meshproof.cluster.record import Mark
from meshproof.errors import MachineCannot
from meshproof.lock import file_lock, holder
from meshproof.run import Background
from meshproof.wait import Clock, wait_for


def no_word(text: str) -> None:
    raise AssertionError(f"nothing was to be said, but: {text}")


def test_the_holder_of_a_lock_is_told_by_its_pid(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) is None
    with file_lock(path, "busy", no_word, timeout_s=1):
        assert holder(path) == os.getpid()
    assert path.exists()
    assert holder(path) is None


def test_one_who_waits_in_vain_says_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    said: list[str] = []
    with (
        file_lock(path, "busy", no_word, timeout_s=1),
        pytest.raises(MachineCannot, match=rf"pid {os.getpid()}\)"),
        file_lock(path, "busy", said.append, timeout_s=0),
    ):
        pass
    assert said == [f"busy ({path})"]


def test_a_lock_whose_file_is_removed_while_it_is_taken_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    flock = fcntl.flock

    def after_its_holder_removed_it(file: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", after_its_holder_removed_it)
    with file_lock(path, "busy", lambda _: None, timeout_s=1, clock=Clock(pause=lambda _: None)):
        assert path.exists()
        assert holder(path) == os.getpid()


def test_a_killed_run_holds_nothing_and_is_known_to_be_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    program = """
import sys, threading
from meshproof.cluster.record import Mark, Record
record = Record("mine")
with record.locked(print, 1):
    record.folder.mkdir(parents=True)
    record.write(Mark("node:1", doing="in use"))
    print("at work", flush=True)
    threading.Event().wait(60)
"""
    record = Record("mine")
    with Background(sys.executable, "-c", program, log_path=tmp_path / "log") as run:
        wait_for(run.output, lambda text: "at work" in text, what="the run", timeout_s=20, every_s=0.05)
        assert record.user() == run.pid
        assert not record.cut_short()
        os.killpg(run.pid, signal.SIGKILL)
        wait_for(run.running, lambda runs: not runs, what="its end", timeout_s=5, every_s=0.05)
    assert record.user() is None
    assert record.cut_short()
    assert record.mark() == Mark("node:1", doing="in use")
