"""Where a notebook works, and with which versions and choices."""

from __future__ import annotations

from meshproof.choices import Choices
from meshproof.proof import Proof
from meshproof.releases import Cell
from meshproof.report import summary
from meshproof.runbook.shown import Shown, panel


def opened(proof: Proof, *, made: bool) -> Shown:
    """The cluster and the versions that the notebook works on."""
    run = proof.result()
    how = "made for this run" if made else "found running"
    versions = summary.versions(run, "kgateway", "istio", "kubernetes", "gateway-api")
    choices = [(name, value) for name, value in run.choices.items() if name != "cluster"]
    done = ", ".join(step.section for step in proof.results.values()) or "none yet"
    facts = [("cluster", f"{proof.cluster.name}, {how}"), *versions, *choices, ("sections that ran here", done)]
    return panel("opened", "Where this notebook works", facts=facts)


def plan_table(cell: Cell, choices: Choices, name: str) -> Shown:
    """The versions and choices that the notebooks will use."""
    versions = [("kgateway", cell.kgateway), ("Istio", cell.istio), ("Kubernetes", cell.kubernetes)]
    chosen = [(key, value) for key, value in choices.named().items() if key != "cluster"]
    facts = [("cluster", name), *versions, ("Gateway API", cell.gateway_api), *chosen]
    return panel("opened", "The notebooks will use", facts=facts)
