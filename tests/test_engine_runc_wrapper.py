from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from meshproof.engine import runc_wrapper


def a_process() -> dict[str, Any]:
    return {
        "args": ["/sbin/init"],
        "capabilities": {
            "bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"],
            "effective": ["CAP_SYS_RESOURCE"],
            "ambient": None,
        },
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1, "soft": 1}],
        "oomScoreAdj": -500,
    }


TAMED = {
    "args": ["/sbin/init"],
    "capabilities": {"bounding": ["CAP_CHOWN"], "effective": [], "ambient": []},
}


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Sequence[str]]]:
    calls: list[tuple[str, Sequence[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, argv: calls.append((path, argv)))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    return calls


@pytest.mark.parametrize("spelling", [("--bundle", "{}"), ("--bundle={}",), ("-b", "{}")])
def test_create_rewrites_the_bundle_and_becomes_runc(
    tmp_path: Path, spelling: tuple[str, ...], executed: list[tuple[str, Sequence[str]]]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"ociVersion": "1.0.2", "process": a_process(), "linux": {}}))
    arguments = ["--root", "/r", "create", *(part.format(tmp_path) for part in spelling), "abc"]
    runc_wrapper.main(["/usr/sbin/runc", *arguments])
    assert json.loads(config.read_text()) == {"ociVersion": "1.0.2", "process": TAMED, "linux": {}}
    assert executed == [("/usr/sbin/runc", ["/usr/sbin/runc", *arguments])]


def test_exec_rewrites_the_process_file(tmp_path: Path, executed: list[tuple[str, Sequence[str]]]) -> None:
    process = tmp_path / "process.json"
    process.write_text(json.dumps(a_process()))
    runc_wrapper.main(["/usr/sbin/runc", "exec", "--process", str(process), "abc"])
    assert json.loads(process.read_text()) == TAMED
    assert len(executed) == 1


def test_a_raised_oom_score_and_other_capabilities_stay() -> None:
    process = {"capabilities": {"bounding": ["CAP_CHOWN"]}, "oomScoreAdj": 999}
    runc_wrapper.tame(process)
    assert process == {"capabilities": {"bounding": ["CAP_CHOWN"]}, "oomScoreAdj": 999}


@pytest.mark.parametrize("arguments", [["--version"], ["kill", "abc", "9"], ["exec", "abc", "ls"]])
def test_other_calls_reach_runc_as_they_are(arguments: list[str], executed: list[tuple[str, Sequence[str]]]) -> None:
    runc_wrapper.main(["/usr/sbin/runc", *arguments])
    assert executed == [("/usr/sbin/runc", ["/usr/sbin/runc", *arguments])]
