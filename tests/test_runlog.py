"""The log of a run: what was run and waited for, from before the run has a folder until its end, without secrets."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from snapshots import PARTS, always

from meshproof import bring_up
from meshproof.choices import Choices
from meshproof.progress import Progress
from meshproof.proof import Proof
from meshproof.report.runlog import run_log, told_on_stderr
from meshproof.run import Background, run
from meshproof.wait import Clock, wait_for

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*)")


def lines(folder: Path) -> list[str]:
    """The lines of a run's log without their times and with all seconds alike."""
    text = (folder / "run.log").read_text()
    told = [TIME.fullmatch(line) for line in text.splitlines()]
    assert all(told), text
    return [re.sub(r"\d+\.\d s:", "0.0 s:", line[1]) for line in told if line]


def test_commands_are_kept_with_seconds_and_exit_code_also_those_from_before_there_was_a_folder(tmp_path: Path) -> None:
    with run_log() as log:
        run("true")
        log.keep_in(tmp_path)
        assert lines(tmp_path) == ["exit code 0, 0.0 s: true"]
        run("sh", "-c", "exit 3", check=False)
        with Background("sleep", "60", log_path=tmp_path / "log"):
            pass
    run("true")
    assert lines(tmp_path)[1:] == ["exit code 3, 0.0 s: sh -c 'exit 3'", "started: sleep 60", "stopped: sleep 60"]


def test_what_is_ended_at_its_limit_is_kept_as_well(tmp_path: Path) -> None:
    with run_log(tmp_path), contextlib.suppress(Exception):
        run("sleep", "60", timeout_s=0.1)
    assert lines(tmp_path) == ["exit code -15, 0.0 s: sleep 60"]


def test_a_wait_is_kept_as_what_changed(tmp_path: Path) -> None:
    states = iter(["0 of 1", "0 of 1", "1 of 1"])
    with run_log(tmp_path):
        clock = Clock(now=lambda: 0.0, pause=lambda _: None)
        wait_for(lambda: next(states), lambda seen: seen[0] == "1", what="httpbin", timeout_s=1, clock=clock)
    assert lines(tmp_path) == ["waiting for httpbin: 0 of 1", "waiting for httpbin: 1 of 1"]


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    with run_log(tmp_path):
        run("true", "--token=0123456789abcdef")
    assert lines(tmp_path) == ["exit code 0, 0.0 s: true --token=<redacted>"]


def test_the_processes_of_a_run_share_its_log(tmp_path: Path) -> None:
    with run_log(tmp_path):
        run("true")
        with run_log(tmp_path):  # as a kernel does, in a process of its own
            pass
        run("true")
    assert len(lines(tmp_path)) == 2


def test_a_folder_that_is_gone_ends_no_run(tmp_path: Path) -> None:
    with run_log(tmp_path / "gone"):
        assert run("true").code == 0


def test_a_proof_keeps_a_log_from_its_first_command_to_the_end_of_its_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def kind_cluster(*_: Any, **__: Any) -> Generator[Any]:
        run("echo", "made")
        yield None
        run("echo", "deleted")

    def parts_of(*_: Any) -> Any:
        run("echo", "parts")
        return PARTS, None

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bring_up, "parts_of", parts_of)
    monkeypatch.setattr(bring_up, "kind_cluster", kind_cluster)
    monkeypatch.setattr(Proof, "rewind", always(None))
    monkeypatch.setattr(Proof, "write", always(None))
    with bring_up.proof_of(Choices(), Progress(live=False)) as proof:
        run("echo", "section")
    assert [line.rpartition(" ")[2] for line in lines(proof.folder)] == ["parts", "made", "section", "deleted"]


def test_whoever_captures_stderr_meanwhile_does_not_swallow_what_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with told_on_stderr(), Path(os.devnull).open("w") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        run("sh", "-c", "exit 3", check=False)
        os.dup2(kept, 2)
        os.close(kept)
    told = capfd.readouterr().err
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ run: sh -c 'exit 3'\n\d\d:\d\d:\d\dZ exit code 3, \d\.\d s: .*\n", told)
