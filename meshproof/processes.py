"""Processes of ours that outlive us: known by a recorded pid, believed only when the command line is ours."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshproof.errors import NotReady
from meshproof.wait import wait_for

PROC = Path("/proc")
KILL_GRACE_S = 5.0


def arguments(pid: int, proc: Path = PROC) -> tuple[str, ...]:
    """The command line of a process; empty when there is none, or only its unreaped remains."""
    return _strings(proc / str(pid) / "cmdline")


def with_argument(mark: str, proc: Path = PROC) -> tuple[int, ...]:
    """Pids of the processes one of whose arguments is exactly `mark` (a path of ours, never a program's name)."""
    return tuple(pid for pid in _all(proc) if mark in arguments(pid, proc))


def started_with(assignment: str, proc: Path = PROC) -> tuple[int, ...]:
    """Pids of the processes with `NAME=VALUE` in their environment: those started with it, and what they started."""
    return tuple(pid for pid in _all(proc) if assignment in _strings(proc / str(pid) / "environ"))


def end_started_with(assignment: str, proc: Path = PROC) -> int:
    """End the processes with `NAME=VALUE` in their environment: asked first, then killed. Returns how many there were.

    Raises:
        NotReady: One does not end.
    """

    def signal_all(sign: signal.Signals) -> tuple[int, ...]:
        pids = started_with(assignment, proc)  # anew each time: they may have started others
        for pid in pids:
            _signal(pid, sign)
        return pids

    count = len(started_with(assignment, proc))
    what = f"the end of what was started with {assignment}"
    try:
        wait_for(lambda: signal_all(signal.SIGTERM), _none, what=what, timeout_s=KILL_GRACE_S, every_s=0.05)
    except NotReady:
        wait_for(lambda: signal_all(signal.SIGKILL), _none, what=what, timeout_s=KILL_GRACE_S, every_s=0.05)
    return count


def kill_children(parents: Sequence[int], proc: Path = PROC) -> None:
    """Kill what the given processes started, and leave the parents to report it."""
    for pid in _all(proc) if parents else ():
        with contextlib.suppress(OSError):
            # the name, in brackets, may hold anything; behind it come the state and the parent
            parent = int((proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in parents:
                os.kill(pid, signal.SIGKILL)


def _none(pids: Sequence[int]) -> bool:
    return not pids


def _strings(path: Path) -> tuple[str, ...]:
    """The parts of a file of /proc that is divided by zeros; none where it cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError:
        return ()
    return tuple(part.decode(errors="replace") for part in raw.split(b"\0") if part)


def _all(proc: Path) -> list[int]:
    return sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())


@dataclass(frozen=True)
class Recorded:
    """A process with a pid file. A pid whose command line lacks `mark` belongs to somebody else by now."""

    pid_path: Path
    mark: str
    proc: Path = PROC

    def pid(self) -> int | None:
        """Its pid while it lives; None for a missing, broken or stale record."""
        try:
            pid = int(self.pid_path.read_text())
        except (OSError, ValueError):
            return None
        return pid if self.mark in arguments(pid, self.proc) else None

    def record(self, pid: int) -> None:
        """Remember a process just started; a killed writer leaves the old record whole."""
        fresh = self.pid_path.with_suffix(".new")
        fresh.write_text(f"{pid}\n")
        fresh.replace(self.pid_path)

    def end(self, timeout_s: float) -> None:
        """End it: asked first, killed after `timeout_s` seconds; the record goes. A stale record harms nobody."""
        pid = self.pid()
        if pid is not None:
            _signal(pid, signal.SIGTERM)
            try:
                self._await_end(timeout_s)
            except NotReady:
                _signal(pid, signal.SIGKILL)
                self._await_end(KILL_GRACE_S)
        self.pid_path.unlink(missing_ok=True)

    def _await_end(self, timeout_s: float) -> None:
        wait_for(self.pid, lambda pid: pid is None, what=f"the end of {self.mark}", timeout_s=timeout_s, every_s=0.05)


def end(pid: int) -> None:
    """Ask a process to end; nothing happens when there is none."""
    _signal(pid, signal.SIGTERM)


def _signal(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)
