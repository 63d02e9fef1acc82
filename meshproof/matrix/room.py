"""How many clusters this machine has room for at once, and how that was decided."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof.doctor import GIB, RUN_MEMORY_GIB
from meshproof.inotify import A_CLUSTER, REMEDY
from meshproof.machine import Machine, cores

# Measured on the default combination: a node holds 1.2 to 1.8 GiB at the end of the page, its run on this side 0.2. It
# keeps one core busy while it starts and half of one later, so that a core for each leaves none idle.
CLUSTER_MEMORY_GIB = 2


def at_once(asked: str, count: int, machine: Machine, processors: int | None = None) -> tuple[int, str]:
    """How many of so many cells run at once, and why.

    Args:
        asked: What PARALLEL says; empty for as many as there is room for and processors to drive.
        count: How many cells there are to run.
        machine: What was seen of this machine.
        processors: How many there are; looked up by default.

    Returns:
        A number, at least 1, and a sentence.
    """
    processors = processors or cores()
    room = _room(machine)
    wanted = int(asked) if asked else processors
    most = max(1, min(room.values()))
    number = min(wanted, most, count)
    told = (
        f"{processors} core{'s' * (processors > 1)}; room for {', '.join(f'{n} by {what}' for what, n in room.items())}"
    )
    if most < min(wanted, count):
        short = " and ".join(what for what, clusters in room.items() if clusters < min(wanted, count))
        remedy = f"; {REMEDY}" if "inotify" in short else ""
        beginning = f"PARALLEL={asked}: no room for so many, {short} would not do; " if asked else ""
        return number, f"{beginning}{_number(number)} at once ({told}{remedy})"
    return number, f"{_number(number)} at once ({'as asked for' if asked else told})"


def _room(machine: Machine) -> Mapping[str, int]:
    spare_gib = machine.memory_available_bytes / GIB - RUN_MEMORY_GIB
    room = {"memory": 1 + int(spare_gib // CLUSTER_MEMORY_GIB)}
    return {**room, "inotify instances": machine.kernel.inotify.left // A_CLUSTER} if machine.kernel else room


def _number(clusters: int) -> str:
    return "one cluster" if clusters == 1 else f"{clusters} clusters"
