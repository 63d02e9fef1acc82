"""Where a run of the notebooks starts: a cluster taken back to the beginning, or found where a section starts."""

from __future__ import annotations

from collections.abc import Callable

from meshproof.bring_up import cell_of
from meshproof.carried import COMMAND
from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.proof import Proof, position
from meshproof.proof.position import Elsewhere
from meshproof.steps import PAGE, titled


def take_up(cluster: Cluster, choices: Choices, start: int, announce: Callable[[str], None]) -> None:
    """Have a cluster where a section starts: taken back to the page's beginning, or found to be there.

    Raises:
        NotReady: It is not where that section starts; the message lists what differs.
        BadInput: What is known of the cluster cannot be read.
        CommandFailed: It could not be taken back.
    """
    proof = Proof(cluster, cell_of(choices), choices, announce, into=cluster.work)
    if start == 0:
        proof.rewind()
        proof.ledger.forget()
        return
    proof.recall()
    before, first = list(PAGE)[start - 1 : start + 1]
    try:
        held = position.verify(proof, start)
    except Elsewhere as error:
        raise NotReady(f"FROM={first}: {error}: {COMMAND} runbook NAME={cluster.name} FROM={error.first}") from error
    lapsed = position.lapsed(held)
    if lapsed:
        announce(f"cluster {cluster.name} is not as {titled(before)} left it; what does not hold any more:")
        for each in lapsed:
            announce(f"  {position.tell(each)}")
    else:
        announce(f"cluster {cluster.name} is where {titled(first)} starts: {len(held)} claims hold")
    differences = proof.changed_since(before)
    for difference in differences:
        announce(f"  different since the end of {titled(before)}: {difference}")
    proof.resume(start, differences, [f"{each.sentence} [{each.id}]" for each in lapsed])
