"""timeline.svg: where the time went, step by step, drawn by hand from the moments of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from meshproof.report import pauses, summary, templates
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.results import CheckResult, Moment, RunResult, StepResult

# All lengths are in the picture's own units, which are pixels at its natural size.
WIDTH = 1120.0
LEFT = 232.0
RIGHT = 24.0
TOP = 64.0
LANE = 20.0
BAR = 12.0
PAD = 9.0
DOTS = 6.5  # from one check's dot to the next
LETTER = 5.7  # mean width of a letter at the size of labels; a little too much rather than too little
LABEL_LETTERS = 52
SECTION_LETTERS = 34
TICKS = 9
NICE_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
KINDS = {"command": "a command runs", "wait": "waiting for a state", "observe": "observing for the checks"}


@dataclass(frozen=True)
class _Scale:
    """From seconds since the epoch to the picture's x."""

    zero: float
    length_s: float

    def x(self, at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (at - self.zero) / self.length_s


@dataclass(frozen=True)
class _Bar:
    """A moment with its place: a lane within its step, and where its label goes."""

    moment: Moment
    lane: int
    x: float
    width: float
    label: str
    label_x: float
    label_end: bool


@dataclass(frozen=True)
class _Row:
    """A step with its place: its span, a dot for each check, a bar for each moment."""

    step: StepResult
    name: str
    y: float
    height: float
    x: float
    width: float
    dots: tuple[tuple[float, CheckResult], ...]
    bars: tuple[_Bar, ...]


def write(run: RunResult, path: Path) -> None:
    """Write the picture, secrets taken out.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, f'<?xml version="1.0" encoding="utf-8"?>\n{render(run)}\n')


def render(run: RunResult) -> str:
    """The picture as one `svg` element, light or dark as its viewer prefers, with nothing fetched from anywhere.

    Time begins with the first step: what came before, such as assembling images, would dwarf it. So would long pauses
    between steps, which are cut.
    """
    whole = redact_run(run)
    run = pauses.cut(whole)
    scale = _scale(run)
    rows: list[_Row] = []
    y = TOP
    for step in run.steps:
        rows.append(_row(step, scale, y))
        y += rows[-1].height
    style = resources.files("meshproof.report").joinpath("timeline.css").read_text(encoding="utf-8")
    return templates.render(
        "report/timeline.svg.j2",
        title=f"Timeline: {len(run.steps)} steps in {summary.duration(scale.length_s)}",
        style=Markup(style),  # noqa: S704 - a file of this package
        rows=rows,
        ticks=_ticks(scale),
        legend=_legend(),
        note=f"pauses over {pauses.LONGEST_S:g} s are cut" if run is not whole else "",
        width=WIDTH,
        bottom=y,
        top=TOP,
        pad=PAD,
        lane=LANE,
        bar=BAR,
    )


def _scale(run: RunResult) -> _Scale:
    zero = min((step.started for step in run.steps), default=run.started)
    return _Scale(zero, max(summary.ended(run) - zero, 0.001))


def _placed(step: StepResult, scale: _Scale) -> list[_Bar]:
    """Give each moment the first lane in which neither its bar nor its label meets another's."""
    bars: list[_Bar] = []
    ends: list[float] = []
    for moment in sorted(step.moments, key=lambda moment: moment.started):
        x = scale.x(moment.started)
        width = max(2.0, scale.x(moment.started + moment.seconds) - x)
        label = _label(moment)
        room = len(label) * LETTER + 8
        label_end = x + width + room > WIDTH - RIGHT  # no room on the right: the label stands before its bar
        start, end = (x - room, x + width) if label_end else (x, x + width + room)
        lane = next((lane for lane, taken in enumerate(ends) if taken + 4 <= start), len(ends))
        ends[lane : lane + 1] = [end]
        bars.append(_Bar(moment, lane, x, width, label, x - 5 if label_end else x + width + 5, label_end))
    return bars


def _label(moment: Moment) -> str:
    line = re.sub(r"\s+", " ", moment.label.strip().partition("\n")[0]).rstrip("\\ ")
    return _cut(line, LABEL_LETTERS)


def _row(step: StepResult, scale: _Scale, y: float) -> _Row:
    bars = _placed(step, scale)
    start, end = scale.x(step.started), scale.x(step.ended)
    last = len(step.checks) - 1
    return _Row(
        step,
        _cut(step.section, SECTION_LETTERS),
        y,
        height=max(2, 1 + max((bar.lane for bar in bars), default=0)) * LANE + 2 * PAD,
        x=start,
        width=max(2.0, end - start),
        dots=tuple((LEFT - 14 - DOTS * (last - place), check) for place, check in enumerate(step.checks)),
        bars=tuple(bars),
    )


def _ticks(scale: _Scale) -> list[tuple[float, str]]:
    """Where the axis has its ticks, and what stands there."""
    tick_s = next((nice for nice in NICE_S if scale.length_s / nice <= TICKS), NICE_S[-1])
    times = [number * tick_s for number in range(int(scale.length_s / tick_s) + 1)]
    return [(scale.x(scale.zero + at), f"{at:g} s" if tick_s < 60 else f"{at / 60:g} min") for at in times]


def _legend() -> list[tuple[float, str, str]]:
    """The place of each kind of bar in the legend, and what it means."""
    entries: list[tuple[float, str, str]] = []
    x = LEFT
    for kind, meaning in {**KINDS, "span key": "the step as a whole"}.items():
        entries.append((x, kind, meaning))
        x += 28 + len(meaning) * LETTER + 26
    return entries


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
