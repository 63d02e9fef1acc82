"""What a release says of values and objects without a cluster: its charts, rendered, and its definitions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from meshproof import yamls
from meshproof.dialects import dialect
from meshproof.environment import tool_environment
from meshproof.images.at_hand import AtHand, at_hand
from meshproof.page.definitions import Definitions, read_definitions
from meshproof.releases import Cell
from meshproof.run import run

CHART = "kgateway"
CRDS = "kgateway-crds"
_AT_ONCE = 4


@dataclass(frozen=True)
class Rendered:
    """What a chart makes of some values: the same as without them, or helm's own words where it refuses them."""

    same: bool
    refusal: str = ""


@dataclass(frozen=True)
class Release:
    """A combination whose parts are here."""

    cell: Cell
    parts: AtHand

    @cached_property
    def definitions(self) -> Definitions:
        """What its charts define."""
        return read_definitions(self.parts.charts[CRDS], self.parts.gateway_api_crds)

    @property
    def helm(self) -> Path:
        """Its helm."""
        return self.parts.tools / "helm"

    @property
    def chart(self) -> Path:
        """kgateway's chart."""
        return self.parts.charts[CHART]

    def render(self, values: Sequence[str]) -> Sequence[Rendered]:
        """What the chart makes of each of some values: given alone, and beside those that switch the integration on.

        Those must render something else than none do: a chart that ignores everything says nothing of one value.
        """
        switch = yamls.dump(dialect(self.cell.dialect).integration_values)
        given: list[Sequence[str]] = [(), (switch,)]
        given += [with_it for each in values for with_it in ((each,), (switch, each))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            off, on, *others = pool.map(self._render, given)
        listens = not on.refusal and off.text != on.text
        return [
            Rendered(listens and (alone.text, beside.text) == (off.text, on.text), alone.refusal or beside.refusal)
            for alone, beside in zip(others[::2], others[1::2], strict=True)
        ]

    def _render(self, values: Sequence[str]) -> _Output:
        """What is rendered with some values, later ones over those before, or what helm says against them."""
        with TemporaryDirectory() as folder:
            files = [Path(folder, f"{number}.yaml") for number, _ in enumerate(values)]
            for file, each in zip(files, values, strict=True):
                file.write_text(each, encoding="utf-8")
            options = [word for file in files for word in ("--values", str(file))]
            argv = (str(self.helm), "template", CHART, str(self.chart), *options)
            done = run(*argv, env=tool_environment(), check=False)
        said = done.stderr.strip().splitlines() or [f"exit code {done.code}"]
        return _Output(done.stdout, said[-1] if done.code else "")


@dataclass(frozen=True)
class _Output:
    text: str
    refusal: str


def release_at_hand(cell: Cell) -> Release | None:
    """The release of a cell, where its parts are here; nothing is made."""
    parts = at_hand(cell)
    return Release(cell, parts) if parts else None
