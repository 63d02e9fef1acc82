"""What is known of a cluster from one notebook to the next: the sections that ran there, kept beside the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from meshproof.cluster import Cluster
from meshproof.errors import NotReady
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


# A claim that a later section makes untrue, and that section.
ENDED_BY: Mapping[str, str] = {
    "before.gateway-containers": "enable",
    "before.response": "route",
    "enable.plaintext-until-injected": "route",
}


def state_file(cluster: Cluster) -> Path:
    """Where the results are kept; it goes when the cluster is made anew."""
    return cluster.work / "runbook.json"


def load(cluster: Cluster) -> dict[str, StepResult]:
    """The results of the sections that ran on this cluster, by slug and in page order.

    Raises:
        BadInput: The file is there and cannot be read.
    """
    path = state_file(cluster)
    steps = results_json.read(path).steps if path.exists() else ()
    return in_page_order({step.slug: step for step in steps})


def save(run: RunResult, cluster: Cluster) -> None:
    """Keep the results of a run, secrets taken out."""
    results_json.write(run, state_file(cluster))


def forget(cluster: Cluster) -> None:
    """Begin anew."""
    state_file(cluster).unlink(missing_ok=True)


def in_page_order(results: Mapping[str, StepResult]) -> dict[str, StepResult]:
    """The same results in the order of the page."""
    return {slug: results[slug] for slug in PAGE if slug in results}


def stands(slug: str, results: Mapping[str, StepResult]) -> bool:
    """Whether a section ran to its end and the clean-up has not taken it back since."""
    result, back = results.get(slug), results.get("cleanup")
    if result is None or result.error:
        return False
    return slug in ("before", "cleanup") or back is None or back.started < result.started


def require(slug: str, results: Mapping[str, StepResult]) -> None:
    """Refuse a section before those that it stands on, or after one that undid what it claims.

    The clean-up takes back whatever is there.

    Raises:
        NotReady: A section comes first; the message names its notebook.
    """
    over = [later for id_, later in ENDED_BY.items() if id_.startswith(f"{slug}.") and stands(later, results)]
    if over:
        raise NotReady(
            f"{NOTEBOOKS[slug]}: {NOTEBOOKS[over[0]]} has been run since and changed what is claimed here; "
            f"run {NOTEBOOKS['cleanup']}.ipynb first, then begin anew"
        )
    if slug == "cleanup":
        missing = [] if "istio" in results else ["istio"]
    else:
        missing = [earlier for earlier in list(PAGE)[: list(PAGE).index(slug)] if not stands(earlier, results)]
    if missing:
        raise NotReady(
            f"{NOTEBOOKS[slug]}: not ready, since {NOTEBOOKS[missing[0]]} has not been completed on this cluster; "
            f"run {NOTEBOOKS[missing[0]]}.ipynb first"
        )
