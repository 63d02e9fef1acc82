"""An existing cluster that is held for the notebooks: one of them takes it, the others go on with what it took."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from meshproof.choices import Choices, words_of
from meshproof.cluster import Cluster, Record
from meshproof.cluster.record import Kept, Mark, records
from meshproof.engine import ensure_engine
from meshproof.errors import BadInput, ClusterGone
from meshproof.images import prepare
from meshproof.names import Names
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.report.files import write_text
from meshproof.runbook.notebooks import OWN_CLUSTER
from meshproof.steps.setting import Makes
from meshproof.survey.existing import Existing

NOTE = "held.json"
_REACHED_BY = ("KUBECONFIG", "CONTEXT")


@dataclass(frozen=True)
class Held:
    """What was agreed to when the cluster was taken. It is noted then and not worked out again: others change clusters.

    Attributes:
        choices: The choices, with how the cluster is reached.
        names: What things are called there.
        makes: What of that which several may share is made there.
        notes: What must be told beside the verdict.
        versions: What is used, as `Parts` has it.
        images: The same.
        folder: Where what is found is left.
    """

    choices: Choices
    names: Names
    makes: Makes
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    images: Mapping[str, str]
    folder: str

    @classmethod
    def of(cls, record: Record) -> Held | None:
        """What is held there; None where nothing is, or the run that held it was killed.

        Raises:
            BadInput: What is noted cannot be read.
        """
        if record.mark() is None or record.cut_short():
            return None
        path = _note_of(record)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise BadInput(
                f"{path}: expected what meshproof notes of a cluster that it uses: {error}. "
                f"{OWN_CLUSTER} notes it anew once the folder {record.folder} is deleted"
            ) from error


def hold(proof: Proof, kept: Kept) -> None:
    """Let notebooks find the cluster that a proof has begun on.

    Args:
        proof: The proof.
        kept: Why it stays theirs when who took it has ended; empty where it does not.
    """
    record, parts = _record_of(proof), proof.cluster.parts
    folder = str(proof.folder.resolve())
    held = Held(proof.choices, proof.names or Names(), proof.makes, proof.notes, parts.versions, parts.images, folder)
    write_text(_note_of(record), msgspec.json.encode(held).decode())
    record.write(Mark("", parts.versions, made=time.time(), kept=kept, doing="" if kept else "in use"))


def let_go(proof: Proof) -> None:
    """Let no notebook find it any more; those that have it open may still read what was found."""
    _record_of(proof).unmark()


@contextlib.contextmanager
def held(proof: Proof) -> Generator[None]:
    """Let notebooks find the cluster of a proof as long as this run goes on."""
    hold(proof, kept="")
    try:
        yield
    finally:
        let_go(proof)


def find(folder: str) -> Record:
    """The cluster that the notebooks use: that of the run which leaves things in this folder, or the one taken last.

    Raises:
        ClusterGone: There is none.
    """
    known = [(record, each) for record in records(existing=True) if (each := Held.of(record))]
    if folder and (of_run := [record for record, each in known if each.folder == str(Path(folder).resolve())]):
        return of_run[0]
    marks = [(mark.made, record) for record, _ in known if (mark := record.mark()) and mark.kept]
    if not marks:
        raise ClusterGone(f"no existing cluster is taken, or it was given back. {OWN_CLUSTER} takes it; begin there")
    return max(marks, key=lambda each: each[0])[1]


def attach(record: Record, progress: Progress) -> Proof:
    """The proof on a cluster that is held, as whoever worked on it last left it.

    Raises:
        ClusterGone: It is not held any more, or its kubeconfig leads elsewhere by now.
        MeshproofError: What is needed to work on it cannot be had.
    """
    there = Held.of(record)
    existing = Existing.of(there.choices) if there else None
    if there is None or existing is None or existing.record() != record:
        raise ClusterGone(f"the existing cluster: is not the one that was taken. {OWN_CLUSTER} takes it; begin there")
    engine = functools.cache(lambda: ensure_engine(progress.say))
    kubernetes = there.versions["kubernetes"]
    parts = prepare(existing.cell, there.choices.images, engine, progress, kubernetes=kubernetes)
    parts = replace(parts, versions=there.versions, images=there.images)
    cluster = Cluster(record.name, record.kubeconfig, parts, record.work, further=existing.kubeconfig)
    proof = Proof(
        cluster,
        existing.cell,
        there.choices,
        progress.say,
        into=Path(there.folder),
        names=there.names,
        makes=there.makes,
        notes=there.notes,
    )
    proof.recall()
    return proof


def check_same(proof: Proof, choices: Choices, taker: str) -> None:
    """Refuse choices other than those with which a cluster was taken; what is not chosen is as it was then.

    Raises:
        BadInput: One differs.
    """
    names = proof.names or Names()
    taken = {**proof.choices.typed(taker), "REVISION": names.revision}
    for name, value in choices.typed(taker).items():
        if name not in _REACHED_BY and value not in (words_of(taker)[name].default, taken[name]):
            raise BadInput(
                f"{name}={value}: the cluster of context {proof.choices.context} was taken with "
                f"{name}={taken[name] or '(empty)'}; leave that as it is, or give the cluster back first"
            )


def _record_of(proof: Proof) -> Record:
    return Record(proof.cluster.name, existing=True)


def _note_of(record: Record) -> Path:
    return record.folder / NOTE
