"""What one link of the way looks like, as it is being judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from meshproof.checks.finding import Finding
from meshproof.diagnose.diagnosis import Cause, Severity
from meshproof.kube.kinds import Ref

Weight = Literal["cause", "symptom"]


@dataclass
class Look:
    """One link as it is judged: what it is, what was seen, what is wrong.

    Attributes:
        link: Its name.
        object: What it is here.
        evidence: What was seen of it.
        causes: What is wrong with it.
        symptoms: What is wrong with it, and may only follow from a cause further up the way.
        unsettled: What of it is still changing.
        not_seen: What of it could not be looked at.
    """

    link: str
    object: str = ""
    evidence: list[str] = field(default_factory=list[str])
    causes: list[Cause] = field(default_factory=list[Cause])
    symptoms: list[Cause] = field(default_factory=list[Cause])
    unsettled: str = ""
    not_seen: str = ""

    def see(self, *what: str) -> None:
        """Note what was seen."""
        self.evidence += what

    def find(
        self,
        words: str,
        sentence: str,
        of: Ref | str,
        *evidence: str,
        remedy: str = "",
        severity: Severity = "error",
    ) -> None:
        """Note a cause; its code is the link's name and these words."""
        self.causes.append(Cause(f"{self.link}.{words}", self.link, severity, sentence, str(of), evidence, remedy))

    def suffer(self, words: str, sentence: str, of: Ref | str, *evidence: str, remedy: str = "") -> None:
        """Note what is wrong here, and may follow from something further up."""
        self.symptoms.append(Cause(f"{self.link}.{words}", self.link, "error", sentence, str(of), evidence, remedy))

    def unexplained(self, sentence: str, of: Ref | str, *evidence: str) -> None:
        """Note what is wrong here, and not in the catalogue."""
        self.symptoms.append(Cause("unexplained", self.link, "error", sentence, str(of), evidence))

    def judge(self, finding: Finding, words: str, sentence: str, of: Ref | str, remedy: str = "") -> bool:
        """Note what a check found; whether it holds."""
        if finding.holds:
            self.see(finding.observed)
        else:
            self.suffer(
                words, sentence, of, f"expected {finding.expected}", f"observed {finding.observed}", remedy=remedy
            )
        return finding.holds
