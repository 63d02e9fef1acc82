"""A proof on a cluster that somebody else made: taken, proved, and given back as it was."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from meshproof import yamls
from meshproof.checks.finding import Finding
from meshproof.choices import Choices
from meshproof.cluster import Cluster, Record
from meshproof.engine import ensure_engine
from meshproof.errors import BadInput, MeshproofError
from meshproof.images import Parts, prepare
from meshproof.images.declaration import declaration
from meshproof.kube import inventory
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.releases import Cell
from meshproof.report.files import write_text
from meshproof.report.summary import SURVEY
from meshproof.steps import RESTORE
from meshproof.steps.give_back import FOUND, nothing_left, what_is_ours
from meshproof.steps.setting import Maker
from meshproof.survey.existing import Existing, leading_to
from meshproof.survey.found import Found
from meshproof.survey.plan import Plan
from meshproof.survey.take_away import take_away

BUSY_TIMEOUT_S = 600.0


@contextlib.contextmanager
def proof_on_existing(choices: Choices, progress: Progress) -> Generator[Proof]:
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
    with _alone(existing, progress) as record:
        found = existing.look()
        existing.refuse_another_run(found)
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
        with _taken(existing, record, found, parts, progress) as cluster:
            if found.left:  # what was taken away has changed what there is: who manages a controller's fields, too
                found = existing.look()
                plan = existing.plan(found, choices)
            inventory.save(inventory.take_inventory(cluster.api), cluster.work / FOUND)
            proof = Proof(
                cluster,
                existing.cell,
                came_to,
                progress.say,
                into=into,
                names=plan.names,
                makes=replace(plan.makes, by=Maker(socket.gethostname(), os.getpid(), time.time())),
                notes=plan.notes,
            )
            write_text(proof.folder / SURVEY, f"{existing.told(found, plan)}\n")
            yield proof


def give_back(choices: Choices, progress: Progress) -> None:
    """Take away what is left of a run in an existing cluster, and put back what it changed there.

    Raises:
        BadInput: As `Existing` has it.
        NotReady: Something of it stays.
    """
    existing = Existing.of(choices)
    with _alone(existing, progress) as record:
        found = existing.look()
        record.unmark()  # notebooks may have taken it, and made nothing yet
        if found.left is None:
            progress.say(f"cluster {existing.api.server}: nothing of meshproof's is there")
            return
        existing.agree_to_take_away(choices)
        parts = _prepared(existing.cell, found, choices, progress)
        with _taken(existing, record, found, parts, progress):
            progress.say(f"cluster {existing.api.server}: nothing of meshproof's is there any more")


@contextlib.contextmanager
def _alone(existing: Existing, progress: Progress) -> Generator[Record]:
    """What is known of the cluster here, while no other run of this machine uses it."""
    record = existing.record()
    with record.locked(progress.say, BUSY_TIMEOUT_S):
        yield record


@contextlib.contextmanager
def _taken(existing: Existing, record: Record, found: Found, parts: Parts, progress: Progress) -> Generator[Cluster]:
    """The cluster, without what an earlier run has left there and without what was known of it then."""
    record.end_programs()
    cluster = Cluster(record.name, record.kubeconfig, parts, record.work, further=existing.kubeconfig)
    try:
        _lead_to(existing, record)
        if found.left:
            take_away(found.left, cluster, existing.cell, progress.say)
        record.forget()
        _lead_to(existing, record)
        yield cluster
    finally:
        cluster.close()


def _lead_to(existing: Existing, record: Record) -> None:
    """Have a kubeconfig that names the context, and nothing else: the first of several has the say of that.

    No credential is copied.
    """
    record.work.mkdir(parents=True, exist_ok=True)
    record.kubeconfig.write_text(yamls.dump({"kind": "Config", "current-context": existing.api.context}))


def _parts_there(cell: Cell, found: Found, plan: Plan, choices: Choices, progress: Progress) -> Parts:
    """Tools, charts and images for a cluster of somebody else's."""
    parts = _prepared(cell, found, choices, progress)
    api = found.gateway_api.version if found.gateway_api else parts.versions["gateway-api"]
    versions = {
        "kgateway": cell.kgateway,
        "istio": plan.istiod.version,
        "kubernetes": found.kubernetes,
        "gateway-api": api,
    }
    images = {**parts.images, "proxyv2": plan.istiod.proxy_image}
    return replace(parts, versions=versions, images=images)


def _prepared(cell: Cell, found: Found, choices: Choices, progress: Progress) -> Parts:
    """What there is for it, in the form that was chosen: its nodes pull images unless they hold them."""
    form = choices.images
    if form == "auto":
        needed = {image.ref for image in declaration(cell).images.values() if image.ref} if cell.source else set[str]()
        held = bool(needed) and all(needed <= node.images for node in found.nodes)
        form = "source" if held else "published"
        progress.say(f"images: {'those that its nodes hold, assembled here' if held else 'the published ones'}")
    engine = functools.cache(lambda: ensure_engine(progress.say))
    return prepare(cell, form, engine, progress, kubernetes=found.kubernetes)


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
