"""conformance.yaml: a document for each cell, in the manner of a conformance report of Gateway API, and none of those.

It has the fields of such a report where they mean the same here, so that what reads those reads these, under a kind of
its own: the tests are claims about one page, and Gateway API's own conformance tests were not run.

Source: sigs.k8s.io/gateway-api, conformance/apis/v1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meshproof import yamls
from meshproof.matrix.differences import NO_VERSIONS
from meshproof.matrix.outcome import Outcome
from meshproof.matrix.result import MatrixResult
from meshproof.report import summary
from meshproof.report.files import write_text
from meshproof.results import Status

API_VERSION, KIND = "meshproof.local/v1", "PageConformanceReport"
PROFILE = "istio-sidecar"
SAID = """\
# In the manner of a ConformanceReport (gateway.networking.k8s.io/v1), and none: the tests are meshproof's claims about
# kgateway's page "Istio sidecar service mesh". The conformance tests of Gateway API itself were not run.
"""
_PROJECT = {
    "organization": "kgateway-dev",
    "project": "kgateway",
    "url": "https://github.com/kgateway-dev/kgateway",
    "contact": ["https://github.com/kgateway-dev/kgateway/issues"],
}
_RESULTS = {"proven": "success", "refuted": "failure", "not proven": "partial"}


def write(result: MatrixResult, path: Path) -> None:
    """Write a document for each cell.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, SAID + yamls.dump(*(_document(outcome, result.started) for outcome in result.outcomes)))


def _document(outcome: Outcome, started: float) -> dict[str, Any]:
    cell = outcome.planned.cell
    versions = outcome.found[0].run.versions if outcome.found else NO_VERSIONS
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "implementation": {**_PROJECT, "version": f"v{versions.get('kgateway', cell.kgateway)}"},
        "date": summary.utc(outcome.ended.started if outcome.ended else started, "seconds"),
        "gatewayAPIVersion": f"v{versions.get('gateway-api', cell.gateway_api)}",
        "gatewayAPIChannel": "standard",
        "mode": outcome.planned.choices.images,
        "environment": {
            "istio": versions.get("istio", cell.istio),
            "kubernetes": versions.get("kubernetes", cell.kubernetes),
        },
        "profiles": [{"name": PROFILE, "summary": _summary(outcome), "core": _core(outcome)}],
    }


def _summary(outcome: Outcome) -> str:
    return outcome.verdict + (f": {outcome.reason}" if outcome.reason else "")


def _core(outcome: Outcome) -> dict[str, Any]:
    passed, failed, skipped = (_tests(outcome, status) for status in ("proven", "refuted", "skipped"))
    return {
        "result": _RESULTS[outcome.verdict],
        "statistics": {"Passed": len(passed), "Failed": len(failed), "Skipped": len(skipped)},
        **({"skippedTests": skipped} if skipped else {}),
        **({"failedTests": failed} if failed else {}),
    }


def _tests(outcome: Outcome, status: Status) -> list[str]:
    """Ids of the claims that came out so; of a cell with several runs, a run's own title goes before."""
    return [
        f"{found.way}: {check.id}" if found.way else check.id
        for found in outcome.found
        for check in found.run.checks
        if check.status == status
    ]
