"""The runbook: the page as notebooks. What their cells call is here; how they are executed is in `execute`."""

from meshproof.runbook.section import Section
from meshproof.runbook.session import Book, open_proof, plan

__all__ = ["Book", "Section", "open_proof", "plan"]
