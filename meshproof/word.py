"""A word of choice: how it is typed, what it may be, and what it is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from meshproof.errors import BadInput
from meshproof.releases import cells

NEAR = 0.7  # from one letter of three on: COLOUR is no misspelt CLUSTER
Values = Callable[[], Sequence[str]]


def one_of(*values: str) -> Values:
    """Some values and no others."""
    return lambda: values


def supported(part: str) -> Values:
    """The versions of a part in the supported combinations, the default one first."""
    return lambda: tuple(dict.fromkeys(str(getattr(cell, part)) for cell in cells()))


@dataclass(frozen=True)
class Word:
    """One choice: KGATEWAY in `KGATEWAY=2.4.0`, `--kgateway` as an option, `kgateway` as a notebook's parameter.

    Attributes:
        help: What it is, in a sentence.
        takers: The commands that take it, and beside them "pytest" and "notebooks".
        values: Gives those allowed; where there is none, `form` says it.
        form: What a value must match, and the same in words.
        withheld: Taker -> values that it does not allow, though others do.
        required: Takers that cannot do without it -> what it is for.
        elsewhere: Taker -> its help, where the word says something else there.
        reported: Whether results name it among their choices.
        kind_option: What pytest-kind, which brings the option, calls it.
        name: As it is typed; the field's name by default.
        attribute: Its field of `Choices`, whose default is the word's. This and the two below are filled in from there.
        default: What stands for it where nothing is given.
        flag: Whether it is given or not, and has no other value.
    """

    help: str
    takers: Sequence[str]
    values: Values = tuple
    form: tuple[str, str] = (".+", "a value")
    withheld: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    required: Mapping[str, str] = field(default_factory=dict[str, str])
    elsewhere: Mapping[str, str] = field(default_factory=dict[str, str])
    reported: bool = False
    kind_option: str = ""
    name: str = ""
    attribute: str = ""
    default: str = ""
    flag: bool = False

    @property
    def option(self) -> str:
        """As an option of the command."""
        return f"--{self.name.lower().replace('_', '-')}"

    @property
    def pytest_option(self) -> str:
        """As an option of pytest."""
        return f"--{self.kind_option}" if self.kind_option else self.option

    def allowed(self, taker: str = "") -> Sequence[str]:
        """The values that a taker allows; none where any of the right form is."""
        return [value for value in self.values() if value not in self.withheld.get(taker, ())]

    def meaning(self, taker: str) -> str:
        """Help with what is allowed and what the default is."""
        listed = ", ".join(self.allowed(taker)) or self.form[1]
        default = f"; default: {self.default}" if self.default and taker not in self.required else ""
        about = self.elsewhere.get(taker, self.help)
        return about if self.flag else f"{about} ({listed}{default})"

    def check(self, value: str, taker: str = "") -> None:
        """Refuse a value that is not allowed.

        Raises:
            BadInput: It is not; the message says what is, and what comes nearest.
        """
        allowed = self.allowed(taker)
        if allowed and value not in allowed:
            listed = ", ".join(["(empty)", *allowed] if self.flag else allowed)
            raise BadInput(f"{self.name}={value}: not supported{nearest(value, allowed)}; allowed: {listed}")
        if not re.fullmatch(self.form[0], value):
            raise BadInput(f"{self.name}={value}: expected {self.form[1]}")


def nearest(given: str, known: Iterable[str]) -> str:
    """What was probably meant, as the next part of a message; empty where nothing comes near."""
    lowered = {each.lower(): each for each in known}
    close = get_close_matches(given.lower(), lowered, n=1, cutoff=NEAR)
    return f"; nearest is {lowered[close[0]]}" if close else ""
