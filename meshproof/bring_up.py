"""From choices to a cluster: the cell, the engine, the parts, kind. What suite, runbook and command all begin with."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Generator

from meshproof.choices import Choices
from meshproof.cluster import kind_cluster
from meshproof.doctor import check_room
from meshproof.engine import Engine, ensure_engine
from meshproof.images import Parts, prepare, pull_node_image
from meshproof.on_existing import proof_on_existing
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.releases import Cell, find_cell, with_sources
from meshproof.report.runlog import run_log
from meshproof.sources import read
from meshproof.steps import load_balancer

BUSY_TIMEOUT_S = 600.0


def cell_of(choices: Choices) -> Cell:
    """The supported combination that the choices name, with what they have built from something else.

    Raises:
        BadInput: There is no such version, the combination is not supported, or a source is none.
        CommandFailed: git does not tell what is part of a working tree.
    """
    cell = find_cell(choices.kgateway, choices.istio, choices.kubernetes)
    return with_sources(cell, {part: read(f"{part.upper()}_SOURCE", each) for part, each in choices.sources.items()})


def parts_of(choices: Choices, progress: Progress) -> tuple[Parts, Engine]:
    """Everything that a cluster is made of, assembled or named, and the engine that will run it.

    Raises:
        MachineCannot: The engine or a part cannot be had here.
    """
    check_room()
    engine = functools.cache(lambda: ensure_engine(progress.say))
    extras = [load_balancer.EXTRA] if choices.balanced else []
    parts = prepare(cell_of(choices), choices.images, engine, progress, extras)
    if parts.form == "published":
        pull_node_image(parts.node_image, parts.mirror, engine(), progress)
    return parts, engine()


@contextlib.contextmanager
def proof_of(choices: Choices, progress: Progress) -> Generator[Proof]:
    """A proof on a kind cluster of its own, which is deleted at the end unless it is to be kept, or on an existing one.

    The artifacts are written before the cluster goes, whatever happened.

    Raises:
        MeshproofError: See `parts_of` and `meshproof.cluster.kind_cluster`.
    """
    if choices.existing:
        with run_log() as log, proof_on_existing(choices, progress) as proof:
            log.keep_in(proof.folder)
            yield proof
        return
    with run_log() as log:
        parts, engine = parts_of(choices, progress)
        with kind_cluster(choices.name, parts, engine, keep=choices.keep, announce=progress.say) as cluster:
            proof = Proof(cluster, cell_of(choices), choices, progress.say)
            log.keep_in(proof.folder)
            try:
                proof.rewind()
                yield proof
            finally:
                proof.write()
