"""The files of a run's folder by which a verdict can be had again: blocks as they were given to a program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from meshproof.page.block import Block
from meshproof.report.files import write_text

BLOCKS = "blocks"


@dataclass(frozen=True)
class Kept:
    """The folder of a run."""

    folder: Path

    def file(self, block: Block, ending: str, text: str) -> str:
        """Keep a text of a block, and say where, as one would type it in the run's folder."""
        path = self.folder / BLOCKS / f"{block.number:02}{ending}"
        path.parent.mkdir(exist_ok=True)
        write_text(path, text.rstrip("\n") + "\n")
        return f"{BLOCKS}/{path.name}"
