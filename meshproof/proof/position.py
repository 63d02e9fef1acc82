"""Where a cluster is on the page: which sections' claims hold on it now, told without running any command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.errors import MeshproofError, NotReady
from meshproof.path.link import Seen, look_at
from meshproof.path.mesh import istiod_address
from meshproof.proof.proof import Proof
from meshproof.report.redact import redact
from meshproof.results import StepResult
from meshproof.steps import PAGE, RESTORE, Setting, titled
from meshproof.steps.give_back import what_is_ours
from meshproof.steps.install_istio import inventory_name
from meshproof.steps.judging import EVERY_S, SUCCESSES, judge
from meshproof.steps.model import Claim
from meshproof.steps.traces import no_trace, traces
from meshproof.wait import Clock, wait_for

SETTLE_S = 5.0
HOLD_TIMEOUT_S = 10.0


class Elsewhere(NotReady):
    """A cluster is not where a section of the page starts; `first` is the section to start with instead."""

    def __init__(self, told: str, first: str) -> None:
        super().__init__(told)
        self.first = first


@dataclass(frozen=True)
class Held:
    """One claim of an earlier section, held against the cluster as it is now."""

    slug: str
    id: str
    sentence: str
    finding: Finding


def stood_on(slug: str, setting: Setting) -> bool:
    """Whether later sections stand on this one: it changes something, which can be undone. Others only look."""
    return bool(PAGE[slug](setting).undo)


def needs(slug: str, setting: Setting) -> Sequence[str]:
    """The sections that must stand before this one is run. The way back is open from anywhere, also half-way."""
    earlier = () if slug in ("cleanup", RESTORE.slug) else tuple(PAGE)[: tuple(PAGE).index(slug)]
    return tuple(each for each in earlier if stood_on(each, setting))


def noted(setting: Setting, cluster: Cluster) -> bool:
    """Whether the inventory was taken that the clean-up compares the cluster with."""
    return (cluster.work / inventory_name(setting)).exists()


def lasting(slug: str, setting: Setting, until: str) -> Sequence[Claim]:
    """The claims of a section that hold when `until` begins, also for a second time, and that are about a state."""
    over = tuple(PAGE)[: tuple(PAGE).index(until) + 1]
    return [
        claim
        for claim in PAGE[slug](setting).claims
        if claim.until not in over and all(link.when == "each" for link in claim.links)
    ]


def setting_of(proof: Proof, slug: str) -> Setting:
    """What a section is made for; where the mesh is not there yet, what is known without it."""
    try:
        return proof.setting(slug)
    except MeshproofError:
        return proof.setting("before")


def hold(
    slugs: Sequence[str],
    until: str,
    setting: Setting,
    cluster: Cluster,
    *,
    settle_s: float = SETTLE_S,
    clock: Clock | None = None,
) -> Sequence[Held]:
    """Hold the lasting claims of some sections against the cluster, as it is when section `until` begins.

    Args:
        slugs: The sections.
        until: The section that would be run next.
        setting: What the steps are made for.
        cluster: Where to look.
        settle_s: Seconds given to what does not hold at once, such as a pod that is being replaced.
        clock: Source of time and pauses; the real one by default.
    """
    claims = [claim for slug in slugs for claim in lasting(slug, setting, until)]
    return hold_claims(claims, cluster, settle_s=settle_s, clock=clock)


def hold_claims(
    claims: Sequence[Claim],
    cluster: Cluster,
    *,
    fixed: Seen | None = None,
    enough: Callable[[Sequence[Held]], bool] | None = None,
    settle_s: float = SETTLE_S,
    clock: Clock | None = None,
) -> Sequence[Held]:
    """Hold some claims against the cluster until they are as they should be, three times in a row; the last look.

    Args:
        claims: The claims.
        cluster: Where to look.
        fixed: What was seen of links that are not read again.
        enough: Whether they are as they should be; by default, whether all hold.
        settle_s: Seconds given to that.
        clock: Source of time and pauses; the real one by default.
    """
    known = fixed or Seen()
    links = [link for claim in claims for link in claim.links if link not in known.found]
    last: list[Sequence[Held]] = []

    def read() -> Sequence[Held]:
        seen = known | look_at(links, cluster)
        last.append([Held(_slug(claim), claim.id, claim.sentence, judge(claim, seen)) for claim in claims])
        return last[-1]

    with contextlib.suppress(NotReady):  # what does not hold is in the answer
        wait_for(
            read,
            enough or _all_hold,
            what="claims",
            timeout_s=settle_s,
            successes=SUCCESSES,
            every_s=EVERY_S,
            clock=clock,
        )
    return last[-1]


def past(slug: str, results: Mapping[str, StepResult], setting: Setting, cluster: Cluster) -> str:
    """Why this section, which is proven, is not run again: the first later one, which stands on it and would go.

    The clean-up itself, or the return of a cluster, where nothing is left to do; empty where the section can be run.
    """
    if slug not in results or not results[slug].complete:
        return ""
    if slug == RESTORE.slug:
        return "" if what_is_ours(setting).read(cluster) else slug
    if slug == "cleanup":
        return slug if clean(setting, cluster) else ""
    order = list(PAGE)
    later = [each for each in order[order.index(slug) + 1 : -1] if each in results and stood_on(each, setting)]
    if not later:
        return ""
    held = hold(later[:1], order[order.index(later[-1]) + 1], setting, cluster)
    return "" if lapsed(held) else later[0]


def clean(setting: Setting, cluster: Cluster) -> bool:
    """Whether nothing of the page is there: no section of it, half or whole."""
    return no_trace(traces(setting).read(cluster)).holds


def verify(proof: Proof, start: int, clock: Clock | None = None) -> Sequence[Held]:
    """Hold the cluster against where a section starts, and return the claims that were looked at.

    All of them hold, but before the clean-up: the way back is open from anywhere, and what it starts from is told.

    Raises:
        Elsewhere: It is not there; the message lists what differs.
        BadInput: The revision that was chosen is not that of an istiod that is there.
    """
    slugs, name = list(PAGE), proof.cluster.name
    missing = [slug for slug in slugs[:start] if slug not in proof.results or proof.results[slug].error]
    if missing:
        raise Elsewhere(f"{titled(missing[0])} has not been completed on cluster {name}; start there", missing[0])
    if start > slugs.index("istio"):
        with contextlib.suppress(NotReady):  # that there is none at all is told below
            istiod_address(proof.cluster.api, proof.setting("before").names)
    until = slugs[start]
    setting = setting_of(proof, slugs[start - 1])
    if until == "cleanup" and clean(setting, proof.cluster):
        raise Elsewhere(
            f"nothing of the page is there to clean up on cluster {name}, and what is not there proves nothing; "
            "start earlier",
            "istio",
        )
    if until == "cleanup" and not noted(setting, proof.cluster):
        raise Elsewhere("the inventory that the clean-up compares with is not there; start where it is taken", "istio")
    held = hold(slugs[:start], until, setting, proof.cluster, settle_s=HOLD_TIMEOUT_S, clock=clock)
    differing = lapsed(held)
    if differing and until != "cleanup":
        told = "\n".join(f"  - {tell(each)}" for each in differing)
        raise Elsewhere(
            f"cluster {name} is not where {titled(until)} starts; what differs:\n{told}\n  mend it, or start earlier",
            differing[0].slug,
        )
    return held


def lapsed(held: Sequence[Held]) -> Sequence[Held]:
    """Those that do not hold."""
    return [each for each in held if not each.finding.holds]


def tell(each: Held) -> str:
    """One claim that does not hold, in words, secrets taken out."""
    finding = each.finding
    return redact(f"{each.sentence} [{each.id}]\n    expected: {finding.expected}\n    observed: {finding.observed}")


def _slug(claim: Claim) -> str:
    """The section of a claim, by which its id begins."""
    return claim.id.partition(".")[0]


def _all_hold(held: Sequence[Held]) -> bool:
    return not lapsed(held)
