"""The cache of built components: content-addressed, written aside and renamed, checked before use."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshproof.lock import file_lock
from meshproof.paths import cache_dir
from meshproof.wait import Clock

MANIFEST = "manifest.json"
UNFINISHED = ".unfinished-"
PASSING = "passing"  # in what is known of a component: it is one of many that come and go
LOCK_S = 3600.0  # as long as a cold assembly by somebody else may take
CHUNK_BYTES = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """A component at hand: its folder, and what its manifest says of how it was made."""

    name: str
    key: str
    path: Path
    about: Mapping[str, Any]


class Store:
    """Components below one folder, `<name>-<key>` each."""

    def __init__(self, folder: Path, say: Say, clock: Clock | None = None) -> None:
        self.folder = folder
        self._say = say
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True)

    def find(self, name: str, key: str, *, thorough: bool = False) -> Entry | None:
        """A component whose files are all there, with the sizes written down; `thorough` compares hashes as well.

        A broken one is put away with a line that says so, and counts as missing.
        """
        path = self._path(name, key)
        if not path.is_dir():
            return None
        if reason := _broken(path, thorough=thorough):
            self._say(f"cached {name} is broken ({reason}); it is made anew")
            remove(path)
            return None
        os.utime(path)  # when it was last of use
        return Entry(name, key, path, _about(path))

    def make(self, name: str, key: str, build: Callable[[Path], Mapping[str, Any]]) -> Entry:
        """Build a component in a folder beside its place, and rename it into place when it is complete.

        Args:
            name: The component.
            key: Hash of all that goes into it.
            build: Fills the empty folder it is given and returns what is worth knowing about it.
        """
        aside = self.folder / f"{UNFINISHED}{name}-{os.getpid()}"
        remove(aside)
        aside.mkdir()
        try:
            about = build(aside)
            manifest = {"name": name, "key": key, "about": about, "files": _inventory(aside)}
            (aside / MANIFEST).write_text(json.dumps(manifest, indent=1))
            remove(self._path(name, key))
            aside.rename(self._path(name, key))
        finally:
            remove(aside)
        return Entry(name, key, self._path(name, key), about)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the store for building; somebody else's build is waited for. Leftovers of killed builds go.

        Raises:
            MachineCannot: Somebody else held it for an hour.
        """
        busy = "another run is assembling images in this cache; waiting for it"
        with file_lock(self.folder / "lock", busy, self._say, timeout_s=LOCK_S, clock=self._clock):
            for leftover in self.folder.glob(f"{UNFINISHED}*"):
                remove(leftover)
            yield

    def drop_passing(self, keep: int) -> Sequence[Entry]:
        """Remove what is marked as passing, but for those of each component that were of use last; what was removed."""
        passing: dict[str, list[Entry]] = {}
        for path in sorted(self.folder.iterdir(), key=lambda each: -each.stat().st_mtime):
            if (path / MANIFEST).is_file() and (about := _about(path)).get(PASSING):
                name, _, key = path.name.rpartition("-")
                passing.setdefault(name, []).append(Entry(name, key, path, about))
        old = [entry for entries in passing.values() for entry in entries[keep:]]
        for entry in old:
            remove(entry.path)
        return old

    def sizes(self) -> Mapping[str, int]:
        """Each component in the cache, with its size in bytes."""
        return {
            path.name: sum(file["size"] for file in json.loads((path / MANIFEST).read_text())["files"].values())
            for path in sorted(self.folder.iterdir())
            if (path / MANIFEST).is_file()
        }

    def _path(self, name: str, key: str) -> Path:
        return self.folder / f"{name}-{key}"


def key_of(*parts: object) -> str:
    """The hash of what goes into something: same parts, same key."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def user_store(say: Say = lambda _: None) -> Store:
    """The store of whoever runs this; `say` is told of what is broken, by default nobody."""
    return Store(cache_dir() / "images", say)


def remove(path: Path) -> None:
    """Remove a folder whatever its modes: Go writes its module cache read-only."""
    if not path.exists():
        return
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(stat.S_IRWXU)
    shutil.rmtree(path)


def _about(folder: Path) -> Mapping[str, Any]:
    return json.loads((folder / MANIFEST).read_text())["about"]


def _inventory(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        str(path.relative_to(folder)): {"size": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _broken(folder: Path, *, thorough: bool) -> str:
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
    except (OSError, ValueError, KeyError):
        return "its manifest cannot be read"
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != expected["size"]:
            return f"{name} has {path.stat().st_size} bytes instead of {expected['size']}"
        if thorough and sha256_of(path) != expected["sha256"]:
            return f"{name} has another content than was written"
    return ""
