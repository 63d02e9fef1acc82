"""One fault tried: seeded, seen, named, remedied, and everything green again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meshproof.diagnose import Diagnosis
from meshproof.faults.diagnosed import Diagnose, asked_until
from meshproof.faults.fault import Fault
from meshproof.faults.stage import Stage
from meshproof.proof.position import Held
from meshproof.steps.own_errors import told
from meshproof.steps.runner import run_commands

REMEDY_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Trial:
    """What came of one fault.

    Attributes:
        fault: Its name.
        after: Slug of the section after which it was seeded.
        refuted: The claims that it must refute, and did.
        missed: Those that it must refute, and did not.
        fell: Others that fell with them.
        cause: The code that the diagnosis must give; empty where there is none to give.
        codes: Those that it gave, errors first; None where it was not asked.
        first: Whether the cause was the first error.
        named: Whether the cause was named as it must be; None where it was not asked.
        diagnosis_s: How many seconds that took, until the cluster was settled.
        remedy: The remedy, verbatim.
        remedied: Whether that brought all back; None where it was not run.
        not_green: The claims that did not hold in the end.
        seconds: How long it took.
        error: What went wrong with the trial itself.
    """

    fault: str
    after: str
    refuted: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    fell: tuple[str, ...] = ()
    cause: str = ""
    codes: tuple[str, ...] | None = None
    first: bool = False
    named: bool | None = None
    diagnosis_s: float = 0.0
    remedy: str = ""
    remedied: bool | None = None
    not_green: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def as_it_should_be(self) -> bool:
        """Seen, named and remedied where that was asked, and green again."""
        wrong = self.missed or self.not_green or self.error
        return not wrong and self.named is not False and self.remedied is not False


def try_fault(fault: Fault, stage: Stage, diagnose: Diagnose) -> Trial:
    """Seed a fault, see it, have it named and remedied, put back what was there, and see all green again.

    Args:
        fault: The fault.
        stage: The cluster at the end of the fault's section, all green.
    """
    began = time.monotonic()
    trial = Trial(fault.name, fault.after, cause=fault.cause)
    try:
        try:
            run_commands(fault.seed, stage.cluster, [])
            trial = _seen(trial, fault, stage)
            if fault.cause:
                trial = _named(trial, fault, stage, diagnose)
        finally:
            run_commands(fault.mend, stage.cluster, [])
        trial = replace(trial, not_green=_ids(stage.not_green(fault.refutes)))
    except Exception as problem:  # a bug of ours is told as one, and the other faults are tried all the same
        trial = replace(trial, error=told(problem))
    return replace(trial, seconds=round(time.monotonic() - began, 1))


def _seen(trial: Trial, fault: Fault, stage: Stage) -> Trial:
    """Which claims it refutes."""
    refuted = _ids(stage.given(fault.given).refuted_by(fault.refutes))
    return replace(
        trial,
        refuted=tuple(each for each in fault.refutes if each in refuted),
        missed=tuple(each for each in fault.refutes if each not in refuted),
        fell=tuple(each for each in refuted if each not in fault.refutes),
    )


def _named(trial: Trial, fault: Fault, stage: Stage, diagnose: Diagnose) -> Trial:
    """What the diagnosis says, and what comes of its remedy."""
    began = time.monotonic()
    found = asked_until(lambda found: found.settled or _names(found, fault), diagnose, stage, fault.host)
    codes = tuple(each.code for each in found.findings)
    remedy = next((each.remedy for each in found.findings if each.code == fault.cause), "")
    named, first = _names(found, fault), codes[:1] == (fault.cause,)
    took = round(time.monotonic() - began, 1)
    trial = replace(trial, codes=codes, first=first, named=named, remedy=remedy, diagnosis_s=took)
    if not named or fault.then == "nothing":
        return trial
    if not remedy:
        return replace(trial, remedied=False)
    done = stage.cluster.run("sh", "-ec", remedy, timeout_s=REMEDY_TIMEOUT_S, check=False)
    if done.code:
        return replace(trial, remedied=False, error=f"the remedy ended with {done.code}: {done.stderr.strip()}")
    if fault.then == "green":
        return replace(trial, remedied=not stage.not_green(fault.refutes))
    again = asked_until(lambda found: not _has(found, fault.cause), diagnose, stage, fault.host)
    return replace(trial, remedied=not _has(again, fault.cause))


def _names(found: Diagnosis, fault: Fault) -> bool:
    """Whether the cause is named as it must be. What refutes nothing is no error, and nothing else may be one."""
    wrong = [each.code for each in found.findings if each.severity == "error"]
    if fault.first:
        return wrong[:1] == [fault.cause]
    return _has(found, fault.cause) and (bool(fault.refutes) or not wrong)


def _has(found: Diagnosis, code: str) -> bool:
    return code in [each.code for each in found.findings]


def _ids(held: Sequence[Held]) -> tuple[str, ...]:
    return tuple(each.id for each in held)
