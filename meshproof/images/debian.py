"""Debian root file systems, made by mmdebstrap."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which
from threading import Lock
from typing import Any

from meshproof.errors import MachineCannot
from meshproof.images.declaration import Debian
from meshproof.images.store import Say, remove
from meshproof.run import run

INSTALL_S = 600.0
BOOTSTRAP_S = 1200.0
ROOTFS = "rootfs.tar"
# Documentation and translations serve nobody inside an image.
LEAN = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")

_installing = Lock()


def ensure_mmdebstrap(say: Say) -> None:
    """Install mmdebstrap where it is missing.

    Raises:
        MachineCannot: This is no Debian-like machine, or we are not root.
    """
    with _installing:
        if which("mmdebstrap"):
            return
        if not which("apt-get") or os.geteuid() != 0:
            raise MachineCannot(
                "the images' root file systems are made by mmdebstrap, which is not installed here, and only root on a "
                "Debian-like Linux can install it; install the package mmdebstrap, or use IMAGES=published"
            )
        say("installing Debian's mmdebstrap, which makes the images' root file systems")
        apt = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")
        run(*apt, "update", timeout_s=INSTALL_S)
        run(
            *apt, "install", "-y", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring",
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, timeout_s=INSTALL_S,
        )  # fmt: skip


def build_debian(debian: Debian, target: Path) -> Mapping[str, Any]:
    """Make a root file system as `rootfs.tar`. Which mirror is asked is mmdebstrap's default.

    Raises:
        CommandFailed: mmdebstrap failed; its output is in the message.
    """
    lists = target / ".lists"
    lists.mkdir()
    installed = target / "packages.txt"
    query = "dpkg-query --root=\"$1\" -W -f '${Package}\\t${Version}\\t${Architecture}\\n'"
    run(
        "mmdebstrap",
        f"--variant={debian.variant}",
        f"--include={','.join(debian.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEAN),
        f"--customize-hook={query} > {installed}",
        f"--customize-hook=copy-out /var/lib/apt/lists {lists}",
        debian.suite,
        str(target / ROOTFS),
        timeout_s=BOOTSTRAP_S,
    )
    hashes = dict(_hashes(lists))
    packages = [line.split("\t") for line in installed.read_text().splitlines()]
    remove(lists)
    return {
        "kind": "debian",
        "suite": debian.suite,
        "items": [
            {"name": name, "version": version, "hash": hashes.get((name, version), "")} for name, version, _ in packages
        ],
    }


def _hashes(lists: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """(package, version) and its archive's SHA-256, from the package lists that were used."""
    for path in lists.rglob("*_Packages"):
        for paragraph in path.read_text(errors="replace").split("\n\n"):
            fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
            if "SHA256" in fields:
                yield (fields["Package"], fields["Version"]), f"sha256:{fields['SHA256']}"
