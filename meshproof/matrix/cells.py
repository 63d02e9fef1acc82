"""The cells of a matrix: which of the supported combinations, the choices of each, and of what a verdict is one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import msgspec

from meshproof.carried import CODE
from meshproof.choices import Choices, words_of
from meshproof.errors import BadInput
from meshproof.releases import CHOICES, Cell, cells, find_cell

COMMAND = "e2e"  # which proves a cell


@dataclass(frozen=True)
class Planned:
    """One cell of a matrix: a combination, and the choices of the run that proves it, the cluster's name among them."""

    cell: Cell
    choices: Choices

    @property
    def slug(self) -> str:
        """The combination as a part of names: of its cluster, its folder, its test."""
        return slug(self.cell)

    @property
    def words(self) -> tuple[str, ...]:
        """What is typed after the command that proves it."""
        typed = self.choices.typed(COMMAND)
        return tuple(f"{name}={value}" for name, value in typed.items() if value != words_of(COMMAND)[name].default)

    @property
    def identity(self) -> str:
        """Of what a verdict is one: the combination as it is declared, the choices but for the name, and the code.

        Two that are equal stand for each other, wherever and whenever they were found on this machine.
        """
        nameless = replace(self.choices, name=Choices().name)
        told = {"cell": msgspec.to_builtins(self.cell), "words": replace(self, choices=nameless).words, "code": code()}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def slug(cell: Cell) -> str:
    """A combination as a part of names."""
    return re.sub("[^a-z0-9]+", "-", "-".join(getattr(cell, part) for part in CHOICES))


def plan(choices: Choices, form_of: Callable[[Cell], str], announce: Callable[[str], None]) -> Sequence[Planned]:
    """The cells that the choices leave, each with the choices of its run.

    Args:
        choices: The matrix's; a version that is given narrows it.
        form_of: In which form a cell is had.
        announce: Told which cells are left out.

    Raises:
        BadInput: There is none, or a cluster's name would be too long.
    """
    wanted = {part: value for part in CHOICES if (value := getattr(choices, part))}
    found = [cell for cell in cells() if all(getattr(cell, part) == value for part, value in wanted.items())]
    if not found:
        find_cell(**wanted)  # says why not
    able = [cell for cell in found if choices.images == "auto" or getattr(cell, choices.images) is not None]
    for cell in found:
        if cell not in able:
            announce(f"left out: {cell.label}, which has no {choices.images} form")
    if not able:
        raise BadInput(f"IMAGES={choices.images}: no combination that is asked for has that form; use IMAGES=auto")
    names = {slug(cell): f"{choices.name}-{slug(cell)}" for cell in able}
    for name in names.values():
        words_of(COMMAND)["NAME"].check(name)
    return [Planned(cell, _of_run(cell, choices, names[slug(cell)], form_of(cell))) for cell in able]


def _of_run(cell: Cell, choices: Choices, name: str, form: str) -> Choices:
    versions = {part: getattr(cell, part) for part in CHOICES}
    return replace(choices, **versions, images=form, name=name)


@cache
def code() -> str:
    """The code that proves: a digest of the files of library, suite and fixtures, committed or not."""
    digest = hashlib.sha256()
    for root in CODE:
        for path in sorted(_files(root)):
            digest.update(
                f"{path.relative_to(root.parent)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
            )
    return digest.hexdigest()[:16]


def _files(root: Path) -> Iterable[Path]:
    return (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
