"""Panels that claim something: once their section is run again they say that they are of an earlier run.

A notebook keeps the outputs of cells that were not run again, also below or above one that failed. IPython can replace
an output of the same kernel; one of a kernel that is gone stays, with the time that every panel carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from meshproof.runbook.shown import Shown


class Handle(Protocol):
    """IPython's way back to an output."""

    def update(self, obj: object) -> None:
        """Show this in its place."""
        ...


@dataclass(eq=False)
class Run:
    """One run of a section in this kernel, and what is on show of it."""

    over: bool = False
    on_show: list[tuple[Handle, Shown]] = field(default_factory=list[tuple[Handle, Shown]])

    def end(self) -> None:
        """Let all that is on show say that it is of an earlier run."""
        self.over = True
        for handle, earlier in self.on_show:
            handle.update(earlier)


@dataclass(frozen=True)
class Claimed(Shown):
    """A panel that claims something; `earlier` is what it says once the run that it is of is over."""

    earlier: Shown
    run: Run

    def _ipython_display_(self) -> None:
        from IPython import display as ipython  # who calls this is IPython

        handle: Handle = cast(Any, ipython).display(Shown(self.html, self.text), display_id=True)
        self.run.on_show.append((handle, self.earlier))


_runs: dict[str, Run] = {}  # of this kernel, by what they are about


def begin(name: str, ends: Sequence[str] = ()) -> Run:
    """A new run of something; the one before is over, and so are those of what it ends."""
    for each in (name, *ends):
        if each in _runs:
            _runs.pop(each).end()
    return _runs.setdefault(name, Run())
