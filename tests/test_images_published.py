"""Having what is released: charts, definitions and a node image, all of them or none, each that lacks told by name."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from snapshots import always

from meshproof.engine import Engine
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.images import published
from meshproof.images.mirror import MIRROR, Mirror
from meshproof.images.published import CRDS, fetch, fetched_name, last_word, pull_node_image
from meshproof.images.store import Store
from meshproof.progress import Progress
from meshproof.releases import PublishedForm, cells
from meshproof.run import Completed
from rehearsal.front import PAGE, Answer, Behaviour, Front
from rehearsal.stock import free_port

# Stands in for helm: it notes its arguments, and makes the chart, unless the chart is the one that is missing.
HELM = """\
#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
case "$2" in *kgateway-crds) echo "Error: it says $2: not found" >&2; [ -e "$(dirname "$0")/all" ] || exit 1;; esac
for last; do :; done
echo chart > "$last/$(basename "$2").tgz"
"""
NODE = "127.0.0.1:5005/docker.io/kindest/node:v1@sha256:0"


@pytest.fixture
def progress() -> Progress:
    return Progress(StringIO(), live=False)


@pytest.fixture
def helm(tmp_path: Path) -> Path:
    helm = tmp_path / "tools" / "helm"
    helm.parent.mkdir()
    helm.write_text(HELM)
    helm.chmod(0o755)
    return helm


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What the mirror has beside images: the definitions."""
    form = cells()[0].published
    assert form is not None
    place = tmp_path / "files" / form.gateway_api_crds.partition("://")[2]
    place.parent.mkdir(parents=True)
    place.write_text("kind: CustomResourceDefinition\n---\nkind: ValidatingAdmissionPolicy\n")
    return tmp_path / "files"


@pytest.fixture
def front(files: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Behaviour], Front]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(published, "check", always(None))
    port = free_port()
    return lambda behaviour: Front(["127.0.0.1"], port, 0, files, behaviour)


def mirrored(front: Front) -> tuple[PublishedForm, Mirror]:
    form = cells()[0].published
    assert form is not None
    mirror = Mirror(f"http://127.0.0.1:{front.port}")
    return mirror.applied(form), mirror


def test_all_is_fetched_once_and_kept_by_where_it_comes_from(
    front: Callable[[Behaviour], Front], helm: Path, tmp_path: Path, progress: Progress
) -> None:
    (helm.parent / "all").touch()
    store = Store(tmp_path / "store", progress.say)
    with front(Behaviour()) as there:
        form, mirror = mirrored(there)
        entry = fetch(form, mirror, helm, store, progress)
    assert entry.path == store.folder / fetched_name(form)
    assert {path.name for path in entry.path.glob("*.tgz")} == {f"{name}.tgz" for name in form.charts}
    assert "CustomResourceDefinition" in (entry.path / CRDS).read_text()
    asked = (helm.parent / "asked").read_text()
    assert (
        f"pull oci://127.0.0.1:{there.port}/registry.istio.io/release/charts/base --version 1.30.4 --plain-http"
        in asked
    )
    assert fetch(form, mirror, helm, store, progress) == entry, "no mirror is needed any more"
    assert (helm.parent / "asked").read_text() == asked
    other = Mirror("https://mirror.example").applied(form)
    assert fetched_name(other) != fetched_name(form), "what one mirror has is not taken for what another has"


def test_one_chart_that_lacks_is_told_by_name_and_leaves_nothing(
    front: Callable[[Behaviour], Front], helm: Path, tmp_path: Path, progress: Progress
) -> None:
    store = Store(tmp_path / "store", progress.say)
    with front(Behaviour()) as there, pytest.raises(MachineCannot) as told:
        fetch(*mirrored(there), helm, store, progress)
    line = str(told.value).splitlines()[0]
    assert line.startswith(f"chart kgateway-crds, oci://127.0.0.1:{there.port}/cr.kgateway.dev/")
    assert " v2.4.3, cannot be fetched: Error: it says " in line
    assert f"name a mirror that has it ({MIRROR})" in line
    assert [path.name for path in store.folder.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (PAGE, "used: expected CustomResourceDefinitions, found '<!DOCTYPE html><title>Sign in</title>'"),
        (Answer(200, b"kind: Namespace\n"), "used: expected CustomResourceDefinitions, found 'kind: Namespace"),
        (Answer(503, b""), "fetched: Server error '503 Service Unavailable'"),
    ],
)
def test_what_is_not_the_definitions_is_told_as_such(
    answer: Answer, told: str, front: Callable[[Behaviour], Front], helm: Path, tmp_path: Path, progress: Progress
) -> None:
    (helm.parent / "all").touch()
    with front(Behaviour(answer=answer)) as there, pytest.raises(MachineCannot) as caught:
        fetch(*mirrored(there), helm, Store(tmp_path / "store", progress.say), progress)
    assert str(caught.value).startswith("Gateway API's definitions, http://127.0.0.1:")
    assert f"standard-install.yaml, cannot be {told}" in str(caught.value)
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["lock"]


def engine(monkeypatch: pytest.MonkeyPatch, *lines: str, there: bool = False, fails: str = "") -> list[tuple[str, ...]]:
    """An engine that says these lines when it pulls; what it was asked."""
    asked: list[tuple[str, ...]] = []

    def docker(_: Engine, *args: str, on_line: Callable[[str], object] = len, **__: object) -> Completed:
        asked.append(args)
        if args[0] == "pull":
            for line in lines:
                on_line(line)
            if fails:
                raise CommandFailed(f"docker pull {NODE}", 1, "\n".join(lines), fails)
        return Completed(args, 0 if there or args[0] == "pull" else 1, "", "", 0.0)

    monkeypatch.setattr(Engine, "docker", docker)
    return asked


def test_a_node_image_is_pulled_with_progress_unless_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    said = StringIO()
    lines = ("v1: Pulling from kindest/node", "a: Pulling fs layer", "b: Pulling fs layer", "c: Already exists")
    asked = engine(monkeypatch, *lines, "b: Download complete", "a: Pull complete", "b: Pull complete", "Digest: d")
    pull_node_image(NODE, None, Engine("own", "20.10"), Progress(said, live=False))
    assert ("pull", NODE) in asked
    assert [line for line in said.getvalue().splitlines() if "layers" in line] == [
        "  2 of 3 layers are here",
        "  3 of 3 layers are here",
    ]
    asked = engine(monkeypatch, there=True)
    pull_node_image(NODE, None, Engine("own", "20.10"), Progress(said, live=False))
    assert [args[0] for args in asked] == ["image"]


def test_a_node_image_that_cannot_be_pulled_is_told_with_dockers_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    engine(monkeypatch, fails="Error response from daemon: manifest unknown\n")
    with pytest.raises(MachineCannot) as told:
        pull_node_image(NODE, None, Engine("own", "20.10"), Progress(StringIO(), live=False))
    assert str(told.value).startswith(
        f"node image {NODE} cannot be pulled: Error response from daemon: manifest unknown. Look at the registry"
    )


def test_a_pull_that_takes_too_long_is_told_as_that() -> None:
    error = CommandFailed("docker pull x", -15, "a: Pulling fs layer", "", " (ended after its limit of 1800 s)")
    assert last_word(error) == "ended after its limit of 1800 s"
    assert last_word(CommandFailed("docker pull x", 1, "", "")) == "exit code 1"
