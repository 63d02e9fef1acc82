"""A matrix from beginning to end, by pytest-xdist as it is, with a stand-in for the command that proves a cell."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from snapshots import PARTS, always
from test_doctor import GOOD

from meshproof import cli, errors, yamls
from meshproof.errors import MachineCannot
from meshproof.matrix import cells as cells_module
from meshproof.matrix import folder as folder_module
from meshproof.matrix import matrix as matrix_module
from meshproof.matrix.cells import slug
from meshproof.releases import Cell, cells
from meshproof.wait import wait_for

STAND_IN = Path(__file__).with_name("standin_cell.py")
Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Runs the command in a folder of its own; `faults` are by Kubernetes' version."""
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(folder_module, "PROGRAM", (sys.executable, str(STAND_IN)))
    monkeypatch.setattr(matrix_module, "look", always(GOOD))
    monkeypatch.setattr(matrix_module, "parts_of", always((PARTS, None)))
    monkeypatch.setattr(matrix_module, "form_of", always("source"))

    def run(*words: str, faults: dict[str, str] | None = None, together: int = 1) -> int:
        for note in notes.iterdir():
            note.unlink()
        told = {"notes": str(notes), "faults": faults or {}, "together": together}
        monkeypatch.setenv("STANDIN", json.dumps(told))
        return cli.main(["matrix", *words])

    return run


def started(folder: Path) -> Sequence[str]:
    return [path.stem.removeprefix("meshproof-") for path in sorted((folder / "notes").glob("*.started"))]


def newest(folder: Path) -> Path:
    return max((folder / "artifacts").glob("matrix-*"), key=lambda path: path.stat().st_ctime_ns)


def suites_of(matrix: Path) -> ElementTree.Element:
    return ElementTree.fromstring((matrix / "junit.xml").read_text())  # noqa: S314 - our own text


def told(folder: Path) -> dict[str, Any]:
    return json.loads((newest(folder) / "matrix.json").read_text())


def verdicts(folder: Path) -> dict[str, str]:
    return {cell["kubernetes"] + " " + cell["istio"]: cell["verdict"] for cell in told(folder)["cells"]}


def test_every_cell_is_run_side_by_side_and_told(
    start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert start("PARALLEL=2", together=2) == errors.PROVEN
    assert sorted(started(tmp_path)) == sorted(map(slug, cells()))
    for cell in cells():
        (line,) = (tmp_path / f"notes/meshproof-{slug(cell)}.started").read_text().splitlines()
        words = (f"KGATEWAY={cell.kgateway}", f"ISTIO={cell.istio}", f"KUBERNETES={cell.kubernetes}", "IMAGES=source")
        assert line == f"e2e {' '.join((*words, f'NAME=meshproof-{slug(cell)}'))}"
    out, err = capfd.readouterr()
    assert f"{slug(cells()[0])}  " in err, "what the runs say is told"
    assert err.count("Before you begin\n") == err.count("  2 of 2 checks proven, 14.2 s\n") == len(cells())
    assert "2 clusters at once (as asked for)" in err
    assert f"PROVEN  {len(cells())} of {len(cells())} cells proven" in out
    assert {cell["verdict"] for cell in told(tmp_path)["cells"]} == {"proven"}
    assert not (tmp_path / "artifacts/latest").exists(), "a link that several would race for"
    assert {path.name for path in newest(tmp_path).iterdir()} >= {
        "matrix.json", "matrix.html", "junit.xml", "conformance.yaml", *map(slug, cells()),
    }  # fmt: skip


def test_a_refuted_cell_refutes_the_matrix_and_what_differs_is_told(
    start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert start("KGATEWAY=2.4.2", faults={"1.36.3": "refuted"}) == errors.REFUTED
    out = capfd.readouterr().out
    assert "REFUTED  1 of 2 cells proven" in out
    assert "Does not hold in every cell:\n" in out
    assert "2-4-2-1-31-dev-1-36-3: refuted: By=spiffe://forged" in out
    assert "2-4-2-1-31-20260605-1-35-4: proven: " in out
    (difference,) = (each for each in told(tmp_path)["differences"] if each["check"] == "route.forged-xfcc-dropped")
    assert [group["status"] for group in difference["groups"]] == ["refuted", "proven"]
    suites = suites_of(newest(tmp_path))
    assert suites.get("failures") == "1"
    (failed,) = (case for case in suites.iter("testcase") if case.find("failure") is not None)
    assert failed.get("classname") == "2-4-2-1-31-dev-1-36-3.meshproof.route"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("cannot", "ended with exit code 3: meshproof: memory: 1.0 GiB available"),
        ("killed", "worker 'gw0' crashed while running "),
    ],
)
def test_a_cell_without_a_verdict_is_not_proven_and_the_others_are_run(
    fault: str, reason: str, start: Start, tmp_path: Path
) -> None:
    assert start("KGATEWAY=2.4.2", "PARALLEL=1", faults={"1.36.3": fault}) == errors.REFUTED
    assert verdicts(tmp_path) == {"1.36.3 1.31-dev": "not proven", "1.35.4 1.31-20260605": "proven"}
    (cell,) = (cell for cell in told(tmp_path)["cells"] if cell["verdict"] == "not proven")
    assert cell["reason"].startswith(reason)
    assert cell["reason"].endswith("2 of 2 checks proven, 14.2 s") == (fault == "killed")
    suites = suites_of(newest(tmp_path))
    assert suites.get("errors") == "1"
    documents = yamls.load_file(newest(tmp_path) / "conformance.yaml")
    assert [each["profiles"][0]["core"]["result"] for each in documents] == ["partial", "success"]


def test_a_cell_whose_images_cannot_be_had_is_not_run(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts_of(choices: Any, _: object) -> object:
        if choices.kubernetes == "1.36.3":
            raise MachineCannot("go build: exit code 1: no such line\n  the rest")
        return PARTS, None

    monkeypatch.setattr(matrix_module, "parts_of", parts_of)
    assert start("KGATEWAY=2.4.2") == errors.REFUTED
    assert started(tmp_path) == ["2-4-2-1-31-20260605-1-35-4"]
    assert [cell["reason"] for cell in told(tmp_path)["cells"]] == ["go build: exit code 1: no such line", ""]


def test_it_goes_on_where_it_was(start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    faults = {"1.36.3": "cannot", "1.34.4": "refuted"}
    assert start(faults=faults) == errors.REFUTED
    assert len(started(tmp_path)) == 4
    first = newest(tmp_path).name
    assert start(faults={"1.34.4": "refuted"}) == errors.REFUTED
    assert started(tmp_path) == ["2-4-2-1-31-dev-1-36-3"], "proven and refuted are verdicts; an exit code 3 is none"
    assert "3 of 4 cells have a verdict; AGAIN=1 runs them again" in capfd.readouterr().err
    for cell in told(tmp_path)["cells"]:
        assert cell["found_in"] == ("" if cell["kubernetes"] == "1.36.3" else first)
        assert cell["verdict"] == ("refuted" if cell["kubernetes"] == "1.34.4" else "proven")
    assert start() == errors.REFUTED
    assert started(tmp_path) == []
    assert start("AGAIN=1") == errors.PROVEN
    assert len(started(tmp_path)) == 4


@pytest.mark.parametrize("change", ["code", "choice", "cell"])
def test_what_was_found_of_something_else_is_not_taken(
    change: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start("KGATEWAY=2.4.0") == errors.PROVEN
    if change == "code":
        monkeypatch.setattr(cells_module, "code", always("of another commit"))
    elif change == "cell":
        declared = cells_module.msgspec.to_builtins

        def changed(value: object) -> object:
            return {**declared(value), "kind": "0.34.0"} if isinstance(value, Cell) else declared(value)

        monkeypatch.setattr(cells_module.msgspec, "to_builtins", changed)
    assert start("KGATEWAY=2.4.0", *(["REVISION=canary"] if change == "choice" else [])) == errors.PROVEN
    assert len(started(tmp_path)) == 1


def test_another_name_is_no_other_choice(start: Start, tmp_path: Path) -> None:
    assert start("KGATEWAY=2.4.0") == errors.PROVEN
    assert start("KGATEWAY=2.4.0", "NAME=mine") == errors.PROVEN
    assert started(tmp_path) == []


def test_all_tabs_are_two_runs_of_a_cell(start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert start("KGATEWAY=2.4.0", "TABS=all") == errors.PROVEN
    (cell,) = told(tmp_path)["cells"]
    assert [run["choices"]["revision"] for run in cell["runs"]] == ["", "canary"]
    assert "revision canary" in capfd.readouterr().out


@pytest.mark.parametrize("background", [False, True])
def test_a_request_to_end_ends_the_runs_once_and_waits_for_them(
    background: bool, start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    if background:  # as a shell starts it
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end() -> None:
        wait_for(lambda: len(started(tmp_path)), lambda count: count == 2, what="two runs", timeout_s=60, every_s=0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    faults = {cell.kubernetes: "endless" for cell in cells()}
    try:
        assert start("PARALLEL=2", together=2, faults=faults) == errors.INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)
    ending.join()
    assert len(started(tmp_path)) == 2, "none is begun after that"
    assert [path.read_text() for path in (tmp_path / "notes").glob("*.asked")] == ["asked\n"] * 2
    assert len(list((tmp_path / "notes").glob("*.deleted"))) == 2, "waited for"
    out, err = capfd.readouterr()
    assert "interrupted: ending the runs, which delete their clusters" in err
    assert set(verdicts(tmp_path).values()) == {"not proven"}
    assert "INCOMPLETE  0 of 4 cells proven" in out
    assert sorted(cell["reason"] for cell in told(tmp_path)["cells"])[2:] == ["not run"] * 2
