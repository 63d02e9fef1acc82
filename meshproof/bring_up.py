"""From choices to a cluster: the cell, the engine, the parts, kind. What suite, runbook and command all begin with."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from meshproof import yamls
from meshproof.checks.finding import Finding
from meshproof.choices import Choices
from meshproof.cluster import Cluster, kind_cluster
from meshproof.doctor import check_room
from meshproof.engine import Engine, ensure_engine
from meshproof.errors import BadInput, MeshproofError
from meshproof.images import Parts, prepare
from meshproof.images.declaration import declaration
from meshproof.kube import inventory
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.releases import Cell, find_cell
from meshproof.report.files import write_text
from meshproof.report.runlog import run_log
from meshproof.steps import RESTORE, load_balancer
from meshproof.steps.give_back import FOUND, nothing_left, what_is_ours
from meshproof.survey.existing import Existing, leading_to
from meshproof.survey.found import Found
from meshproof.survey.plan import Plan
from meshproof.survey.take_away import take_away

BUSY_TIMEOUT_S = 600.0


def cell_of(choices: Choices) -> Cell:
    """The supported combination that the choices name.

    Raises:
        BadInput: There is no such version, or the combination is not supported.
    """
    return find_cell(choices.kgateway, choices.istio, choices.kubernetes)


def parts_of(choices: Choices, progress: Progress) -> tuple[Parts, Engine]:
    """Everything that a cluster is made of, assembled or named, and the engine that will run it.

    Raises:
        MachineCannot: The engine or a part cannot be had here.
    """
    if sys.platform == "linux":  # elsewhere the engine has a machine of its own
        check_room()
    engine = functools.cache(lambda: ensure_engine(progress.say))
    extras = [load_balancer.EXTRA] if choices.balanced else []
    return prepare(cell_of(choices), choices.images, engine, progress, extras), engine()


@contextlib.contextmanager
def proof_of(choices: Choices, progress: Progress) -> Generator[Proof]:
    """A proof on a kind cluster of its own, which is deleted at the end unless it is to be kept, or on an existing one.

    The artifacts are written before the cluster goes, whatever happened.

    Raises:
        MeshproofError: See `parts_of` and `meshproof.cluster.kind_cluster`.
    """
    if choices.existing:
        with run_log() as log, _proof_on_existing(choices, progress) as proof:
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


@contextlib.contextmanager
def _proof_on_existing(choices: Choices, progress: Progress) -> Generator[Proof]:
    """A proof on a cluster of somebody else's, which is given back as it was, whatever happens.

    Raises:
        MeshproofError: See `begun_on_existing`.
    """
    with begun_on_existing(choices, progress) as proof:
        try:
            yield proof
        finally:
            _give_back(proof)
            proof.write()


@contextlib.contextmanager
def begun_on_existing(choices: Choices, progress: Progress, into: Path | None = None) -> Generator[Proof]:
    """A proof at its beginning, on a cluster of somebody else's that no other run uses meanwhile; it is not given back.

    Its choices are those that were made, with what they came to here: the versions, and how the cluster is reached.

    Args:
        choices: The choices.
        progress: Told what takes time.
        into: Folder for what the proof leaves; a new one by default.

    Raises:
        BadInput: The page cannot be proved there, or the plan was not agreed to.
        NotReady: What an earlier run has left cannot be taken away.
    """
    existing = Existing.of(choices)
    found = existing.look()
    plan = existing.plan(found, choices)
    if not choices.yes:
        raise BadInput(f"the plan needs a yes: YES=1, or --yes. Nothing was changed\n{existing.told(found, plan)}")
    parts = _parts_there(existing.cell, found, plan, choices, progress)
    came_to = replace(
        choices,
        kgateway=existing.cell.kgateway,
        istio=existing.cell.istio,
        images=parts.form,
        kubeconfig=existing.kubeconfig,
        context=existing.api.context,
    )
    with _taken(existing, found, parts, choices, progress) as cluster:
        inventory.save(inventory.take_inventory(cluster.api), cluster.work / FOUND)
        proof = Proof(
            cluster,
            existing.cell,
            came_to,
            progress.say,
            into=into,
            names=plan.names,
            makes=plan.makes,
            notes=plan.notes,
        )
        write_text(proof.folder / "survey.txt", f"{existing.told(found, plan)}\n")
        yield proof


def give_back(choices: Choices, progress: Progress) -> None:
    """Take away what is left of a run in an existing cluster, and put back what it changed there.

    Raises:
        BadInput: As `Existing` has it.
        NotReady: Something of it stays.
    """
    existing = Existing.of(choices)
    found = existing.look()
    if found.left is None:
        record = existing.record()
        with record.locked(progress.say, BUSY_TIMEOUT_S):
            record.unmark()  # notebooks may have taken it, and made nothing yet
        progress.say(f"cluster {existing.api.server}: nothing of meshproof's is there")
        return
    form = "source" if existing.cell.source else "published"  # of tools alone
    parts = prepare(existing.cell, form, functools.cache(lambda: ensure_engine(progress.say)), progress)
    with _taken(existing, found, parts, choices, progress):
        progress.say(f"cluster {existing.api.server}: nothing of meshproof's is there any more")


@contextlib.contextmanager
def _taken(existing: Existing, found: Found, parts: Parts, choices: Choices, progress: Progress) -> Generator[Cluster]:
    """The cluster for ourselves, as far as other runs go, without what an earlier one has left there."""
    record = existing.record()
    with record.locked(progress.say, BUSY_TIMEOUT_S):
        record.end_programs()
        record.forget()  # what an earlier run knew of it is of then
        record.work.mkdir(parents=True)
        # The first of several that names a context has the say. It names nothing else: no credential is copied.
        record.kubeconfig.write_text(yamls.dump({"kind": "Config", "current-context": existing.api.context}))
        cluster = Cluster(record.name, record.kubeconfig, parts, record.work, further=existing.kubeconfig)
        try:
            if found.left:
                take_away(found.left, cluster, existing.cell, choices, progress.say)
            yield cluster
        finally:
            cluster.close()


def _parts_there(cell: Cell, found: Found, plan: Plan, choices: Choices, progress: Progress) -> Parts:
    """Tools, charts and images for a cluster of somebody else's, whose nodes pull images unless they hold them."""
    form = choices.images
    if form == "auto":
        needed = {image.ref for image in declaration(cell).images.values() if image.ref} if cell.source else set[str]()
        held = bool(needed) and all(needed <= node.images for node in found.nodes)
        form = "source" if held else "published"
        progress.say(f"images: {'those that its nodes hold, assembled here' if held else 'the published ones'}")
    parts = prepare(cell, form, functools.cache(lambda: ensure_engine(progress.say)), progress)
    api = found.gateway_api.version if found.gateway_api else parts.versions["gateway-api"]
    versions = {
        "kgateway": cell.kgateway,
        "istio": plan.istiod.version,
        "kubernetes": found.kubernetes,
        "gateway-api": api,
    }
    images = {**parts.images, "proxyv2": plan.istiod.proxy_image}
    return replace(parts, versions=versions, images=images)


def _give_back(proof: Proof) -> None:
    """Run the last section where the run did not come to it, and name what stays all the same."""
    try:
        if RESTORE.slug not in proof.results:
            proof.announce("the run did not come to its end: giving the cluster back as it was")
            proof.run(RESTORE.slug)
    finally:
        link = what_is_ours(proof.setting("before"))
        try:
            finding = nothing_left(link.read(proof.cluster))
        except MeshproofError as error:
            finding = Finding(False, "", f"it cannot be seen what: {str(error).splitlines()[0]}")
        if not finding.holds:
            proof.announce(f"left in {proof.cluster.api.server}: {finding.observed}")
            proof.announce(
                f"  the next run takes it away first; without one: meshproof delete {leading_to(proof.choices)}"
            )
