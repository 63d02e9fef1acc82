"""The notebooks as they are committed: one for each section, an index, and one for a cluster of somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from meshproof.carried import NOTEBOOKS_DIR
from meshproof.errors import BadInput
from meshproof.steps import PAGE, RESTORE

INDEX = "00-index.ipynb"
OWN_CLUSTER = "02-your-own-cluster.ipynb"
NOTEBOOKS: Mapping[str, str] = {section.slug: section.notebook for section in (*PAGE.values(), RESTORE)}


def run_order(*, existing: bool) -> Sequence[str]:
    """The notebooks that a run executes, in order: somebody else's cluster is surveyed first and given back last."""
    before, *others = (f"{stem}.ipynb" for stem in NOTEBOOKS.values())
    return (INDEX, OWN_CLUSTER, before, *others) if existing else (INDEX, before, *others[:-1])


def notebook_paths() -> list[Path]:
    """All notebooks, by their numbers.

    Raises:
        BadInput: One is missing.
    """
    paths = [NOTEBOOKS_DIR / name for name in sorted(run_order(existing=True))]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise BadInput(
            f"notebook missing: {', '.join(missing)}; install meshproof anew, or run this from a whole checkout of it"
        )
    return paths
