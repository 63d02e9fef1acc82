"""`meshproof faults`: every fault seeded, seen, named and mended on a live cluster; or one seeded, and left there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from textwrap import indent

from meshproof import errors
from meshproof.bring_up import cell_of, parts_of, proof_of
from meshproof.carried import COMMAND
from meshproof.choices import Choices
from meshproof.cluster import Cluster, Record, kind_cluster
from meshproof.errors import BadInput, NotReady
from meshproof.faults import report
from meshproof.faults.catalogue import catalogue, find
from meshproof.faults.diagnosed import Diagnose, diagnosed
from meshproof.faults.fault import Fault
from meshproof.faults.sections import somebody_elses
from meshproof.faults.stage import SECTIONS, Stage
from meshproof.faults.trial import Trial, try_fault
from meshproof.kube import inventory
from meshproof.kube.inventory import Inventory
from meshproof.names import Names
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.proof.position import setting_of
from meshproof.steps import Setting, titled
from meshproof.steps.give_back import FOUND
from meshproof.steps.judging import SUCCESSES
from meshproof.steps.model import flatten
from meshproof.steps.runner import run_commands
from meshproof.wait import wait_for

SETTLE_S, REST_S = 10.0, 60.0


def run_faults(choices: Choices) -> int:
    """Try every fault, or seed the one that is chosen and leave it; the exit code.

    Raises:
        BadInput: There is no such fault, or no cluster that it could be seeded on.
        MeshproofError: See `meshproof.bring_up.proof_of`.
    """
    if choices.fault:
        _leave(choices)
        return errors.PROVEN
    with proof_of(choices, Progress()) as proof:
        return try_all(proof, diagnosed)


def try_all(proof: Proof, diagnose: Diagnose) -> int:
    """Walk the page, and after each section try the faults that are seeded there.

    The sections are the baseline: all that they claim is proven before the first fault and, by the clean-up, which
    compares every object with what was there before Istio, after the last one. Then the cluster is given back as if
    it were somebody else's.
    """
    began = time.monotonic()
    planned = len(catalogue(proof.setting("before")))
    trials: list[Trial] = []
    inventory.save(_at_rest(proof.cluster), proof.cluster.work / FOUND)
    for slug in SECTIONS:
        walk = proof if slug in proof.sections else _of_somebody_elses(proof)
        stage = Stage.reach(walk, slug)
        if not walk.results[slug].complete:
            proof.announce(f"{titled(slug)} is not proven: what comes after it would prove nothing of faults")
            break
        for fault in catalogue(stage.setting).values():
            if fault.after == slug:
                trials.append(try_fault(fault, stage, diagnose))
                proof.announce(f"  fault {len(trials)} of {planned}, {_told(trials[-1])}")
                report.write(trials, proof.folder)
    path = report.write(trials, proof.folder).relative_to(proof.root.parent)
    print(f"\n{report.render(trials)}\n\n{report.verdict_line(trials, planned, time.monotonic() - began, path)}")
    good = len(trials) == planned and all(trial.as_it_should_be for trial in trials)
    return errors.PROVEN if good and proof.result().verdict == "proven" else errors.REFUTED


def _at_rest(cluster: Cluster) -> Inventory:
    """What is in a cluster once nothing is made there any more: a new one goes on for some seconds."""
    taken: list[Inventory] = []

    def look() -> bool:
        taken.append(inventory.take_inventory(cluster.api))
        return len(taken) > 1 and not inventory.compare(*taken[-2:])

    with suppress(NotReady):  # what is made later is then found when the cluster is given back
        wait_for(look, bool, what="a cluster at rest", timeout_s=REST_S, successes=SUCCESSES)
    return taken[-1]


def _of_somebody_elses(proof: Proof) -> Proof:
    """The same cluster as a run sees one that is somebody else's: its last section is that which gives it back."""
    makes = somebody_elses(proof.setting("before")).makes
    return Proof(proof.cluster, proof.cell, proof.choices, proof.announce, into=proof.folder, makes=makes)


def _told(trial: Trial) -> str:
    return (
        f"{trial.fault}: {'as it should be' if trial.as_it_should_be else 'NOT as it should be'}, {trial.seconds:.1f} s"
    )


def _leave(choices: Choices) -> None:
    """Seed one fault on a cluster that is kept, and say how it is put back.

    Raises:
        BadInput: There is no such fault, or the cluster is not kept, in use, or not where the fault is seeded.
    """
    _check_kept(choices.name)
    progress = Progress()
    parts, engine = parts_of(choices, progress)
    fault = find(choices.fault, Setting.of(cell_of(choices), parts, choices))
    with kind_cluster(choices.name, parts, engine, keep=True, announce=progress.say, must_exist=True) as cluster:
        proof = Proof(cluster, cell_of(choices), choices, progress.say, into=cluster.work)
        stage = Stage(cluster, setting_of(proof, fault.after), fault.after)
        fault = find(choices.fault, stage.setting)
        if wrong := stage.not_green(settle_s=SETTLE_S):
            raise BadInput(
                f"cluster {choices.name}: FAULT={fault.name} is seeded where {titled(fault.after)} has ended and all "
                f"is well; nothing was changed. What does not hold: {', '.join(each.id for each in wrong)}"
            )
        run_commands(fault.seed, cluster, [])
        refuted = stage.given(fault.given).refuted_by(fault.refutes)
        print(left(fault, [each.id for each in refuted], cluster))


def left(fault: Fault, refuted: Sequence[str], cluster: Cluster) -> str:
    """What is wrong on a cluster by now, what says so, and what puts it back."""
    host = fault.host or Names().host
    back = "\n".join(command.text for command in flatten(fault.mend))
    kubeconfig = Record(cluster.name).give_kubeconfig()
    return (
        f"{fault.name}: {fault.does}\n"
        f"refuted by now: {', '.join(refuted) or 'nothing'}\n"
        f"what says why: {COMMAND} diagnose HOST={host} NAME={cluster.name}\n"
        f"to put it back, in {cluster.work} with KUBECONFIG={kubeconfig}:\n{indent(back, '  ')}"
    )


def _check_kept(name: str) -> None:
    """Refuse a cluster that is not there, or that somebody works on.

    Raises:
        BadInput: It is so.
    """
    record = Record(name)
    if user := record.user():
        raise BadInput(f"cluster {name}: pid {user} works on it; nothing was changed. Try again when that has ended")
    if record.mark() is None or record.cut_short():
        raise BadInput(
            f"cluster {name}: expected one that is kept, found none; nothing was changed. "
            f"Make it: {COMMAND} e2e UNTIL=exclude KEEP=1 NAME={name}"
        )
