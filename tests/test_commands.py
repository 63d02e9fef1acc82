"""A command's text is what runs: held against a real shell, and taken apart again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import SETTING

from meshproof.cluster import Cluster
from meshproof.run import Completed, run
from meshproof.steps import PAGE
from meshproof.steps.model import Command, Together, apply, flatten, shell, write

LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))
COMMANDS = [
    command
    for make in PAGE.values()
    for step in (make(SETTING),)
    for command in (*step.documented, *flatten(step.undo))
]


@given(st.lists(LINE, min_size=1).map(tuple))
def test_the_text_reads_back_as_the_arguments(argv: tuple[str, ...]) -> None:
    assert shlex.split(shell(*argv).text) == list(argv)


@given(st.lists(LINE | st.just("EOF") | st.just("EOF_"), min_size=1).map("\n".join).filter(bool))
def test_the_here_document_holds_the_whole_input_and_ends_once(stdin: str) -> None:
    first, *body, end = apply(stdin).text.split("\n")
    assert first == f"kubectl apply -f - <<'{end}'"
    assert "\n".join(body) == stdin.removesuffix("\n")
    assert end not in body


@pytest.mark.parametrize("stdin", ["$HOME `echo no` \\ 'q' \"q\"\n\n  two\n", "EOF\nEOF_\nrest\n"])
def test_a_shell_gives_the_program_what_we_give_it(stdin: str) -> None:
    assert run("sh", "-c", shell("cat", stdin=stdin).text).stdout == stdin


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text.split("\n")[0][:60])
def test_what_the_page_shows_is_what_it_runs(command: Command) -> None:
    first, *body = command.text.split("\n")
    line, _, end = first.partition(" <<")
    typed, _, file = line.partition(" > ")
    assert shlex.split(typed) == list(command.argv or ("cat",))
    assert file == command.save_as
    assert bool(end) == bool(command.stdin)
    assert "\n".join(body[:-1]) == command.stdin.removesuffix("\n")


class StandIn:
    """A cluster that records what is run in it and answers each time with the same output."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.ran: list[tuple[tuple[str, ...], str, float]] = []

    def run(self, *argv: str, stdin: str = "", timeout_s: float = 120.0) -> Completed:
        self.ran.append((argv, stdin, timeout_s))
        return Completed(argv, 0, "out\n", "err\n", 0.0)


def test_a_command_runs_its_arguments_with_its_input(tmp_path: Path) -> None:
    cluster = StandIn(tmp_path)
    assert Command(("kubectl", "apply"), stdin="a: 1\n", timeout_s=7).run(cast(Cluster, cluster)) == "out\nerr\n"
    assert cluster.ran == [(("kubectl", "apply"), "a: 1\n", 7)]


def test_output_that_is_saved_is_standard_output_alone(tmp_path: Path) -> None:
    cluster = cast(Cluster, StandIn(tmp_path))
    Command(("helm", "get", "values"), save_as="values.yaml").run(cluster)
    assert (tmp_path / "values.yaml").read_text() == "out\n"


def test_a_file_is_written_without_running_anything(tmp_path: Path) -> None:
    cluster = StandIn(tmp_path)
    assert write("values.yaml", "a: 1\n").text == "cat > values.yaml <<'EOF'\na: 1\nEOF"
    write("values.yaml", "a: 1\n").run(cast(Cluster, cluster))
    assert (tmp_path / "values.yaml").read_text() == "a: 1\n"
    assert cluster.ran == []


def test_groups_are_shown_one_by_one() -> None:
    a, b, c = shell("a"), shell("b"), shell("c")
    assert flatten((a, Together((b, c)))) == (a, b, c)
