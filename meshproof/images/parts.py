"""The door to images: all that a cluster is made of, from whichever source can be had."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meshproof import yamls
from meshproof.choices import words_of
from meshproof.engine import Engine
from meshproof.errors import BadInput, MachineCannot
from meshproof.images.assembly import TREE_WORK, Assembly
from meshproof.images.containers import ARCHIVE
from meshproof.images.declaration import Declaration, declaration
from meshproof.images.mirror import CERTS_D, Mirror, mirror_of_environment
from meshproof.images.plan import items
from meshproof.images.published import CRDS, fetch, unreachable
from meshproof.images.store import Entry, Store, key_of, user_store
from meshproof.images.tools import released_tools
from meshproof.paths import cache_dir
from meshproof.platforms import here
from meshproof.progress import Progress
from meshproof.releases import Cell, PublishedForm, SourceForm, cells

NOT_HERE = "images are assembled from source on Linux on amd64 only"
# Source: https://kind.sigs.k8s.io/docs/user/local-registry/; node images of today have it so by themselves.
_MIRRORED = {
    "containerdConfigPatches": [f'[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "{CERTS_D}"\n']
}


@dataclass(frozen=True)
class Parts:
    """What a cluster is made of, all at hand.

    Attributes:
        form: Where it comes from.
        versions: What is really used: kgateway, istio, kubernetes, gateway-api, kind, envoy and so on.
        node_image: For `kind create cluster --image`.
        kind_config: More keys for kind's Cluster configuration that this node image needs.
        tools: A folder with the executables kind, kubectl and helm.
        charts: istio-base, istiod, kgateway-crds, kgateway -> a .tgz file.
        chart_versions: The same names -> what to give as --version, empty when the chart says enough.
        gateway_api_crds: What `kubectl apply --server-side -f` takes: a file or a folder.
        istiod_values: Helm values for istiod.
        kgateway_values: Helm values for kgateway.
        images: pilot, proxyv2, kgateway, envoy-wrapper, sds, httpbin, curl, hey -> full references.
        bom: The bill of materials, a JSON file.
        archives: Images that the nodes neither hold nor can pull, to be loaded into them.
        pulled: Images that the nodes pull.
        mirror: What they are pulled from, where it is not the registries that their names say.
    """

    form: Literal["source", "published"]
    versions: Mapping[str, str]
    node_image: str
    kind_config: Mapping[str, object]
    tools: Path
    charts: Mapping[str, str]
    chart_versions: Mapping[str, str]
    gateway_api_crds: str
    istiod_values: Mapping[str, object]
    kgateway_values: Mapping[str, object]
    images: Mapping[str, str]
    bom: Path
    archives: Sequence[Path] = ()
    pulled: Sequence[str] = ()
    mirror: Mirror | None = None


def prepare(
    cell: Cell,
    images: str,
    engine: Callable[[], Engine],
    progress: Progress,
    extras: Collection[str] = (),
    kubernetes: str = "",
) -> Parts:
    """Have everything at hand that a cluster of this cell is made of.

    Args:
        cell: The combination.
        images: "source" assembles it here, "published" uses what was released, "auto" takes what can be had.
        engine: Gives the container engine, when one is needed.
        progress: Told what takes time.
        extras: What only some clusters need; its charts and images are then among the others.
        kubernetes: The version of the cluster, where it is there already; the cell's by default.

    Raises:
        BadInput: No such choice or extra, or the cell does not have that form.
        CommandFailed: A download or a build failed.
        MachineCannot: Too little disk, another platform than images are assembled on, a tool that cannot be had, or
            something else that this machine lacks.
    """
    mirror = mirror_of_environment()
    form = form_of(cell, images, progress)
    store = user_store(progress.say)
    if form == "published":
        if cell.published is None:
            raise BadInput(f"{cell.label} was never published as a whole; use IMAGES=source")
        return _published(cell.published.with_extras(extras), mirror, kubernetes, store, progress)
    if cell.source is None:
        raise BadInput(f"{cell.label} cannot be assembled from source; use IMAGES=published")
    if not here().assembles:
        raise MachineCannot(f"{NOT_HERE}, and this is {here()}; use {_as_published(cell)}")
    return _source(declaration(cell, extras), cell.source, store, engine, progress)


def _as_published(cell: Cell) -> str:
    """What to choose for released images: of this combination, or of one that was released as a whole."""
    other = next((each for each in cells() if each.published), cell)
    return "IMAGES=published" if cell.published else f"KGATEWAY={other.kgateway} IMAGES=published, which was released"


def cached(cell: Cell) -> Sequence[tuple[str, str]]:
    """What the cache holds, with sizes as people read them; for `make doctor`."""
    store = user_store()
    sizes = store.sizes()  # of all cells, whose components live side by side
    lines = [(name, f"{size / 1e6:.0f} MB") for name, size in sizes.items()]
    if (work := store.folder / TREE_WORK).exists():
        size = sum(path.lstat().st_size for path in work.rglob("*"))
        lines.append((TREE_WORK, f"{size / 1e6:.0f} MB, for changed trees to be compiled soon; {work} may be removed"))
    if cell.given:
        made = items(declaration(cell))
        for name, source in cell.given.items():
            when = "built already" if f"{name}-{made[name].key}" in sizes else "the next run builds it"
            lines.append((f"{name}'s source", f"{source}: {when}"))
    return lines


def cached_tools() -> Path | None:
    """The folder of kind, kubectl and helm that the cache holds, the newest of several; None where it holds none."""
    found = [path.parent for path in (cache_dir() / "images").glob("tools-*/kubectl")]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def form_of(cell: Cell, images: str, progress: Progress) -> str:
    """The form in which a cell is had, source or published; for "auto" that which can be had now.

    Raises:
        BadInput: There is no such choice, or none can be had.
    """
    words_of()["IMAGES"].check(images)
    if images != "auto":
        return images
    if cell.given:
        told = " and ".join(f"{name} from {source}" for name, source in cell.given.items())
        progress.say(f"images: assembled from source, {told}")
        return "source"
    if cell.published is None:
        progress.say(f"images: assembled from source; {cell.label} has no published form")
        return "source"
    mirror = mirror_of_environment()
    reason = unreachable(cell.published, mirror)
    if not reason:
        whose = f"the mirror {mirror.address} answers" if mirror else "their registries answer"
        progress.say(f"images: the published ones; {whose}")
        return "published"
    if cell.source is None:
        raise BadInput(f"{cell.label} has only a published form, and {reason}")
    if not here().assembles:
        raise MachineCannot(
            f"{reason}, and {NOT_HERE}, while this is {here()}; have that registry reached, by a "
            "proxy or a mirror, then run the same command again"
        )
    progress.say(f"images: assembled from source, because {reason}")
    return "source"


def _source(
    declared: Declaration, form: SourceForm, store: Store, engine: Callable[[], Engine], progress: Progress
) -> Parts:
    assembly = Assembly(declared, store, engine, progress)
    entries = assembly.prepare()
    charts = {name: entries["charts"].path / f"{name}.tgz" for name in declared.charts}
    images = {**declared.images}
    for extra in declared.extras.values():
        charts |= {name: entries[extra.name].path / f"{name}.tgz" for name in extra.charts}
        images |= extra.images
    return Parts(
        form="source",
        versions=declared.versions,
        node_image=assembly.node_image,
        kind_config=_kind_config(),
        tools=entries["tools"].path,
        charts={name: str(path) for name, path in charts.items()},
        chart_versions=dict.fromkeys(charts, ""),
        gateway_api_crds=str(entries["gateway-api"].path / "crds"),
        istiod_values=form.istiod_values,
        kgateway_values=form.kgateway_values,
        images={name: image.ref for name, image in images.items() if image.ref},
        bom=_bom(store, entries),
        archives=[entries[name].path / ARCHIVE for name in declared.extras],
    )


def _published(
    released: PublishedForm, mirror: Mirror | None, kubernetes: str, store: Store, progress: Progress
) -> Parts:
    form = mirror.applied(released) if mirror else released
    tools, versions = released_tools(store, kubernetes or form.versions["kubernetes"], progress)
    fetched = fetch(form, mirror, tools.path / "helm", store, progress)
    return Parts(
        form="published",
        versions={**form.versions, **versions},
        node_image=form.node_image,
        kind_config={**_cgroup_config(), **(_MIRRORED if mirror else {})},
        tools=tools.path,
        charts={name: str(fetched.path / f"{name}.tgz") for name in form.charts},
        chart_versions=dict.fromkeys(form.charts, ""),
        gateway_api_crds=str(fetched.path / CRDS),
        istiod_values=form.istiod_values,
        kgateway_values=form.kgateway_values,
        images=form.images,
        bom=_bom(store, {"tools": tools, "published": fetched}),
        pulled=tuple(form.images.values()),
        mirror=mirror,
    )


def _kind_config() -> Mapping[str, object]:
    """The node image has its own network configuration instead of kind's daemon."""
    return {"networking": {"disableDefaultCNI": True, "podSubnet": "10.244.0.0/16"}, **_cgroup_config()}


def _cgroup_config() -> Mapping[str, object]:
    """Kubernetes 1.35 refuses cgroup v1 unless told otherwise; which version it is, only the engine's machine knows."""
    return {"kubeadmConfigPatches": [yamls.dump({"kind": "KubeletConfiguration", "failCgroupV1": False})]}


def _bom(store: Store, entries: Mapping[str, Entry]) -> Path:
    """The bill of materials of these components: written once, named by what it lists."""
    path = store.folder / f"bom-{key_of({name: entry.key for name, entry in entries.items()})}.json"
    if not path.exists():
        listed = {name: {"key": entry.key, **entry.about} for name, entry in sorted(entries.items())}
        aside = path.with_suffix(".unfinished")
        aside.write_text(json.dumps({"components": listed}, indent=1))
        aside.rename(path)
    return path
