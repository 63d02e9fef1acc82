"""The notebooks of the runbook: which section each is about, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshproof.errors import BadInput
from meshproof.steps import PAGE

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
INDEX = "00-index.ipynb"


@dataclass(frozen=True)
class Chapter:
    """A notebook and its section; `number` is the section's place on the page, as FROM= takes it."""

    number: int
    slug: str
    file: str


CHAPTERS = (
    Chapter(0, "before", "01-before-you-begin.ipynb"),
    Chapter(1, "istio", "10-install-istio.ipynb"),
    Chapter(2, "enable", "20-enable-the-integration.ipynb"),
    Chapter(3, "route", "30-route-over-mtls.ipynb"),
    Chapter(4, "exclude", "40-exclude-a-service.ipynb"),
    Chapter(5, "cleanup", "50-clean-up.ipynb"),
)


def chapter_of(slug: str) -> Chapter:
    """The notebook of a section.

    Raises:
        BadInput: The page has no such section.
    """
    for chapter in CHAPTERS:
        if chapter.slug == slug:
            return chapter
    raise BadInput(f"section {slug!r}: unknown; the page has {', '.join(PAGE)}")


def chapters_from(number: str) -> Sequence[Chapter]:
    """The notebooks from a section on, all of them for an empty text.

    Raises:
        BadInput: Not the number of a section.
    """
    known = {str(chapter.number): chapter for chapter in CHAPTERS}
    if number and number not in known:
        listed = ", ".join(f"{chapter.number} ({chapter.slug})" for chapter in CHAPTERS)
        raise BadInput(f"FROM={number}: expected the number of a section: {listed}")
    return CHAPTERS[known[number].number if number else 0 :]


def check_notebooks(folder: Path = NOTEBOOKS) -> None:
    """See that all notebooks are there before anything is made for them.

    Raises:
        BadInput: One is missing, or this is no checkout.
    """
    missing = [name for name in (INDEX, *(chapter.file for chapter in CHAPTERS)) if not (folder / name).is_file()]
    if missing:
        raise BadInput(
            f"notebooks {folder}: expected {', '.join(missing)} there, and found none; run this from a whole checkout"
        )
