"""junit.xml: the suites of all cells together, each named by its cell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from meshproof.matrix.columns import Column, columns_of
from meshproof.matrix.result import MatrixResult
from meshproof.report import junit, summary
from meshproof.report.files import write_text


def write(result: MatrixResult, path: Path) -> None:
    """Write a matrix as JUnit XML.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, render(result))


def render(result: MatrixResult) -> str:
    """A matrix as JUnit XML; a cell that has no results, or whose run ended otherwise, is an error of its own."""
    suites = [suite for column in columns_of(result.outcomes) for suite in _suites(column, result.started)]
    return junit.document(suites, result.seconds)


def _suites(column: Column, started: float) -> Iterable[ElementTree.Element]:
    for suite in junit.suites(column.run) if column.run else ():
        suite.set("name", f"{column.title}: {suite.get('name')}")
        for case in suite.iter("testcase"):
            case.set("classname", f"{column.title}.{case.get('classname')}")
        yield suite
    if column.outcome.verdict == "not proven":
        suite = junit.suite_of_one(f"{column.title}: Cell", summary.utc(started, "seconds"), error=True)
        case = ElementTree.SubElement(suite, "testcase", {"classname": column.title, "name": "cell", "time": "0.000"})
        told = f"not proven: {column.outcome.reason}"
        ElementTree.SubElement(case, "error", {"type": "not proven", "message": junit.text(told)})
        yield suite
