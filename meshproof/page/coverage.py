"""Every block of a page with its verdict: what coverage.json has, and how it is made of what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from meshproof.errors import BadInput
from meshproof.page.block import Block, Kind
from meshproof.page.known import Known, Near, Recognised
from meshproof.page.reading import Page
from meshproof.page.remark import Remark
from meshproof.page.verdict import OPEN, Evidence, Judged, Verdict
from meshproof.releases import CHOICES, Cell
from meshproof.report.files import write_text

FILE = "coverage.json"


@dataclass(frozen=True)
class Nearest:
    """The known block that a changed one is nearest to: its number, and how near, from 0 to 1."""

    number: int
    score: float


@dataclass(frozen=True)
class Row:
    """A block and what is said of it. `repeat` is typed in the folder of coverage.json."""

    number: int
    line: int
    end: int
    section: str
    item: str
    tab: str
    language: str
    kind: Kind
    fingerprint: str
    verdict: Verdict
    evidence: Evidence
    seen: str = ""
    correction: str = ""
    repeat: str = ""
    step: str = ""
    checks: tuple[str, ...] = ()
    nearest: Nearest | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """Which page it was."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Coverage:
    """What is said of a page, for a release.

    Attributes:
        blocks: In order.
        gone: Numbers of the known blocks that are on the page no more.
        unknown_includes: What the page takes from elsewhere and was not given.
        hidden: How many pieces are for tests alone, and on no reader's page.
    """

    page: File
    release: Mapping[str, str]
    blocks: tuple[Row, ...]
    gone: tuple[int, ...] = ()
    unknown_includes: tuple[str, ...] = ()
    hidden: int = 0
    remarks: tuple[Remark, ...] = ()

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many blocks have each verdict, the most frequent first."""
        counted: Counter[Verdict] = Counter(row.verdict for row in self.blocks)
        return dict(counted.most_common())

    @property
    def settled(self) -> int:
        """How many blocks have a verdict that counts."""
        return sum(row.verdict not in OPEN for row in self.blocks)

    @property
    def covered(self) -> bool:
        """Whether each block has one, and none is gone."""
        return self.settled == len(self.blocks) and not self.gone


def cover(
    page: Page, cell: Cell, recognised: Recognised, verdicts: Mapping[int, Judged], why: Mapping[int, str]
) -> Coverage:
    """Put together what was found of a page.

    Args:
        page: As it was read.
        cell: The combination that it was held against.
        recognised: Which of its blocks are known.
        verdicts: Those of the blocks that were judged, by number.
        why: Why nothing was said of the others, by number.
    """
    rows = tuple(_row(block, recognised, verdicts.get(block.number), why[block.number]) for block in page.blocks)
    return Coverage(
        page=File(page.origin, page.sha256),
        release={name: str(getattr(cell, name)) for name in CHOICES},
        blocks=rows,
        gone=tuple(each.number for each in recognised.gone),
        unknown_includes=tuple(page.unknown),
        hidden=page.hidden,
        remarks=tuple(page.remarks),
    )


def write(coverage: Coverage, folder: Path) -> Path:
    """Write coverage.json into a folder.

    Raises:
        MachineCannot: It cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(coverage), indent=2).decode()
    write_text(folder / FILE, text + "\n")
    return folder / FILE


def read(path: Path) -> Coverage:
    """Read what `write` wrote.

    Raises:
        BadInput: The file is missing, or is no coverage.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Coverage)
    except OSError as error:
        raise BadInput(f"{path}: expected a {FILE}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not a {FILE}: {error}") from error


def _row(block: Block, recognised: Recognised, judged: Judged | None, why: str) -> Row:
    place, same, near = block.place, recognised.same.get(block.number), recognised.near.get(block.number)
    said = _said(judged, why, same, near)
    return Row(
        number=block.number,
        line=place.line,
        end=place.end,
        section=place.section,
        item=place.item,
        tab=place.tab.label if place.tab else "",
        language=block.language,
        kind=block.kind,
        fingerprint=block.fingerprint,
        verdict=said.verdict,
        evidence=said.evidence,
        seen=said.seen,
        correction=said.correction,
        repeat=said.repeat,
        step=same.step if same else "",
        checks=same.checks if same else (),
        nearest=Nearest(near.known.number, round(near.score, 2)) if near else None,
        paths=tuple(block.paths),
    )


def _said(judged: Judged | None, why: str, same: Known | None, near: Near | None) -> Judged:
    """A changed block is drifted, whatever else is seen of it; one that nothing stands for has a verdict or none."""
    if near:
        seen = f"changed; nearest is #{near.known.number}, {near.score:.0%}"
        return Judged("drifted", "parsed", f"{seen}; {judged.verdict}: {judged.seen}" if judged else seen)
    return judged or Judged("not reached" if same else "unknown", "parsed", why)
