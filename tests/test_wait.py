"""The door to waiting, with a clock of our own: nothing here sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, repeat

import pytest

from meshproof.errors import NotReady
from meshproof.wait import Clock, wait_for


class FakeTime:
    """Time that passes only when it is let pass."""

    def __init__(self, early_s: float | None = None) -> None:
        self.seconds = 100.0
        self.pauses: list[float] = []
        self.early_s = early_s

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds if self.early_s is None else min(seconds, self.early_s)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, pause=self.pause)


def states(*values: str, then: str = "end") -> Callable[[], str]:
    """A reader that gives these states, and the last one for ever after."""
    sequence: Iterable[str] = chain(values, repeat(then))
    iterator = iter(sequence)
    return lambda: next(iterator)


def is_up(state: str) -> bool:
    return state == "up"


def test_a_state_that_is_ready_is_returned_without_a_pause() -> None:
    time = FakeTime()
    assert wait_for(states("up"), is_up, what="it", timeout_s=5, clock=time.clock) == "up"
    assert time.pauses == []


def test_looks_are_spaced_evenly_until_it_is_ready() -> None:
    time = FakeTime()
    wait_for(states("down", "down", "up"), is_up, what="it", timeout_s=5, every_s=0.5, clock=time.clock)
    assert time.pauses == [0.5, 0.5]


@pytest.mark.parametrize(("took_s", "pauses"), [(0.2, [0.3, 0.3]), (0.7, [0.0, 0.0])])
def test_the_time_that_a_look_takes_is_part_of_the_space_between_looks(took_s: float, pauses: list[float]) -> None:
    time = FakeTime()
    state = states("down", "down", "up")

    def read() -> str:
        time.seconds += took_s
        return state()

    wait_for(read, is_up, what="it", timeout_s=5, every_s=0.5, clock=time.clock)
    assert time.pauses == pytest.approx(pauses)  # pyright: ignore[reportUnknownMemberType]


def test_the_deadline_ends_it_with_the_last_state() -> None:
    time = FakeTime()
    with pytest.raises(NotReady) as raised:
        wait_for(states("down", then="half up"), is_up, what="istiod", timeout_s=3, every_s=1, clock=time.clock)
    assert str(raised.value) == "istiod: not ready after 3 s\n  last state: half up"
    assert time.seconds == 103


def test_the_last_pause_is_cut_to_the_deadline_and_a_last_look_taken() -> None:
    time = FakeTime()
    read = states("down", "down", "up")
    assert wait_for(read, is_up, what="it", timeout_s=1.2, every_s=1, clock=time.clock) == "up"
    assert time.pauses == pytest.approx([1, 0.2])


@pytest.mark.parametrize("timeout_s", [0, -1])
def test_one_look_is_always_taken(timeout_s: float) -> None:
    time = FakeTime()
    assert wait_for(states("up"), is_up, what="it", timeout_s=timeout_s, clock=time.clock) == "up"
    with pytest.raises(NotReady, match="last state: down"):
        wait_for(states("down"), is_up, what="it", timeout_s=timeout_s, clock=time.clock)
    assert time.pauses == []


def test_a_pause_that_ends_early_brings_the_next_look_forward() -> None:
    time = FakeTime(early_s=0.1)
    wait_for(states("down", "down", "up"), is_up, what="it", timeout_s=60, every_s=30, clock=time.clock)
    assert time.pauses == [30, 30]
    assert time.seconds == pytest.approx(100.2)


def test_successes_in_a_row_start_again_after_a_failure() -> None:
    looks: list[str] = []
    read = states("up", "up", "down", "up", "up", then="up")

    def count() -> str:
        looks.append(read())
        return looks[-1]

    wait_for(count, is_up, what="it", timeout_s=60, successes=3, clock=FakeTime().clock)
    assert looks == ["up", "up", "down", "up", "up", "up"]


def test_too_few_in_a_row_before_the_deadline_is_not_ready() -> None:
    with pytest.raises(NotReady, match="last state: up"):
        wait_for(states(then="up"), is_up, what="it", timeout_s=1, every_s=1, successes=3, clock=FakeTime().clock)


def test_a_state_that_can_never_be_ready_ends_it_at_once() -> None:
    time = FakeTime()
    with pytest.raises(NotReady) as raised:
        wait_for(
            states("down", "crashed"),
            is_up,
            what="istiod",
            timeout_s=60,
            failed=lambda state: "it crashed" if state == "crashed" else None,
            clock=time.clock,
        )
    assert str(raised.value) == "istiod: it crashed\n  last state: crashed"
    assert len(time.pauses) == 1


@pytest.mark.parametrize("error", [OSError("gone"), KeyboardInterrupt()])
def test_what_reading_raises_ends_it(error: BaseException) -> None:
    time = FakeTime()

    def read() -> str:
        raise error

    with pytest.raises(type(error)) as raised:
        wait_for(read, is_up, what="it", timeout_s=60, clock=time.clock)
    assert raised.value is error
    assert time.pauses == []
