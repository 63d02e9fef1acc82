"""The cells as tests, which pytest-xdist spreads over its workers: each runs the command that proves one.

The session's root is the matrix's folder, where the plan is and where each cell leaves what it finds.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest

from meshproof import errors
from meshproof.matrix.folder import Queued, prove, queued


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each cell that is to be run."""
    cells: Sequence[Queued] = queued(metafunc.config.rootpath)
    metafunc.parametrize("cell", cells, ids=[cell.slug for cell in cells])


def test_cell(cell: Queued, pytestconfig: pytest.Config) -> None:
    """A cell is proven on a cluster of its own."""
    # What a shell starts in the background begins with it ignored, and so would this worker.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = prove(cell, pytestconfig.rootpath)
    if code == errors.INTERRUPTED:
        raise KeyboardInterrupt  # whoever ended its run wants no other one
    assert code == errors.PROVEN  # noqa: S101 - a test
