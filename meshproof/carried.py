"""What goes with the library: suite, fixtures and notebooks, beside it in a checkout and within it in a wheel."""

from pathlib import Path

_LIBRARY = Path(__file__).resolve().parent
_IN_A_WHEEL = _LIBRARY / "_carried"  # where pyproject.toml puts them
INSTALLED = _IN_A_WHEEL.is_dir()

_ROOT = _IN_A_WHEEL if INSTALLED else _LIBRARY.parent
SUITE = _ROOT / "e2e"
CODE = (_LIBRARY, SUITE, _ROOT / "fixtures")  # all that a proof of the page depends on here
IMPORTED_FROM = "" if INSTALLED else str(_ROOT)  # for programs that are to run this very checkout
NOTEBOOKS_DIR = _ROOT / "notebooks"
FIXTURES = f"{_LIBRARY.name}.{_IN_A_WHEEL.name}.fixtures" if INSTALLED else "fixtures"  # as they are imported

# What is typed before a command and its choices, and for the packages of the runbook.
COMMAND = "meshproof" if INSTALLED else "make"
SET_UP = (
    "install meshproof[runbook] anew"
    if INSTALLED
    else "make clean, then make runbook sets up the Python environment anew"
)
