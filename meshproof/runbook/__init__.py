"""The runbook: the page as notebooks. All that their cells may call is here; how they run is in `execution`."""

from meshproof.runbook.own_cluster import Survey, survey
from meshproof.runbook.runbook import Runbook, open_proof, plan
from meshproof.runbook.section import Section

__all__ = ["Runbook", "Section", "Survey", "open_proof", "plan", "survey"]
