"""What a notebook works with: the proof on a cluster that outlives it, one section at a time."""

from __future__ import annotations

import atexit
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from meshproof.bring_up import cell_of, parts_of
from meshproof.choices import Choices
from meshproof.cluster import Cluster, check_name, kind_cluster
from meshproof.errors import MeshproofError, NotReady, Refuted
from meshproof.images import Parts
from meshproof.paths import state_dir
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.results import StepResult
from meshproof.runbook import latency, observe, shown, state
from meshproof.runbook.shown import Shown
from meshproof.steps import PAGE
from meshproof.steps.looks import PAGE_HOST

CLUSTER_NAME = "meshproof"


def attach(name: str, parts: Parts) -> Cluster:
    """A cluster of ours by its name, whether or not it runs."""
    folder = state_dir() / "clusters" / name
    return Cluster(name, folder / "kubeconfig", parts, folder / "work")


def running(cluster: Cluster) -> bool:
    """Whether the cluster is there and answers."""
    try:
        return cluster.kubeconfig.exists() and cluster.work.is_dir() and cluster.api.answers()
    except MeshproofError:
        return False


def open_proof(
    *,
    kgateway: str = "",
    istio: str = "",
    kubernetes: str = "",
    revision: str = "",
    access: str = "port-forward",
    images: str = "auto",
    name: str = CLUSTER_NAME,
    artifacts: str = "",
    make: bool = False,
) -> Book:
    """Find the cluster that the runbook works on, or make it.

    Args:
        kgateway: Version; empty takes the newest supported one. So do `istio` and `kubernetes`.
        istio: Version.
        kubernetes: Version.
        revision: Istio's revision; empty is revisionless.
        access: How requests reach the gateway.
        images: Where images come from: auto, source or published.
        name: The kind cluster's name.
        artifacts: Folder for what the cluster looked like when a claim is refuted; beside the cluster by default.
        make: Make the cluster, and keep it, where there is none.

    Raises:
        BadInput: A choice is not supported.
        NotReady: There is no such cluster and it is not to be made.
        MeshproofError: See `meshproof.bring_up.parts_of` and `meshproof.cluster.kind_cluster`.
    """
    words = {"KGATEWAY": kgateway, "ISTIO": istio, "KUBERNETES": kubernetes, "REVISION": revision}
    choices = Choices.parse({**words, "ACCESS": access, "IMAGES": images, "KEEP": "1"})
    check_name(name)
    progress = Progress(sys.stdout, live=False)
    parts, engine = parts_of(choices, progress)
    cluster = attach(name, parts)
    made = False
    if not running(cluster):
        if not make:
            first = state.NOTEBOOKS["before"]
            raise NotReady(f"cluster {name}: does not run; {first}.ipynb makes it, so run that first")
        with kind_cluster(name, parts, engine, keep=True, announce=progress.say):
            made = True
        cluster = attach(name, parts)
    atexit.register(cluster.close)
    into = Path(artifacts) if artifacts else cluster.work
    proof = Proof(cluster, cell_of(choices), choices, progress.say, into=into, results=state.load(cluster))
    return Book(proof, made=made)


def plan(
    *,
    kgateway: str = "",
    istio: str = "",
    kubernetes: str = "",
    revision: str = "",
    access: str = "port-forward",
    images: str = "auto",
    name: str = CLUSTER_NAME,
) -> Shown:
    """What the parameters come to, as the other notebooks will use it; nothing is made. Arguments as `open_proof`.

    Raises:
        BadInput: A choice is not supported.
    """
    words = {"KGATEWAY": kgateway, "ISTIO": istio, "KUBERNETES": kubernetes, "REVISION": revision}
    choices = Choices.parse({**words, "ACCESS": access, "IMAGES": images})
    check_name(name)
    return shown.plan_table(cell_of(choices), choices, name)


@dataclass(frozen=True)
class Book:
    """The runbook open on one cluster. Its methods give what a cell shows."""

    proof: Proof
    made: bool = False

    def run(self, slug: str) -> Section:
        """Run a section of the page, again where it ran before, and keep what was found.

        Raises:
            NotReady: Another section comes first.
        """
        self.proof.results = state.load(self.proof.cluster)  # another notebook may have gone on meanwhile
        state.require(slug, self.proof.results)
        result = self.proof.run(slug)
        self.proof.results = state.in_page_order({**self.proof.results, slug: result})
        ran = tuple(self.proof.results.values())  # without the sections that are still to come
        state.save(replace(self.proof.result(), steps=ran), self.proof.cluster)
        return Section(result)

    def commands(self, slug: str) -> Shown:
        """What a reader types in a section, for the versions and choices of this run."""
        step = PAGE[slug](self.proof.setting(slug))
        return shown.typed_commands([command.text for command in step.documented])

    def pods(self) -> Shown:
        """The pods of gateway, app and istiod as they are now, with their containers."""
        return shown.pods_table(observe.pods(self.proof.cluster))

    def request_path(self, host: str = PAGE_HOST) -> Shown:
        """The way of one request for this host, sent now: who handles it, and which hops are encrypted."""
        return shown.path_picture(observe.path(self.proof.cluster, host))

    def client_certificate(self, host: str = PAGE_HOST) -> Shown:
        """The client certificate header of one request for this host, beside what it should name."""
        return shown.certificate_tables(observe.certificate(self.proof.cluster, host))

    def latency(self) -> Shown:
        """How long requests take with mTLS and without, over the same pods, measured inside the cluster."""
        return latency.plot(latency.measure(self.proof.cluster))

    def timeline(self) -> Shown:
        """Where the time of all sections so far went."""
        return shown.timeline_picture(self.proof.result())

    def verdict(self) -> Shown:
        """All sections so far with their checks, and the verdict."""
        return shown.verdict_table(self.proof.result())

    def _repr_html_(self) -> str:
        return shown.opened(self.proof, made=self.made).html


@dataclass(frozen=True)
class Section:
    """A section that was run. As a cell's value it shows what was typed and what that changed."""

    result: StepResult

    @property
    def claims(self) -> Shown:
        """Each claim, proven or refuted, with what was expected and what was seen."""
        return shown.claims_table(self.result)

    @property
    def departures(self) -> Shown:
        """Where the page's own words do not hold, and what was done instead."""
        return shown.departures_list(self.result)

    def confirm(self) -> Shown:
        """Say that the section is proven.

        Raises:
            Refuted: It is not; each claim that failed is named.
        """
        failed = [check for check in self.result.checks if check.status != "proven"]
        if not failed and not self.result.error:
            return shown.proven_note(self.result)
        told = [f"{c.claim} [{c.id}]\n  expected: {c.expected}\n  observed: {c.observed}" for c in failed]
        problem = [f"step: {self.result.error}"] if self.result.error else []
        head = f"{self.result.section}: {len(failed)} of {len(self.result.checks)} claims are not proven"
        raise Refuted("\n".join([head, *problem, *told]))

    def _repr_html_(self) -> str:
        return shown.what_ran(self.result).html
