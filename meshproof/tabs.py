"""TABS=all: every tab of the page on one cluster, as two runs of the suite.

Without and with a revision, Istio is installed otherwise, so that the sections are run again. How requests reach the
gateway changes no object but its Service: each run sends every request in both ways, and no section twice for it.
"""

from __future__ import annotations

import time
from dataclasses import replace

from meshproof import errors
from meshproof.choices import Choices
from meshproof.cluster import Record, ours
from meshproof.progress import Progress
from meshproof.report.summary import duration
from meshproof.suite import run_suite

REVISION = "canary"
_VERDICTS = {errors.PROVEN: "PROVEN", errors.REFUTED: "not proven"}


def run_tabs(choices: Choices) -> int:
    """Prove every tab and return the exit code of the worst.

    Args:
        choices: Those of the run; `revision` is the one that is taken beside none.

    Raises:
        MeshproofError: See `meshproof.suite.run_suite` and `meshproof.cluster.ours.delete_cluster`.
    """
    began = time.monotonic()
    mark = Record(choices.name).mark()
    stays = choices.keep or (mark is not None and bool(mark.kept))
    lines: list[str] = []
    code = errors.PROVEN
    try:
        for revision in ("", choices.revision or REVISION):
            started = time.monotonic()
            found = run_suite(replace(choices, revision=revision, keep=True))
            named = f"revision {revision}" if revision else "revisionless"
            verdict = _VERDICTS.get(found, f"ended with exit code {found}")
            lines.append(
                f"  {named}, by port-forward and load balancer: {verdict}, {duration(time.monotonic() - started)}"
            )
            code = max(code, found)
            if found not in _VERDICTS:
                break
    finally:
        if not stays and Record(choices.name).mark():
            ours.delete_cluster(choices.name, Progress().say)
    print("\n".join(["", *lines, f"TABS={choices.tabs}: {duration(time.monotonic() - began)} in all"]), flush=True)
    return code
