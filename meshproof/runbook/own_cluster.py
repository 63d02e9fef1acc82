"""An existing cluster before the first section: what was found there, what a run would do, and how it is taken."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from meshproof.choices import TAKING_NOTEBOOK, Choices
from meshproof.errors import BadInput
from meshproof.on_existing import begun_on_existing
from meshproof.progress import Progress
from meshproof.runbook import held
from meshproof.runbook.runbook import Runbook, chosen, open_held
from meshproof.runbook.shown import Shown, surveyed
from meshproof.survey.existing import Existing
from meshproof.survey.found import Found


def survey(**words: str) -> Survey:
    """Look at an existing cluster; nothing is changed.

    Args:
        words: Choices, as the notebook's parameters have them.

    Raises:
        BadInput: A choice is not supported, or what must be read may not be.
        MachineCannot: The cluster cannot be reached.
    """
    choices = chosen(words, TAKING_NOTEBOOK)
    existing = Existing.of(choices)
    return Survey(choices, existing, existing.look())


@dataclass(frozen=True, repr=False)
class Survey:
    """An existing cluster as it was found. As a cell's value it shows what is there."""

    choices: Choices
    existing: Existing
    found: Found

    @property
    def plan(self) -> Shown:
        """What a run uses, makes and changes there.

        Raises:
            BadInput: The page cannot be proved there; each reason is a line.
        """
        try:
            return surveyed.plan_table(self.existing.plan(self.found, self.choices))
        except BadInput as error:
            raise BadInput(f"{error}{self.existing.with_change(self.found, self.choices)}") from error

    def take(self, artifacts: str = "") -> Runbook:
        """Have the cluster for the notebooks until it is given back. Taken already, it is only opened.

        Args:
            artifacts: Folder for what the cluster looked like when a claim is refuted; beside what is known of it here
                by default.

        Raises:
            BadInput: The plan was not agreed to, or the cluster was taken with other choices.
            NotReady: What an earlier run has left there cannot be taken away.
        """
        progress = Progress(sys.stdout, live=False)
        record = self.existing.record()
        if held.Held.of(record):
            return open_held(self.choices, TAKING_NOTEBOOK, record, progress)
        if not self.choices.yes:
            raise BadInput(
                'the plan needs a yes: yes="1" among the parameters, then this notebook again from its first cell. '
                "Nothing was changed"
            )
        into = Path(artifacts) if artifacts else record.work
        with begun_on_existing(self.choices, progress, into) as proof:
            held.hold(proof, kept="asked")
        return Runbook(proof, made=True)

    @property
    def _shown(self) -> Shown:
        return surveyed.found_table(
            self.found, self.existing.cell, taken=held.Held.of(self.existing.record()) is not None
        )

    def _repr_html_(self) -> str:
        return self._shown.html

    def __repr__(self) -> str:
        return self._shown.text
