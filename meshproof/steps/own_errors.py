"""What was raised where a cluster was worked on or looked at: told in its own words, or as a bug of meshproof's."""

from __future__ import annotations

import traceback

from meshproof.errors import MeshproofError


def told(problem: Exception) -> str:
    """An error in words. One that nobody raised on purpose says nothing of the cluster, so it is told as ours."""
    if isinstance(problem, MeshproofError):
        return str(problem)
    return f"meshproof's own error: {type(problem).__name__}: {problem}"


def tracebacks(*problems: Exception) -> tuple[str, ...]:
    """Where the bugs among these were met, each once."""
    bugs = [problem for problem in dict.fromkeys(problems) if not isinstance(problem, MeshproofError)]
    return tuple("".join(traceback.format_exception(bug)) for bug in bugs)
