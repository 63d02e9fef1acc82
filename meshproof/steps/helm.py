"""Helm releases: one chart of the parts, installed or upgraded as a reader types it, and taken away."""

from __future__ import annotations

from meshproof.images import Parts
from meshproof.steps.model import Command, shell


def install(parts: Parts, chart: str, release: str, namespace: str, *args: str) -> Command:
    """`helm upgrade --install` of a chart."""
    return shell("helm", "upgrade", "--install", release, *chart_of(parts, chart), "--namespace", namespace, *args)


def uninstall(release: str, namespace: str) -> Command:
    """`helm uninstall` of a release that may be gone."""
    return shell("helm", "uninstall", release, "--namespace", namespace, "--ignore-not-found")


def chart_of(parts: Parts, chart: str) -> tuple[str, ...]:
    """A chart as helm is given it: where it is, and its version where that does not say so."""
    version = parts.chart_versions[chart]
    return (parts.charts[chart], *(("--version", version) if version else ()))
