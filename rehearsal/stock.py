"""What is served: a registry's storage and files, filled once with what is assembled here, and the cell of it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import httpx
from msgspec.structs import replace

from meshproof import yamls
from meshproof.engine import Engine, ensure_engine
from meshproof.environment import tool_environment
from meshproof.images import prepare
from meshproof.images.assembly import Assembly
from meshproof.images.containers import Workbench, build_images, build_node, discard
from meshproof.images.declaration import Declaration, declaration
from meshproof.images.mirror import whole
from meshproof.images.plan import items
from meshproof.images.store import key_of, user_store
from meshproof.progress import Progress
from meshproof.releases import Cell, PublishedForm, read
from meshproof.run import Background, run
from meshproof.wait import wait_for

EXTRA, LOAD_BALANCER = "registry", "load-balancer"
HERE = Path(__file__).parent
OURS = "registry.k8s.io/"  # what a released node image holds, too
TEMPLATES, NETWORK = ("cell.toml", "istiod-values.toml"), "default-cni.yaml"
STORAGE, FILES, CELL = "storage", "files", "releases.toml"
FORMAT = 1  # raised when what is made of the same components changes
PUSH_S = 600.0
START_S = 20.0
NO_DIGEST = f"sha256:{'0' * 64}"


@dataclass(frozen=True)
class Stock:
    """What is served.

    Attributes:
        folder: The registry's storage, the files beside it, and the cell.
        program: The registry.
        tools: Folder with kind, kubectl and helm, as assembled here: what else would be downloaded.
    """

    folder: Path
    program: Path
    tools: Path

    @property
    def cell(self) -> Path:
        """The file that names what is served, as MESHPROOF_RELEASES takes one."""
        return self.folder / CELL

    @property
    def storage(self) -> Path:
        """The registry's own."""
        return self.folder / STORAGE

    @property
    def files(self) -> Path:
        """The files that are released beside images, each below the host that it is released at."""
        return self.folder / FILES

    def forms(self) -> Sequence[PublishedForm]:
        """What is served, without what only some clusters need, and with it."""
        (cell,) = read(self.cell.read_text())
        assert cell.published is not None  # noqa: S101 - cell.toml has it
        return cell.published, cell.published.with_extras([LOAD_BALANCER])


def stock(cell: Cell, progress: Progress) -> Stock:
    """What is served for a cell, filled where that was not done before.

    Raises:
        MeshproofError: Something of it cannot be assembled here.
    """
    engine = ensure_engine(progress.say)
    parts = prepare(cell, "source", lambda: engine, progress, [LOAD_BALANCER])
    declared = declaration(cell, [LOAD_BALANCER, EXTRA])
    store = user_store(progress.say)
    only = frozenset({*declared.wheels, *declared.gos, *(f"debian-{name}" for name in declared.debians)})
    entries = Assembly(declared, store, lambda: engine, progress, only).prepare()
    program = entries["distribution"].path / "bin" / "registry"
    texts = (_text(cell, NO_DIGEST), (HERE / NETWORK).read_text())
    key = key_of(FORMAT, {name: item.key for name, item in items(declared).items()}, texts)
    filling = partial(
        _fill,
        cell=cell,
        declared=declared,
        charts={name: Path(chart) for name, chart in parts.charts.items()},
        crds=Path(parts.gateway_api_crds),
        bench=Workbench(engine, {name: entry.path for name, entry in entries.items()}, store.folder / "contexts"),
        program=program,
    )
    with store.locked():
        found = store.find("rehearsal", key)
        if found is None:
            with progress.plan({"stock": 150.0}), progress.task("stock", "filling"):
                found = store.make("rehearsal", key, filling)
    return Stock(found.path, program, parts.tools)


@contextmanager
def serving(program: Path, storage: Path, log: Path) -> Generator[int]:
    """Run the registry on a port of loopback.

    Raises:
        NotReady: It does not answer.
    """
    port = free_port()
    configuration = log.with_suffix(".yaml")
    settings = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage)}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    configuration.write_text(yamls.dump(settings))
    env = tool_environment({"OTEL_TRACES_EXPORTER": "none"})
    with Background(str(program), "serve", str(configuration), log_path=log, env=env) as process:
        wait_for(
            lambda: _answers(port),
            lambda answers: answers,
            what="registry",
            timeout_s=START_S,
            every_s=0.1,
            failed=lambda _: None if process.running() else f"it ended: {process.output()}",
        )
        yield port


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _fill(
    target: Path,
    *,
    cell: Cell,
    declared: Declaration,
    charts: Mapping[str, Path],
    crds: Path,
    bench: Workbench,
    program: Path,
) -> Mapping[str, Any]:
    """Make the images, push them, and write the cell with the digest of the node image."""
    form = _form(cell, NO_DIGEST)
    storage = target / STORAGE
    storage.mkdir()
    with serving(program, storage, target / "registry.log") as port:
        _push_charts(form, charts, bench.components["helm"] / "bin" / "helm", port)
        everything = replace(declared, images={**declared.images, **declared.extras[LOAD_BALANCER].images})
        made = build_images(everything, bench)
        try:
            for name, released in form.images.items():
                _push(made[name], released, bench.engine, port)
            digest = _push_node(declared, bench, made, form.node_image.partition("@")[0], port)
        finally:
            discard(bench, made)
    (target / CELL).write_text(_text(cell, digest))
    _lay_out(form.gateway_api_crds, _joined(crds), target)
    _lay_out(form.charts["metallb"].chart, charts["metallb"].read_bytes(), target)
    return {"kind": "rehearsal", "items": []}


def _text(cell: Cell, digest: str) -> str:
    """A releases.toml in which what is assembled here is what was released."""
    assert cell.source is not None  # noqa: S101 - the caller has assembled it
    marks = {
        name: getattr(cell, name) for name in ("kgateway", "istio", "kubernetes", "gateway_api", "kind", "dialect")
    }
    marks |= {"istio_chart": cell.source.istio_chart, "digest": digest}
    ours, values = (Template((HERE / name).read_text()).substitute(marks) for name in TEMPLATES)
    common = files("meshproof").joinpath("releases.toml").read_text().partition("[[cell]]")[0]
    before, heading, after = common.partition("[released.istiod_values]\n")
    return f"{before}{heading}{values}{after}{ours}"


def _form(cell: Cell, digest: str) -> PublishedForm:
    (served,) = read(_text(cell, digest))
    assert served.published is not None  # noqa: S101 - the template has it
    return served.published.with_extras([LOAD_BALANCER])


def _push_charts(form: PublishedForm, charts: Mapping[str, Path], helm: Path, port: int) -> None:
    for name, chart in form.charts.items():
        if chart.version:
            below = chart.chart.removeprefix("oci://").rpartition("/")[0]
            address = f"oci://127.0.0.1:{port}/{below}"
            run(str(helm), "push", str(charts[name]), address, "--plain-http", env=tool_environment())


def _push(image: str, released: str, engine: Engine, port: int) -> None:
    served = f"127.0.0.1:{port}/{whole(released)}"
    engine.docker("tag", image, served)
    try:
        engine.docker("push", "--quiet", served, timeout_s=PUSH_S)
    finally:
        engine.docker("image", "rm", served)


def _push_node(declared: Declaration, bench: Workbench, made: Mapping[str, str], released: str, port: int) -> str:
    """Make what stands in for a released node image, and push it: ours without the images that are to be pulled."""
    served = f"127.0.0.1:{port}/{whole(released)}"
    own = bench.folder / "own"
    own.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / NETWORK, own)
    node = replace(declared.node, copy={**declared.node.copy, f"own:{NETWORK}": f"/kind/manifests/{NETWORK}"})
    held = {name: reference for name, reference in made.items() if reference.startswith(OURS)}
    bench = Workbench(bench.engine, {**bench.components, "own": own}, bench.folder)
    build_node(replace(declared, node=node), bench, held, served)
    try:
        bench.engine.docker("push", "--quiet", served, timeout_s=PUSH_S)
        digests = bench.engine.docker("image", "inspect", "--format={{index .RepoDigests 0}}", served).stdout
    finally:
        bench.engine.docker("image", "rm", served)
    return digests.strip().partition("@")[2]


def _joined(folder: Path) -> bytes:
    """Definitions in one file, as a release has them."""
    texts = [path.read_text() for path in sorted(folder.glob("*.yaml"))]
    return "---\n".join(texts).encode()


def _lay_out(address: str, content: bytes, target: Path) -> None:
    place = target / FILES / address.partition("://")[2]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
