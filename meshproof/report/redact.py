"""Takes secrets out of texts and runs and leaves the rest as it is. Redacting twice is the same as redacting once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from meshproof.kube.inventory import Difference
from meshproof.path.way import Way
from meshproof.report.secret_texts import without_secrets
from meshproof.results import CheckResult, Moment, Resumption, RunResult, StepResult

PASSES = 8


def redact(text: str) -> str:
    """The same text with `<redacted>` in the place of each secret."""
    for _ in range(PASSES):  # what is taken out may show that what is beside it was a secret as well
        before, text = text, without_secrets(text)
        if text == before:
            break
    return text


def redact_run(run: RunResult) -> RunResult:
    """A run with every text in it redacted; ids and slugs are this project's own and stay."""
    return replace(
        run,
        versions=_mapping(run.versions),
        choices=_mapping(run.choices),
        steps=tuple(_step(step) for step in run.steps),
        resumed=tuple(_resumption(each) for each in run.resumed),
    )


def _mapping(texts: Mapping[str, str]) -> dict[str, str]:
    return {redact(name): redact(text) for name, text in texts.items()}


def _texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(redact(text) for text in texts)


def _step(step: StepResult) -> StepResult:
    return replace(
        step,
        section=redact(step.section),
        commands=_texts(step.commands),
        checks=tuple(_check(check) for check in step.checks),
        departures=_texts(step.departures),
        moments=tuple(_moment(moment) for moment in step.moments),
        error=redact(step.error),
        tracebacks=_texts(step.tracebacks),
        changes=None if step.changes is None else tuple(map(_change, step.changes)),
        ways=tuple(map(_way, step.ways)),
    )


def _way(way: Way) -> Way:
    response = way.answer.response
    received = None if response.received is None else {name: _texts(each) for name, each in response.received.items()}
    clean = replace(response, received=received, headers=_mapping(response.headers), body=redact(response.body))
    return replace(way, answer=replace(way.answer, response=clean))


def _change(change: Difference) -> Difference:
    return Difference(change.change, redact(change.kind), redact(change.ref), _texts(change.paths))


def _resumption(resumption: Resumption) -> Resumption:
    return replace(resumption, differences=_texts(resumption.differences), lapsed=_texts(resumption.lapsed))


def _check(check: CheckResult) -> CheckResult:
    return replace(
        check,
        claim=redact(check.claim),
        expected=redact(check.expected),
        observed=redact(check.observed),
        reason=redact(check.reason),
    )


def _moment(moment: Moment) -> Moment:
    return replace(moment, label=redact(moment.label), output=redact(moment.output))
