"""What a continuous integration is given: a summary, annotations, a schema that says what results.json is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import nbconvert.filters.markdown_mistune as mistune
import pytest
from report_runs import STARTED, a_refuted_run, a_run

from meshproof.errors import MachineCannot
from meshproof.kube.inventory import Difference
from meshproof.report import junit, markdown, results_json, schema
from meshproof.results import Resumption, RunResult

HOSTILE = "<script>x</script> | *a* `b`\n## c ``` ![d](e) ::error::f%"


def a_noted_run() -> RunResult:
    """With everything in it that a run may have."""
    first, *others = a_refuted_run().steps
    changed = replace(first, changes=(Difference("changed", "Gateway.x", "ns/http", ("spec.a",)),), tracebacks=("no",))
    return replace(
        a_refuted_run(), steps=(changed, *others), resumed=(Resumption(1, STARTED + 9, ("d",), ("l",)),), notes=("n",)
    )


def is_valid(written: object) -> bool:
    validator: Any = jsonschema.Draft202012Validator  # its own types are incomplete
    return validator(json.loads(schema.FILE.read_text(encoding="utf-8"))).is_valid(written)


def test_the_schema_that_is_shipped_is_that_of_the_types() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), (
        "write it anew: python -m meshproof.report.schema > meshproof/report/results.schema.json"
    )


@pytest.mark.parametrize("run", [a_run(), a_refuted_run(), a_noted_run(), replace(a_run(), steps=())])
def test_what_is_written_is_as_the_schema_says_and_is_read_again(run: RunResult, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results_json.write(run, path)
    written = json.loads(path.read_text())
    assert is_valid(written)
    assert results_json.read(path).notes == run.notes
    assert (
        written["totals"]["checks"]
        == len(run.checks)
        == sum(written["totals"][status] for status in ("proven", "refuted", "skipped"))
    )
    assert written["exit_code"] == run.exit_code
    assert written["finished"] >= written["started"]


@pytest.mark.parametrize("key", ["verdict", "tool", "steps", "notes"])
def test_the_schema_misses_what_is_missing(key: str, tmp_path: Path) -> None:
    results_json.write(a_run(), tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())
    del written[key]
    assert not is_valid(written)
    assert not is_valid(written | {key: 1})


def test_each_case_of_junit_carries_its_claim() -> None:
    root = ElementTree.fromstring(junit.render(a_run()))  # noqa: S314 - our own text
    claims = {each.get("value") for each in root.findall("testsuite/testcase/properties/property[@name='claim']")}
    assert claims == {check.claim for check in a_run().checks}


def test_the_summary_tells_the_verdict_then_what_is_refuted_then_the_sections() -> None:
    told = markdown.render(a_refuted_run())
    parts = [
        "## REFUTED: 25 of 31 checks",
        "kgateway 2.4.0, Istio 1.31-dev, Kubernetes 1.35.4, 52 s. 2 departures",
        "`route.forged-xfcc-dropped`",
        "- expected: ",
        "did not complete:",
        "| ✗ | Route to a service in the mesh | 8 of 9 |",
    ]
    assert [told.find(part) for part in parts] == sorted(told.find(part) for part in parts)
    assert "✗ " not in markdown.render(a_run())
    assert "> n" in markdown.render(a_noted_run())


def test_nothing_of_what_was_seen_is_markdown_or_html() -> None:
    first, *others = a_refuted_run().steps
    check = replace(first.checks[0], status="refuted", claim=HOSTILE, observed=HOSTILE, reason=HOSTILE)
    run = replace(a_refuted_run(), steps=(replace(first, section=HOSTILE, checks=(check,), error=HOSTILE), *others))
    told = markdown.render(run)
    page = mistune.markdown2html_mistune(told)
    assert "<script" not in page
    assert "<img" not in page
    assert len(re.findall("<h2", page)) == 1
    assert page.count("<tr>") == len(run.steps) + 1


def test_github_is_given_the_summary_and_a_line_for_each_refuted_claim(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n")
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    broken, refuted = markdown.for_github(a_refuted_run(), ci)
    assert broken.startswith("::error title=section did not complete::Exclude a service")
    assert "%0A" in broken
    assert refuted.startswith("::error title=route.forged-xfcc-dropped::")
    assert page.read_text() == "before\n" + markdown.render(a_refuted_run())
    assert markdown.for_github(a_run(), ci) == []
    assert markdown.for_github(a_refuted_run(), {}) == []


def test_a_summary_of_the_job_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(MachineCannot, match=r"^GITHUB_STEP_SUMMARY=.*: cannot be written: Is a directory"):
        markdown.for_github(a_run(), {"GITHUB_STEP_SUMMARY": str(tmp_path)})
