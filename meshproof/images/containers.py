"""Images: a Dockerfile for each, generated from the declaration, and the node image that holds all the others."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from meshproof.engine import Engine
from meshproof.images.debian import ROOTFS
from meshproof.images.declaration import ASSETS, SCRATCH, Declaration, Image
from meshproof.images.store import remove

IMPORT_S = 300.0
BUILD_S = 600.0
PRELOAD_S = 900.0
HUB = "meshproof.local/part"
ARCHIVE = "images.tar"
NODE_START = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'


@dataclass(frozen=True)
class Workbench:
    """What images are built with: the engine, the components at hand, and a folder for build contexts."""

    engine: Engine
    components: Mapping[str, Path]
    folder: Path


def dockerfile(image: Image, base: str) -> str:
    """The Dockerfile of an image; its copies are numbered files of the build context."""
    lines = [f"FROM {base}"]
    lines += [f"COPY {number} {place}" for number, place in enumerate((image.copy or {}).values())]
    lines += [f"RUN {command}" for command in image.run]
    lines += [f"USER {image.user}"] if image.user else []
    lines += [f"ENTRYPOINT {_exec_form(image)}"] if image.entrypoint else []
    if base == SCRATCH and not image.entrypoint:
        lines.append(f'ENTRYPOINT ["{next(iter((image.copy or {}).values()))}"]')  # an image must start something
    return "\n".join(lines) + "\n"


def build_images(declared: Declaration, bench: Workbench) -> Mapping[str, str]:
    """Build every image, those first that others stand on; name -> the reference it is known by."""
    references: dict[str, str] = {}
    for name in declared.debians:
        if any(image.base == f"debian:{name}" for image in declared.images.values()):
            references[f"debian:{name}"] = import_rootfs(name, bench)
    for image in declared.in_order():
        base = SCRATCH if image.base == SCRATCH else references[image.base]
        references[f"image:{image.name}"] = _build(image, base, bench)
    return {name: references[f"image:{name}"] for name in declared.images}


def import_rootfs(name: str, bench: Workbench) -> str:
    """Make a Debian root file system an image that others stand on; its reference."""
    reference = f"{HUB}/debian-{name}"
    bench.engine.docker("import", str(bench.components[f"debian-{name}"] / ROOTFS), reference, timeout_s=IMPORT_S)
    return reference


def build_node(declared: Declaration, bench: Workbench, contents: Mapping[str, str], reference: str) -> None:
    """Make the node image: Debian, kind's files, Kubernetes, and the archive of all images inside its containerd.

    Args:
        declared: What goes in.
        bench: What it is built with.
        contents: The images to preload.
        reference: What the node image is to be called.
    """
    docker = bench.engine.docker
    node = declared.node
    empty = f"{HUB}/node"
    name = node.base.removeprefix("debian:")
    context = _context("node", node.copy, bench)
    shutil.copy(ASSETS / node.setup, context / "setup.sh")
    shutil.copy(ASSETS / "10-meshproof.conflist", context / "cni.conflist")
    lines = [f"FROM {import_rootfs(name, bench)}"]
    lines += [f"COPY {number} {place}" for number, place in enumerate(node.copy.values())]
    lines += ["COPY cni.conflist /etc/cni/net.d/10-meshproof.conflist", "COPY setup.sh /setup.sh"]
    lines += ["RUN sh /setup.sh && rm /setup.sh", "ENV container=docker"]
    lines += ["STOPSIGNAL SIGRTMIN+3", NODE_START]  # systemd's signal to shut down
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker("build", "--quiet", "--tag", empty, str(context), timeout_s=BUILD_S)
    archive = bench.folder / ARCHIVE
    save(bench, contents, archive)
    with _container(bench.engine, empty, archive, ASSETS / node.preload) as container:
        docker("start", "--attach", container, timeout_s=PRELOAD_S)
        docker("commit", f"--change={NODE_START}", "--change=CMD []", container, reference, timeout_s=BUILD_S)


def save(bench: Workbench, images: Mapping[str, str], archive: Path) -> None:
    """Write images into one archive, in which those with common layers share them."""
    bench.engine.docker("save", "--output", str(archive), *images.values(), timeout_s=BUILD_S)


def discard(bench: Workbench, images: Mapping[str, str]) -> None:
    """Remove the images that only went into a node or an archive, which hold their own copies."""
    parts = bench.engine.docker("image", "ls", "--quiet", f"{HUB}/*").stdout.split()
    bench.engine.docker("image", "rm", "--force", *images.values(), *parts, check=False, timeout_s=BUILD_S)
    remove(bench.folder)


@contextmanager
def _container(engine: Engine, image: str, archive: Path, script: Path) -> Generator[str]:
    created = engine.docker(
        "create", "--privileged", "--entrypoint=/bin/sh",
        f"--volume={archive}:/images.tar:ro", f"--volume={script}:/preload.sh:ro", image, "/preload.sh",
    )  # fmt: skip
    container = created.stdout.strip()
    try:
        yield container
    finally:
        engine.docker("rm", "--force", "--volumes", container, check=False)


def _build(image: Image, base: str, bench: Workbench) -> str:
    reference = image.ref or f"{HUB}/{image.name}"
    context = _context(image.name, image.copy or {}, bench)
    (context / "Dockerfile").write_text(dockerfile(image, base))
    bench.engine.docker("build", "--quiet", "--tag", reference, str(context), timeout_s=BUILD_S)
    return reference


def _context(name: str, copy: Mapping[str, str], bench: Workbench) -> Path:
    """A build context whose files are links to the components: `COPY 0 …` is the first of `copy`."""
    context = bench.folder / name
    remove(context)
    context.mkdir(parents=True)
    for number, source in enumerate(copy):
        component, _, path = source.partition(":")
        link_tree(bench.components[component] / path, context / str(number))
    return context


def link_tree(source: Path, place: Path) -> None:
    """Copy a file or a folder without copying contents: hard links."""
    if source.is_dir():
        shutil.copytree(source, place, copy_function=_link)
    else:
        _link(str(source), str(place))


def _link(source: str, place: str) -> None:
    Path(place).hardlink_to(source)


def _exec_form(image: Image) -> str:
    return "[" + ", ".join(f'"{word}"' for word in image.entrypoint) + "]"
