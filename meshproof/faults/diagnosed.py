"""What the diagnosis says of a host on a cluster where a fault is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from meshproof.diagnose import Diagnosis, diagnose
from meshproof.errors import NotReady
from meshproof.faults.stage import Stage
from meshproof.wait import wait_for

SETTLED_S = 60.0

Diagnose = Callable[[Stage, str], Diagnosis]


def diagnosed(stage: Stage, host: str) -> Diagnosis:
    """The diagnosis of a host, with requests; empty is the page's."""
    cluster, setting = stage.cluster, stage.setting
    return diagnose(cluster.api, host or setting.names.host, env=cluster.env, line=setting.dialect)


def asked_until(enough: Callable[[Diagnosis], bool], ask: Diagnose, stage: Stage, host: str) -> Diagnosis:
    """The first diagnosis that is enough, or the last one of `SETTLED_S`."""
    last: list[Diagnosis] = []

    def look() -> Diagnosis:
        last[:] = [ask(stage, host)]
        return last[0]

    with suppress(NotReady):
        wait_for(
            look,
            enough,
            what=f"a diagnosis of {host or 'the page'}",
            timeout_s=SETTLED_S,
            every_s=1.0,
        )
    return last[0]
