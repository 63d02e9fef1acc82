"""Long pauses between steps, as a reader of notebooks makes them, taken out of a run before it is drawn."""

from __future__ import annotations

from dataclasses import replace

from meshproof.results import RunResult, StepResult

LONGEST_S = 10.0


def cut(run: RunResult, longest_s: float = LONGEST_S) -> RunResult:
    """The same run with no pause longer than this many seconds between its steps; itself where there was none."""
    steps: list[StepResult] = []
    ended = shift = 0.0
    for step in sorted(run.steps, key=lambda step: step.started):
        if steps:
            shift += max(0.0, step.started - ended - longest_s)
        ended = max(ended, _end(step))
        steps.append(_earlier(step, shift) if shift else step)
    order = {step.slug: place for place, step in enumerate(run.steps)}
    return replace(run, steps=tuple(sorted(steps, key=lambda step: order[step.slug]))) if shift else run


def _end(step: StepResult) -> float:
    return max([step.started + step.seconds, *(moment.started + moment.seconds for moment in step.moments)])


def _earlier(step: StepResult, by_s: float) -> StepResult:
    moments = tuple(replace(moment, started=moment.started - by_s) for moment in step.moments)
    return replace(step, started=step.started - by_s, moments=moments)
