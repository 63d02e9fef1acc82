"""What is told of the faults: a table in the terminal, and faults.json in the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from meshproof.faults.trial import Trial
from meshproof.progress import clock_face
from meshproof.report.files import write_text
from meshproof.report.redact import redact

FILE = "faults.json"
_HEAD = ("fault", "refuted", "cause", "named", "remedied", "seconds")


def write(trials: Sequence[Trial], folder: Path) -> Path:
    """Write what came of each fault, secrets taken out, and return the file's path."""
    path = folder / FILE
    whole = {"faults": [msgspec.to_builtins(trial) | {"as_it_should_be": trial.as_it_should_be} for trial in trials]}
    write_text(path, redact(msgspec.json.format(msgspec.json.encode(whole), indent=1).decode()))
    return path


def render(trials: Sequence[Trial]) -> str:
    """The table: a row for each fault, and below it what is not as it should be."""
    rows = [_HEAD, *map(_row, trials)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    marks = [" ", *("✓" if trial.as_it_should_be else "✗" for trial in trials)]
    lines = [
        f"{mark} " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for mark, row in zip(marks, rows, strict=True)
    ]
    for trial in trials:
        lines += _story(trial)
    return "\n".join(lines)


def verdict_line(trials: Sequence[Trial], planned: int, seconds: float, path: Path) -> str:
    """How many of how many are as they should be."""
    good = sum(trial.as_it_should_be for trial in trials)
    word = "PROVEN" if good == planned else "REFUTED"
    return f"{word}  {good} of {planned} faults as they should be, {clock_face(seconds)} → {path}"


def _row(trial: Trial) -> tuple[str, ...]:
    wanted = len(trial.refuted) + len(trial.missed)
    refuted = f"{len(trial.refuted)} of {wanted}" + (f" and {len(trial.fell)}" if trial.fell else "")
    return (trial.fault, refuted, trial.cause or "-", _named(trial), _remedied(trial), f"{trial.seconds:.1f}")


def _named(trial: Trial) -> str:
    if not trial.cause:
        return "-"
    if trial.named is None:
        return "not asked"
    return ("first" if trial.first else "further") if trial.named else "no"


def _remedied(trial: Trial) -> str:
    return "-" if trial.remedied is None else "yes" if trial.remedied else "no"


def _story(trial: Trial) -> list[str]:
    told = [
        ("not refuted", ", ".join(trial.missed)),
        ("named instead", ", ".join(trial.codes or ("nothing",)) if trial.named is False else ""),
        ("the remedy did not mend it", trial.remedy if trial.remedied is False else ""),
        ("not green again", ", ".join(trial.not_green)),
        ("error", trial.error),
    ]
    lines = [f"    {name}: {text}".replace("\n", "\n      ") for name, text in told if text]
    return ["", f"✗ {trial.fault}", *lines] if lines else []
