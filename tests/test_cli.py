"""The command: bad input is one clear message and exit 2 before anything is done; endings have their exit codes."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import cast

import pytest
from snapshots import PARTS

from meshproof import bring_up, cli, doctor, engine, errors, images, suite
from meshproof.choices import Choices, words_of
from meshproof.cluster import ours
from meshproof.command_line import read
from meshproof.errors import MachineCannot
from meshproof.run import run
from meshproof.runbook.execution import lab
from meshproof.runbook.execution import run as runbook_run

Done = list[tuple[str, object]]
COMMANDS = ["e2e", "runbook", "lab", "images", "doctor", "clusters", "delete", "down"]
ROOT = Path(__file__).parents[1]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Generator[Done]:
    """What the command did beyond reading its words; nothing of it is real."""
    record: Done = []

    def recording(what: str, result: object) -> Callable[..., object]:
        def stand_in(*args: object) -> object:
            record.append((what, args))
            return result

        return stand_in

    monkeypatch.setattr(bring_up, "check_room", lambda: None)
    monkeypatch.setattr(bring_up, "prepare", recording("parts", PARTS))
    monkeypatch.setattr(bring_up, "ensure_engine", recording("engine", None))
    monkeypatch.setattr(suite, "run_suite", recording("suite", 0))
    monkeypatch.setattr(runbook_run, "run_runbook", recording("runbook", errors.REFUTED))
    monkeypatch.setattr(lab, "lab", recording("lab", errors.PROVEN))
    monkeypatch.setattr(engine, "stop_engine", recording("stop", None))
    monkeypatch.setattr(ours, "list_clusters", recording("list", ()))
    monkeypatch.setattr(ours, "delete_cluster", recording("delete", None))
    monkeypatch.setattr(images, "cached", recording("cached", ()))
    monkeypatch.setattr(doctor, "doctor", recording("doctor", ()))
    before = signal.getsignal(signal.SIGTERM)
    yield record
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("command", ["e2e", "images", "doctor", "clusters", "delete", "down"])
@pytest.mark.parametrize(
    "word",
    [
        "KGATEWAY=9.9.9",
        "ISTIO=latest",
        "KUBERNETES=1.2",
        "COLOUR=red",
        "KEEP=yes",
        "KEEP=1=",
        "ACCESS=loadbalancer",
        "CLUSTER=minikube",
        "REVISION=Canary",
        "IMAGES=none",
        "KGATEWAY",
        "=x",
    ],
)
def test_bad_input_is_one_line_and_exit_2_and_nothing_is_done(
    command: str, word: str, done: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, word]) == errors.BAD_INPUT
    out, err = capsys.readouterr()
    assert err.startswith("meshproof: ")
    assert err.count("\n") == 1
    assert word.partition("=")[0] in err
    assert out == ""
    assert done == []


@pytest.mark.parametrize("command", ["e2e", "delete"])
@pytest.mark.parametrize("name", ["-x", "Big", "a" * 42, "a/b", "a b", ".."])
def test_a_cluster_name_that_kind_would_not_take_is_refused_before_anything_is_built(
    command: str, name: str, done: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, f"NAME={name}"]) == errors.BAD_INPUT
    assert f"NAME={name}: expected lower-case letters" in capsys.readouterr().err
    assert done == []


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ("", "the following arguments are required: COMMAND; `meshproof --help` says what is expected"),
        (
            "prove",
            "prove: unknown command; known are e2e, matrix, runbook, faults, survey, diagnose, coverage, lab",
        ),
        ("-v runbok", "runbok: unknown command; nearest is runbook; known are e2e"),
        ("--keep e2e", "--keep: unknown command"),
        ("e2e --kgatway 2.4.0", "--kgatway: unknown option; nearest is --kgateway; known are --kgateway, --istio"),
        ("e2e --kee", "--kee: unknown option; nearest is --keep"),
        ("e2e --name", "argument --name: expected one argument; `meshproof e2e --help` says what is expected"),
        ("e2e --keep=1", "argument --keep: ignored explicit argument '1'"),
        ("e2e 2.4.0", "'2.4.0': expected NAME=VALUE"),
        ("e2e --images sorce", "IMAGES=sorce: not supported; nearest is source; allowed: auto, source, published"),
        ("e2e --images auto IMAGES=source", "--images auto and IMAGES=source contradict each other: give one of them"),
        ("e2e KEEP=yes --keep", "--keep and KEEP=yes contradict each other"),
        ("e2e NAME=a NAME=b", "NAME=a and NAME=b contradict each other"),
        ("e2e --from 3", "--from: unknown option"),
        ("lab --kgateway 2.4.0", "lab takes no choices, found --kgateway"),
    ],
)
def test_what_cannot_be_read_is_one_line_that_says_what_could(
    argv: str, told: str, done: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv.split()) == errors.BAD_INPUT
    out, err = capsys.readouterr()
    assert err.startswith(f"meshproof: {told}")
    assert (out, err.count("\n"), done) == ("", 1, [])


@pytest.mark.parametrize(
    "argv",
    [
        "e2e KGATEWAY=2.4.0 KEEP=1 NAME=mine",
        "e2e --kgateway 2.4.0 --keep --name mine",
        "e2e --keep NAME=mine --kgateway=2.4.0 KEEP=1 KGATEWAY= --name mine",
    ],
)
def test_an_option_and_a_word_are_the_same(argv: str) -> None:
    assert read(argv.split(), cli.COMMANDS).choices == Choices(kgateway="2.4.0", keep=True, name="mine")


@pytest.mark.parametrize(("argv", "verbose"), [("e2e", False), ("-v e2e", True), ("e2e KEEP=1 -v --name x", True)])
def test_what_is_run_can_be_asked_for_before_the_command_and_after_it(argv: str, verbose: bool) -> None:
    assert read(argv.split(), cli.COMMANDS).verbose == verbose


def help_of(*argv: str) -> str:
    """What help prints where there is room enough."""
    return run(sys.executable, "-m", "meshproof", *argv, "--help", env={**os.environ, "COLUMNS": "200"}).stdout


def test_help_lists_the_commands_with_a_line_each() -> None:
    told = help_of()
    for command in COMMANDS:
        assert f"\n    {command} " in told
    assert " Delete one cluster that meshproof made, and all that belongs to it" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_says_what_it_takes_and_its_example_can_be_typed(command: str) -> None:
    told = help_of(command)
    words = words_of(command)
    listed = dict(re.findall(r"^  (--\S+)[ A-Z]* {2,}(.+)$", told, re.MULTILINE))
    assert listed == {word.option: word.meaning(command) for word in words.values()}
    assert ("; default: meshproof" in told) == (command in ("e2e", "runbook")), "delete needs its NAME"
    if words:
        example = told.rpartition("for example: meshproof ")[2].split()
        assert read(example, cli.COMMANDS).choices != Choices()
    else:
        assert "no choices: " in told


def test_help_imports_nothing_that_only_a_run_needs() -> None:
    tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    code = f"{tell}; from meshproof.cli import main; main(['e2e', '--help'])"
    loaded = set(run(sys.executable, "-c", code, cwd=ROOT).stderr.split())
    assert "meshproof.choices" in loaded
    assert loaded.isdisjoint({"pytest", "kubernetes", "httpx", "jupyterlab", "papermill", "yaml", "cryptography"})


def test_words_reach_the_suite_and_empty_ones_count_as_not_given(done: Done) -> None:
    assert cli.main(["e2e", "KGATEWAY=2.4.0", "ISTIO=", "ACCESS=", "KEEP=1", "NAME=mine", "REVISION="]) == 0
    assert [what for what, _ in done] == ["parts", "engine", "suite"]
    assert done[-1] == ("suite", (Choices(kgateway="2.4.0", keep=True, images=PARTS.form, name="mine"),))


def test_the_cluster_has_a_name_of_its_own(done: Done) -> None:
    cli.main(["e2e"])
    assert done[-1] == ("suite", (Choices(images=PARTS.form),))


def test_clusters_are_listed_and_one_is_deleted_by_its_name(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clusters"]) == errors.PROVEN
    assert capsys.readouterr().out == "meshproof has no clusters\n"
    assert cli.main(["delete", "NAME=mine"]) == errors.PROVEN
    assert [what for what, _ in done] == ["list", "delete"]
    assert cast(tuple[object, ...], done[-1][1])[0] == "mine"
    assert cli.main(["delete"]) == errors.BAD_INPUT
    assert "delete: expected NAME=..." in capsys.readouterr().err
    assert len(done) == 2


def test_down_stops_the_engine(done: Done) -> None:
    assert cli.main(["down"]) == errors.PROVEN
    assert [what for what, _ in done] == ["stop"]


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (MachineCannot("no container engine"), errors.MACHINE_CANNOT, "meshproof: no container engine\n"),
        (errors.Refuted("it is false"), errors.REFUTED, "meshproof: it is false\n"),
        (KeyboardInterrupt(), errors.INTERRUPTED, "interrupted"),
    ],
)
@pytest.mark.usefixtures("done")
def test_each_ending_has_its_exit_code(
    problem: BaseException,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(bring_up, "prepare", fail)
    assert cli.main(["images"]) == code
    assert words in capsys.readouterr().err


@pytest.mark.usefixtures("done")
def test_a_request_to_end_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(bring_up, "prepare", end)
    assert cli.main(["images"]) == errors.INTERRUPTED


@pytest.mark.parametrize(("word", "told"), [("KGATEWAY=2.2.0", "KGATEWAY"), ("X=1", "X")])
def test_lab_takes_no_choices(word: str, told: str, done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lab", word]) == errors.BAD_INPUT
    assert f"lab takes no choices, found {told}" in capsys.readouterr().err
    assert done == []


def test_lab_opens_the_lab_where_nothing_is_chosen(done: Done) -> None:
    assert cli.main(["lab", "KGATEWAY="]) == errors.PROVEN
    assert done == [("lab", ())]


def test_words_reach_the_runbook_and_its_ending_is_the_commands(done: Done) -> None:
    assert cli.main(["runbook", "FROM=3", "NAME=mine", "KEEP="]) == errors.REFUTED
    assert done == [("runbook", (Choices(start="3", name="mine"),))]


@pytest.mark.parametrize("target", COMMANDS)
def test_make_passes_on_what_it_is_given_so_that_a_misspelt_choice_is_refused(target: str) -> None:
    words = ("KGATWAY=2.2.0", "PYTHON=python3")  # the second is for make itself
    env = {**os.environ, "MAKEFLAGS": "", "NAME": "of-the-machine"}
    told = run("make", "-n", "-C", str(ROOT), target, *words, env=env)
    (line,) = [line for line in told.stdout.splitlines() if f"meshproof {target}" in line]
    assert line.split()[-2:] == [target, "KGATWAY=2.2.0"]


@pytest.mark.parametrize("verbose", [True, False])
def test_what_is_run_is_told_where_it_is_asked_for(verbose: bool, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 28.2.2 Engine containerd\n")
    docker.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    argv = [sys.executable, "-m", "meshproof", *(["-v"] if verbose else []), "doctor"]
    told = run(*argv, env=env, check=False, cwd=ROOT).stderr
    assert (f" s: {docker} version --format" in told) == verbose
