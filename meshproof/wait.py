"""The one door to waiting: a deadline always, several successes in a row where asked, the last state in the error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_result

from meshproof.errors import NotReady

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """Where time comes from, and how to let it pass. Tests bring their own."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


def wait_for(
    read: Callable[[], T],
    ready: Callable[[T], bool],
    *,
    what: str,
    timeout_s: float,
    every_s: float = 0.5,
    successes: int = 1,
    failed: Callable[[T], str | None] | None = None,
    clock: Clock | None = None,
) -> T:
    """Read a state until it is ready, and return it.

    Args:
        read: Takes one look; its exceptions end the wait.
        ready: Whether a state is what is waited for.
        what: The thing waited for, as a noun phrase for messages: "istiod's deployment".
        timeout_s: Seconds until the wait is given up. At least one look is taken.
        every_s: Seconds from the beginning of one look to that of the next, or none between looks that take longer. A
            clock whose `pause` returns early (a watch) shortens them.
        successes: How many looks in a row must be ready.
        failed: Says why a state can never become ready, or None.
        clock: Source of time and pauses; the real one by default.

    Raises:
        NotReady: The deadline passed, or `failed` gave a reason. The last state seen is in the message.
    """
    clock = clock or Clock()
    deadline = clock.now() + timeout_s
    streak, began, last_seen = 0, 0.0, ""

    def look() -> tuple[T, bool]:
        nonlocal streak, began, last_seen
        began = clock.now()
        state = read()
        reason = failed(state) if failed else None
        if reason:
            raise NotReady(f"{what}: {reason}\n  last state: {state}")
        streak = streak + 1 if ready(state) else 0
        seen = str(state)
        if seen != last_seen:
            log.info("waiting for %s: %s", what, seen)
            last_seen = seen
        return state, streak >= successes

    def give_up(retry: RetryCallState) -> tuple[T, bool]:
        assert retry.outcome is not None  # noqa: S101 - tenacity sets it before it gives up
        state, _ = retry.outcome.result()
        raise NotReady(f"{what}: not ready after {timeout_s:g} s\n  last state: {state}")

    retrying = Retrying(
        stop=lambda _: clock.now() >= deadline,
        wait=lambda _: max(0.0, min(began + every_s, deadline) - clock.now()),
        retry=retry_if_result(lambda result: not result[1]),
        retry_error_callback=give_up,
        sleep=clock.pause,
    )
    state, _ = retrying(look)
    return state
