"""Published images and charts: whether they can be had from here, and having them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from meshproof.engine import Engine
from meshproof.environment import tool_environment
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.images.mirror import MIRROR, Mirror, check, trouble, whole
from meshproof.images.store import Entry, Store, key_of, remove, sha256_of
from meshproof.progress import Progress
from meshproof.releases import PublishedChart, PublishedForm
from meshproof.run import run

PROBE_S = 5.0
FETCH_S = 300.0
STALL_S = 60.0  # of a file: from one piece to the next
PULL_S = 1800.0  # a node image has some 400 MB: slower than 2 Mbit/s is given up
FETCHED = "published"
CRDS = "gateway-api-crds.yaml"
DEFINITIONS = "Gateway API's definitions"
HUB_ADDRESS = "registry-1.docker.io"  # where docker.io is pulled from


def unreachable(form: PublishedForm, mirror: Mirror | None = None) -> str:
    """Why the registry of the node image, or the mirror in its place, cannot be used from here; empty when it can.

    It is asked within 5 s.
    """
    if mirror:
        why = trouble(mirror.registry, PROBE_S)
        return f"the mirror {mirror.address} {why}" if why else ""
    host = registry_of(form.node_image)
    why = trouble(f"https://{host}", PROBE_S)
    return f"the registry {host} {why}" if why else ""


def registry_of(reference: str) -> str:
    """The host that an image reference is pulled from."""
    host = whole(reference).partition("/")[0]
    return HUB_ADDRESS if host == "docker.io" else host


def fetch(form: PublishedForm, mirror: Mirror | None, helm: Path, store: Store, progress: Progress) -> Entry:
    """Have the released charts and definitions at hand: all of them, or none.

    Args:
        form: What is released, its addresses as they are asked.
        mirror: What stands for all hosts, where something does.
        helm: The program.
        store: Where they are kept, so that a run that has begun needs no registry for them.
        progress: Told what is fetched.

    Raises:
        MachineCannot: One of them cannot be had; the message names it, and what was answered.
    """
    key = _key(form)
    if entry := store.find(FETCHED, key):
        return entry
    with store.locked():  # somebody else may have fetched it meanwhile
        return store.find(FETCHED, key) or store.make(
            FETCHED, key, lambda target: _fetch(form, mirror, helm, target, progress)
        )


def fetched_name(form: PublishedForm) -> str:
    """What the folder of the charts and definitions of a form is called in the store."""
    return f"{FETCHED}-{_key(form)}"


def _key(form: PublishedForm) -> str:
    return key_of(FETCHED, form.charts, form.gateway_api_crds)


def _fetch(
    form: PublishedForm, mirror: Mirror | None, helm: Path, target: Path, progress: Progress
) -> Mapping[str, Any]:
    if mirror:
        check(mirror, PROBE_S)
    labels = {name: f"chart {name} {chart.version}".rstrip() for name, chart in form.charts.items()}
    items: list[Mapping[str, str]] = []
    with progress.plan(dict.fromkeys((*labels.values(), DEFINITIONS), 0.0)):
        for name, chart in form.charts.items():
            with progress.task(labels[name], "fetching"):
                made = _fetch_chart(name, chart, mirror, helm, target)
            items.append({"name": name, "version": chart.version, "hash": f"sha256:{sha256_of(made)}"})
        with progress.task(DEFINITIONS, "fetching"):
            (target / CRDS).write_text(_fetch_crds(form.gateway_api_crds))
    version, digest = form.versions["gateway-api"], sha256_of(target / CRDS)
    items.append({"name": "gateway-api", "version": version, "hash": f"sha256:{digest}"})
    return {"kind": "published", "items": items}


def _fetch_chart(name: str, chart: PublishedChart, mirror: Mirror | None, helm: Path, target: Path) -> Path:
    aside = target / ".fetched"
    aside.mkdir()
    plain = ("--plain-http",) if mirror and mirror.plain else ()
    version = ("--version", chart.version) if chart.version else ()
    argv = (str(helm), "pull", chart.chart, *version, *plain, "--destination", str(aside))
    try:
        run(*argv, env=tool_environment(), timeout_s=FETCH_S)
    except CommandFailed as error:
        raise cannot(f"chart {name}, {' '.join((chart.chart, chart.version)).rstrip()},", "fetched", error) from error
    (fetched,) = aside.glob("*.tgz")
    made = fetched.rename(target / f"{name}.tgz")
    remove(aside)
    return made


def _fetch_crds(address: str) -> str:
    """The definitions' text, looked into: a portal answers 200 with a page of its own.

    Raises:
        MachineCannot: It cannot be had, or is something else.
    """
    what = f"{DEFINITIONS}, {address},"
    try:
        answer = httpx.get(address, timeout=STALL_S, follow_redirects=True)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:  # as in `trouble`
        raise cannot(what, "fetched", error) from error
    if not re.search("^kind: CustomResourceDefinition$", answer.text, re.MULTILINE):
        raise cannot(what, "used", f"expected CustomResourceDefinitions, found {answer.text[:40]!r}")
    return answer.text


def pull_node_image(reference: str, mirror: Mirror | None, engine: Engine, progress: Progress) -> None:
    """Have a released node image in the engine; nothing happens where it is. kind would pull it without a word.

    Args:
        reference: As the engine is to ask for it.
        mirror: What it then asks, where it is one.
        engine: The engine.
        progress: Told what is pulled.

    Raises:
        MachineCannot: It cannot be pulled; the message names it, and what was answered.
    """
    if engine.docker("image", "inspect", "--format=ok", reference, check=False).code == 0:
        return
    if mirror:
        check(mirror, PROBE_S)
    label = f"node image {reference.partition('@')[0]}"
    layers = _Layers(progress.say)
    with progress.plan({label: 0.0}), progress.task(label, "pulling"):
        try:
            engine.docker("pull", reference, timeout_s=PULL_S, on_line=layers.line)
        except CommandFailed as error:
            raise cannot(f"node image {reference}", "pulled", error) from error


class _Layers:
    """Tells of each layer that docker has pulled how many of how many that is."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._known: set[str] = set()
        self._here: set[str] = set()

    def line(self, line: str) -> None:
        """Take a line of docker's."""
        layer, _, state = line.partition(": ")
        if state in ("Pulling fs layer", "Already exists"):
            self._known.add(layer)
        if state in ("Pull complete", "Already exists"):
            self._here.add(layer)
        if state == "Pull complete":
            self._say(f"  {len(self._here)} of {len(self._known)} layers are here")


def cannot(what: str, done: str, error: Exception | str) -> MachineCannot:
    """The error of something released that cannot be had."""
    told = last_word(error) if isinstance(error, CommandFailed) else str(error).splitlines()[0]
    below = f"\n{error}" if isinstance(error, CommandFailed) else ""
    return MachineCannot(
        f"{what} cannot be {done}: {told}. Look at the registry, name a mirror that has it ({MIRROR}), or use "
        f"IMAGES=source; what was begun is taken back{below}"
    )


def last_word(error: CommandFailed) -> str:
    """What a program said last, or that its limit had come."""
    head = str(error).splitlines()[0]
    if "ended after its limit" in head:
        return head.partition("(")[2].partition(")")[0]
    said = (error.stderr.strip() or error.stdout.strip()).splitlines()
    return said[-1].strip() if said else f"exit code {error.code}"
