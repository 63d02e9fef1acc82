"""What `make runbook` is asked for, and what to type to go on from a section."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from meshproof.choices import Choices, words_of
from meshproof.errors import BadInput
from meshproof.steps import PAGE


@dataclass(frozen=True)
class Order:
    """What `make runbook` was asked for; `start` is the number of the section to begin with."""

    choices: Choices
    start: int

    @classmethod
    def of(cls, choices: Choices) -> Order:
        """What the choices come to.

        Raises:
            BadInput: FROM is not the number of a section.
        """
        return cls(choices, start_section(choices.start))

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.choices.name

    @property
    def existing(self) -> bool:
        """Whether the cluster must be there already."""
        return self.choices.cluster == "existing" or self.start > 0

    def again(self, start: int) -> str:
        """What to type to go on from a section, with the same choices."""
        words, typed = words_of("runbook"), replace(self.choices, start=str(start)).typed("runbook")
        told = [f"{name}={value}" for name, value in typed.items() if name == "NAME" or value != words[name].default]
        return f"make runbook {shlex.join(told)}"


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
