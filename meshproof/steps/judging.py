"""Claims held against what is seen of a cluster, until each has held three times in a row.

What held and then did not is unsteady, and unsteady is refuted: given time, luck brings three in a row to anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.errors import MeshproofError, NotReady
from meshproof.path.link import Seen, Unseen, look_at
from meshproof.results import CheckResult
from meshproof.steps import own_errors
from meshproof.steps.model import Claim
from meshproof.wait import Clock, wait_for

SUCCESSES = 3
EVERY_S = 0.25


def judge(claim: Claim, seen: Seen) -> Finding:
    """Hold one claim against what was seen; what could not be seen does not hold.

    Raises:
        Exception: A bug of ours, met by a link or by the judgement; anything but a MeshproofError is one.
    """
    try:
        return claim.judge(*seen.need(claim.links))
    except Unseen as unseen:
        undecided = "what was seen does not decide" if unseen.unclear else ""
        return Finding(False, claim.sentence, str(unseen), seen=False, skip=undecided)
    except MeshproofError as problem:
        return Finding(False, claim.sentence, str(problem))


def skipped(claim: Claim, reason: str) -> CheckResult:
    """The result of a claim that was not judged, which is never green."""
    return CheckResult(claim.id, claim.sentence, "", "", "skipped", reason=reason)


@dataclass
class Judging:
    """Claims being looked at, again and again, until each has held often enough in a row."""

    claims: Sequence[Claim]
    cluster: Cluster
    fixed: Seen
    clock: Clock
    streaks: dict[str, int] = field(default_factory=dict[str, int])
    settled_s: dict[str, float] = field(default_factory=dict[str, float])
    last: dict[str, Finding] = field(default_factory=dict[str, Finding])
    held: dict[str, Finding] = field(default_factory=dict[str, Finding])
    fell: dict[str, Finding] = field(default_factory=dict[str, Finding])
    failed: set[str] = field(default_factory=set[str])
    bugs: dict[str, Exception] = field(default_factory=dict[str, Exception])
    seen: Seen = field(default_factory=Seen)
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock.now()

    def once(self, error: str) -> tuple[CheckResult, ...]:
        """One look only: nothing is proven, since the step did not get where its claims apply."""
        self._round()
        reason = f"the step did not complete: {error.splitlines()[0]}"
        return tuple(self._result(claim, reason) for claim in self.claims)

    def until_settled(self, timeout_s: float) -> tuple[CheckResult, ...]:
        """Look until each claim has held three times in a row or has proved unsteady, or the time is over."""
        with contextlib.suppress(NotReady):  # what did not settle is refuted below
            wait_for(
                self._round,
                lambda streaks: min(streaks, default=SUCCESSES) >= SUCCESSES,
                what="claims",
                timeout_s=timeout_s,
                every_s=EVERY_S,
                clock=self.clock,
            )
        return tuple(self._result(claim, "") for claim in self.claims)

    def _round(self) -> tuple[int, ...]:
        """Judge each claim once more; how often in a row each has held, those left out that are settled by a fall."""
        claims = [claim for claim in self.claims if claim.id not in self.bugs]
        each = [link for claim in claims for link in claim.links if link.when == "each"]
        self.seen = seen = self.fixed | look_at(each, self.cluster)
        for claim in claims:
            try:
                finding = judge(claim, seen)
            except Exception as bug:  # the other claims are judged all the same
                self.bugs[claim.id] = bug
                self.streaks.pop(claim.id, None)
                continue
            if not finding.holds:
                self.failed.add(claim.id)
            if not (finding.skip and self._fails(claim)):  # what does not decide takes back nothing that did
                self.last[claim.id] = finding
            self.streaks[claim.id] = self.streaks.get(claim.id, 0) + 1 if finding.holds else 0
            if finding.holds and claim.id not in self.fell:
                self.held[claim.id] = finding
            elif not finding.holds and finding.seen and claim.id in self.held:
                self.fell.setdefault(claim.id, finding)
            if self.streaks[claim.id] == SUCCESSES or claim.id in self.fell:
                self.settled_s.setdefault(claim.id, self.clock.now() - self.started)
        return tuple(streak for id_, streak in self.streaks.items() if id_ not in self.fell)

    def _fails(self, claim: Claim) -> bool:
        return claim.id in self.last and not self.last[claim.id].holds and not self.last[claim.id].skip

    def _result(self, claim: Claim, error: str) -> CheckResult:
        if claim.id in self.bugs and claim.id not in self.fell:
            return skipped(claim, own_errors.told(self.bugs[claim.id]))
        finding, reason = self.last[claim.id], "did not hold"
        decides = finding.seen and not finding.holds  # of what holds, and of what hides, skip and error say: no proof
        undecided = "" if decides else finding.skip or (error if finding.holds else "")
        if claim.id in self.fell:
            finding, reason, undecided = self._unsteady(claim), "unsteady: it held, and then it did not", ""
        elif finding.holds:
            reason = "did not hold for long enough"
            if claim.id not in self.failed and self.streaks[claim.id] < SUCCESSES:
                undecided = undecided or "it held at every look, of which there were too few in the time"
        settled = not (error or finding.skip or claim.id in self.fell)
        proven = settled and self.streaks[claim.id] >= SUCCESSES
        return CheckResult(
            id=claim.id,
            claim=claim.sentence,
            expected=finding.expected,
            observed=finding.observed,
            status="proven" if proven else "skipped" if undecided else "refuted",
            seconds=round(self.settled_s.get(claim.id, self.clock.now() - self.started), 3),
            reason="" if proven else error or finding.skip or undecided or reason,
        )

    def _unsteady(self, claim: Claim) -> Finding:
        held, fell = self.held[claim.id], self.fell[claim.id]
        return Finding(False, fell.expected, f"held: {held.observed}; then: {fell.observed}")
