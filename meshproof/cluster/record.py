"""What is known of a cluster of ours beside it: its mark, its lock, and whether its last run came to an end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from meshproof import processes
from meshproof.choices import words_of
from meshproof.environment import STARTED_FOR
from meshproof.errors import BadInput
from meshproof.lock import file_lock, holder
from meshproof.paths import state_dir

MARK = "made-by-meshproof"

Kept = Literal["", "asked", "failed", "unknown"]
Doing = Literal["", "being made", "in use"]


def check_name(name: str) -> None:
    """Refuse a cluster name that kind would not take, before anything is built for it.

    Raises:
        BadInput: It is not one that kind takes.
    """
    words_of()["NAME"].check(name)


@dataclass(frozen=True)
class Mark:
    """What says that a cluster is ours.

    Attributes:
        node_image: What it is made of.
        versions: The same by name; empty where an older meshproof made it.
        engine: Address of the container engine that it runs in, empty for the docker client's own; None where an
            older meshproof made it.
        made: When, in seconds since the epoch.
        kept: Why it stays: it was asked for, or a runbook failed on it. Empty when it goes with its run, "unknown"
            where an older meshproof made it, which did not note that.
        doing: What a run does with it now. Empty once that run has ended: one that is killed leaves it.
    """

    node_image: str
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    engine: str | None = None
    made: float = 0.0
    kept: Kept = ""
    doing: Doing = ""


@dataclass(frozen=True)
class Record:
    """Where a cluster keeps its kubeconfig and what is known of it; nothing of it need exist.

    Attributes:
        name: The name of a cluster of ours.
        existing: Whether the cluster is somebody else's; what is known of those is beside what is known of ours.
    """

    name: str
    existing: bool = False

    @property
    def folder(self) -> Path:
        """All that belongs to it, but for the lock."""
        return _home(self.existing) / self.name

    @property
    def lock(self) -> Path:
        """Held by the run that uses it; beside the folder, which may go while somebody waits."""
        return self.folder.with_name(f"{self.name}.lock")

    @property
    def kubeconfig(self) -> Path:
        """Its own kubeconfig, which nobody else is told of: another context in it would lead us to another cluster."""
        return self.folder / "own-kubeconfig"

    @property
    def given_kubeconfig(self) -> Path:
        """The copy that is given to people, who may do with it what they like."""
        return self.folder / "kubeconfig"

    @property
    def work(self) -> Path:
        """Folder in which commands run and keep their files."""
        return self.folder / "work"

    def mark(self) -> Mark | None:
        """Its mark, or None where there is none.

        Raises:
            BadInput: There is one that cannot be read.
        """
        path = self.folder / MARK
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        if not text.startswith("{"):  # an older meshproof wrote the node image and nothing else
            return Mark(text, made=path.stat().st_mtime, kept="unknown")
        try:
            return Mark(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"{path}: expected what meshproof writes about cluster {self.name}, found something else: {error}. "
                f"Delete that cluster with kind, and the folder {self.folder}"
            ) from error

    def write(self, mark: Mark) -> None:
        """Replace the mark; one who is killed at it leaves the old one whole."""
        fresh = self.folder / f"{MARK}.new"
        fresh.write_text(json.dumps(asdict(mark), indent=1))
        fresh.replace(self.folder / MARK)

    def unmark(self) -> None:
        """Let it be nobody's: what is known of it goes once nobody uses it."""
        (self.folder / MARK).unlink(missing_ok=True)

    @contextmanager
    def locked(self, announce: Callable[[str], None], timeout_s: float) -> Generator[None]:
        """Have the cluster to oneself, waiting for a run that uses it. Where no mark is left, nothing is.

        Raises:
            MachineCannot: Somebody else used it all that time.
        """
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        busy = f"cluster {self.name} is used by another run; waiting for that to end"
        with file_lock(self.lock, busy, announce, timeout_s=timeout_s):
            try:
                yield
            finally:
                if not (self.folder / MARK).exists():
                    self.forget()
                    self.lock.unlink(missing_ok=True)

    def user(self) -> int | None:
        """Pid of the run that uses it now, or None."""
        return holder(self.lock)

    def cut_short(self) -> bool:
        """Whether the run that used it last was killed."""
        mark = self.mark()
        return mark is not None and mark.doing != "" and self.user() is None

    def end_programs(self) -> int:
        """End what a killed run has left running for it: kind, helm, port-forwards. Returns how many there were."""
        return processes.end_started_with(STARTED_FOR, str(self.kubeconfig))

    def give_kubeconfig(self) -> Path:
        """Have a copy of the kubeconfig for people; one that they have changed stays."""
        if not self.given_kubeconfig.exists():
            self.given_kubeconfig.touch(0o600)
            self.given_kubeconfig.write_text(self.kubeconfig.read_text())
        return self.given_kubeconfig

    def forget(self) -> None:
        """Remove all that is known of it; the lock goes when it is released."""
        shutil.rmtree(self.folder, ignore_errors=True)


def folder_of(name: str) -> Path:
    """Where a cluster of ours keeps its kubeconfig and what is known of it; it need not exist."""
    return Record(name).folder


def records(*, existing: bool = False) -> list[Record]:
    """The clusters of ours, or those of somebody else's of which something is known here, by name."""
    clusters = _home(existing)
    paths = sorted(clusters.iterdir()) if clusters.is_dir() else []
    of_names = [Record(name, existing) for name in sorted({path.stem for path in paths})]
    # A lock alone that nobody holds is nothing: what it was for is gone.
    return [record for record in of_names if record.folder.is_dir() or record.user() is not None]


def _home(existing: bool) -> Path:
    return state_dir() / ("existing" if existing else "clusters")
