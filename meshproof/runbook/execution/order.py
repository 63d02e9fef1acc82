"""What `make runbook` is asked for, and what to type to go on from a section."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from meshproof.carried import COMMAND
from meshproof.choices import Choices, words_of
from meshproof.errors import BadInput
from meshproof.steps import PAGE
from meshproof.word import nearest


@dataclass(frozen=True)
class Order:
    """What `make runbook` was asked for; `start` is the place on the page of the section to begin with."""

    choices: Choices
    start: int

    @classmethod
    def of(cls, choices: Choices) -> Order:
        """What the choices come to.

        Raises:
            BadInput: FROM names no section, or one in an existing cluster.
        """
        start = start_section(choices.start)
        if start and choices.existing:
            raise BadInput(
                f"FROM={choices.start}: a run in an existing cluster gives it back at its end, and there is nothing to "
                "go on from; leave FROM out"
            )
        return cls(choices, start)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.choices.name

    @property
    def goes_on(self) -> bool:
        """Whether the run goes on, on a cluster of ours that must be there already."""
        return self.start > 0

    def again(self, start: int) -> str:
        """What to type to go on from a section, with the same choices."""
        words, typed = words_of("runbook"), replace(self.choices, start=list(PAGE)[start]).typed("runbook")
        told = [f"{name}={value}" for name, value in typed.items() if name == "NAME" or value != words[name].default]
        return f"{COMMAND} runbook {shlex.join(told)}"


def start_section(text: str) -> int:
    """The place on the page of the section that FROM names, by its slug or its number.

    Raises:
        BadInput: It is not one of them.
    """
    places = {word: place for place, slug in enumerate(PAGE) for word in (str(place), slug)}
    if text not in places:
        named = ", ".join(f"{place} {slug}" for place, slug in enumerate(PAGE))
        raise BadInput(f"FROM={text}: expected a section, by its number or its name{nearest(text, PAGE)}: {named}")
    return places[text]
