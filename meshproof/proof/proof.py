"""A proof of the page: its sections run in order on one cluster, and what a run of them leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube import inventory
from meshproof.kube.inventory import Difference
from meshproof.names import Names
from meshproof.path.mesh import Mesh, find_mesh
from meshproof.paths import artifacts_dir
from meshproof.proof.ledger import Ledger
from meshproof.releases import Cell
from meshproof.report import artifacts, diagnostics, table
from meshproof.report.run_folder import make_latest, new_run_folder
from meshproof.results import Resumption, RunResult, StepResult
from meshproof.steps import (
    IN_THE_MESH,
    PAGE,
    RESTORE,
    Section,
    Setting,
    fail_step,
    load_balancer,
    run_step,
    sections,
    skip_step,
)
from meshproof.steps.install_istio import SWEEP
from meshproof.steps.model import Ready
from meshproof.steps.own_errors import told, tracebacks
from meshproof.steps.runner import await_ready, run_commands
from meshproof.steps.setting import Makes
from meshproof.steps.traces import no_trace, traces


@dataclass
class Proof:
    """The sections of the page on one cluster, each run once and in page order.

    What was found changes through the methods only.

    Attributes:
        cluster: Where they run.
        cell: The versions.
        choices: The run's choices.
        announce: Told what is going on, in plain lines.
        root: Folder of all runs.
        started: When the run began, in seconds since the epoch.
        into: Folder for what this run leaves; a new one below `root` by default.
        asked: How many checks were asked for by name; all of them by default.
        names: What things are called; as the choices have it by default.
        makes: What of that which several may share the run makes itself; all of it by default.
        notes: What must be told beside the verdict.
    """

    cluster: Cluster
    cell: Cell
    choices: Choices
    announce: Callable[[str], None]
    root: Path = field(default_factory=artifacts_dir)
    started: float = field(default_factory=time.time)
    into: Path | None = None
    asked: int | None = None
    names: Names | None = None
    makes: Makes = field(default_factory=Makes)
    notes: tuple[str, ...] = ()
    folder: Path = field(init=False)
    _results: dict[str, StepResult] = field(init=False, default_factory=dict[str, StepResult])
    _resumed: tuple[Resumption, ...] = field(init=False, default=())
    _mesh: Mesh | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.folder = self.into or new_run_folder(self.root, started=self.started)

    @property
    def sections(self) -> Mapping[str, Section]:
        """The sections of this run, by slug and in order."""
        return sections(self.makes)

    @property
    def results(self) -> Mapping[str, StepResult]:
        """What was found so far, by slug and in page order."""
        return MappingProxyType(self._results)

    @property
    def resumed(self) -> tuple[Resumption, ...]:
        """Each time that an earlier run was taken up."""
        return self._resumed

    @property
    def ledger(self) -> Ledger:
        """What is kept beside the cluster, for whoever works on it after this process."""
        return Ledger(self.cluster.work)

    def step(self, slug: str) -> StepResult:
        """Run a section, those before it first, or give the result of when it ran.

        A section after one that did not complete is not run: its checks are skipped.
        """
        for earlier in self.sections:
            if earlier not in self._results:
                self._results[earlier] = self.run(earlier)
            if earlier == slug:
                break
        return self._results[slug]

    def recall(self) -> None:
        """Take over what was found on this cluster before, and when that was taken up again.

        Raises:
            BadInput: What is kept cannot be read.
        """
        kept = self.ledger.read()
        steps = {step.slug: step for step in kept.steps} if kept else {}
        self._results = {slug: steps[slug] for slug in self.sections if slug in steps}
        self._resumed = kept.resumed if kept else ()

    def stand_at(self, slug: str) -> None:
        """Forget what was found after a section: once it runs again, or a run goes on from there, that is history."""
        known = list(self.sections)[: list(self.sections).index(slug) + 1]
        self._results = {each: result for each, result in self._results.items() if each in known}
        self._resumed = tuple(each for each in self._resumed if each.start < len(known))

    def resume(self, start: int, differences: Sequence[Difference], lapsed: Sequence[str]) -> None:
        """Go on from section `start`, as `Resumption` tells it, and keep that in the ledger."""
        self.stand_at(list(self.sections)[start - 1])
        taken_up = Resumption(start, time.time(), tuple(map(str, differences)), tuple(lapsed))
        self._resumed = (*self._resumed, taken_up)
        self._keep()

    def changed_since(self, slug: str) -> Sequence[Difference]:
        """What is different in the cluster since the end of a section: by a later one that was cut short, or by hand.

        Nothing where that end was not noted.
        """
        then = self.ledger.noted(slug)
        return () if then is None else inventory.compare(then, inventory.take_inventory(self.cluster.api))

    def run_and_keep(self, slug: str) -> StepResult:
        """Run one section now, and keep what was found and what that changed in the ledger; later ones are history."""
        then = inventory.take_inventory(self.cluster.api)
        self.stand_at(slug)
        self._results[slug] = self.run(slug)
        self._keep()  # at once: the cluster may be gone by now
        now = inventory.take_inventory(self.cluster.api)
        self.ledger.note(slug, now)
        result = replace(self._results[slug], changes=inventory.compare(then, now))
        self._results[slug] = result
        self._keep()
        return result

    def _keep(self) -> None:
        self.ledger.write(replace(self.result(), steps=tuple(self._results.values())))

    def rewind(self) -> None:
        """Take back what of the page is on a cluster that was kept; nothing happens on a new one.

        Raises:
            NotReady: Something of it stays.
            CommandFailed: A command that takes something back failed.
        """
        # What is taken back does not depend on the mesh, which may be half installed.
        setting = self._unmeshed()
        if load_balancer.stays(setting, self.cluster):
            self.announce("taking away the load balancer of an earlier run")
            run_commands(load_balancer.undo(setting), self.cluster, [])
        link = traces(setting)
        found = link.read(self.cluster)
        finding = no_trace(found)
        if finding.holds:
            return
        self.announce(f"taking the kept cluster back to where the page begins; found {finding.observed}")
        for slug in reversed([slug for slug, its in found.items() if its]):
            run_commands(PAGE[slug](setting).undo, self.cluster, [])
        if found["istio"]:
            run_commands([SWEEP], self.cluster, [])
        try:
            await_ready([Ready(link, no_trace)], self.cluster, [])
        except NotReady as error:
            raise NotReady(f"{error}\n  take that away by hand, or delete the cluster; then try again") from error

    def result(self) -> RunResult:
        """All that was found so far. A section that was not run counts: its checks are skipped."""
        named: Mapping[str, str] = {**self.choices.named(), "images": self.cluster.parts.form}
        setting = self._unmeshed()
        sections = self.sections.items()
        steps = tuple(self._results.get(slug) or skip_step(make(setting), "not run") for slug, make in sections)
        versions = self.cluster.parts.versions
        return RunResult(
            versions, named, self.started, steps, resumed=self._resumed, asked=self.asked, notes=self.notes
        )

    def write(self) -> Path:
        """Write the artifacts, which are the latest now, and return the report's path."""
        artifacts.write_all(self.result(), self.folder)
        if self.into is None:
            make_latest(self.folder)
        return self.folder / "report.html"

    def summary(self, *, colour: bool) -> str:
        """The table of steps and the verdict line."""
        result = self.result()
        report = (self.folder / "report.html").relative_to(self.root.parent)
        return f"{table.render(result, colour=colour)}\n\n{table.verdict_line(result, report, colour=colour)}"

    def run(self, slug: str) -> StepResult:
        """Run one section now, whether or not it ran before; see `step`. Whatever goes wrong is in its result."""
        planned = self.sections[slug](self._known())
        broken = next((result for result in self._earlier(slug) if result.error), None)
        if broken and slug != RESTORE.slug:  # the more that went wrong, the more it is needed
            return skip_step(planned, f"the step {broken.slug} did not complete")
        self.announce(planned.section)
        try:
            result = run_step(self.sections[slug](self.setting(slug)), self.cluster)
        except Exception as problem:
            result = fail_step(planned, problem)
        self._results[slug] = result
        proven = sum(check.status == "proven" for check in result.checks)
        self.announce(f"  {proven} of {len(result.checks)} checks proven, {result.seconds:.1f} s")
        if not result.complete:
            result = self._results[slug] = self._looked_into(result)
        return result

    def _looked_into(self, result: StepResult) -> StepResult:
        """Gather what the cluster looks like; where that goes wrong, the result is kept all the same."""
        try:
            index = diagnostics.gather(
                self.cluster,
                diagnostics.folder_of(self.folder, result.slug),
                namespaces=self._unmeshed().names.namespaces,
            )
        except Exception as problem:
            self.announce(f"  what the cluster looks like could not be gathered: {told(problem)}")
            return replace(result, tracebacks=(*result.tracebacks, *tracebacks(problem)))
        self.announce(f"  what the cluster looked like then: {index}")
        return result

    def setting(self, slug: str) -> Setting:
        """What a section is made for. The mesh is looked up once the section that installs it has completed."""
        complete = not any(result.error for result in self._earlier(slug))
        if self._mesh is None and slug in IN_THE_MESH and complete:
            self._mesh = find_mesh(self.cluster.api, self._unmeshed().names)
        return self._known()

    def _known(self) -> Setting:
        """The setting as far as it is known, without another look."""
        setting = self._unmeshed()
        return replace(setting, mesh=self._mesh or setting.mesh)

    def _unmeshed(self) -> Setting:
        """The setting before anything is known of the mesh."""
        setting = Setting.of(self.cell, self.cluster.parts, self.choices, self.names, self.makes)
        return replace(setting, pool=self._pool) if self.choices.balanced else setting

    @cached_property
    def _pool(self) -> tuple[str, ...]:
        """Addresses for a load balancer: spare ones of the node's network."""
        node = self.cluster.node
        return tuple(map(str, node.network().spare(load_balancer.POOL_SIZE))) if node else ()

    def _earlier(self, slug: str) -> list[StepResult]:
        before = takewhile(lambda each: each != slug, self.sections)
        return [self._results[earlier] for earlier in before if earlier in self._results]
