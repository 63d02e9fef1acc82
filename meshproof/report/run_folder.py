"""The folder of a run: where it is, and the link to the newest one."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

from meshproof.errors import BadInput, MachineCannot

LATEST = "latest"


def new_run_folder(root: Path, name: str = "", *, before: str = "", started: float | None = None) -> Path:
    """Make an empty folder for a run.

    Args:
        root: The folder of all runs; made where it is missing.
        name: Follows the time in the folder's name; letters, digits, dots and dashes are kept.
        before: Precedes it.
        started: Seconds since the epoch; now by default.

    Raises:
        BadInput: `latest`, which will point to it, is something of the user's own, not a link.
        MachineCannot: The folder cannot be made.
    """
    at = f"{datetime.fromtimestamp(time.time() if started is None else started, UTC):%Y%m%dT%H%M%SZ}"
    stem = "-".join(part for part in (before, at, re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")) if part)
    link = root / LATEST
    if link.exists() and not link.is_symlink():
        raise BadInput(f"{link}: expected a link to the newest run, found something else; move it away and run again")
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = _fresh(root, stem)
    except OSError as error:
        raise MachineCannot(
            f"{root}: expected to make a folder for the run, but: {error.strerror or error}\n"
            "  make the folder writable, or make room on the disk, and run again"
        ) from error
    return folder


def _fresh(root: Path, stem: str) -> Path:
    """Two runs may begin in the same second: the later one gets a number."""
    number = 1
    while True:
        folder = root / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def make_latest(folder: Path) -> None:
    """Let `latest` beside the folder of a run that has ended point to it, without a moment in which it points nowhere.

    Raises:
        MachineCannot: The link cannot be made.
    """
    link, fresh = folder.with_name(LATEST), folder.with_name(f".{LATEST}.{folder.name}")
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.name)
        fresh.replace(link)
    except OSError as error:
        raise MachineCannot(f"{link}: expected to make it point to {folder.name}, but: {error.strerror}") from error
