"""A cluster at the end of a section: which claims stand there, and whether they hold. There is no second judgement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from meshproof.cluster import Cluster
from meshproof.path.link import Seen, look_at
from meshproof.proof import Proof
from meshproof.proof.position import Held, hold_claims, lasting
from meshproof.steps import PAGE, RESTORE, Setting
from meshproof.steps.model import Claim

SECTIONS = {**PAGE, RESTORE.slug: RESTORE}
BACK = (list(PAGE)[-1], RESTORE.slug)  # these take the others back, and what the others claim with them
SEEN_S = 45.0  # in which a fault must be seen
GREEN_S = 90.0  # in which all must hold again: more than an Envoy takes that must be begun anew


@dataclass(frozen=True)
class Stage:
    """Where faults are seeded.

    Attributes:
        cluster: The cluster.
        setting: What the steps are made for.
        after: Slug of the section that ran last.
        start: What was seen when that section began.
    """

    cluster: Cluster
    setting: Setting
    after: str
    start: Seen = field(default_factory=Seen)

    @classmethod
    def reach(cls, proof: Proof, slug: str) -> Stage:
        """Run a section, and stand at its end."""
        cluster = proof.cluster
        claims = SECTIONS[slug](proof.setting(slug)).claims
        start = look_at([link for claim in claims for link in claim.links if link.when == "start"], cluster)
        proof.run(slug)
        return cls(cluster, proof.setting(slug), slug, start)

    def given(self, change: Callable[[Setting], Setting]) -> Stage:
        """The same with something else given to it."""
        return replace(self, setting=change(self.setting))

    def standing(self, named: Collection[str] = ()) -> Sequence[Claim]:
        """The claims that hold now and are about a state; others of the section only where they are named."""
        own = SECTIONS[self.after](self.setting).claims
        if self.after in BACK:
            return own
        slugs = list(PAGE)[: list(PAGE).index(self.after) + 1]
        stand = [claim for slug in slugs for claim in lasting(slug, self.setting, self.after)]
        known = {claim.id for claim in stand}
        return [*stand, *(claim for claim in own if claim.id in named and claim.id not in known)]

    def refuted_by(self, named: Collection[str]) -> Sequence[Held]:
        """The claims that are refuted, once all that are named are, or after `SEEN_S`."""
        held = self._look(named, lambda each: each.id not in named or _red(each), SEEN_S)
        return [each for each in held if _red(each)]

    def not_green(self, named: Collection[str] = (), settle_s: float = GREEN_S) -> Sequence[Held]:
        """The claims that do not hold, once all do, or after that many seconds."""
        return [each for each in self._look(named, _green, settle_s) if not _green(each)]

    def _look(self, named: Collection[str], wanted: Callable[[Held], bool], settle_s: float) -> Sequence[Held]:
        """Hold the claims until each is as it is wanted; what is read once is read when all others are, then judged."""
        claims = self.standing(named)
        states = [claim for claim in claims if all(link.when in ("each", "start") for link in claim.links)]
        others = [claim for claim in claims if claim not in states]
        held = self._hold(states, self.start, wanted, settle_s)
        if not others:
            return held
        once = [link for claim in others for link in claim.links if link.when not in ("each", "start")]
        return [*held, *self._hold(others, self.start | look_at(once, self.cluster), wanted, settle_s)]

    def _hold(
        self, claims: Sequence[Claim], fixed: Seen, wanted: Callable[[Held], bool], settle_s: float
    ) -> Sequence[Held]:
        return hold_claims(
            claims, self.cluster, fixed=fixed, enough=lambda held: all(map(wanted, held)), settle_s=settle_s
        )


def _red(held: Held) -> bool:
    """Whether a claim is refuted; what does not decide is neither that nor green."""
    return not held.finding.holds and not held.finding.skip


def _green(held: Held) -> bool:
    return held.finding.holds and not held.finding.skip
