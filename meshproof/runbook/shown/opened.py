"""Where a notebook works, and with which versions and choices."""

from __future__ import annotations

from meshproof.choices import Choices
from meshproof.proof import Proof
from meshproof.releases import Cell
from meshproof.report import summary
from meshproof.runbook.shown import Shown, panel


def where(proof: Proof) -> str:
    """The cluster as a reader knows it."""
    return f"of context {proof.choices.context}" if proof.choices.existing else proof.cluster.name


def opened(proof: Proof, *, made: bool) -> Shown:
    """The cluster and the versions that the notebook works on."""
    run = proof.result()
    how = "found running" if not made else "taken for this run" if proof.choices.existing else "made for this run"
    versions = summary.versions(run, "kgateway", "istio", "kubernetes", "gateway-api")
    choices = [(name, value) for name, value in run.choices.items() if name != "cluster"]
    done = ", ".join(step.section for step in proof.results.values()) or "none yet"
    facts = [("cluster", f"{where(proof)}, {how}"), *versions, *choices, ("sections that ran here", done)]
    return panel("opened", "Where this notebook works", facts=facts)


def plan_table(cell: Cell, choices: Choices) -> Shown:
    """The versions and choices that the notebooks will use. In an existing cluster all but kgateway are as found."""
    versions = [("Istio", cell.told("istio")), ("Kubernetes", cell.kubernetes), ("Gateway API", cell.gateway_api)]
    chosen = [(key, value) for key, value in choices.named().items() if key != "cluster"]
    named = "somebody else's" if choices.existing else choices.name
    used = [(name, "as found" if choices.existing else version) for name, version in versions]
    facts = [("cluster", named), ("kgateway", cell.told("kgateway")), *used, *chosen]
    return panel("opened", "The notebooks will use", facts=facts)
