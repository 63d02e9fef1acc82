"""What `book`, `section` and `there` are in a new kernel, until the cells that make them have run."""

from __future__ import annotations

from typing import Never

from meshproof.errors import NotReady


class Placeholder:
    """A name that a later cell uses before the cell that makes it has run; asked for anything, it says so."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"{self._name}: not made yet in this kernel"

    def __getattr__(self, attribute: str) -> Never:
        """Refuse.

        Raises:
            NotReady: The cells above come first.
            AttributeError: It is a private name, as IPython looks for to see how a value is shown.
        """
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        raise NotReady(
            f"the cells above come first: one of them makes {self._name!r}, and this kernel is new.\n"
            "  In the menu, Run > Run All Above Selected Cell, then this one again.\n"
            "  What stands in other cells is of an earlier kernel, as found at the times that it shows."
        )


book = Placeholder("book")
section = Placeholder("section")
there = Placeholder("there")
