"""junit.xml: a test suite per step, a test case per check, for continuous integration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from meshproof.report import summary
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.results import CheckResult, RunResult, StepResult

# What XML 1.0 cannot hold at all, not even escaped: terminals' control characters and lone surrogates.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(run: RunResult, path: Path) -> None:
    """Write a run as JUnit XML, secrets taken out.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, render(run))


def render(run: RunResult) -> str:
    """A run as JUnit XML: refuted is a failure, skipped is skipped, a step that broke is an error."""
    return document(suites(run), summary.seconds(run))


def suites(run: RunResult) -> list[ElementTree.Element]:
    """A suite for each step, and one for the verdict; secrets taken out."""
    run = redact_run(run)
    return [*(_suite(step) for step in run.steps), _verdict(run)]


def document(suites: Sequence[ElementTree.Element], seconds: float) -> str:
    """Suites as a file, with what they count together."""
    root = ElementTree.Element("testsuites", {"name": "meshproof", "time": f"{seconds:.3f}"})
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(step: StepResult) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": text(step.section),
            "tests": str(len(step.checks) + bool(step.error)),
            "failures": str(sum(check.status == "refuted" for check in step.checks)),
            "errors": str(int(bool(step.error))),
            "skipped": str(sum(check.status == "skipped" for check in step.checks)),
            "time": f"{step.seconds:.3f}",
            "timestamp": summary.utc(step.started, "seconds"),
        },
    )
    if step.error:
        broken = ElementTree.SubElement(suite, "testcase", _case(step, step.slug, step.seconds))
        error = ElementTree.SubElement(
            broken, "error", {"type": "step", "message": text(step.error.partition("\n")[0])}
        )
        error.text = text(step.error)
    for check in step.checks:
        _outcome(ElementTree.SubElement(suite, "testcase", _case(step, check.id, check.seconds)), check)
    ElementTree.SubElement(suite, "system-out").text = text("\n".join(f"$ {command}" for command in step.commands))
    return suite


def suite_of_one(name: str, timestamp: str, *, error: bool) -> ElementTree.Element:
    """A suite for one test, which may be an error, still without it."""
    return ElementTree.Element(
        "testsuite",
        {
            "name": text(name),
            "tests": "1",
            "failures": "0",
            "errors": str(int(error)),
            "skipped": "0",
            "time": "0.000",
            "timestamp": timestamp,
        },
    )


def _verdict(run: RunResult) -> ElementTree.Element:
    """The run as a whole. Incomplete is an error of its own, since nothing else in the file need be one then."""
    incomplete = run.verdict == "incomplete"
    suite = suite_of_one("Verdict", summary.utc(run.started, "seconds"), error=incomplete)
    case = ElementTree.SubElement(suite, "testcase", {"classname": "meshproof", "name": "verdict", "time": "0.000"})
    told = f"{run.verdict}: {summary.proven(run.checks)} of {len(run.checks)} checks proven"
    if incomplete:
        ElementTree.SubElement(case, "error", {"type": "incomplete", "message": told})
    ElementTree.SubElement(suite, "system-out").text = text("\n".join([told, *summary.caveats(run)]))
    return suite


def _case(step: StepResult, name: str, seconds: float) -> dict[str, str]:
    return {"classname": text(f"meshproof.{step.slug}"), "name": text(name), "time": f"{seconds:.3f}"}


def _outcome(case: ElementTree.Element, check: CheckResult) -> None:
    properties = ElementTree.SubElement(case, "properties")
    for name, value in (("claim", check.claim), ("expected", check.expected), ("observed", check.observed)):
        ElementTree.SubElement(properties, "property", {"name": name, "value": text(value)})
    if check.status == "refuted":
        failure = ElementTree.SubElement(case, "failure", {"type": "refuted", "message": text(check.claim)})
        failure.text = text(
            f"{check.claim}\nexpected: {check.expected}\nobserved: {check.observed}\nreason: {check.reason}"
        )
    elif check.status == "skipped":
        ElementTree.SubElement(case, "skipped", {"message": text(check.reason)})


def text(told: str) -> str:
    """The same without what XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", told)
