"""What charts and definitions of a release decide of a block, without a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshproof import yamls
from meshproof.errors import BadInput
from meshproof.page.block import SHELL_KINDS, Block
from meshproof.page.definitions import Wrong
from meshproof.page.includes import stand_in
from meshproof.page.kept import Kept
from meshproof.page.reading import Page
from meshproof.page.release import CHART, CRDS, Release
from meshproof.page.shell import Command, parse
from meshproof.page.verdict import Judged

_VARIABLE = re.compile(r"\$(?:\{[^}\n]*\}|\([^)\n]*\)|\w+)|`[^`\n]*`")
_LENIENT = re.compile(r"--validate[= ]['\"]?(?:false|ignore|warn)")
_CHARTS = frozenset({"kgateway", "kgateway-crds", "istiod", "base", "cni", "ztunnel", "gateway"})
_LAST_PART = re.compile(r"/([\w-]+)(?![\w/.-])")
_WITH_VALUES = re.compile(r"\bhelm\s+(?:upgrade|install)\s(?:.|\n)*\s(?:-f|--values)[\s=]")


def by_release(page: Page, release: Release, kept: Kept) -> Mapping[int, Judged]:
    """The blocks of values that render nothing, and of objects that an API server refuses."""
    settled = [block for block in page.blocks if not block.unresolved]
    given = list(_given_to_chart(settled, CHART))
    rendered = release.render([block.text for block in given]) if given else ()
    verdicts = {
        block.number: judged
        for block, each in zip(given, rendered, strict=True)
        if (judged := _of_values(block, each.same, each.refusal, release, kept))
    }
    for block in settled:
        for document in _objects(block):
            wrong = release.definitions.wrong(document)
            if wrong and not any(stand_in(path) in wrong.sentence for path in block.unknown):
                verdicts[block.number] = _refused(block, wrong, release)
                break
    return verdicts


def _of_values(block: Block, same: bool, refusal: str, release: Release, kept: Kept) -> Judged | None:
    """Values that a chart refuses, or that change nothing that it renders; no word of ours is what it refuses."""
    if not (same or refusal) or (refusal and block.unknown):
        return None
    file = kept.file(block, ".yaml", block.text)
    helm, chart = shlex.quote(str(release.helm)), shlex.quote(str(release.chart))
    template = f"{helm} template {CHART} {chart}"
    if refusal:
        return Judged("cannot work", "dry-run", f"helm: {refusal}", "", f"{template} --values {shlex.quote(file)}")
    told = f"the chart {release.chart.stem} {release.cell.kgateway} renders the same with these values and without"
    return Judged("no effect", "dry-run", told, "", f"diff <({template}) <({template} --values {shlex.quote(file)})")


def _refused(block: Block, wrong: Wrong, release: Release) -> Judged:
    """An object that the API server refuses, as kubectl asks it to."""
    told = f"kgateway {release.cell.kgateway}: {wrong.sentence}"
    repeat = f"tar -xOf {shlex.quote(str(release.parts.charts[CRDS]))} {wrong.file}" if wrong.ours else ""
    return Judged("cannot work", "dry-run", told, "", repeat)


def _objects(block: Block) -> Iterator[Mapping[str, Any]]:
    """The objects that a block gives to kubectl as they are, or that it consists of."""
    if block.kind == "manifest":
        yield from _documents(block.text)
    if block.kind == "manifest in a command":
        for command in parse(block.text).commands:
            if command.here and _is_applied(command):
                text = command.here.text
                yield from _documents(_VARIABLE.sub("x", text) if command.here.expanded else text)


def _is_applied(command: Command) -> bool:
    line = " ".join(command.words)
    reads = "-f-" in command.words or "-" in command.words
    return command.words[:2] in (("kubectl", "apply"), ("kubectl", "create")) and reads and not _LENIENT.search(line)


def _given_to_chart(blocks: Sequence[Block], chart: str) -> Iterator[Block]:
    """The blocks of values that the command after them gives to a chart, in a file."""
    for index, block in enumerate(blocks):
        if block.kind == "values":
            after = next((each for each in blocks[index + 1 :] if each.kind != "values"), None)
            if after and after.place.section == block.place.section and after.kind in SHELL_KINDS:
                named = {part for part in _LAST_PART.findall(after.text) if part in _CHARTS}
                if named == {chart} and _WITH_VALUES.search(after.text):
                    yield block


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield from yamls.load(text)
    except BadInput:  # what is no YAML here may be some once the shell has put its variables in
        return
