"""Taking away what a run has left in somebody else's cluster, and putting back what it has changed there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube.everything import Object, everything
from meshproof.kube.kinds import GATEWAY, GATEWAY_PARAMETERS
from meshproof.kube.objects import Namespace
from meshproof.kube.raw import Raw
from meshproof.releases import Cell
from meshproof.steps.clean_up import as_before, noted_inventory
from meshproof.steps.give_back import FOUND, give_back
from meshproof.steps.runner import await_ready, run_commands
from meshproof.steps.setting import Makes, Setting
from meshproof.survey.ours import OURS, our_names


def take_away(left: Makes, cluster: Cluster, cell: Cell, announce: Callable[[str], None]) -> None:
    """Take away what is left, as the note of it says.

    Args:
        left: What was made there.
        cluster: Where.
        cell: What was proved.
        announce: Told what is going on.

    Raises:
        NotReady: Others use it by now, or have a namespace of our name, and nothing was taken away; or something of it
            stays, or something else is not as that run found it, which is told once.
        CommandFailed: A command failed.
    """
    announce("taking away what a run that was ended has left")
    setting = Setting.of(cell, cluster.parts, Choices(), our_names(), left)
    step = give_back(setting)
    for namespace in (setting.names.gateway_namespace, setting.names.app_namespace):
        there = cluster.api.find(namespace.path)
        if there is not None and Namespace.from_dict(there).labels.get(OURS[0]) != OURS[1]:
            raise NotReady(
                f"{namespace}: is not meshproof's, so nothing was taken away; rename it, or delete it yourself"
            )
    if used := in_use(everything(cluster.api), setting):
        raise NotReady(
            f"what a run that was ended has made for kgateway is used by others by now: {', '.join(used)}. It would be "
            "taken from them, so nothing was changed. Move these elsewhere; or keep the definitions and the class: "
            f"take the label {OURS[0]} and Helm's annotations from them, and delete our namespaces by hand"
        )
    run_commands(step.commands, cluster, [])
    try:
        await_ready(step.ready, cluster, [])
    except NotReady as error:
        raise NotReady(f"{error}\n  take that away by hand, then try again") from error
    noted = cluster.work / FOUND
    here = left.by is not None and left.by.host == socket.gethostname()
    if here and noted.exists():  # what that run has changed must not become what the next one starts from
        different = as_before(everything(cluster.api), noted_inventory(FOUND, "").read(cluster), setting)
        if not different.holds:
            raise NotReady(
                f"a run that was ended has not left all as it was: {different.observed}\n  mend that by hand"
            )


def in_use(objects: Sequence[Object], setting: Setting) -> tuple[str, ...]:
    """What others have made meanwhile of the definitions that a run made, or of its class: it would go with them."""
    makes, names = setting.makes, setting.names
    made = {GATEWAY.group: makes.gateway_api, GATEWAY_PARAMETERS.group: makes.kgateway_crds}

    def goes(each: Object) -> bool:
        named = Raw.of(each.kind, each.raw).get("spec.gatewayClassName", "") if each.kind.startswith("Gateway.") else ""
        of_class = makes.gateway_class and named == setting.dialect.gateway_class
        return made.get(each.kind.partition(".")[2], False) or of_class

    ours = ("", names.gateway.namespace, names.app.namespace)
    return tuple(str(each) for each in objects if each.namespace not in ours and goes(each))
