"""What the kernel lets this process do, and thereby an engine that it starts."""

from __future__ import annotations

from pathlib import Path

NUMBERS = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24}
NEEDED = ("CAP_NET_ADMIN", "CAP_SYS_ADMIN")  # no container can be made without these; the rest can be done without


def held(status: str) -> frozenset[str]:
    """Which of `NUMBERS` a process may use and pass on, by the text of its /proc/PID/status."""
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("CapEff:", "CapBnd:"))]
    return frozenset(name for name, bit in NUMBERS.items() if masks and all(mask >> bit & 1 for mask in masks))


def ours() -> frozenset[str]:
    """Which of `NUMBERS` this process holds."""
    return held(Path("/proc/self/status").read_text())


def lacks_sys_resource() -> bool:
    """Whether CAP_SYS_RESOURCE is withheld from us, so that runc needs our wrapper."""
    return "CAP_SYS_RESOURCE" not in ours()
