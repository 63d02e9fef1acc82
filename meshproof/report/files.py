"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from meshproof.errors import MachineCannot


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text so that a reader sees the old file or the new one, never half of one.

    Raises:
        MachineCannot: The folder is missing or not writable, or the disk is full.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with open(handle, "w", encoding="utf-8", errors="replace", newline="\n") as file:  # noqa: PTH123 - a descriptor
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp's 0600 would hide results from whoever collects them
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _unwritable(path: Path, error: OSError) -> MachineCannot:
    return MachineCannot(
        f"{path}: expected to write the results of the run, but: {error.strerror or error}\n"
        "  make room on the disk, or make the folder writable, and run again"
    )
