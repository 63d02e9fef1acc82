"""The suite as a command: pytest on e2e/, its ending read as one of our exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshproof import errors
from meshproof.choices import Choices
from meshproof.errors import BadInput

SUITE = Path(__file__).resolve().parent.parent / "e2e"


class _Ending:
    """Remembers how the session ended when it did not run through; pytest's own exit codes have other meanings."""

    code: int | None = None

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        chosen = excinfo.value.returncode if isinstance(excinfo.value, pytest.exit.Exception) else None
        self.code = errors.INTERRUPTED if chosen is None else chosen


def run_suite(choices: Choices, name: str) -> int:
    """Run the suite on a cluster of this name and return the run's exit code.

    Raises:
        BadInput: The suite is not beside the library, as in an installed copy.
    """
    if not SUITE.is_dir():
        raise BadInput(f"suite {SUITE}: not there; run this from a checkout of meshproof")
    ending = _Ending()
    options = {
        "kgateway": choices.kgateway,
        "istio": choices.istio,
        "kubernetes": choices.kubernetes,
        "revision": choices.revision,
        "access": choices.access,
        "images": choices.images,
        "cluster-name": name,
    }
    # pytest-kind is imported here already, and has no assertions that pytest could rewrite.
    warning = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    argv = [
        str(SUITE),
        "-q",
        "--no-header",
        "-W",
        warning,
        *(f"--{option}={value}" for option, value in options.items()),
    ]
    code = pytest.main([*argv, *(["--keep-cluster"] if choices.keep else [])], plugins=[ending])
    if ending.code is not None:
        return ending.code
    return errors.PROVEN if code == pytest.ExitCode.OK else errors.REFUTED
