"""What KGATEWAY_SOURCE= and ISTIO_SOURCE= name: a version of a Go module, or a working tree, only ever read."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meshproof.errors import BadInput
from meshproof.run import run

GO_MOD = "go.mod"
GIT_S = 60.0
FINGERPRINT_DIGITS = 12
_VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_MODULE = re.compile(r'^module\s+"?([^\s"]+)', re.MULTILINE)


@dataclass(frozen=True)
class Tree:
    """A working tree as it was when it was looked at.

    Attributes:
        folder: Where it is.
        module: What its go.mod calls it.
        files: All that is part of it, below the folder: what git does not ignore, or everything where git has no say.
        fingerprint: Hash of these files' names, contents and modes.
        commit: The commit that it stands on, with a note where it differs from that; empty without git.
    """

    folder: Path
    module: str
    files: Sequence[str] = field(repr=False)
    fingerprint: str
    commit: str = ""

    def __str__(self) -> str:
        """As results tell it."""
        return " ".join(filter(None, (f"tree {self.folder}", self.commit and f"@ {self.commit}", self.fingerprint)))

    def copy(self, target: Path) -> None:
        """Copy what is part of it.

        Raises:
            BadInput: It is not what it was when it was looked at.
        """
        for name in self.files:
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(self.folder / name):
                shutil.copy(self.folder / name, place, follow_symlinks=False)
        if _fingerprint(target, self.files) != self.fingerprint:
            raise BadInput(f"tree {self.folder}: was changed while it was copied; nothing was built. Run this again")


Source = str | Tree  # a version is as the Go module proxy serves it


def placed(word: str, value: str) -> str:
    """A source as it is typed, a folder as an absolute path: who reads it next may work in another folder.

    Raises:
        BadInput: It is neither a version nor the folder of a module.
    """
    if _VERSION.fullmatch(value):
        return value
    folder = Path(os.path.abspath(Path(value).expanduser()))  # noqa: PTH100 - links stay as they were typed
    expected = "expected a module version such as v2.4.1, or the folder of a working tree"
    if not folder.exists():
        raise BadInput(f"{word}={value}: {expected}; there is no {folder}")
    if not folder.is_dir():
        raise BadInput(f"{word}={value}: {expected}; {folder} is a file")
    if not (folder / GO_MOD).is_file():
        holds = "holds no go.mod" if any(folder.iterdir()) else "is empty"
        raise BadInput(f"{word}={value}: {expected}, one that holds a go.mod; {folder} {holds}")
    return str(folder)


def read(word: str, value: str) -> Source:
    """What a source is.

    Raises:
        BadInput: It is neither a version nor the folder of a module.
        CommandFailed: git, whose tree it is, refuses to tell what is part of it.
    """
    value = placed(word, value)
    return value if _VERSION.fullmatch(value) else _look(Path(value))


def _look(folder: Path) -> Tree:
    named = _MODULE.search((folder / GO_MOD).read_text(errors="replace"))
    files = sorted(_of_git(folder) or _below(folder))
    commit = _commit(folder) if _has_git(folder) else ""
    return Tree(folder, named[1] if named else "", files, _fingerprint(folder, files), commit)


def _has_git(folder: Path) -> bool:
    return shutil.which("git") is not None and any((each / ".git").exists() for each in (folder, *folder.parents))


def _of_git(folder: Path) -> Sequence[str]:
    """What git tracks here, or would if it were told to; nothing where the folder is no part of its tree."""
    if not _has_git(folder):
        return ()
    listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    names = {name for name in listed if name}  # one that is being merged is listed several times
    inside = [below for name in names if (folder / name).is_dir() for below in _below(folder / name, folder)]
    return [*names, *inside] if GO_MOD in names else ()


def _below(folder: Path, root: Path | None = None) -> Iterable[str]:
    """All files of a folder but git's own, as seen from a root."""
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        yield from (str((Path(path) / name).relative_to(root or folder)) for name in names if name != ".git")


def _commit(folder: Path) -> str:
    head = _git(folder, "rev-parse", "--short=12", "--verify", "--quiet", "HEAD", check=False).strip()
    if not head:
        return "no commit"
    return head + ("+changes" if _git(folder, "status", "--porcelain", "--", ".").strip() else "")


def _git(folder: Path, *args: str, check: bool = True) -> str:
    """Ask git, which then writes nothing, not even its index; a hook's variables would lead it to another tree."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    return run("git", "-C", str(folder), *args, env=env, timeout_s=GIT_S, check=check).stdout


def _fingerprint(folder: Path, files: Sequence[str]) -> str:
    whole = hashlib.sha256()
    for name in files:
        path = folder / name
        if not os.path.lexists(path) or (path.is_dir() and not path.is_symlink()):
            continue  # deleted, though git still tracks it; or a submodule, whose files are listed beside it
        if path.is_symlink():
            kind, content = "link", str(path.readlink()).encode()
        else:
            kind, content = ("program" if path.stat().st_mode & stat.S_IXUSR else "file"), path.read_bytes()
        whole.update(f"{name}\0{kind}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()[:FINGERPRINT_DIGITS]
