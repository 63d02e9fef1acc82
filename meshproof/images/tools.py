"""kind, kubectl and helm beside released images: those of PATH where they fit, else as they were released."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from meshproof.environment import tool_environment
from meshproof.errors import BadInput, CommandFailed, MachineCannot
from meshproof.images.download import download
from meshproof.images.store import Entry, Store, key_of, sha256_of
from meshproof.paths import cache_dir
from meshproof.platforms import Platform, here
from meshproof.progress import Progress
from meshproof.releases import Table, filled
from meshproof.run import run

ANSWER_S = 10.0
DOWNLOAD_S = 10.0  # an estimate, for one that is told while it lasts
VERSION = r"v(\d+\.\d+\.\d+\S*?)"


@dataclass(frozen=True)
class Question:
    """What makes a program say its version, and the form of the whole answer."""

    arguments: tuple[str, ...]
    answer: str


QUESTIONS: Mapping[str, Question] = {
    "kind": Question(("version",), rf"kind {VERSION}\s.*"),
    "kubectl": Question(("version", "--client", "--output=json"), rf'\{{.*"gitVersion":\s*"{VERSION}".*\}}\s*'),
    "helm": Question(("version", "--template={{.Version}}"), rf"{VERSION}\s*"),
}


class Pin(Table, frozen=True):
    """A released program; fields as explained in tools.toml."""

    version: str
    fits: Literal["newer", "cluster"]
    address: str
    sha256: Mapping[str, str]
    member: str = ""


@dataclass(frozen=True)
class Choice:
    """Which program is taken, and why.

    Attributes:
        name: kind, kubectl or helm.
        version: Its version.
        path: Where it is, when it is one of PATH; None when the released one is downloaded.
        passed_over: Why that of PATH is not taken; empty where it is, or there is none.
        wanted: What fits, in words.
    """

    name: str
    version: str
    path: Path | None
    passed_over: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@cache
def pins() -> Mapping[str, Pin]:
    """The released programs, as tools.toml declares them."""
    return read_pins(files("meshproof.images").joinpath("tools.toml").read_text())


def read_pins(text: str) -> Mapping[str, Pin]:
    """The released programs of a text as tools.toml is written.

    Raises:
        BadInput: A key is missing, misspelt or of another type, or a program is not declared.
    """
    try:
        told = msgspec.toml.decode(text, type=dict[str, Pin])
    except msgspec.DecodeError as error:
        raise BadInput(f"tools.toml: {error}") from error
    if missing := [name for name in QUESTIONS if name not in told]:
        raise BadInput(f"tools.toml: {', '.join(missing)} is not declared; known: {', '.join(told)}")
    return told


def choose(kubernetes: str, pinned: Mapping[str, Pin] | None = None) -> Sequence[Choice]:
    """Which program of each name a run takes; changes nothing.

    Args:
        kubernetes: The version of the cluster.
        pinned: What is downloaded otherwise; that of tools.toml by default.
    """
    return [_choose(name, pin, kubernetes) for name, pin in (pinned or pins()).items()]


def released_tools(
    store: Store, kubernetes: str, progress: Progress, pinned: Mapping[str, Pin] | None = None
) -> tuple[Entry, Mapping[str, str]]:
    """A folder with the three programs, and the version of each. Nothing is compiled for it.

    Raises:
        MachineCannot: One fits neither on PATH, nor can it be downloaded; the message says what to do.
    """
    pinned = pinned or pins()
    chosen = choose(kubernetes, pinned)
    key = _key(chosen, pinned)
    if (entry := store.find("tools", key)) is None:
        for choice in chosen:
            progress.say(told(choice))
        with store.locked():
            found = store.find("tools", key)  # somebody else may have had them meanwhile
            entry = found or store.make("tools", key, lambda target: _gather(chosen, pinned, target, progress))
    return entry, {choice.name: choice.version for choice in chosen}


def at_hand(store: Store, chosen: Sequence[Choice]) -> bool:
    """Whether those that are chosen were had before."""
    return store.find("tools", _key(chosen, pins())) is not None


def told(choice: Choice) -> str:
    """Where a program comes from, as a line."""
    if choice.path:
        return f"{choice}: that of PATH, {choice.path}"
    return f"{choice}: as released" + (f"; {choice.passed_over}" if choice.passed_over else "")


def _key(chosen: Sequence[Choice], pinned: Mapping[str, Pin]) -> str:
    taken = [(choice.name, choice.version, str(choice.path)) for choice in chosen]
    return key_of("released", taken, {name: msgspec.structs.asdict(pin) for name, pin in pinned.items()}, here().key)


def _choose(name: str, pin: Pin, kubernetes: str) -> Choice:
    wanted = _wanted(name, pin, kubernetes)
    found = shutil.which(name)
    if found is None:
        return Choice(name, pin.version, None, "", wanted)
    version, silent = _version(name, found)
    if version and _fits(version, pin, kubernetes):
        return Choice(name, version, Path(found), "", wanted)
    why = f"is {version}" if version else silent
    return Choice(name, pin.version, None, f"{found} {why}, and {wanted} is needed", wanted)


def _version(name: str, program: str) -> tuple[str, str]:
    """The version that a program says it has; or nothing, and why.

    It is asked where it will be run, in a folder of ours: one that a version manager puts there depends on that.
    """
    question = QUESTIONS[name]
    try:
        said = run(
            program, *question.arguments, cwd=cache_dir(), env=tool_environment(), timeout_s=ANSWER_S, check=False
        )
    except CommandFailed:
        return "", "does not run"
    answer = re.fullmatch(question.answer, said.stdout, re.DOTALL)
    if said.code == 0 and answer:
        return answer[1], ""
    words = " ".join((said.stderr or said.stdout).split())[:80]
    return "", f"does not say its version as {name} does ({words or f'exit code {said.code}'})"


def _fits(version: str, pin: Pin, kubernetes: str) -> bool:
    (major, minor), (pinned_major, pinned_minor) = _numbers(version), _numbers(pin.version)
    if pin.fits == "newer":
        return major == pinned_major and minor >= pinned_minor
    of_cluster = _numbers(kubernetes)
    return major == of_cluster[0] and abs(minor - of_cluster[1]) <= 1


def _wanted(name: str, pin: Pin, kubernetes: str) -> str:
    major, minor = _numbers(pin.version)
    if pin.fits == "newer":
        return f"{name} {major}.{minor} or a newer {major}"
    major, minor = _numbers(kubernetes)
    return f"{name} {major}.{minor - 1} to {major}.{minor + 1}"


def _numbers(version: str) -> tuple[int, int]:
    major, minor, *_ = version.removeprefix("v").split(".")
    return int(major), int(minor)


def _gather(chosen: Sequence[Choice], pinned: Mapping[str, Pin], target: Path, progress: Progress) -> Mapping[str, Any]:
    fetched = [choice for choice in chosen if choice.path is None]
    items: list[Mapping[str, str]] = []
    with progress.plan({str(choice): DOWNLOAD_S for choice in fetched}):
        for choice in chosen:
            place = target / choice.name
            if choice.path:
                place.symlink_to(choice.path)
            else:
                with progress.task(str(choice), "downloading"):
                    _fetch(choice, pinned[choice.name], here(), place)
            items.append({"name": choice.name, "version": choice.version, "hash": f"sha256:{sha256_of(place)}"})
    return {"kind": "tools", "items": items}


def _fetch(choice: Choice, pin: Pin, platform: Platform, place: Path) -> None:
    """Download a released program, out of its archive where it is in one."""
    otherwise = f"put {choice.wanted} on PATH, then run the same command again"
    sha256 = pin.sha256.get(platform.key)
    if sha256 is None:
        raise MachineCannot(f"{choice}: is not declared for {platform}, only for {', '.join(pin.sha256)}; {otherwise}")
    names = {"version": pin.version, "system": platform.system, "machine": platform.machine}
    address, member = (filled(text, names, "tools.toml") for text in (pin.address, pin.member))
    file = place.with_suffix(".fetched")
    download(str(choice), address, sha256, file, otherwise)
    if member:
        with tarfile.open(file) as archive, place.open("wb") as program:
            packed = archive.extractfile(member) if member in archive.getnames() else None
            if packed is None:
                raise BadInput(f"tools.toml: {address} holds no file {member}")
            shutil.copyfileobj(packed, program)
        file.unlink()
    else:
        file.rename(place)
    place.chmod(0o755)
