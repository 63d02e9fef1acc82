"""An OCI runtime in front of runc, for machines that withhold CAP_SYS_RESOURCE from us.

An older Docker asks runc for every capability there is, for resource limits and for a protected OOM score; without
that capability runc refuses all three, and no privileged container starts. Here they are taken out of what runc is
asked for. Called by containerd's shim as `python -I -S runc_wrapper.py RUNC ARGUMENTS…`: standard library only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WITHHELD = "CAP_SYS_RESOURCE"


def tame(process: dict[str, Any]) -> None:
    """Take out of an OCI process, in place, what only CAP_SYS_RESOURCE allows."""
    capabilities: dict[str, list[str]] = process.get("capabilities") or {}
    for kind, names in capabilities.items():
        capabilities[kind] = [name for name in names or [] if name != WITHHELD]
    process.pop("rlimits", None)
    if (process.get("oomScoreAdj") or 0) < 0:
        del process["oomScoreAdj"]


def option(arguments: Sequence[str], *names: str) -> str | None:
    """The value of an option written `--name value` or `--name=value`, or None."""
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            return value if equals else next(iter(arguments[position + 1 :]), None)
    return None


def prepare(arguments: Sequence[str]) -> None:
    """Rewrite the file that this call of runc reads, if it reads one: a bundle's, or a process's of `exec`."""
    if "create" in arguments or "run" in arguments:
        path = Path(option(arguments, "--bundle", "-b") or ".") / "config.json"
        document = json.loads(path.read_text())
        process = document.get("process")
    elif "exec" in arguments and (named := option(arguments, "--process", "-p")):
        path = Path(named)
        document = process = json.loads(path.read_text())
    else:
        return
    if process:
        tame(process)
        path.write_text(json.dumps(document))


def main(argv: Sequence[str]) -> None:
    """Prepare, then become runc; `argv` is runc's path and its arguments."""
    prepare(argv[1:])
    os.execv(argv[0], list(argv))  # noqa: S606 - becomes runc, as its caller expects


if __name__ == "__main__":
    main(sys.argv[1:])
