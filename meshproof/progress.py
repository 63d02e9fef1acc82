"""Progress of long work: a live line on a terminal, plain lines elsewhere, each flushed as it is written."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TextIO

from meshproof.wait import Clock

LIVE_EVERY_S = 1.0
PLAIN_EVERY_S = 60.0
TRUSTED_AFTER_S = 45.0  # work done before that says too little about this machine's speed


class Progress:
    """Says what is being done, how many of how many, for how long, and about how long still.

    Tasks may run side by side, in threads. Their estimates are seconds that the machine needs when it does nothing
    else; how fast this machine really is shows in what it has finished so far.
    """

    def __init__(self, stream: TextIO | None = None, *, clock: Clock | None = None, live: bool | None = None) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock or Clock()
        self._live = self._stream.isatty() if live is None else live
        self._lock = threading.RLock()
        self._estimates: dict[str, float] = {}
        self._running: dict[str, float] = {}  # what the clock read when each task began
        self._done: set[str] = set()
        self._count = 0
        self._began = self._clock.now()

    def say(self, text: str) -> None:
        """Write a line of its own."""
        with self._lock:
            self._write(text)
            self._redraw()

    @contextmanager
    def plan(self, estimates: Mapping[str, float]) -> Generator[None]:
        """A stretch of work made of these tasks (name to seconds); the clock and the numbering start anew."""
        with self._lock:
            self._estimates, self._running, self._done = dict(estimates), {}, set()
            self._count, self._began = 0, self._clock.now()
        stopped = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(stopped,), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            stopped.set()
            ticker.join()
            with self._lock:
                self._estimates = {}
                self._clear()

    @contextmanager
    def task(self, name: str, doing: str = "building") -> Generator[None]:
        """A task of the plan, or one by itself. Its end is told with its duration, its failure as such."""
        with self._lock:
            self._estimates.setdefault(name, 0.0)
            self._count += 1
            self._running[name] = self._clock.now()
            if not self._live:
                self._write(f"{doing} {name} {self._standing()}")
            self._redraw()
        ended = "failed"
        try:
            yield
            ended = "done"
        finally:
            with self._lock:
                started = self._running.pop(name)
                if ended == "done":
                    self._done.add(name)
                took = clock_face(self._clock.now() - started)
                self._write(f"{ended}: {doing} {name}, {took}")
                self._redraw()

    def _standing(self) -> str:
        """Where the plan stands, in one phrase: elapsed and estimated."""
        elapsed = self._clock.now() - self._began
        total = len(self._estimates)
        left = self._left_s(elapsed)
        words = [f"{self._count} of {total}"] if total > 1 else []
        words.append(f"{clock_face(elapsed)} elapsed")
        if left is not None:
            words.append(f"about {clock_face(left)} to go")
        return f"({', '.join(words)})"

    def _left_s(self, elapsed: float) -> float | None:
        total = sum(self._estimates.values())
        if total <= 0:
            return None
        done = sum(self._estimates.get(name, 0.0) for name in self._done)
        shared = max(1, len(self._running))
        for name, started in self._running.items():
            estimate = self._estimates.get(name, 0.0)
            done += min(0.95 * estimate, (self._clock.now() - started) / shared)
        speed = done / elapsed if elapsed > TRUSTED_AFTER_S and done > 0 else 1.0
        return max(0.0, total - done) / speed

    def _tick(self, stopped: threading.Event) -> None:
        # Not a wait for any state: it only keeps the reader company while the work goes on in other threads.
        while not stopped.wait(LIVE_EVERY_S if self._live else PLAIN_EVERY_S):
            with self._lock:
                if self._live:
                    self._redraw()
                elif self._running:
                    self._write(f"still at {', '.join(self._running)} {self._standing()}")

    def _redraw(self) -> None:
        if not self._live or not self._running:
            return
        now = self._clock.now()
        tasks = ", ".join(f"{name} {clock_face(now - started)}" for name, started in self._running.items())
        self._stream.write(f"\r\x1b[K{tasks} {self._standing()}")
        self._stream.flush()

    def _clear(self) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _write(self, text: str) -> None:
        self._clear()
        self._stream.write(text + "\n")
        self._stream.flush()


def clock_face(seconds: float) -> str:
    """Seconds as a person reads them: `8 s`, `2:05`, `1:02:05`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


Say = Callable[[str], None]
