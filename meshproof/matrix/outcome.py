"""What was found of a cell, as its folder has it: the runs of the page, how the command ended, the verdict of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from meshproof import errors
from meshproof.errors import BadInput
from meshproof.matrix.cells import Planned
from meshproof.report import results_json, summary
from meshproof.report.files import write_text
from meshproof.results import RunResult

ENDED = "ended.json"
SAID = "progress.log"  # what a cell's run says while it goes on
REPORT = "report.html"

Verdict = Literal["proven", "refuted", "not proven"]


class Ended(msgspec.Struct, frozen=True):
    """How a cell's run came to its end; where it did not, there is none.

    Attributes:
        identity: Of what it was a run.
        code: Its exit code.
        started: When, in seconds since the epoch.
        seconds: How long it took, its cluster's making and deletion included.
        found_in: The matrix that found it, where that was an earlier one.
    """

    identity: str
    code: int
    started: float
    seconds: float
    found_in: str = ""

    def write(self, folder: Path) -> None:
        """Write it into a cell's folder.

        Raises:
            MachineCannot: The file cannot be written.
        """
        write_text(folder / ENDED, msgspec.json.format(msgspec.json.encode(self)).decode() + "\n")


@dataclass(frozen=True)
class Found:
    """One run of the page in a cell, and the folder that it left."""

    run: RunResult
    folder: Path

    @property
    def way(self) -> str:
        """What sets it apart from the other runs of its cell; empty where it has none."""
        revision = self.run.choices.get("revision", "")
        return f"revision {revision}" if revision else ""


@dataclass(frozen=True)
class Outcome:
    """What is known of a cell. `problem` is why it was not run, or not to its end, where that is known otherwise."""

    planned: Planned
    ended: Ended | None = None
    found: Sequence[Found] = ()
    problem: str = ""

    @property
    def slug(self) -> str:
        """The combination as a part of names."""
        return self.planned.slug

    @property
    def verdict(self) -> Verdict:
        """Proven only where the command says so and every run of the page that it was to make agrees."""
        verdicts = [each.run.verdict for each in self.found]
        wanted = 2 if self.planned.choices.tabs else 1
        if self.ended is None or len(verdicts) != wanted or "incomplete" in verdicts:
            return "not proven"
        if self.ended.code == errors.PROVEN and set(verdicts) == {"proven"}:
            return "proven"
        return "refuted" if self.ended.code == errors.REFUTED and "refuted" in verdicts else "not proven"

    @property
    def reason(self) -> str:
        """Why it is not proven, in one phrase; empty where it is."""
        checks = [check for each in self.found for check in each.run.checks]
        match self.verdict:
            case "proven":
                return ""
            case "refuted":
                refuted = [check.id for check in checks if check.status == "refuted"]
                return f"refuted: {', '.join(dict.fromkeys(refuted))}"
            case "not proven":
                if self.ended is None:
                    return self.problem or "not run"
                if self.ended.code not in (errors.PROVEN, errors.REFUTED):
                    return f"ended with exit code {self.ended.code}: {self.problem}".rstrip(": ")
                if not self.found:
                    return "left no results"
                return f"incomplete: {summary.proven(checks)} of {len(checks)} checks proven"


def read_outcome(planned: Planned, folder: Path, problem: str = "") -> Outcome:
    """What a cell's folder tells; it need not exist.

    Args:
        planned: The cell.
        folder: Its folder.
        problem: Why it was not run, where that is known.

    Raises:
        BadInput: A file in it is not what a run writes.
    """
    try:
        ended = msgspec.json.decode((folder / ENDED).read_bytes(), type=Ended)
    except FileNotFoundError:
        ended = None
    except msgspec.DecodeError as error:
        raise BadInput(f"{folder / ENDED}: not what a matrix writes: {error}") from error
    paths = sorted((folder / "artifacts").glob("[0-9]*/results.json"))
    found = tuple(Found(results_json.read(path), path.parent) for path in paths)
    said = last_words(folder)
    if not ended:  # otherwise it said itself what was wrong
        said = "; ".join(filter(None, (problem, f"did not come to its end, where it said: {said}" if said else "")))
    return Outcome(planned, ended, found, said)


def last_words(folder: Path) -> str:
    """The last line that a cell's run said; empty where it said nothing."""
    try:
        said = (folder / SAID).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(said) if line.strip()), "")
