"""Jobs side by side: order, room for heavy ones, and what a failure does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Event

import pytest

from meshproof.errors import BadInput
from meshproof.images import schedule
from meshproof.images.schedule import Job, carry_out


def noting(done: list[str], name: str) -> Callable[[], None]:
    return lambda: done.append(name)


def test_a_job_starts_after_those_it_needs() -> None:
    done: list[str] = []
    carry_out(
        [
            Job("charts", noting(done, "charts"), ("helm",)),
            Job("helm", noting(done, "helm"), ("go",)),
            Job("go", noting(done, "go")),
        ]
    )
    assert done == ["go", "helm", "charts"]


def test_needs_that_are_not_among_the_jobs_are_there_already() -> None:
    done: list[str] = []
    carry_out([Job("helm", noting(done, "helm"), ("go",))])
    assert done == ["helm"]


def test_jobs_that_need_each_other_are_refused_and_none_is_done() -> None:
    done: list[str] = []
    jobs = [Job(name, noting(done, name), (need,)) for name, need in (("helm", "kubernetes"), ("kubernetes", "helm"))]
    with pytest.raises(BadInput, match=r"jobs need each other: (\w+) <- \w+ <- \1$"):
        carry_out([Job("go", noting(done, "go")), *jobs])
    assert done == []


def test_what_stands_first_is_done_first_where_there_is_a_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "AT_ONCE", 1)
    done: list[str] = []
    carry_out([Job(name, noting(done, name)) for name in "zyxabc"])
    assert "".join(done) == "zyxabc"


def test_two_heavy_jobs_run_at_once_but_not_three() -> None:
    together = Barrier(2, timeout=10)
    running: set[str] = set()
    most: list[int] = []

    def work(name: str) -> Callable[[], None]:
        def do() -> None:
            running.add(name)
            most.append(len(running))
            together.wait()
            running.discard(name)

        return do

    carry_out([Job(name, work(name), heavy=True) for name in ("a", "b", "c", "d")])
    assert max(most) == 2


def test_a_failure_ends_what_runs_and_starts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Event()
    monkeypatch.setattr(schedule, "end_all", ended.set)
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("no compiler")

    with pytest.raises(RuntimeError, match="no compiler"):
        carry_out(
            [
                Job("kubernetes", fail),
                Job("istio", lambda: None if ended.wait(10) else done.append("istio went on")),
                Job("node", noting(done, "node"), ("kubernetes", "istio")),
            ]
        )
    assert ended.is_set()
    assert done == []
