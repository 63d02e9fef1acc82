"""Taking away what a run has left in somebody else's cluster, and putting back what it has changed there."""

from __future__ import annotations

from collections.abc import Callable

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube.everything import everything
from meshproof.releases import Cell
from meshproof.steps.clean_up import as_before, noted_inventory
from meshproof.steps.give_back import FOUND, give_back
from meshproof.steps.runner import await_ready, run_commands
from meshproof.steps.setting import Makes, Setting
from meshproof.survey.ours import our_names


def take_away(left: Makes, cluster: Cluster, cell: Cell, choices: Choices, announce: Callable[[str], None]) -> None:
    """Take away what is left, as the note of it says.

    Args:
        left: What was made there.
        cluster: Where.
        cell: What was proved.
        choices: Those of now; nothing that is taken away depends on them.
        announce: Told what is going on.

    Raises:
        NotReady: Something of it stays, or something else is not as that run found it; that is told once.
        CommandFailed: A command failed.
    """
    announce("taking away what a run that was ended has left")
    setting = Setting.of(cell, cluster.parts, choices, our_names(), left)
    step = give_back(setting)
    run_commands(step.commands, cluster, [])
    try:
        await_ready(step.ready, cluster, [])
    except NotReady as error:
        raise NotReady(f"{error}\n  take that away by hand, then try again") from error
    noted = cluster.work / FOUND
    if noted.exists():  # what that run has changed must not become what the next one starts from
        different = as_before(everything(cluster.api), noted_inventory(FOUND, "").read(cluster), setting)
        if not different.holds:
            raise NotReady(
                f"a run that was ended has not left all as it was: {different.observed}\n  mend that by hand"
            )
