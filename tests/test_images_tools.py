"""kind, kubectl and helm: from PATH where they fit, else downloaded, here from a server on loopback."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from msgspec.structs import replace

from meshproof.errors import BadInput, MachineCannot
from meshproof.images import download as downloads
from meshproof.images import tools
from meshproof.images.download import download
from meshproof.images.store import Store
from meshproof.images.tools import Pin, choose, pins, read_pins, released_tools
from meshproof.platforms import Platform, here
from meshproof.progress import Progress
from meshproof.releases import cells
from meshproof.wait import Clock

Answer = Callable[[BaseHTTPRequestHandler], None]

PLATFORMS = [Platform(system, machine) for system in ("linux", "darwin") for machine in ("amd64", "arm64")]
SAYS = {
    "kind": "kind v0.34.1 go1.27.0 linux/amd64\n",
    "kubectl": '{\n  "clientVersion": {"major": "1", "minor": "36", "gitVersion": "v1.36.4"}\n}\n',
    "helm": "v4.3.0",
}


@contextmanager
def serving(answers: Mapping[str, Answer]) -> Generator[tuple[str, list[str]]]:
    """A server on loopback that answers by path, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answers[self.path](self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base has it
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def sends(content: bytes, status: int = 200, kind: str = "application/octet-stream", claimed: int = 0) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(claimed or len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def packed(member: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it yet; the cache is beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    return folder


def put(folder: Path, name: str, says: str, code: int = 0) -> Path:
    """A program that says something, whatever it is asked."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{says}\nEND\nexit {code}\n")
    program.chmod(0o755)
    return program


def chosen(name: str, kubernetes: str = "1.35.8") -> tools.Choice:
    return next(choice for choice in choose(kubernetes) if choice.name == name)


def quick() -> Clock:
    """A clock that nobody waits for."""
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    return Clock(lambda: now[0], pause)


# ------------------------------------------------------------------------------------------ what is declared


def test_each_program_is_declared_for_each_platform() -> None:
    for name, pin in pins().items():
        assert set(pin.sha256) == {platform.key for platform in PLATFORMS}, name
        assert len({*pin.sha256.values()}) == 4, name
        assert all(len(bytes.fromhex(value)) == 32 for value in pin.sha256.values()), name
        assert pin.address.startswith("https://"), name


def test_what_is_declared_fits_each_published_combination() -> None:
    published = [cell.published for cell in cells() if cell.published]
    assert published
    for form in published:
        assert pins()["kind"].version == form.versions["kind"]
        for name, pin in pins().items():
            assert tools._fits(pin.version, pin, form.versions["kubernetes"]), name  # pyright: ignore[reportPrivateUsage]


def test_a_misspelt_key_or_a_program_that_is_missing_is_told() -> None:
    with pytest.raises(BadInput, match=r"tools\.toml: Object contains unknown field `adress`"):
        read_pins('[kind]\nversion = "1"\nfits = "newer"\nadress = ""\nsha256 = {}\n')
    with pytest.raises(BadInput, match=r"tools\.toml: kubectl, helm is not declared; known: kind"):
        read_pins('[kind]\nversion = "1"\nfits = "newer"\naddress = ""\nsha256 = {}\n')


# ------------------------------------------------------------------------------------------ PATH


def test_programs_of_path_that_fit_are_taken_as_they_are(path: Path) -> None:
    programs = {name: put(path, name, says) for name, says in SAYS.items()}
    said = StringIO()
    entry, versions = released_tools(Store(path.parent / "store", print), "1.35.8", Progress(said, live=False))
    assert versions == {"kind": "0.34.1", "kubectl": "1.36.4", "helm": "4.3.0"}
    assert {name: (entry.path / name).readlink() for name in SAYS} == programs
    assert f"kind 0.34.1: that of PATH, {programs['kind']}" in said.getvalue()
    assert {item["hash"] for item in entry.about["items"]} == {
        f"sha256:{sha256(program.read_bytes())}" for program in programs.values()
    }


@pytest.mark.parametrize(
    ("name", "says", "why"),
    [
        ("kind", "kind v0.32.9 go1.26 linux/amd64", "is 0.32.9, and kind 0.33 or a newer 0 is needed"),
        ("helm", "v3.22.0", "is 3.22.0, and helm 4.1 or a newer 4 is needed"),
        ("helm", "v4.0.4", "is 4.0.4, and helm 4.1 or a newer 4 is needed"),
        ("kubectl", SAYS["kubectl"].replace("36", "33"), "is 1.33.4, and kubectl 1.34 to 1.36 is needed"),
        ("kubectl", SAYS["kubectl"].replace("36", "37"), "is 1.37.4, and kubectl 1.34 to 1.36 is needed"),
        ("kind", "Kind - an NLP tool v9.9.9", "does not say its version as kind does (Kind - an NLP tool v9.9.9), and"),
        ("kubectl", "Switched to minikube's kubectl\n" + SAYS["kubectl"], "does not say its version as kubectl does"),
        ("helm", "", "does not say its version as helm does (exit code 0), and"),
    ],
)
def test_one_that_does_not_fit_is_passed_over_and_told(path: Path, name: str, says: str, why: str) -> None:
    program = put(path, name, says)
    choice = chosen(name)
    assert (choice.path, choice.version) == (None, pins()[name].version)
    assert choice.passed_over.startswith(f"{program} {why}")
    assert f"; {program} {why}" in tools.told(choice)


def test_one_that_fails_or_cannot_be_run_is_passed_over(path: Path) -> None:
    put(path, "kind", SAYS["kind"], code=1)
    (path / "helm").write_bytes(b"\x7fELF of another processor")
    (path / "helm").chmod(0o755)
    assert "does not say its version as kind does" in chosen("kind").passed_over
    assert "does not run, and helm 4.1" in chosen("helm").passed_over


@pytest.mark.usefixtures("path")
def test_none_on_path_is_nothing_to_be_told() -> None:
    assert [choice.passed_over for choice in choose("1.35.8")] == ["", "", ""]
    assert tools.told(chosen("kind")) == "kind 0.33.0: as released"


@pytest.mark.parametrize(("kubernetes", "fits"), [("1.35.0", True), ("1.37.1", True), ("v1.34.2-gke.3", False)])
def test_kubectl_is_held_against_the_cluster_that_there_is(path: Path, kubernetes: str, fits: bool) -> None:
    program = put(path, "kubectl", SAYS["kubectl"])
    assert chosen("kubectl", kubernetes).path == (program if fits else None)


def test_a_program_is_asked_in_a_folder_of_ours_without_what_leads_it_elsewhere(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/theirs")
    program = path / "kubectl"
    program.write_text(f'#!/bin/sh\n[ -z "$KUBECONFIG" ] && pwd > {path}/asked\n')
    program.chmod(0o755)
    choose("1.35.8")
    assert (path / "asked").read_text().strip() == str(path.parent / "cache" / "meshproof")


# ------------------------------------------------------------------------------------------ downloads


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.key)
def test_each_platform_gets_its_own_file_once(path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "here", lambda: platform)
    key = platform.key
    programs = {name: f"{name} for {key}".encode() for name in SAYS}
    files = {
        f"/kind-{key}": programs["kind"],
        f"/{platform.system}/{platform.machine}/kubectl": programs["kubectl"],
        f"/helm-v4.1.1-{key}.tar.gz": packed(f"{key}/helm", programs["helm"]),
    }
    with serving({path: sends(content) for path, content in files.items()}) as (server, asked):
        addresses = (
            "/kind-{system}-{machine}", "/{system}/{machine}/kubectl", "/helm-v{version}-{system}-{machine}.tar.gz",
        )  # fmt: skip
        pinned = {
            name: replace(pin, address=server + address, sha256={key: sha256(content)})
            for (name, pin), address, content in zip(pins().items(), addresses, files.values(), strict=True)
        }
        said = StringIO()
        store = Store(path.parent / "store", print)
        entry, versions = released_tools(store, "1.35.8", Progress(said, live=False), pinned)
        again, _ = released_tools(store, "1.35.8", Progress(said, live=False), pinned)
    assert (asked, again.path) == ([*files], entry.path)
    assert versions == {name: pin.version for name, pin in pins().items()}
    for name, content in programs.items():
        assert (entry.path / name).read_bytes() == content
        assert os.access(entry.path / name, os.X_OK)
    assert "done: downloading helm 4.1.1" in said.getvalue()


def test_a_platform_that_nothing_is_declared_for_is_refused_before_anything_is_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "here", lambda: Platform("freebsd14", "riscv64"))
    store = Store(path.parent / "store", print)
    with pytest.raises(MachineCannot) as caught:
        released_tools(store, "1.35.8", Progress(StringIO(), live=False))
    assert str(caught.value) == (
        "kind 0.33.0: is not declared for freebsd14 on riscv64, only for linux-amd64, linux-arm64, darwin-amd64, "
        "darwin-arm64; put kind 0.33 or a newer 0 on PATH, then run the same command again"
    )
    assert [each.name for each in store.folder.iterdir()] == ["lock"]


GOOD = b"a program" * 1000


@pytest.mark.parametrize(
    ("answer", "trouble", "times"),
    [
        (sends(b"not here", 404), "answers 404 Not Found; put x on PATH", 1),
        (sends(b"who are you", 403), "answers 403 Forbidden; put x on PATH", 1),
        (sends(b"busy", 503), "answers 503 Service Unavailable (3 times); put x on PATH", 3),
        (sends(b"slow down", 429), "answers 429 Too Many Requests (3 times); put x on PATH", 3),
        (sends(b"<html>log in</html>", kind="text/html; charset=utf-8"), "answers with a web page, as a proxy does", 1),
        (sends(GOOD[:4000], claimed=len(GOOD)), "broke off after 4000 bytes (RemoteProtocolError: ", 3),
        (sends(GOOD + b"!"), "sends another file than was released: its SHA-256 is " + sha256(GOOD + b"!"), 1),
        (sends(b"x" * 20_000), "sends more than the 10000 bytes that it may have; put x on PATH", 1),
    ],
)
def test_what_goes_wrong_is_told_in_one_line_and_leaves_nothing(
    path: Path, answer: Answer, trouble: str, times: int
) -> None:
    place = path / "x"
    with serving({"/x": answer}) as (server, asked), pytest.raises(MachineCannot) as caught:
        download("x 1.0", f"{server}/x", sha256(GOOD), place, "put x on PATH", largest=10_000, clock=quick())
    message = str(caught.value)
    assert message.startswith(f"x 1.0 cannot be downloaded: {server}/x {trouble}")
    assert message.endswith("; put x on PATH")
    assert "\n" not in message
    assert len(asked) == times
    assert not place.exists()
    if "another file" in trouble:
        assert f"expected {sha256(GOOD)}; it was deleted" in message


def test_one_that_dies_half_way_is_had_at_the_second_attempt(path: Path) -> None:
    answers = iter([sends(GOOD[:4000], claimed=len(GOOD)), sends(GOOD)])
    with serving({"/x": lambda request: next(answers)(request)}) as (server, asked):
        download("x", f"{server}/x", sha256(GOOD), path / "x", "", clock=quick())
    assert (len(asked), (path / "x").read_bytes()) == (2, GOOD)


def test_a_server_that_sends_a_drop_at_a_time_is_given_up(path: Path) -> None:
    readings = iter([0.0, 0.0, 0.0])
    clock = Clock(lambda: next(readings, downloads.WHOLE_S + 1), lambda _: None)
    gave_up = pytest.raises(MachineCannot, match=r"has sent \d+ bytes in 900 s, and not all; put x on PATH")
    with serving({"/x": sends(GOOD)}) as (server, _), gave_up:
        download("x", f"{server}/x", sha256(GOOD), path / "x", "put x on PATH", clock=clock)


def test_no_server_and_a_proxy_that_is_none_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({}) as (server, _):
        pass  # it has gone
    with pytest.raises(MachineCannot, match=r"does not answer \(ConnectError: .*\) \(3 times\); put x on PATH"):
        download("x", f"{server}/x", "", path / "x", "put x on PATH", clock=quick())
    monkeypatch.setenv("HTTP_PROXY", server)
    with pytest.raises(MachineCannot, match=r"http://registry\.test/x does not answer \(ConnectError: "):
        download("x", "http://registry.test/x", "", path / "x", "put x on PATH", clock=quick())
    monkeypatch.setenv("HTTP_PROXY", "sausages://proxy.test")
    with pytest.raises(MachineCannot, match=r"cannot be asked \(.*sausages"):
        download("x", "http://registry.test/x", "", path / "x", "put x on PATH", clock=quick())


def test_a_proxy_of_the_environment_is_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"http://registry.test/x": sends(GOOD)}) as (server, asked):
        monkeypatch.setenv("HTTP_PROXY", server)
        download("x", "http://registry.test/x", sha256(GOOD), path / "x", "", clock=quick())
    assert asked == ["http://registry.test/x"]


def test_a_disk_that_cannot_keep_it_is_told(path: Path) -> None:
    with serving({"/x": sends(GOOD)}) as (server, _), pytest.raises(MachineCannot, match="cannot be kept in"):
        download("x", f"{server}/x", sha256(GOOD), path / "missing" / "x", "put x on PATH", clock=quick())


def test_an_archive_without_the_program_is_a_mistake_of_ours(path: Path) -> None:
    content = packed("elsewhere/helm", b"")
    with serving({"/x": sends(content)}) as (server, _):
        pin = Pin("1.0.0", "newer", f"{server}/x", {here().key: sha256(content)}, "{system}-{machine}/helm")
        choice = tools.Choice("helm", "1.0.0", None, "", "helm 1")
        with pytest.raises(BadInput, match=r"tools\.toml: .*/x holds no file "):
            tools._fetch(choice, pin, here(), path / "helm")  # pyright: ignore[reportPrivateUsage]
