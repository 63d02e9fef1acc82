"""One at a time: a file lock between processes, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from meshproof.errors import MachineCannot, NotReady
from meshproof.wait import Clock, wait_for


@contextmanager
def file_lock(
    path: Path, busy: str, announce: Callable[[str], None], *, timeout_s: float, clock: Clock | None = None
) -> Generator[None]:
    """Hold a lock, waiting for whoever holds it. The holder alone may remove the file.

    Args:
        path: The lock's file; its folder must exist.
        busy: What to announce when somebody else holds it.
        announce: Told so.
        timeout_s: Seconds until the wait is given up.
        clock: Source of time and pauses; the real one by default.

    Raises:
        MachineCannot: Somebody else held it all that time.
    """
    file = _take(path)
    if file is None:
        announce(f"{busy} ({path})")
        try:
            what = f"the lock {path}"
            file = wait_for(lambda: _take(path), bool, what=what, timeout_s=timeout_s, every_s=0.5, clock=clock)
        except NotReady as error:
            raise MachineCannot(f"{error}\nEnd the other meshproof (pid {holder(path)}), then try again.") from error
    assert file is not None  # noqa: S101 - what was waited for
    with file:
        yield


def holder(path: Path) -> int | None:
    """Pid of the process that holds a lock: None when nobody does, 0 when it did not say."""
    try:
        with path.open() as file:
            # Shared, so that two who look do not take each other for a holder.
            return None if _try(file, fcntl.LOCK_SH) else int(file.read() or 0)
    except FileNotFoundError:
        return None


def _take(path: Path) -> TextIO | None:
    """The lock's file, held, or None when somebody else has it."""
    file = path.open("a+")
    if not (_try(file, fcntl.LOCK_EX) and _is_at(path, file)):
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _is_at(path: Path, file: TextIO) -> bool:
    """Whether a path still leads to this file: the one who held the lock may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _try(file: TextIO, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
