"""Where a cluster stands on the page: which sections' claims hold on it now, told without running any command."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.errors import MeshproofError, NotReady
from meshproof.proof import Proof
from meshproof.report.redact import redact
from meshproof.results import StepResult
from meshproof.runbook import state
from meshproof.steps import PAGE, Setting
from meshproof.steps.install_istio import INVENTORY
from meshproof.steps.judging import EVERY_S, SUCCESSES, judge, look_at
from meshproof.steps.model import Claim
from meshproof.steps.traces import no_trace, traces
from meshproof.wait import Clock, wait_for

SETTLE_S = 5.0
# Claims that a later section ends on purpose. All others hold until the page is taken back.
ENDED_BY: Mapping[str, str] = {
    "before.gateway-containers": "enable",
    "before.response": "route",
    "enable.plaintext-until-injected": "route",
}


@dataclass(frozen=True)
class Standing:
    """One claim of an earlier section, as it is now."""

    slug: str
    id: str
    sentence: str
    finding: Finding


def needs(slug: str) -> Sequence[str]:
    """The sections that must stand before this one is run. The way back is open from anywhere, also half-way."""
    return () if slug == "cleanup" else tuple(PAGE)[: tuple(PAGE).index(slug)]


def noted(cluster: Cluster) -> bool:
    """Whether the inventory was taken that the clean-up compares the cluster with."""
    return (cluster.work / INVENTORY).exists()


def lasting(slug: str, setting: Setting, until: str) -> Sequence[Claim]:
    """The claims of a section that hold when `until` begins, also for a second time, and that are about a state."""
    over = tuple(PAGE)[: tuple(PAGE).index(until) + 1]
    return [
        claim
        for claim in PAGE[slug](setting).claims
        if ENDED_BY.get(claim.id) not in over and all(look.when == "each" for look in claim.looks)
    ]


def setting_of(proof: Proof, slug: str) -> Setting:
    """What a section is made for; where the mesh is not there yet, what is known without it."""
    try:
        return proof.setting(slug)
    except MeshproofError:
        return proof.setting("before")


def look(
    slugs: Sequence[str],
    until: str,
    setting: Setting,
    cluster: Cluster,
    *,
    settle_s: float = SETTLE_S,
    clock: Clock | None = None,
) -> Sequence[Standing]:
    """Hold the lasting claims of some sections against the cluster, as it is when section `until` begins.

    Args:
        slugs: The sections.
        until: The section that would be run next.
        setting: What the steps are made for.
        cluster: Where to look.
        settle_s: Seconds given to what does not hold at once, such as a pod that is being replaced.
        clock: Source of time and pauses; the real one by default.
    """
    claims = [(slug, claim) for slug in slugs for claim in lasting(slug, setting, until)]
    looks = list(dict.fromkeys(look for _, claim in claims for look in claim.looks))
    last: list[Sequence[Standing]] = []

    def read() -> Sequence[Standing]:
        seen = look_at(looks, cluster)
        last.append([Standing(slug, claim.id, claim.sentence, judge(claim, seen)) for slug, claim in claims])
        return last[-1]

    with contextlib.suppress(NotReady):  # what does not hold is in the answer
        wait_for(
            read,
            _all_hold,
            what="earlier sections",
            timeout_s=settle_s,
            successes=SUCCESSES,
            every_s=EVERY_S,
            clock=clock,
        )
    return last[-1]


def past(slug: str, results: Mapping[str, StepResult], setting: Setting, cluster: Cluster) -> str:
    """Why this section, which is proven, is not run again: that would take a later one back, or find nothing to do."""
    if slug not in results or not proven(results[slug]):
        return ""
    if slug == "cleanup":
        return "nothing of the page is there to clean up" if clean(setting, cluster) else ""
    order = list(PAGE)
    later = [each for each in order[order.index(slug) + 1 : -1] if each in results]
    if not later:
        return ""
    found = look(later[:1], order[order.index(later[-1]) + 1], setting, cluster)
    return "" if differences(found) else f"{state.NOTEBOOKS[later[0]]} stands on it"


def clean(setting: Setting, cluster: Cluster) -> bool:
    """Whether nothing of the page is there: no section of it, half or whole."""
    return no_trace(traces(setting).take(cluster)).holds


def proven(result: StepResult) -> bool:
    """Whether a section completed and all of its claims held."""
    return not result.error and all(check.status == "proven" for check in result.checks)


def differences(standing: Sequence[Standing]) -> Sequence[Standing]:
    """Those that do not hold."""
    return [each for each in standing if not each.finding.holds]


def tell(each: Standing) -> str:
    """One claim that does not hold, in words, secrets taken out."""
    finding = each.finding
    return redact(f"{each.sentence} [{each.id}]\n    expected: {finding.expected}\n    observed: {finding.observed}")


def _all_hold(standing: Sequence[Standing]) -> bool:
    return not differences(standing)
