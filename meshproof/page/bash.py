"""What the shell of this machine says of a text without running it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from meshproof.run import run

_TYPES = 'while read -r each; do type -t -- "$each" || echo; done'


@cache
def syntax_error(text: str) -> str:
    """What `bash -n` says is wrong with a text: its first complaint, or nothing."""
    if not (shell := shutil.which("bash")):
        return ""
    done = run(shell, "-n", stdin=text, env=_environment(), check=False)
    complaint = (done.stderr.splitlines() or [""])[0]
    return complaint.rpartition(": line ")[2].partition(": ")[2] if done.code else ""


def missing(words: Iterable[str], tools: Path | None) -> frozenset[str]:
    """Those of some words that are no command here: no program, and no word of the shell's own.

    Args:
        words: Without blanks.
        tools: A folder of programs that are there beside those on the PATH.
    """
    asked = sorted(set(words))
    if not asked or not (shell := shutil.which("bash")):
        return frozenset()
    done = run(shell, "-c", _TYPES, stdin="\n".join((*asked, "")), env=_environment(tools))
    return frozenset(word for word, kind in zip(asked, done.stdout.split("\n"), strict=False) if not kind)


def _environment(tools: Path | None = None) -> Mapping[str, str]:
    """Without what a shell would read first, such as BASH_ENV, and without the user's functions."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": f"{tools}{os.pathsep}{path}" if tools else path, "LC_ALL": "C", "HOME": str(Path.home())}
