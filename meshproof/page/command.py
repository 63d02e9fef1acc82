"""The command `coverage`: read a page, judge its blocks, tell."""

from __future__ import annotations

import os
from pathlib import Path

from meshproof import errors
from meshproof.choices import Choices
from meshproof.page import coverage, docs_tests, html, told
from meshproof.page.baseline import compare
from meshproof.page.block import SHELL_KINDS, Block
from meshproof.page.by_release import by_release
from meshproof.page.by_shell import by_shell, placeholders
from meshproof.page.coverage import Coverage
from meshproof.page.includes import read_includes
from meshproof.page.kept import Kept
from meshproof.page.known import known_blocks, recognise
from meshproof.page.reading import Page, read_page
from meshproof.page.release import Release, release_at_hand
from meshproof.paths import artifacts_dir
from meshproof.releases import Cell, find_cell
from meshproof.report import github
from meshproof.report.files import write_text
from meshproof.report.run_folder import new_run_folder


def cover_page(choices: Choices) -> int:
    """Judge each block of a page without a cluster, write coverage.json, and say what was found.

    Returns:
        1 when a block falls that did not in the baseline; else 0.

    Raises:
        BadInput: The page, the baseline or what it includes cannot be read.
    """
    cell = find_cell(choices.kgateway, choices.istio, choices.kubernetes)
    then = coverage.read(Path(choices.baseline)) if choices.baseline else None
    page = read_page(choices.page, read_includes(choices.reuse))
    folder = new_run_folder(artifacts_dir(), "coverage")
    now = judged(page, cell, folder)
    compared = compare(now, then) if then else None
    summary = told.summary(now, compared)
    file = coverage.write(now, folder)
    html.write(page, now, summary, folder)
    write_text(folder / docs_tests.FILE, docs_tests.annotations_of(page, now))
    print(told.table(now), summary, f"→ {os.path.relpath(file)}", sep="\n\n")
    if github.runs_this(os.environ):
        for line in told.github_annotations(now):
            print(line)
    return errors.REFUTED if compared and compared.lost else errors.PROVEN


def judged(page: Page, cell: Cell, folder: Path) -> Coverage:
    """What can be said of a page without a cluster; what a program was given is kept in the folder."""
    release, kept = release_at_hand(cell), Kept(folder)
    shell = by_shell(page, release.parts.tools if release else None, kept)
    verdicts = {**(by_release(page, release, kept) if release else {}), **shell.verdicts}
    why = {block.number: _why_open(block, release, shell.missing.get(block.number, "")) for block in page.blocks}
    return coverage.cover(page, cell, recognise(page.blocks, known_blocks()), verdicts, why)


def _why_open(block: Block, release: Release | None, missing: str) -> str:
    if block.unresolved:
        return f"has shortcodes that Hugo alone resolves: {', '.join(block.unresolved)}"
    if block.kind in SHELL_KINDS and (left := placeholders(block)):
        return f"leaves to the reader what to fill in: {', '.join(left)}"
    if missing:
        return f"not on this machine: {missing}"
    if release is None and block.kind in ("values", "manifest", "manifest in a command"):
        return "the charts of this release are not here; `make images` has them"
    return told.NEEDS_A_CLUSTER
