"""Every supported combination, a cell each, on a cluster of its own, several at once; what differs, in one report."""

from __future__ import annotations

from meshproof.matrix.matrix import run_matrix

__all__ = ["run_matrix"]
