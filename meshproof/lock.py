"""One at a time: a file lock between processes, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
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
    """Hold a lock, waiting for whoever holds it.

    Args:
        path: The lock's file; its folder must exist.
        busy: What to announce when somebody else holds it.
        announce: Told so.
        timeout_s: Seconds until the wait is given up.
        clock: Source of time and pauses; the real one by default.

    Raises:
        MachineCannot: Somebody else held it all that time.
    """
    with path.open("a+") as file:
        if not _try(file):
            announce(f"{busy} ({path})")
            try:
                what = f"the lock {path}"
                wait_for(lambda: _try(file), bool, what=what, timeout_s=timeout_s, every_s=0.5, clock=clock)
            except NotReady as error:
                raise MachineCannot(f"{error}\nEnd the other meshproof, then try again.") from error
        yield


def _try(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
