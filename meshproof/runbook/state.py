"""What is known of a cluster from one notebook to the next: the sections that ran there, kept beside the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from meshproof.cluster import Cluster
from meshproof.proof import Proof
from meshproof.report import results_json
from meshproof.results import RunResult, StepResult
from meshproof.steps import PAGE

NOTEBOOKS: Mapping[str, str] = {
    "before": "01-before-you-begin",
    "istio": "10-install-istio",
    "enable": "20-enable-the-integration",
    "route": "30-route-over-mtls",
    "exclude": "40-exclude-a-service",
    "cleanup": "50-clean-up",
}


def state_file(cluster: Cluster) -> Path:
    """Where the results are kept; it goes when the cluster is made anew."""
    return cluster.work / "runbook.json"


def inventory_file(cluster: Cluster, slug: str) -> Path:
    """Where the inventory of the cluster at the end of a section is kept."""
    return cluster.work / f"inventory-after-{slug}.json"


def load(cluster: Cluster) -> dict[str, StepResult]:
    """The results of the sections that ran on this cluster, by slug and in page order.

    Raises:
        BadInput: The file is there and cannot be read.
    """
    path = state_file(cluster)
    steps = results_json.read(path).steps if path.exists() else ()
    return in_page_order({step.slug: step for step in steps})


def recall(proof: Proof) -> None:
    """Let a proof know what was found on its cluster before, and when that was taken up again.

    Raises:
        BadInput: What is kept cannot be read.
    """
    path = state_file(proof.cluster)
    proof.results = load(proof.cluster)
    proof.resumed = results_json.read(path).resumed if path.exists() else ()


def stand_at(proof: Proof, number: int) -> None:
    """Forget what was found after a section: once it runs again, or is what a run goes on from, that is history."""
    known = list(PAGE)[: number + 1]
    proof.results = {slug: result for slug, result in proof.results.items() if slug in known}
    proof.resumed = tuple(each for each in proof.resumed if each.start <= number)


def save(run: RunResult, cluster: Cluster) -> None:
    """Keep the results of a run, secrets taken out."""
    results_json.write(run, state_file(cluster))


def forget(cluster: Cluster) -> None:
    """Begin anew."""
    state_file(cluster).unlink(missing_ok=True)


def in_page_order(results: Mapping[str, StepResult]) -> dict[str, StepResult]:
    """The same results in the order of the page."""
    return {slug: results[slug] for slug in PAGE if slug in results}
