"""The page on one cluster: its sections run in order, what is kept of them, and where the cluster is on the page."""

from meshproof.proof.proof import Proof

__all__ = ["Proof"]
