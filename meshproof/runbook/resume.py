"""Where a resumed run starts: the claims of the sections before it that must still hold, without running anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from meshproof.bring_up import cell_of
from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.errors import BadInput, NotReady
from meshproof.kube import inventory
from meshproof.proof import Proof
from meshproof.results import Resumption
from meshproof.runbook import standing, state
from meshproof.runbook.standing import Standing
from meshproof.steps import PAGE
from meshproof.wait import Clock

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


def take_up(cluster: Cluster, choices: Choices, start: int, announce: Callable[[str], None]) -> None:
    """Have a cluster where a section starts: taken back to the page's beginning, or found to be there.

    Raises:
        NotReady: It is not where section `start` starts; the message lists what differs.
        BadInput: What is known of the cluster cannot be read.
        CommandFailed: It could not be taken back.
    """
    proof = Proof(cluster, cell_of(choices), choices, announce, into=cluster.work)
    if start == 0:
        proof.rewind()
        state.forget(cluster)
        return
    state.recall(proof)
    looked_at = verify(proof, start)
    lapsed = standing.differences(looked_at)
    if lapsed:
        announce(f"cluster {cluster.name} is not as section {start - 1} left it; what does not hold any more:")
        for each in lapsed:
            announce(f"  {standing.tell(each)}")
    else:
        announce(f"cluster {cluster.name} is where section {start} starts: {len(looked_at)} claims hold")
    differences = differences_since(cluster, list(PAGE)[start - 1])
    for difference in differences:
        announce(f"  different since the end of section {start - 1}: {difference}")
    # What was found from there on, in an earlier run, is over: it is to be found anew.
    state.stand_at(proof, start - 1)
    claims = tuple(f"{each.sentence} [{each.id}]" for each in lapsed)
    proof.resumed = (*proof.resumed, Resumption(start, time.time(), tuple(differences), claims))
    state.save(proof.found(), cluster)


def differences_since(cluster: Cluster, slug: str) -> list[str]:
    """What is different in the cluster since the end of a section: of a later one that was cut short, or by hand."""
    then = state.inventory_file(cluster, slug)
    if not then.exists():
        return []
    now = inventory.take_inventory(cluster.api)
    return list(map(str, inventory.compare(inventory.load(then), now)))


def verify(proof: Proof, start: int, clock: Clock | None = None) -> Sequence[Standing]:
    """Hold the cluster against where a section starts, and return the claims that were looked at.

    All of them hold, but before the clean-up: the way back is open from anywhere, and what it starts from is told.

    Raises:
        NotReady: It is not there; the message lists what differs.
    """
    slugs = list(PAGE)
    missing = [slug for slug in slugs[:start] if slug not in proof.results or proof.results[slug].error]
    if missing:
        number = slugs.index(missing[0])
        raise NotReady(
            f"FROM={start}: section {number} ({state.NOTEBOOKS[missing[0]]}) has not been completed on cluster "
            f"{proof.cluster.name}; start there: make runbook NAME={proof.cluster.name} FROM={number}"
        )
    until = slugs[start]
    setting = standing.setting_of(proof, slugs[start - 1])
    if until == "cleanup" and standing.clean(setting, proof.cluster):
        raise NotReady(
            f"FROM={start}: nothing of the page is there to clean up on cluster {proof.cluster.name}, and what is not "
            f"there proves nothing; start earlier: make runbook NAME={proof.cluster.name} FROM={slugs.index('istio')}"
        )
    if until == "cleanup" and not standing.noted(proof.cluster):
        raise NotReady(
            f"FROM={start}: the inventory that the clean-up compares with is not there; start where it is taken: "
            f"make runbook NAME={proof.cluster.name} FROM={slugs.index('istio')}"
        )
    found = standing.look(slugs[:start], until, setting, proof.cluster, settle_s=HOLD_TIMEOUT_S, clock=clock)
    differing = standing.differences(found)
    if any(each.slug in standing.needs(until) for each in differing):
        told = "\n".join(f"  - {standing.tell(each)}" for each in differing)
        raise NotReady(
            f"FROM={start}: cluster {proof.cluster.name} is not where section {start} starts; what differs:\n{told}\n"
            f"  mend it, or start earlier: make runbook NAME={proof.cluster.name} FROM={slugs.index(differing[0].slug)}"
        )
    return found
