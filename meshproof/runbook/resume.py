"""Where a resumed run starts: the claims of the sections before it that must still hold, without running anything."""

from __future__ import annotations

from meshproof.cluster import Cluster
from meshproof.errors import BadInput, NotReady
from meshproof.proof import Proof
from meshproof.runbook import state
from meshproof.steps import PAGE
from meshproof.steps.model import Claim
from meshproof.steps.runner import judge, look_at
from meshproof.wait import wait_for

HOLD_TIMEOUT_S = 10.0


def start_section(text: str) -> int:
    """FROM as a number: 0 is before you begin, 5 is the clean-up.

    Raises:
        BadInput: It is not one of them.
    """
    known = [str(number) for number in range(len(PAGE))]
    if text not in known:
        named = ", ".join(f"{number} {slug}" for number, slug in enumerate(PAGE))
        raise BadInput(f"FROM={text}: expected the number of a section: {named}")
    return int(text)


def must_hold(proof: Proof, start: int) -> tuple[Claim, ...]:
    """The claims that are true where a section starts, also when it has been begun already."""
    slugs = list(PAGE)
    over = set(slugs[: start + 1])
    steps = [PAGE[slug](proof.setting(slug)) for slug in slugs[:start]]
    return tuple(claim for step in steps for claim in step.claims if state.ENDED_BY.get(claim.id) not in over)


def verify(proof: Proof, start: int) -> int:
    """Hold the cluster against where a section starts, and return how many claims hold.

    Raises:
        NotReady: It is not there; the message lists what differs.
    """
    slugs = list(PAGE)
    missing = [slug for slug in slugs[:start] if not state.stands(slug, proof.results)]
    if missing:
        number = slugs.index(missing[0])
        raise NotReady(
            f"FROM={start}: section {number} ({state.NOTEBOOKS[missing[0]]}) has not been completed on cluster "
            f"{proof.cluster.name}; start there: make runbook FROM={number}"
        )
    claims = must_hold(proof, start)
    differing: list[str] = []

    def look() -> tuple[str, ...]:
        differing[:] = _differences(claims, proof.cluster)
        return tuple(differing)

    try:
        wait_for(look, lambda found: not found, what="where the section starts", timeout_s=HOLD_TIMEOUT_S, every_s=1.0)
    except NotReady as late:
        told = "\n".join(f"  - {line}" for line in differing)
        raise NotReady(
            f"FROM={start}: cluster {proof.cluster.name} is not where section {start} starts; what differs:\n{told}\n"
            f"  mend it, or start earlier: make runbook FROM={_earliest(differing)}"
        ) from late
    return len(claims)


def _differences(claims: tuple[Claim, ...], cluster: Cluster) -> list[str]:
    seen = look_at(list(dict.fromkeys(look for claim in claims for look in claim.looks)), cluster)
    found = [(claim, judge(claim, seen)) for claim in claims]
    return [f"{c.id}: expected {f.expected}, observed {f.observed}" for c, f in found if not f.holds]


def _earliest(differing: list[str]) -> int:
    return min(list(PAGE).index(line.partition(".")[0]) for line in differing)
