"""Assembly from source: what is missing from the cache is built, side by side, and put together."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from meshproof.engine import Engine
from meshproof.errors import MachineCannot
from meshproof.images.charts import package_charts
from meshproof.images.containers import ARCHIVE, Workbench, build_images, build_node, discard, link_tree, save
from meshproof.images.debian import build_debian, ensure_mmdebstrap
from meshproof.images.declaration import Declaration
from meshproof.images.gobuild import Go, build_go, download
from meshproof.images.plan import TOOLS, Item, items
from meshproof.images.schedule import Job, carry_out
from meshproof.images.store import PASSING, Entry, Store, remove
from meshproof.images.wheels import build_wheel
from meshproof.progress import Progress

GIGABYTE = 10**9
TREE_WORK = "tree-work"  # Go's caches for working trees: kept, so that little is compiled when one has changed
KEPT_PASSING = 3


class Assembly:
    """The components of one declaration in one cache.

    Args:
        declared: What everything is made of.
        store: The cache.
        engine: Called when the node image is looked up or built, not before.
        progress: Told what is being built.
        only: Names of the components wanted; all by default.
    """

    def __init__(
        self,
        declared: Declaration,
        store: Store,
        engine: Callable[[], Engine],
        progress: Progress,
        only: frozenset[str] = frozenset(),
    ) -> None:
        self._declared = declared
        self._store = store
        self._engine = engine
        self._progress = progress
        self._work = store.folder / "work"
        self.items = {name: item for name, item in items(declared).items() if not only or name in only}

    @property
    def node_image(self) -> str:
        """The node image's reference; its tag is the hash of all that is in it."""
        return f"{self._declared.node.ref}:{self.items['node'].key}"

    def prepare(self) -> Mapping[str, Entry]:
        """Everything wanted, built where it is not cached.

        Raises:
            CommandFailed: A download or a build failed; the command and its output are in the message.
            MachineCannot: Too little disk, or something else that this machine lacks.
        """
        entries = self._cached()
        if entries.keys() == self.items.keys():
            return entries
        with self._store.locked():
            entries = self._cached()  # somebody else may have built it meanwhile
            missing = [item for name, item in self.items.items() if name not in entries]
            self._check_space(missing)
            with self._progress.plan({item.label: item.seconds for item in missing}):
                work = [self._job(item, entries) for item in missing]
                carry_out([*self._looking_up(missing, entries), *work, *self._tidying(missing)])
            if any(item.passing for item in missing):
                self._drop_old()
        return entries

    def _cached(self) -> dict[str, Entry]:
        found = {name: self._store.find(name, item.key) for name, item in self.items.items()}
        entries = {name: entry for name, entry in found.items() if entry}
        if "node" in entries and not self._node_in_engine():
            del entries["node"]  # its image was removed, or this is another engine
        return entries

    def _node_in_engine(self) -> bool:
        return self._engine().docker("image", "inspect", "--format=ok", self.node_image, check=False).code == 0

    def _job(self, item: Item, entries: dict[str, Entry]) -> Job:
        def build(target: Path) -> Mapping[str, Any]:
            about = self._build(item, entries, target)
            return {**about, PASSING: True} if item.passing else about

        def do() -> None:
            with self._progress.task(item.label):
                made = self._store.make(item.name, item.key, build)
            entries[item.name] = made

        return Job(item.name, do, (*item.needs, *item.after), heavy=item.kind in ("go", "node", "extra"))

    def _looking_up(self, missing: list[Item], entries: Mapping[str, Entry]) -> list[Job]:
        """A version that nobody has pinned may not exist, which is known before others have been compiled."""

        def look_up(item: Item) -> None:
            download(self._declared.gos[item.name], Go(entries["go"].path / "go", self._work))

        unpinned = [item for item in missing if item.kind == "go" and item.passing]
        return [
            Job(f"{item.name}'s module", functools.partial(look_up, item), ("go",))
            for item in unpinned
            if item.name not in self._declared.trees
        ]

    def _drop_old(self) -> None:
        """Trees and versions that runs have named come and go."""
        for entry in self._store.drop_passing(KEPT_PASSING):
            if image := entry.about.get("image"):
                self._engine().docker("image", "rm", image, check=False)  # one that a cluster stands on stays
            self._progress.say(f"cache: dropped {entry.name} {entry.key}, made of an earlier source")

    def _tidying(self, missing: list[Item]) -> list[Job]:
        """Go's caches are large, and nobody needs them once its programs are there; a failed build keeps them."""
        compiled = [item.name for item in missing if item.kind == "go"]
        return [Job("tidying", lambda: remove(self._work), compiled)]

    def _build(self, item: Item, entries: Mapping[str, Entry], target: Path) -> Mapping[str, Any]:
        declared = self._declared
        components = {name: entry.path for name, entry in entries.items()}
        match item.kind:
            case "wheel":
                return build_wheel(declared.wheels[item.name], target)
            case "go":
                component = declared.gos[item.name]
                own = declared.trees.get(item.name)
                go = Go(components["go"] / "go", self._store.folder / TREE_WORK if own else self._work)
                return build_go(component, declared.gos.get(component.align), go, target, own)
            case "debian":
                ensure_mmdebstrap(self._progress.say)
                return build_debian(declared.debians[item.name.removeprefix("debian-")], target)
            case "charts":
                return package_charts(declared.charts, components, target)
            case "tools":
                for tool in TOOLS:
                    link_tree(components[tool] / "bin" / tool, target / tool)
                return {"kind": "tools", "items": []}
            case "node":
                return self._build_node(components, target)
            case "extra":
                return self._build_extra(declared.of_extra(item.name), components, target)

    def _build_node(self, components: Mapping[str, Path], target: Path) -> Mapping[str, Any]:
        bench = Workbench(self._engine(), components, self._store.folder / "contexts")
        images = build_images(self._declared, bench)
        known = {name: images[name] for name, image in self._declared.images.items() if image.ref}
        build_node(self._declared, bench, known, self.node_image)
        discard(bench, images)
        (target / "image").write_text(self.node_image + "\n")
        return {"kind": "node", "image": self.node_image, "images": known, "items": []}

    def _build_extra(self, declared: Declaration, components: Mapping[str, Path], target: Path) -> Mapping[str, Any]:
        bench = Workbench(self._engine(), components, self._store.folder / "contexts")
        images = build_images(declared, bench)
        save(bench, images, target / ARCHIVE)
        discard(bench, images)
        about = package_charts(declared.charts, components, target)
        return {**about, "kind": "extra", "images": images}

    def _check_space(self, missing: list[Item]) -> None:
        """Raises MachineCannot when the disk would run full, before anything is begun."""
        space = self._declared.space
        total_s = sum(component.seconds for component in self._declared.gos.values())
        compiling_s = sum(item.seconds for item in missing if item.kind == "go")
        needed = int((space.keeping_gb + space.building_gb * compiling_s / total_s) * GIGABYTE)
        free = shutil.disk_usage(self._store.folder).free
        if missing and free < needed:
            raise MachineCannot(
                f"disk of {self._store.folder}: assembling {len(missing)} missing components takes about "
                f"{needed / GIGABYTE:.0f} GB, {free / GIGABYTE:.1f} GB are free; make room, or point XDG_CACHE_HOME "
                "to a larger disk. Nothing was begun."
            )
