"""What is known of a cluster from one process to the next: the sections that ran there, kept beside the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from meshproof.kube import inventory
from meshproof.kube.inventory import Inventory
from meshproof.report import results_json
from meshproof.results import RunResult


@dataclass(frozen=True)
class Ledger:
    """Results and inventories in a folder beside a cluster; they go when the cluster is made anew."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where the results are kept."""
        return self.folder / "runbook.json"

    def read(self) -> RunResult | None:
        """What was kept last, if anything.

        Raises:
            BadInput: The file is there and cannot be read.
        """
        return results_json.read(self.path) if self.path.exists() else None

    def write(self, run: RunResult) -> None:
        """Keep the results of a run, secrets taken out."""
        results_json.write(run, self.path)

    def forget(self) -> None:
        """Begin anew."""
        self.path.unlink(missing_ok=True)

    def note(self, slug: str, objects: Inventory) -> None:
        """Keep what the cluster holds at the end of a section."""
        inventory.save(objects, self._inventory_of(slug))

    def noted(self, slug: str) -> Inventory | None:
        """What the cluster held at the end of a section, where that was noted."""
        path = self._inventory_of(slug)
        return inventory.load(path) if path.exists() else None

    def _inventory_of(self, slug: str) -> Path:
        return self.folder / f"inventory-after-{slug}.json"
