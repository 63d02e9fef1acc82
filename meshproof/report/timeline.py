"""timeline.svg: where the time went, step by step, drawn by hand from the moments of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path

from meshproof.report import pauses, summary
from meshproof.report.files import write_text
from meshproof.report.redact import redact_run
from meshproof.results import Moment, RunResult, StepResult

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


def write(run: RunResult, path: Path) -> None:
    """Write the picture, secrets taken out.

    Raises:
        MachineCannot: The file cannot be written.
    """
    write_text(path, '<?xml version="1.0" encoding="utf-8"?>\n' + render(run))


def render(run: RunResult) -> str:
    """The picture as one `svg` element, light or dark as its viewer prefers, with nothing fetched from anywhere.

    Time begins with the first step: what came before, such as assembling images, would dwarf it. So would long pauses
    between steps, which are cut.
    """
    whole = redact_run(run)
    run = pauses.cut(whole)
    scale = _scale(run)
    rows: list[str] = []
    y = TOP
    for step in run.steps:
        bars = _placed(step, scale)
        height = max(2, 1 + max((bar.lane for bar in bars), default=0)) * LANE + 2 * PAD
        rows += _row(step, bars, scale, y, height)
        y += height
    style = resources.files("meshproof.report").joinpath("timeline.css").read_text(encoding="utf-8")
    title = f"Timeline: {len(run.steps)} steps in {summary.duration(scale.length_s)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" viewBox="0 0 {WIDTH:g} {y + 34:g}" role="img" '
            f'aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            f'<rect class="paper" width="{WIDTH:g}" height="{y + 34:g}"/>',
            *_legend(f"pauses over {pauses.LONGEST_S:g} s are cut" if run is not whole else ""),
            *_axis(scale, y),
            *rows,
            "</svg>",
        ]
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
    return line if len(line) <= LABEL_LETTERS else line[: LABEL_LETTERS - 1].rstrip() + "…"


def _row(step: StepResult, bars: list[_Bar], scale: _Scale, y: float, height: float) -> list[str]:
    start, end = scale.x(step.started), scale.x(step.started + step.seconds)
    done = f"{summary.proven(step.checks)} of {len(step.checks)} checks, {summary.duration(step.seconds)}"
    out = [
        f'<line class="rule" x1="0" x2="{WIDTH:g}" y1="{y:g}" y2="{y:g}"/>',
        f'<rect class="span" x="{start:.1f}" y="{y + 4:.1f}" width="{max(2.0, end - start):.1f}" '
        f'height="{height - 8:.1f}" rx="3"/>',
        f'<text class="section" x="0" y="{y + PAD + 13:.1f}">{_plain(_cut(step.section, 34))}</text>',
        f'<text class="small" x="0" y="{y + PAD + 31:.1f}">{done}</text>',
    ]
    for place, check in enumerate(step.checks):
        x = LEFT - 14 - DOTS * (len(step.checks) - 1 - place)
        out.append(
            f'<circle class="{check.status}" cx="{x:.1f}" cy="{y + PAD + 27:.1f}" r="2.4">'
            f"<title>{_plain(check.id)}: {check.status}</title></circle>"
        )
    for bar in bars:
        middle = y + PAD + bar.lane * LANE + LANE / 2
        tip = f"{bar.moment.label}\n{bar.moment.kind}, {bar.moment.seconds:.2f} s"
        anchor = ' text-anchor="end"' if bar.label_end else ""
        out.append(
            f'<g><title>{_plain(tip)}</title><rect class="{bar.moment.kind}" x="{bar.x:.1f}" '
            f'y="{middle - BAR / 2:.1f}" width="{bar.width:.1f}" height="{BAR:g}" rx="2"/>'
            f'<text class="label" x="{bar.label_x:.1f}" y="{middle + 3.8:.1f}"{anchor}>{_plain(bar.label)}</text></g>'
        )
    return out


def _axis(scale: _Scale, bottom: float) -> list[str]:
    tick_s = next((nice for nice in NICE_S if scale.length_s / nice <= TICKS), NICE_S[-1])
    out: list[str] = []
    for number in range(int(scale.length_s / tick_s) + 1):
        x = scale.x(scale.zero + number * tick_s)
        text = f"{number * tick_s:g}" if tick_s < 60 else f"{number * tick_s / 60:g} min"
        unit = " s" if tick_s < 60 else ""
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8:g}" y2="{bottom + 6:g}"/>')
        out += [
            f'<text class="tick" x="{x:.1f}" y="{at:g}" text-anchor="middle">{text}{unit}</text>'
            for at in (TOP - 14, bottom + 20)
        ]
    return out


def _legend(note: str) -> list[str]:
    out: list[str] = []
    x = LEFT
    for kind, meaning in KINDS.items():
        out.append(f'<rect class="{kind}" x="{x:g}" y="10" width="22" height="{BAR:g}" rx="2"/>')
        out.append(f'<text class="label" x="{x + 28:g}" y="20">{meaning}</text>')
        x += 28 + len(meaning) * LETTER + 26
    out.append(f'<rect class="span key" x="{x:g}" y="10" width="22" height="{BAR:g}" rx="2"/>')
    out.append(f'<text class="label" x="{x + 28:g}" y="20">the step as a whole</text>')
    out += [f'<text class="small" x="0" y="20">{note}</text>'] if note else []
    return out


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def _plain(text: str) -> str:
    """Escaped, and without what XML cannot hold."""
    return escape("".join(letter for letter in text if letter in "\t\n" or letter.isprintable()))
