"""Checks: pure functions from snapshots to findings."""
