"""The cells' runs: a session of pytest whose tests pytest-xdist spreads over as many workers as clusters fit."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshproof import processes
from meshproof.cluster import Record, ours
from meshproof.errors import MeshproofError, NotReady
from meshproof.matrix.cells import Planned
from meshproof.matrix.folder import GRACE_S, write_queue
from meshproof.matrix.watch import Watch
from meshproof.suite import IMPORTED_ALREADY, without_words_for_pytest

_ROOM = Path(__file__).parent
EACH_CELL = _ROOM / "each_cell.py"
# Whatever project this is started in: what pytest would find there to go by is about other tests.
_ALONE = ("-c", os.devnull, f"--confcutdir={_ROOM}", "-p", "no:cacheprovider", "-p", "no:terminal")


@dataclass
class _Manager:
    """What the process hears that leads the workers. `problems` is why a cell's run has no end, as pytest tells it."""

    watch: Watch
    problems: dict[str, str] = field(default_factory=dict[str, str])
    interrupted: bool = False
    left: Sequence[int] = ()  # runs that were at work when that happened

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep why a test failed; where its run came to an end, that is not asked for."""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)  # of an exception; a worker's end is a text
            told = str(crash.message if crash else report.longrepr).strip()
            self.problems[report.nodeid.rpartition("[")[2].rstrip("]")] = told.partition("\n")[0]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell at once what kept the cells from being found."""
        if report.failed:
            self.watch.say(report.longreprtext)

    def pytest_keyboard_interrupt(self) -> None:
        """Remember what is at work: the workers tell these runs to end, and are gone before they have."""
        self.interrupted = self.watch.ending = True
        self.left = [run for worker in processes.children(os.getpid()) for run in processes.children(worker)]
        self.watch.say("interrupted: ending the runs, which delete their clusters")


def run_cells(cells: Sequence[Planned], root: Path, workers: int, watch: Watch) -> tuple[bool, Mapping[str, str]]:
    """Run cells, each in a process of its own; what they find is in their folders.

    Args:
        cells: What to run.
        root: The folder of the matrix.
        workers: How many at once.
        watch: Tells what they are at.

    Returns:
        Whether it was interrupted, and for each cell whose run went wrong by an error of our own what that was.

    Raises:
        MachineCannot: The plan cannot be written.
    """
    write_queue(cells, root)
    manager = _Manager(watch)
    how = (f"--rootdir={root}", f"--numprocesses={workers}", "--dist=load")
    with watch.watching():
        with without_words_for_pytest(), _ended_as_by_ctrl_c():
            pytest.main([str(EACH_CELL), *_ALONE, *how, *IMPORTED_ALREADY], plugins=[manager])
        _await_end(manager.left, watch.say)
        _delete_left(cells, watch.say)
    return manager.interrupted, manager.problems


@contextmanager
def _ended_as_by_ctrl_c() -> Generator[None]:
    """A request to end reaches this process alone, where Ctrl-C on a terminal reaches the workers, too."""

    def interrupt(*_: object) -> None:
        for worker in processes.children(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGINT)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _await_end(runs: Sequence[int], announce: Callable[[str], None]) -> None:
    try:
        processes.await_end(runs, GRACE_S)
    except NotReady as error:
        announce(str(error))


def _delete_left(cells: Sequence[Planned], announce: Callable[[str], None]) -> None:
    """Delete clusters whose run was killed before it could; one that was kept before is somebody's."""
    for cell in cells:
        record = Record(cell.choices.name)
        if record.cut_short():
            try:
                ours.delete_cluster(cell.choices.name, announce)
            except MeshproofError as error:
                announce(str(error))
