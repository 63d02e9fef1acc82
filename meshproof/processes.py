"""Processes of ours that outlive us: known by a recorded pid, believed only when the command line is ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from meshproof.errors import NotReady
from meshproof.wait import wait_for

KILL_GRACE_S = 5.0


def arguments(pid: int) -> tuple[str, ...]:
    """The command line of a process; empty when there is none, only its unreaped remains, or it may not be seen."""
    try:
        return tuple(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ()


def with_argument(mark: str) -> tuple[int, ...]:
    """Pids of the processes one of whose arguments is exactly `mark` (a path of ours, never a program's name)."""
    return tuple(pid for pid in psutil.pids() if mark in arguments(pid))


def started_with(name: str, value: str) -> tuple[int, ...]:
    """Pids of the processes with this variable in their environment: those started with it, and what they started."""

    def has(pid: int) -> bool:
        try:
            return psutil.Process(pid).environ().get(name) == value
        except psutil.Error:
            return False

    return tuple(filter(has, psutil.pids()))


def end_started_with(name: str, value: str) -> int:
    """End the processes with this variable in their environment: asked first, then killed.

    Returns:
        How many there were.

    Raises:
        NotReady: One does not end.
    """

    def signal_all(signal: Callable[[psutil.Process], None]) -> tuple[int, ...]:
        pids = started_with(name, value)  # anew each time: they may have started others
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                signal(psutil.Process(pid))
        return pids

    count, what = len(started_with(name, value)), f"the end of what was started with {name}={value}"
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        with contextlib.suppress(NotReady):
            wait_for(
                lambda signal=signal: signal_all(signal),
                lambda pids: not pids,
                what=what,
                timeout_s=KILL_GRACE_S,
                every_s=0.05,
            )
            return count
    raise NotReady(f"{what}: still there: {', '.join(map(str, started_with(name, value)))}")


def kill_children(parents: Sequence[int]) -> None:
    """Kill what the given processes started, and leave the parents to report it."""
    for parent in parents:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(parent).children():
                with contextlib.suppress(psutil.Error):
                    child.kill()


def children(pid: int) -> tuple[int, ...]:
    """Pids of what a process has started, and that still runs."""
    with contextlib.suppress(psutil.Error):
        return tuple(child.pid for child in psutil.Process(pid).children())
    return ()


def await_end(pids: Sequence[int], timeout_s: float) -> None:
    """Wait until processes have ended; nothing is done to them.

    Raises:
        NotReady: One has not; the message says which.
    """
    wait_for(
        lambda: [pid for pid in pids if not _ended(pid)],
        lambda left: not left,
        what="the end of what was started",
        timeout_s=timeout_s,
        every_s=0.1,
    )


def _ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(pid: int) -> None:
    """Ask a process to end; nothing happens when there is none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).terminate()


@dataclass(frozen=True)
class Recorded:
    """A process with a pid file. A pid whose command line lacks `mark` belongs to somebody else by now."""

    pid_path: Path
    mark: str

    def pid(self) -> int | None:
        """Its pid while it lives; None for a missing, broken or stale record."""
        try:
            pid = int(self.pid_path.read_text())
            return pid if self.mark in arguments(pid) else None
        except (OSError, ValueError):
            return None

    def record(self, pid: int) -> None:
        """Remember a process just started; a killed writer leaves the old record whole."""
        # For a moment after it was started a process has no command line, and would be taken for somebody else's.
        wait_for(
            lambda: arguments(pid) or _ended(pid),
            bool,
            what=f"the command line of process {pid} ({self.mark})",
            timeout_s=KILL_GRACE_S,
            every_s=0.002,
        )
        fresh = self.pid_path.with_suffix(".new")
        fresh.write_text(f"{pid}\n")
        fresh.replace(self.pid_path)

    def end(self, timeout_s: float) -> None:
        """End it: asked first, killed after `timeout_s` seconds; the record goes. A stale record harms nobody."""
        pid = self.pid()
        if pid is not None:
            end(pid)
            try:
                self._await_end(timeout_s)
            except NotReady:
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).kill()
                self._await_end(KILL_GRACE_S)
        self.pid_path.unlink(missing_ok=True)

    def _await_end(self, timeout_s: float) -> None:
        wait_for(self.pid, lambda pid: pid is None, what=f"the end of {self.mark}", timeout_s=timeout_s, every_s=0.05)
