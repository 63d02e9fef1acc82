"""Helm charts, packaged with the helm that was built here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshproof.environment import tool_environment
from meshproof.images.declaration import Chart
from meshproof.images.store import remove
from meshproof.run import run


def package_charts(charts: Mapping[str, Chart], components: Mapping[str, Path], target: Path) -> Mapping[str, Any]:
    """Package each chart as `<name>.tgz`.

    Raises:
        CommandFailed: helm rejects a chart.
    """
    helm = str(components["helm"] / "bin" / "helm")
    items: list[Mapping[str, str]] = []
    for chart in charts.values():
        component, _, path = chart.source.partition(":")
        aside = target / ".packaged"
        aside.mkdir()
        version = (f"--version={chart.version}", f"--app-version={chart.version}")
        argv = (helm, "package", str(components[component] / path), *version, f"--destination={aside}")
        run(*argv, env=tool_environment())
        (made,) = aside.glob("*.tgz")
        made.rename(target / f"{chart.name}.tgz")
        remove(aside)
        items.append({"name": chart.name, "version": chart.version, "hash": ""})
    return {"kind": "charts", "items": items}
