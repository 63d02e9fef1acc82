"""Progress: what a reader sees, on a terminal and in a log."""

from __future__ import annotations

import io

import pytest

from meshproof.progress import Progress, clock_face
from meshproof.wait import Clock


class Time:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, pause=lambda _: None)


class Stream(io.StringIO):
    """Remembers whether every line was flushed."""

    flushed = 0

    def flush(self) -> None:
        self.flushed += 1


def test_plain_lines_tell_what_how_many_how_long_and_how_long_still() -> None:
    time, stream = Time(), Stream()
    progress = Progress(stream, clock=time.clock(), live=False)
    with progress.plan({"one": 100.0, "two": 100.0}):
        with progress.task("one"):
            time.now = 50.0
        with progress.task("two"):
            time.now = 80.0
    assert stream.getvalue().splitlines() == [
        "building one (1 of 2, 0 s elapsed, about 3:20 to go)",
        "done: building one, 50 s",
        "building two (2 of 2, 50 s elapsed, about 50 s to go)",  # the machine is twice as fast as was estimated
        "done: building two, 30 s",
    ]
    assert stream.flushed == 4


def test_a_failure_is_told_as_one_and_passed_on() -> None:
    stream = Stream()
    progress = Progress(stream, clock=Time().clock(), live=False)
    with pytest.raises(RuntimeError, match="broken"), progress.task("one"):
        raise RuntimeError("broken")
    assert stream.getvalue().splitlines()[-1] == "failed: building one, 0 s"


def test_a_slow_machine_makes_the_estimate_grow() -> None:
    time, stream = Time(), Stream()
    progress = Progress(stream, clock=time.clock(), live=False)
    with progress.plan({"one": 100.0, "two": 100.0}):
        with progress.task("one"):
            time.now = 300.0
        with progress.task("two"):
            pass
    assert "building two (2 of 2, 5:00 elapsed, about 5:00 to go)" in stream.getvalue()


def test_a_terminal_gets_one_line_that_is_drawn_again() -> None:
    stream = Stream()
    progress = Progress(stream, clock=Time().clock(), live=True)
    with progress.task("one"):
        progress.say("by the way")
        assert stream.getvalue().endswith("by the way\n\r\x1b[Kone 0 s (0 s elapsed)")
    assert stream.getvalue().endswith("\r\x1b[Kdone: building one, 0 s\n")


@pytest.mark.parametrize(("seconds", "face"), [(0.4, "0 s"), (59.4, "59 s"), (65, "1:05"), (3725, "1:02:05")])
def test_seconds_are_written_as_people_read_them(seconds: float, face: str) -> None:
    assert clock_face(seconds) == face
