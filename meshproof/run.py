"""The one door to processes: argument lists only, always with a deadline, and errors that can be pasted."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshproof.errors import CommandFailed

log = logging.getLogger(__name__)

TERMINATE_GRACE_S = 5.0
HANG_UP_GRACE_S = 0.5

_live: set[subprocess.Popen[str]] = set()


@dataclass(frozen=True)
class Completed:
    """A finished process: what ran, how it ended, what it printed and how long it took."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def command(self) -> str:
        """The command as one would paste it into a shell."""
        return shlex.join(self.argv)


def run(
    *argv: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout_s: float = 120.0,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
    stderr_to: Path | None = None,
    grace_s: float = TERMINATE_GRACE_S,
) -> Completed:
    """Run a program to its end.

    Args:
        argv: The program and its arguments; no shell is involved.
        cwd: Folder to run in.
        env: The whole environment, as `meshproof.environment` makes it for tools; this process's own by default.
        stdin: Text given on standard input; not together with `on_line`.
        timeout_s: Seconds after which the program and its children are ended.
        check: Raise when the exit code is not 0.
        on_line: Called with each line of output (stdout and stderr merged into stdout) as it appears.
        stderr_to: A file that gets standard error as it appears; there is none in the result then.
        grace_s: Seconds that it has to end by itself where it is told to, before it is killed.

    Raises:
        CommandFailed: The program cannot be started, failed, or was still running at the deadline.
        ValueError: Both `stdin` and `on_line` are given.
    """
    if stdin and on_line:
        raise ValueError("stdin and on_line cannot be combined: the one would wait for the other")
    command = shlex.join(argv)
    log.debug("run: %s", command)
    started = time.monotonic()
    process = _spawn(argv, cwd, env, merge=on_line is not None, stderr_to=stderr_to)
    _live.add(process)
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _end_group(process, grace_s)

    alarm = threading.Timer(timeout_s, expire)
    alarm.daemon = True
    alarm.start()
    with process:  # closes its pipes
        try:
            if on_line is None:
                stdout, stderr = process.communicate(stdin)
                stderr = stderr or ""
            else:
                stdout, stderr = _follow(process, on_line), ""
        except BaseException:
            _end_group(process, grace_s)
            raise
        finally:
            alarm.cancel()
            _live.discard(process)
            seconds = time.monotonic() - started
            log.info("exit code %s, %.1f s: %s", process.returncode, seconds, command)
    done = Completed(argv, process.returncode, stdout, stderr, seconds)
    if expired.is_set():
        raise CommandFailed(command, done.code, stdout, stderr, f" (ended after its limit of {timeout_s:g} s)")
    if check and done.code != 0:
        raise CommandFailed(command, done.code, stdout, stderr)
    return done


def end_all() -> None:
    """End every program that `run` has going in any thread: Ctrl-C reaches only the main one."""
    for process in list(_live):
        _end_group(process)


def _spawn(
    argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None, *, merge: bool, stderr_to: Path | None
) -> subprocess.Popen[str]:
    try:
        with contextlib.ExitStack() as stack:
            aside = stack.enter_context(stderr_to.open("w")) if stderr_to else subprocess.PIPE
            return subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL if merge else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else aside,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
    except OSError as error:
        raise CommandFailed(shlex.join(argv), 127, "", str(error), " (cannot be started)") from error


def _follow(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> str:
    lines: list[str] = []
    assert process.stdout is not None  # noqa: S101 - asked for with PIPE
    for line in process.stdout:
        lines.append(line)
        on_line(line.rstrip("\n"))
    process.wait()
    return "".join(lines)


def _end_group(process: subprocess.Popen[str] | subprocess.Popen[bytes], grace_s: float = TERMINATE_GRACE_S) -> None:
    """End a process that leads its own session, children included: politely, then for good.

    The second signal is sent even when the leader has gone: a child that outlived it would hold our pipes open.
    """
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS has the latter where all are dead
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)


class Background:
    """A process that runs beside us; `stop()` ends it and its children. Usable as a context manager."""

    def __init__(self, *argv: str, log_path: Path, env: Mapping[str, str] | None = None) -> None:
        self.argv = argv
        self.log_path = log_path
        log.info("started: %s", shlex.join(argv))
        with log_path.open("w") as output:
            try:
                self._process = subprocess.Popen(
                    argv,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,
                )
            except OSError as error:
                raise CommandFailed(shlex.join(argv), 127, "", str(error), " (cannot be started)") from error

    @property
    def pid(self) -> int:
        """The process's id, which is also its group's and its session's."""
        return self._process.pid

    def running(self) -> bool:
        """Whether it is still alive."""
        return self._process.poll() is None

    def output(self) -> str:
        """All that it has printed so far, stdout and stderr together."""
        return self.log_path.read_text(errors="replace")

    def stop(self) -> None:
        """End it; nothing happens when it has ended already."""
        if self.running():
            _end_group(self._process)
            log.info("stopped: %s", shlex.join(self.argv))

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Dialogue:
    """A process whose standard input and output are the two directions of a socket of ours; a context manager.

    Attributes:
        socket: Our end; closing it is the process's end of input.
    """

    def __init__(self, *argv: str, env: Mapping[str, str] | None = None) -> None:
        self.argv = argv
        log.debug("dialogue: %s", shlex.join(argv))
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed with the rest
        self.socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    argv,
                    env=env,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._errors,
                    start_new_session=True,
                )
            except OSError as error:
                self.socket.close()
                self._errors.close()
                raise CommandFailed(shlex.join(argv), 127, "", str(error), " (cannot be started)") from error

    def errors(self) -> str:
        """What it has printed on stderr so far."""
        self._errors.seek(0)
        return self._errors.read()

    def close(self) -> None:
        """Close the socket, on which it ends by itself; it is ended where it does not."""
        self.socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(HANG_UP_GRACE_S)
        if self._process.poll() is None:
            _end_group(self._process)
        self._errors.close()

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
