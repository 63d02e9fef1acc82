"""Work side by side: each job after those it needs, few heavy ones at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from meshproof.errors import BadInput
from meshproof.run import end_all

HEAVY_AT_ONCE = 2  # two compilers overlap where one of them links or downloads; more only take memory
AT_ONCE = 6


@dataclass(frozen=True)
class Job:
    """A piece of work. A heavy one keeps a processor busy; a light one waits for the network."""

    name: str
    do: Callable[[], None]
    needs: Sequence[str] = ()
    heavy: bool = False


def carry_out(jobs: Sequence[Job]) -> None:
    """Do all jobs, earlier ones first where there is a choice. The first failure, or Ctrl-C, ends the others.

    A need that is not among the jobs is there already.

    Raises:
        BadInput: Jobs need each other.
        Exception: Whatever the first job that failed raised.
    """
    names = {job.name for job in jobs}
    order = TopologicalSorter({job.name: names.intersection(job.needs) for job in jobs})
    try:
        order.prepare()
    except CycleError as error:
        raise BadInput(f"jobs need each other: {' <- '.join(error.args[1])}") from error
    ready: set[str] = set()
    running: dict[Future[None], Job] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            while order.is_active():
                ready.update(order.get_ready())
                for job in _startable([job for job in jobs if job.name in ready], list(running.values())):
                    ready.remove(job.name)
                    running[pool.submit(job.do)] = job
                for finished in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(finished)
                    finished.result()
                    order.done(job.name)
        except BaseException:
            end_all()
            while wait(running, timeout=1.0).not_done:  # a job may just have started its next program
                end_all()
            raise


def _startable(ready: Sequence[Job], running: Sequence[Job]) -> Sequence[Job]:
    room = AT_ONCE - len(running)
    heavy_room = HEAVY_AT_ONCE - sum(job.heavy for job in running)
    chosen: list[Job] = []
    for job in ready:
        if len(chosen) == room:
            break
        if job.heavy and heavy_room == 0:
            continue
        heavy_room -= job.heavy
        chosen.append(job)
    return chosen
