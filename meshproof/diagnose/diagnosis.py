"""A diagnosis as a value: the way of a host link by link, what is wrong with it, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from meshproof import errors
from meshproof.errors import BadInput

Severity = Literal["error", "warning", "note", "unknown"]
State = Literal["ok", "broken", "not reached", "not seen"]
Verdict = Literal["healthy", "broken", "unsure"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "unknown", "note")


@dataclass(frozen=True)
class Cause:
    """Something worth knowing: a finding of the diagnosis.

    Attributes:
        code: Names the cause; docs/causes.md has a section of that title.
        link: Where on the way it is.
        severity: An error breaks the way; what is unknown could not be looked at.
        sentence: What is the matter.
        object: The object that it is about.
        evidence: What it is told from: fields, log lines, counters.
        remedy: Commands to paste, a line each; empty where there is none.
    """

    code: str
    link: str
    severity: Severity
    sentence: str
    object: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True)
class Hop:
    """A link of the way, what it is in this cluster, and what was seen of it."""

    link: str
    state: State
    object: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What is the matter with requests for a host.

    Attributes:
        host: The host.
        verdict: Unsure where nothing is seen to be wrong, and not all was seen.
        settled: False while something is still rolling out.
        hops: The way, in order.
        findings: The first error on the way first, then the others by their severity.
        requests: How many requests were sent.
        skipped: Those findings that were not to be told, as `CODE:OBJECT`.
        taken: When it was made, in seconds since the epoch.
    """

    host: str
    verdict: Verdict
    settled: bool
    hops: tuple[Hop, ...]
    findings: tuple[Cause, ...] = ()
    requests: int = 0
    skipped: tuple[str, ...] = ()
    taken: float = 0.0

    @property
    def exit_code(self) -> int:
        """What a command ends with, in every form of output."""
        return errors.PROVEN if self.verdict == "healthy" else errors.REFUTED

    @property
    def first(self) -> Cause | None:
        """The first error on the way."""
        return next((each for each in self.findings if each.severity == "error"), None)

    def to_json(self) -> str:
        """The same as JSON; `schema` describes it."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    @classmethod
    def from_json(cls, text: str) -> Diagnosis:
        """Read what `to_json` wrote.

        Raises:
            BadInput: It is something else.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise BadInput(f"expected a diagnosis in JSON: {error}") from error


def schema() -> dict[str, Any]:
    """JSON Schema of a diagnosis, which docs/diagnosis.schema.json holds."""
    return msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Diagnosis)))
