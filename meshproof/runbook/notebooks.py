"""The notebooks as they are committed: one for each section of the page, and an index."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from meshproof.errors import BadInput
from meshproof.steps import PAGE

NOTEBOOKS_DIR = Path(__file__).resolve().parents[2] / "notebooks"
INDEX = "00-index.ipynb"
NOTEBOOKS: Mapping[str, str] = {slug: section.notebook for slug, section in PAGE.items()}


def notebook_paths() -> list[Path]:
    """All notebooks in the order in which they run.

    Raises:
        BadInput: One is missing, or they are not beside the library, as in an installed copy.
    """
    paths = [NOTEBOOKS_DIR / name for name in (INDEX, *(f"{stem}.ipynb" for stem in NOTEBOOKS.values()))]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise BadInput(f"notebook missing: {', '.join(missing)}; run this from a whole checkout of meshproof")
    return paths
