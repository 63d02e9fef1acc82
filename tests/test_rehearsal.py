"""The rehearsal: a mirror that does as it is told, right or wrong, and a cell that is the real declaration."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from meshproof.releases import cells, read
from meshproof.run import run
from meshproof.wait import Clock
from rehearsal import stock
from rehearsal.faults import FAULTS
from rehearsal.front import PIECE_BYTES, Answer, Behaviour, Front

BLOB = bytes(range(256)) * 1024  # four pieces
LAYER = "/v2/docker.io/istio/pilot/blobs/sha256:0"


class Registry(BaseHTTPRequestHandler):
    """Has one blob; says what it was asked for besides."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = BLOB if self.path == LAYER else f"{self.path} {self.headers['accept']}".encode()
        self.send_response(200 if self.path != "/v2/missing" else 404)
        self.send_header("docker-content-digest", "sha256:0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def registry() -> Generator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def front(registry: int, files: Path, behaviour: Behaviour, clock: Clock | None = None) -> Front:
    return Front(["127.0.0.1"], stock.free_port(), registry, files, behaviour, clock=clock or Clock())


def get(there: Front, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{there.port}{path}", headers=headers, trust_env=False)


def test_what_the_registry_has_is_passed_on_and_counted(registry: int, tmp_path: Path) -> None:
    with front(registry, tmp_path, Behaviour()) as there:
        answer = get(there, LAYER, **{"user-agent": "containerd/1.6 more"})
        assert (answer.content, answer.headers["docker-content-digest"]) == (BLOB, "sha256:0")
        assert get(there, "/v2/a/manifests/1?ns=docker.io", accept="manifest").text.endswith("ns=docker.io manifest")
        assert get(there, "/v2/missing").status_code == 404
        head = httpx.head(f"http://127.0.0.1:{there.port}{LAYER}", trust_env=False)
        assert (head.headers["content-length"], head.content) == (str(len(BLOB)), b"")
    kinds = [(access.client, access.kind, access.size > 0) for access in there.log.accesses]
    assert kinds[0] == ("containerd/1.6", "blobs", True)
    assert [kind for _, kind, _ in kinds] == ["blobs", "manifests", "other", "blobs"]
    first, *_ = there.log.table().splitlines()
    assert first.split() == ["containerd/1.6", "0", "manifests", "1", "blobs", "0", "others", "0.3", "MB"]


def test_files_are_those_of_its_folder_and_no_others(registry: int, tmp_path: Path) -> None:
    (tmp_path / "files" / "github.com").mkdir(parents=True)
    (tmp_path / "files" / "github.com" / "crds.yaml").write_text("kind: X")
    (tmp_path / "secret").write_text("secret")
    with front(registry, tmp_path / "files", Behaviour()) as there:
        assert get(there, "/github.com/crds.yaml").text == "kind: X"
        assert get(there, "/github.com/other.yaml").status_code == 404
        assert get(there, "/github.com").status_code == 404
        assert get(there, "/%2e%2e/secret").status_code == 404


def test_only_what_it_is_about_is_answered_wrongly(registry: int, tmp_path: Path) -> None:
    wrong = Behaviour(about="istio/pilot", answer=Answer(404, b"gone"))
    with front(registry, tmp_path, wrong) as there:
        assert (get(there, LAYER).status_code, get(there, LAYER).text) == (404, "gone")
        assert get(there, "/v2/other").status_code == 200
    with front(registry, tmp_path, Behaviour(about="istio/pilot", spoilt=True)) as there:
        spoilt = get(there, LAYER).content
        assert (spoilt[0], spoilt[1:], spoilt == BLOB) == (BLOB[0] ^ 1, BLOB[1:], False)
        assert get(there, "/v2/other").text.startswith("/v2/other")


def test_one_that_dies_half_way_sends_no_more_and_answers_nobody(registry: int, tmp_path: Path) -> None:
    with front(registry, tmp_path, Behaviour(dies_after=2 * PIECE_BYTES)) as there:
        with pytest.raises(httpx.RemoteProtocolError):
            get(there, LAYER)
        with pytest.raises(httpx.ConnectError):
            get(there, "/v2/")


def test_a_slow_one_sends_no_faster_than_its_rate(registry: int, tmp_path: Path) -> None:
    waited: list[float] = []
    clock = Clock(now=lambda: 0.0, pause=waited.append)
    with front(registry, tmp_path, Behaviour(rate=PIECE_BYTES), clock) as there:
        assert get(there, LAYER).content == BLOB
    assert max(waited) == pytest.approx(len(BLOB) / PIECE_BYTES)
    assert len(waited) >= len(BLOB) / PIECE_BYTES, "each piece waits for its time"


def test_the_cell_of_a_rehearsal_is_the_real_declaration_in_versions_of_its_own() -> None:
    for real in cells():
        assert real.source is not None
        text = stock._text(real, "sha256:5")  # pyright: ignore[reportPrivateUsage]
        (cell,) = read(text)
        assert cell.published is not None
        assert (cell.kgateway, cell.istio, cell.kubernetes) == (real.kgateway, real.istio, real.kubernetes)
        assert cell.published.node_image == f"kindest/node:v{real.kubernetes}@sha256:5"
        assert cell.published.images["pilot"] == f"docker.io/istio/pilot:{real.source.istio_chart}"
        assert cell.published.istiod_values["tag"] == real.source.istio_chart
        if real.published:
            assert cell.published.charts.keys() == real.published.charts.keys()
            assert cell.published.images["hey"] == real.published.images["hey"]


def test_each_fault_of_a_cell_finds_what_it_spoils_and_says_what_is_to_be_told() -> None:
    text = stock._text(cells()[0], "sha256:5")  # pyright: ignore[reportPrivateUsage]
    for fault in FAULTS:
        assert (fault.spoil(text) != text) == (fault.cell is not None), fault.name
        read(fault.spoil(text))
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    spoiler = next(fault for fault in FAULTS if fault.cell)
    with pytest.raises(ValueError, match=f"fault {spoiler.name}: .* is not in the cell"):
        spoiler.spoil("another text")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["fast"], "fast: expected nothing, `slow`, `faults` or names of faults after it"),
        (["slow", "page"], "slow page: expected nothing"),
        (["faults", "pages"], "fault pages: is none; known: page, login"),
        (["KGATWAY=2"], "KGATWAY: unknown choice; nearest is KGATEWAY"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(argv: list[str], told: str) -> None:
    done = run(sys.executable, "-m", "rehearsal", *argv, check=False, timeout_s=60.0)
    assert done.code == 2
    assert f"rehearsal: {told}" in done.stderr
