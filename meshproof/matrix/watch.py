"""What the cells are at, while they run side by side: each line that a run says, and where all of them stand."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import TextIO

from meshproof.errors import BadInput
from meshproof.matrix.cells import Planned
from meshproof.matrix.outcome import SAID, read_outcome
from meshproof.progress import clock_face
from meshproof.wait import Clock

LOOK_EVERY_S = 1.0
AT_WIDTH = 26
SILENT_FOR_S = 5.0  # in a log; on a terminal the last line is drawn anew with every look


@dataclass
class _Seen:
    """What was seen of one cell's run. `since` is when what it is at began."""

    read: int = 0
    at: str = ""
    since: float = 0.0
    ended: bool = False


class Watch:
    """Reads what each run says into its folder, and tells it: a line each, with the cell before it.

    Args:
        cells: What is run.
        root: The folder of the matrix.
        stream: Where to tell it.
        live: Whether that is a terminal.
        clock: Source of time.
    """

    def __init__(
        self,
        cells: Sequence[Planned],
        root: Path,
        stream: TextIO | None = None,
        *,
        live: bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() if live is None else live
        self._clock = clock or Clock()
        self._root = root
        self._cells = {cell.slug: cell for cell in cells}
        self._width = max(map(len, self._cells), default=0)
        self._seen = {cell.slug: _Seen() for cell in cells}
        self._began = self._told = self._clock.now()
        self._lock = threading.Lock()
        self.ending = False

    @contextmanager
    def watching(self) -> Generator[None]:
        """Look and tell every second meanwhile, and once more at the end."""
        stopped = threading.Event()

        def tick() -> None:
            # Not a wait for any state: it only keeps the reader company while the work goes on in other processes.
            while not stopped.wait(LOOK_EVERY_S):
                self.look()

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            stopped.set()
            ticker.join()
            self.look()
            self._clear()

    def say(self, text: str) -> None:
        """Tell a line that is of no cell."""
        with self._lock:
            self._write([text])

    def look(self) -> None:
        """Tell what was said since the last look; where that is nothing, where all stand."""
        with self._lock:
            now = self._clock.now()
            lines = [f"{slug:<{self._width}}  {line}" for slug in self._cells for line in self._news(slug, now)]
            if lines:
                self._write(lines)
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                self._stream.write(f"\r\x1b[K{self._standing(now)[:width]}")
                self._stream.flush()
            elif now - self._told >= SILENT_FOR_S:
                self._write([self._standing(now)])

    def _news(self, slug: str, now: float) -> Sequence[str]:
        """The whole lines that a run has said since the last look, and its end."""
        seen = self._seen[slug]
        if seen.ended:
            return ()
        try:
            with (self._root / slug / SAID).open("rb") as file:
                file.seek(seen.read)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return ()
        seen.read += len(whole) + len(newline)
        lines = [line for line in whole.decode(errors="replace").split("\n") if line.strip()]
        for line in lines:
            if not line.startswith(" "):  # what is indented belongs to what it is at
                seen.at, seen.since = line, now
        return [*lines, *self._end(slug)]

    def _end(self, slug: str) -> Sequence[str]:
        try:
            outcome = read_outcome(self._cells[slug], self._root / slug)
        except BadInput as error:
            return [f"=> {error}"]
        if outcome.ended is None:
            return ()
        self._seen[slug].ended = True
        why = f" ({outcome.reason})" if outcome.reason else ""
        return [f"=> {outcome.verdict}{why}, {clock_face(outcome.ended.seconds)}"]

    def _standing(self, now: float) -> str:
        """Where all stand, in one line."""
        going = [
            f"{slug}: {shorten(seen.at, AT_WIDTH, placeholder='…')} {clock_face(now - seen.since)}"
            for slug, seen in self._seen.items()
            if seen.at and not seen.ended
        ]
        ended = sum(seen.ended for seen in self._seen.values())
        counted = f"{ended} of {len(self._seen)} ended, {clock_face(now - self._began)}{', ending' * self.ending}"
        return f"… {counted}: {'; '.join(going) or 'starting'}"

    def _write(self, lines: Sequence[str]) -> None:
        self._clear()
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()
        self._told = self._clock.now()

    def _clear(self) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
