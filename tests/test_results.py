"""Results: what verdict follows from which checks, and the story a refuted one tells."""

from __future__ import annotations

import pytest

from meshproof.errors import Refuted
from meshproof.results import CheckResult, RunResult, Status, StepResult, Verdict


def check(id_: str, status: Status, reason: str = "") -> CheckResult:
    return CheckResult(id_, f"claim of {id_}", "this", "that", status, reason=reason)


def step(*checks: CheckResult, error: str = "") -> StepResult:
    return StepResult("route", "Route to httpbin", ("kubectl apply",), 0.0, 1.0, checks, error=error)


def verdict(*steps: StepResult) -> Verdict:
    return RunResult({}, {}, 0.0, steps).verdict


GOOD, BAD, LEFT_OUT = check("a", "proven"), check("b", "refuted"), check("c", "skipped")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step(GOOD)], "proven"),
        ([step(GOOD), step(GOOD)], "proven"),
        ([step(GOOD), step(BAD)], "refuted"),
        ([step(GOOD, LEFT_OUT)], "incomplete"),
        ([step(LEFT_OUT), step(BAD)], "refuted"),
        ([], "incomplete"),
        ([step()], "incomplete"),
        ([step(GOOD), step(error="apply failed")], "incomplete"),
        ([step(BAD, error="wait ran out")], "refuted"),
    ],
)
def test_verdicts(steps: list[StepResult], expected: Verdict) -> None:
    assert verdict(*steps) == expected


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (step(GOOD), "proven"),
        (step(GOOD, LEFT_OUT), "skipped"),
        (step(LEFT_OUT, BAD), "refuted"),
        (step(GOOD, error="apply failed"), "refuted"),
        (step(), "skipped"),
    ],
)
def test_a_step_is_as_good_as_its_worst_check_and_complete_when_proven(result: StepResult, status: Status) -> None:
    assert (result.status, result.complete) == (status, status == "proven")


def test_a_proven_check_is_true() -> None:
    assert step(GOOD, BAD).proven("a")


@pytest.mark.parametrize("result", [BAD, LEFT_OUT])
def test_a_check_that_is_not_proven_tells_its_story(result: CheckResult) -> None:
    with pytest.raises(Refuted) as raised:
        step(check(result.id, result.status, "because"), error="apply failed\n  stderr: no").proven(result.id)
    assert str(raised.value).splitlines() == [
        f"Route to httpbin: claim of {result.id} [{result.id}]",
        f"  {result.status}: because",
        "  expected: this",
        "  observed: that",
        "  the step did not complete: apply failed",
    ]


def test_the_steps_error_is_told_in_short_and_once() -> None:
    reason = "the step did not complete: apply failed"
    with pytest.raises(Refuted) as raised:
        step(check("b", "skipped", reason), error="apply failed\n  stderr: no").proven("b")
    assert str(raised.value).count("apply failed") == 1
    assert "stderr" not in str(raised.value)
    last = raised.traceback[-1].frame.f_locals
    assert last.get("__tracebackhide__"), "a failed test shows the line that asserts, not the library's"


def test_an_unknown_check_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="step route has no check x; it has a, b"):
        step(GOOD, BAD).proven("x")
