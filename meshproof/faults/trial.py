"""One fault tried: seeded, seen, named, remedied, and everything green again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from meshproof.errors import MeshproofError
from meshproof.faults.fault import Fault
from meshproof.faults.stage import Stage
from meshproof.proof.position import Held
from meshproof.steps.runner import run_commands

REMEDY_TIMEOUT_S = 120.0


class Named(Protocol):
    """What a diagnosis names: a code, how much it matters, and the remedy as a command."""

    @property
    def code(self) -> str:
        """The cause's code."""
        ...

    @property
    def severity(self) -> str:
        """error, warning, note or unknown."""
        ...

    @property
    def remedy(self) -> str:
        """A command to paste; empty where there is none."""
        ...


Diagnose = Callable[[Stage, str], Sequence[Named]]


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


def try_fault(fault: Fault, stage: Stage, diagnose: Diagnose | None) -> Trial:
    """Seed a fault, see it, have it named and remedied, put back what was there, and see all green again.

    Args:
        fault: The fault.
        stage: The cluster at the end of the fault's section, all green.
        diagnose: Gives the diagnosis for a host; without it the cause is not asked for.
    """
    began = time.monotonic()
    trial = Trial(fault.name, fault.after, cause=fault.cause)
    try:
        try:
            run_commands(fault.seed, stage.cluster, [])
            trial = _seen(trial, fault, stage)
            if fault.cause and diagnose:
                trial = _named(trial, fault, stage, diagnose)
        finally:
            run_commands(fault.mend, stage.cluster, [])
        trial = replace(trial, not_green=_ids(stage.not_green(fault.refutes)))
    except MeshproofError as problem:
        trial = replace(trial, error=str(problem))
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
    findings = diagnose(stage, fault.host)
    codes = [each.code for each in findings]
    first = codes[:1] == [fault.cause] and findings[0].severity == "error"
    named = first if fault.first else fault.cause in codes
    remedy = next((each.remedy for each in findings if each.code == fault.cause), "")
    trial = replace(trial, codes=tuple(codes), first=first, named=named, remedy=remedy)
    if not named or fault.then == "nothing":
        return trial
    if not remedy:
        return replace(trial, remedied=False)
    done = stage.cluster.run("sh", "-ec", remedy, timeout_s=REMEDY_TIMEOUT_S, check=False)
    if done.code:
        return replace(trial, remedied=False, error=f"the remedy ended with {done.code}: {done.stderr.strip()}")
    if fault.then == "green":
        return replace(trial, remedied=not stage.not_green(fault.refutes))
    return replace(trial, remedied=fault.cause not in [each.code for each in diagnose(stage, fault.host)])


def _ids(held: Sequence[Held]) -> tuple[str, ...]:
    return tuple(each.id for each in held)
