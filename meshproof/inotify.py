"""The kernel's inotify instances: every cluster takes some, all of one user, and where none is left nothing says so."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

A_CLUSTER = 32  # measured on a whole one: kubelet 7, controller manager 7, API server 6, systemd 4, istiod and others 4
FOR_SEVERAL = 512
REMEDY = f"sysctl -w fs.inotify.max_user_instances={FOR_SEVERAL} fs.inotify.max_user_watches=524288"
# What systemd, kubelet and others say in a node of kind's when there is none left.
SYMPTOM = "too many open files"


@dataclass(frozen=True)
class Inotify:
    """How many instances and watches one user may have, and how many instances the one with the most has."""

    instances: int
    watches: int
    used: int = 0

    @property
    def left(self) -> int:
        """How many instances are left to that user."""
        return self.instances - self.used


def inotify(proc: Path = Path("/proc")) -> Inotify:
    """What the kernel allows, and what is used of it as far as we may see it: root sees all."""
    used: Counter[int] = Counter()
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            used[process.stat().st_uid] += sum(map(_is_instance, (process / "fd").iterdir()))
    limits = proc / "sys/fs/inotify"
    instances, watches = (int((limits / f"max_user_{what}").read_text()) for what in ("instances", "watches"))
    return Inotify(instances, watches, max(used.values(), default=0))


def _is_instance(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()) == "anon_inode:inotify"
    except OSError:
        return False  # closed meanwhile
