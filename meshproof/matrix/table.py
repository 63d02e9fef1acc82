"""What the terminal shows at the end of a matrix: steps by cells, what differs between cells, one verdict line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meshproof.matrix.columns import Column, columns_of, rows_of
from meshproof.matrix.differences import Difference, differences
from meshproof.matrix.outcome import Outcome
from meshproof.matrix.result import MatrixResult
from meshproof.report import summary
from meshproof.results import StepResult

NONE = "\N{EN DASH}"
SEEN_WIDTH = 300  # the whole is in the report


def render(result: MatrixResult) -> str:
    """The table, and below it what differs."""
    columns = columns_of(result.outcomes)
    rows = [[name, *(column.head[number][1] for column in columns)] for number, (name, _) in enumerate(columns[0].head)]
    rows = [row for row in rows if any(row[1:])]
    rows += [[section, *(_told(column.step(slug)) for column in columns)] for slug, section in rows_of(columns)]
    rows.append(["checks proven", *map(_checks, columns)])
    rows.append(["seconds", *map(_seconds, columns)])
    rows.append(["", *(column.outcome.verdict.upper() for column in columns)])
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    table = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*table, *_reasons(result.outcomes), *_differences(differences(columns))])


def verdict_line(result: MatrixResult, report: Path) -> str:
    """The verdict in one line: how many cells, how long, and where to read on."""
    proven = sum(outcome.verdict == "proven" for outcome in result.outcomes)
    earlier = sum(bool(outcome.ended and outcome.ended.found_in) for outcome in result.outcomes)
    cells = f"{len(result.outcomes)} cell{'s' * (len(result.outcomes) != 1)}"
    parts = [f"{proven} of {cells} proven"]
    if earlier:
        parts.append(f"{earlier} of {'them' if len(result.outcomes) > 1 else 'it'} found earlier")
    parts.append(summary.duration(result.seconds))
    return f"{result.verdict.upper()}  {', '.join(parts)} → {report}"


def _told(step: StepResult | None) -> str:
    if step is None:
        return NONE
    broken = "" if step.complete else f" ({summary.proven(step.checks)} of {len(step.checks)})"
    return f"{summary.MARKS[step.status]} {step.seconds:.1f}{broken}"


def _checks(column: Column) -> str:
    return f"{summary.proven(column.run.checks)} of {len(column.run.checks)}" if column.run else NONE


def _seconds(column: Column) -> str:
    return f"{column.outcome.ended.seconds:.0f}" if column.outcome.ended else NONE


def _reasons(outcomes: Sequence[Outcome]) -> list[str]:
    told: list[str] = []
    for outcome in outcomes:
        if outcome.reason:
            told += [f"{outcome.slug}: {outcome.reason}"]
        if outcome.ended and outcome.ended.found_in:
            told += [f"{outcome.slug}: as found {summary.moment(outcome.ended.started)}, in {outcome.ended.found_in}"]
    return ["", *told] if told else []


def _differences(found: Sequence[Difference]) -> list[str]:
    lines: list[str] = []
    for of_verdicts, title in ((True, "Does not hold in every cell"), (False, "Holds alike, but was seen differently")):
        some = [each for each in found if each.of_verdicts is of_verdicts]
        if some:
            lines += ["", f"{title}:"]
        skipped = [each for each in some if each.only_skipped]
        for each in (each for each in some if not each.only_skipped):
            lines.append(f"  {each.claim} [{each.check}]")
            for group in each.groups:
                seen = group.observed.replace("\n", " ")
                shown = seen if len(seen) <= SEEN_WIDTH else f"{seen[:SEEN_WIDTH]} …"
                status = f"{group.status}: " if of_verdicts else ""
                lines.append(f"    {', '.join(group.columns)}: {status}{shown or '(nothing)'}")
        if skipped:
            lines.append(f"  and {len(skipped)} that are refuted nowhere, but skipped somewhere; see the report")
    return lines
