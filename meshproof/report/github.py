"""What GitHub's CI is told by lines of a certain form.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Mapping


def runs_this(environ: Mapping[str, str]) -> bool:
    """Whether the process runs in GitHub's CI."""
    return environ.get("GITHUB_ACTIONS") == "true"


def annotation(level: str, told: str, **where: object) -> str:
    """The line that shows a text beside a run, or beside lines of a file, with what it is about as properties."""
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in where.items())
    return f"::{level} {properties}::{_escaped(told)}"


def _escaped(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
