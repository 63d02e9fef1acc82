"""What is told of a page: a table for the terminal, and annotations for a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill, shorten

from meshproof.page.baseline import Compared
from meshproof.page.coverage import Coverage, Row
from meshproof.page.verdict import FALLS, OPEN, STANDS, Verdict
from meshproof.report import github
from meshproof.report.templates import without_terminal_codes

WIDTH = 100
_COLUMNS = (("#", -3), ("line", -5), ("item", 5), ("tab", 15), ("what it is", 21), ("step", 7), ("verdict", 20))
_INDENT = " " * 7
NEEDS_A_CLUSTER = "needs a cluster"


def table(coverage: Coverage) -> str:
    """The blocks below their headings, a row each; below a row, what was seen."""
    lines = [f"  {_cells(tuple(name for name, _ in _COLUMNS))}  evidence"]
    section = None
    for row in coverage.blocks:
        if row.section != section:
            section = row.section
            lines += ["", f"  {shorten(section, WIDTH - 2, placeholder=' …')}" if section else ""]
        lines.append(_row(row))
        if row.seen and row.seen != NEEDS_A_CLUSTER:
            lines.append(_wrapped(row.seen))
    return without_terminal_codes("\n".join(lines))


def summary(coverage: Coverage, compared: Compared | None = None) -> str:
    """How many blocks of what verdict, whether the page is covered, and what else must be known of it."""
    count = len(coverage.blocks)
    told = [f"{coverage.settled} of {_counted(count, 'block')} settled{_of(coverage)}"]
    left = [f"{number} {verdict}" for verdict, number in coverage.counts.items() if verdict in OPEN]
    left += [f"gone: {', '.join(f'#{each}' for each in coverage.gone)}"] if coverage.gone else []
    if not count:
        told.append("the page has no block")
    else:
        told.append("the page is covered" if coverage.covered else f"the page is not covered: {', '.join(left)}")
        labelled = sum(bool(row.paths) for row in coverage.blocks)
        told.append(f"a tester that goes by labels (paths=) would leave out {count - labelled} of {count}")
    if coverage.hidden:
        told.append(f"{_counted(coverage.hidden, 'piece')} for tests alone, on no reader's page")
    if coverage.unknown_includes:
        told.append(f"not given with REUSE=, a word stands for each: {', '.join(coverage.unknown_includes)}")
    told += [f"{coverage.page.file}:{each.line}:{each.column}: {each.sentence}" for each in coverage.remarks]
    told += list(_lost(compared)) if compared else []
    lines = (fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False) for line in told)
    return without_terminal_codes("\n".join(lines))


def github_annotations(coverage: Coverage) -> Iterator[str]:
    """Lines by which GitHub shows a verdict beside its block."""
    for row in coverage.blocks:
        level = "error" if row.verdict in FALLS else "warning" if row.verdict == "drifted" else ""
        if level:
            where = {"file": coverage.page.file, "line": row.line, "endLine": row.end}
            yield github.annotation(level, row.seen, **where, title=f"#{row.number}: {row.verdict}")


def _row(row: Row) -> str:
    cells = (str(row.number), str(row.line), row.item, row.tab, row.kind, row.step, row.verdict)
    return f"{_mark(row.verdict)} {_cells(cells)}  {row.evidence}"


def _cells(texts: tuple[str, ...]) -> str:
    cut = [(_cut(text, abs(width)), width) for text, (_, width) in zip(texts, _COLUMNS, strict=True)]
    return "  ".join(text.rjust(-width) if width < 0 else text.ljust(width) for text, width in cut)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _mark(verdict: Verdict) -> str:
    return "✓" if verdict in STANDS else "✗" if verdict in FALLS else "○"


def _wrapped(text: str) -> str:
    return fill(text, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)


def _of(coverage: Coverage) -> str:
    told = [f"{number} {verdict}" for verdict, number in coverage.counts.items() if verdict not in OPEN]
    return f": {', '.join(told)}" if told else ""


def _lost(compared: Compared) -> Iterator[str]:
    for row, before in compared.lost:
        yield f"lost since the baseline: #{row.number} at line {row.line}, {before} then, {row.verdict} now"
    if not compared.lost:
        yield "nothing lost since the baseline"
    if compared.unseen:
        yield f"{_counted(compared.unseen, 'block')} that stood then and of which nothing was said now"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
