"""What was run and waited for: kept beside a run's results, and told on standard error where that is asked for.

`meshproof.run` and `meshproof.wait` say it with `logging`; this is the one place that listens. Secrets are taken out.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

from meshproof.report.redact import redact

NAME = "run.log"


class RunLog(logging.Handler):
    """Commands that ended and states that changed, a line each: remembered until the run has a folder, then in a file.

    The file is opened for each line, so that the processes of one run, such as notebooks' kernels, can share it.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(_Redacted("%(asctime)s.%(msecs)03dZ %(message)s", "%Y-%m-%dT%H:%M:%S"))
        self._path: Path | None = None
        self._early: list[str] = []

    def keep_in(self, folder: Path) -> None:
        """Write to `run.log` in this folder from now on, what was remembered first."""
        with self.lock or contextlib.nullcontext():
            self._path = folder / NAME
            self._write(self._early)
            self._early = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; `logging` calls this, one thread at a time."""
        line = self.format(record)
        if self._path is None:
            self._early.append(line)
        else:
            self._write([line])

    def _write(self, lines: list[str]) -> None:
        # A log that cannot be written, since its folder went with the cluster, is no reason to end a run.
        with contextlib.suppress(OSError):
            if self._path and lines:
                with self._path.open("a", encoding="utf-8", errors="replace") as file:
                    file.write("".join(f"{line}\n" for line in lines))


class _Redacted(logging.Formatter):
    converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


@contextlib.contextmanager
def run_log(folder: Path | None = None) -> Generator[RunLog]:
    """Keep a log meanwhile, in this folder or in the one that `keep_in` names later."""
    log = RunLog()
    if folder:
        log.keep_in(folder)
    with _listening(log):
        yield log


@contextlib.contextmanager
def told_on_stderr() -> Generator[None]:
    """Tell commands as they start and end, and states as they change, on standard error, whoever captures that."""
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace") as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(_Redacted("%(asctime)sZ %(message)s", "%H:%M:%S"))
        with _listening(handler):
            yield


@contextlib.contextmanager
def _listening(handler: logging.Handler) -> Generator[None]:
    logger = logging.getLogger("meshproof")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
