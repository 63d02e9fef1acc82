"""A cluster of somebody else's: how it is reached, what is there, what a run would do, and the yes to that."""

from __future__ import annotations

import hashlib
import os
import shlex
import socket
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from meshproof.choices import CONTROLLER, EXISTING, Choices
from meshproof.cluster import Record
from meshproof.dialects import dialect
from meshproof.errors import BadInput
from meshproof.kube.api import Api
from meshproof.kube.kinds import NAMESPACE, Ref
from meshproof.kube.raw import Raw
from meshproof.kube.rights import Right, listed, missing
from meshproof.releases import Cell, find_cell
from meshproof.survey.found import Found
from meshproof.survey.look import look
from meshproof.survey.plan import Plan, plan
from meshproof.survey.rights import LOOKING, rights
from meshproof.survey.told import found_text, plan_text

LONGEST_RUN_S = 3600.0
DEFAULT_KUBECONFIG = "~/.kube/config"


@dataclass(frozen=True)
class Existing:
    """A cluster of somebody else's.

    Attributes:
        kubeconfig: The user's kubeconfig, or several, as KUBECONFIG has them; paths are absolute.
        api: Its API server.
        cell: What is proved on it.
    """

    kubeconfig: str
    api: Api
    cell: Cell

    @classmethod
    def of(cls, choices: Choices) -> Existing:
        """The cluster that the choices lead to; it is not asked anything yet.

        Raises:
            BadInput: The kubeconfig cannot be used, or there is no such combination of versions.
            MachineCannot: A credential plugin gives no credential.
        """
        kubeconfig = kubeconfigs(choices)
        cell = find_cell(choices.kgateway, choices.istio, choices.kubernetes)
        return cls(kubeconfig, Api(kubeconfig, choices.context), cell)

    def look(self) -> Found:
        """What is there.

        Raises:
            BadInput: What must be read may not be; all that is missing is listed.
            MachineCannot: It cannot be reached.
        """
        if missing(LOOKING, self.api):
            self._refuse(missing((*LOOKING, *rights()), self.api))
        return look(self.api, dialect(self.cell.dialect))

    @property
    def leading(self) -> str:
        """The words that lead to it, as they are typed."""
        return leading_to(Choices(cluster=EXISTING, kubeconfig=self.kubeconfig, context=self.api.context))

    def refuse_another_run(self, found: Found) -> None:
        """Leave a run of another machine alone that may still be going on; those of this one wait for each other.

        Raises:
            BadInput: There is one.
        """
        by = found.left.by if found.left else None
        if by and by.host != socket.gethostname() and time.time() - by.began < LONGEST_RUN_S:
            raise BadInput(
                f"cluster {self.api.server}: a run of meshproof may be on it ({by}); let it end. Where it was ended, "
                f"this takes away what it left: meshproof delete {self.leading}"
            )

    def agree_to_take_away(self, choices: Choices) -> None:
        """Have a yes before what a run left is taken away.

        Raises:
            BadInput: Nobody gives it.
        """
        what = f"cluster {self.api.server}, context {self.api.context}: what meshproof has made there"
        if not choices.yes:
            _ask(what, "Take that away?")

    def plan(self, found: Found, choices: Choices) -> Plan:
        """What a run will do.

        Raises:
            BadInput: The page cannot be proved here, or we may not do what it takes.
        """
        made = plan(found, choices, self.cell, dialect(self.cell.dialect))
        self._refuse(missing(rights(made.makes), self.api))
        return made

    def with_change(self, found: Found, choices: Choices) -> str:
        """The plan as it would be with what may be chosen to be changed; nothing where that is chosen or is no help."""
        try:
            made = plan(found, replace(choices, change=CONTROLLER), self.cell, dialect(self.cell.dialect))
        except BadInput:
            return ""
        allowed = not missing(rights(made.makes), self.api)
        return f"\n\nwith CHANGE={CONTROLLER}, {plan_text(made)}" if allowed and not choices.change else ""

    def record(self) -> Record:
        """What is known of it on this machine, by what tells a cluster from all others."""
        raw = self.api.find(Ref(NAMESPACE, "", "kube-system").path) or {}
        uid = Raw(raw, "kube-system").get("metadata.uid", "") or self.api.server
        return Record(hashlib.sha256(uid.encode()).hexdigest()[:12], existing=True)

    def told(self, found: Found, made: Plan) -> str:
        """What is there and what a run would do, for people."""
        return f"{found_text(found, dialect(self.cell.dialect))}\n\n{plan_text(made)}"

    def _refuse(self, lacking: tuple[Right, ...]) -> None:
        if lacking:
            lines = [f"cluster {self.api.server}: these rights are missing; nothing was changed", *listed(lacking)]
            raise BadInput("\n  ".join(lines))


def kubeconfigs(choices: Choices) -> str:
    """The user's kubeconfig, or several, as KUBECONFIG has them: what was chosen, or else what kubectl would take."""
    given = choices.kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG
    return os.pathsep.join(str(Path(part).expanduser().absolute()) for part in given.split(os.pathsep) if part)


def leading_to(choices: Choices) -> str:
    """The words that lead to the cluster of these choices, as they are typed."""
    typed = choices.typed("delete")
    return shlex.join([*(f"{name}={typed[name]}" for name in ("CLUSTER", "KUBECONFIG", "CONTEXT")), "YES=1"])


def survey(choices: Choices) -> str:
    """What is there and what a run would do.

    Raises:
        BadInput: As `Existing` has it; what was found is in the message as far as it may be seen.
    """
    existing = Existing.of(choices)
    found = existing.look()
    existing.refuse_another_run(found)
    try:
        return existing.told(found, existing.plan(found, choices))
    except BadInput as error:
        told = found_text(found, dialect(existing.cell.dialect))
        raise BadInput(f"{error}\n\n{told}{existing.with_change(found, choices)}") from error


def agreed(choices: Choices) -> Choices:
    """The choices with the plan told and agreed to: beforehand by YES=1, or now by whoever is at the terminal.

    Raises:
        BadInput: Nobody is, or says no; see `survey` for others.
    """
    print(survey(choices), flush=True)
    if choices.yes:
        return choices
    _ask("the plan", "Go on with this plan?")
    return replace(choices, yes=True)


def _ask(what: str, question: str) -> None:
    if not sys.stdin.isatty():
        raise BadInput(f"{what}: needs a yes, and nobody is at a terminal to give it: add YES=1. Nothing was changed")
    if input(f"\n{what}\n{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise BadInput(f"{what}: not agreed to; nothing was changed")
