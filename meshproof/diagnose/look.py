"""What one link of the way looks like, as it is being judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshproof.checks.finding import Finding
from meshproof.diagnose.codes import CODES
from meshproof.diagnose.diagnosis import Cause, Severity
from meshproof.kube.kinds import Ref


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

    def waits(self, told: str | None) -> bool:
        """Whether something of it is still changing, which is noted."""
        self.unsettled = told or self.unsettled
        return bool(told)

    def find(
        self,
        words: str,
        sentence: str,
        of: Ref | str,
        *evidence: str,
        remedy: str = "",
        severity: Severity | None = None,
    ) -> None:
        """Note a cause; its code is the link's name and these words, its severity by default the catalogue's."""
        self.causes.append(self._cause(words, sentence, of, evidence, remedy, severity))

    def suffer(self, words: str, sentence: str, of: Ref | str, *evidence: str, remedy: str = "") -> None:
        """Note what is wrong here, and may follow from something further up."""
        self.symptoms.append(self._cause(words, sentence, of, evidence, remedy))

    def unexplained(self, sentence: str, of: Ref | str, *evidence: str) -> None:
        """Note what is wrong here, and not in the catalogue."""
        self.symptoms.append(Cause("unexplained", self.link, CODES["unexplained"], sentence, str(of), evidence))

    def judge(self, finding: Finding, words: str, sentence: str, of: Ref | str, remedy: str = "") -> bool:
        """Note what a check found; whether it holds."""
        if finding.holds:
            self.see(finding.observed)
        else:
            told = (f"expected {finding.expected}", f"observed {finding.observed}")
            self.suffer(words, sentence, of, *told, remedy=remedy)
        return finding.holds

    def _cause(
        self,
        words: str,
        sentence: str,
        of: Ref | str,
        evidence: tuple[str, ...],
        remedy: str,
        severity: Severity | None = None,
    ) -> Cause:
        code = f"{self.link}.{words}"
        return Cause(code, self.link, severity or CODES[code], sentence, str(of), evidence, remedy)
