"""The suite: pytest on e2e/, and the exit code that a session of it ends with, however it was started."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from meshproof import errors
from meshproof.carried import SUITE
from meshproof.choices import Choices, words_of
from meshproof.errors import BadInput
from meshproof.proof import Proof
from meshproof.report import markdown
from meshproof.report.table import wants_colour

# Whatever folder and project it is started in: what pytest would find there to go by is about other tests.
_ALONE = ("-c", os.devnull, f"--confcutdir={SUITE}", "-p", "no:cacheprovider")
_HOW = ("-p", "meshproof.pytest", "-q", "-ra", "--no-header", "--log-level=WARNING")
# pytest-kind is imported before pytest begins, and has no assertions that it could rewrite.
IMPORTED_ALREADY = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
PROOF = pytest.StashKey[Proof]()
_OURS = (errors.PROVEN, errors.REFUTED, errors.BAD_INPUT, errors.MACHINE_CANNOT, errors.INTERRUPTED)


class Ending:
    """How a session that is about the page ends: with its table, and the verdict's exit code, never a better one.

    pytest's own exit codes have other meanings, and it knows nothing of what was not asserted.
    """

    def __init__(self) -> None:
        self._code: int | None = None  # of what ended the session before its end
        self._nothing_ran = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember it; pytest calls this for errors of collection, too."""
        if isinstance(excinfo.value, pytest.exit.Exception):
            self._code = excinfo.value.returncode or errors.INTERRUPTED
        elif not isinstance(excinfo.value, pytest.Session.Interrupted):
            self._code = errors.INTERRUPTED

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Give the session its exit code."""
        if not _about_the_page(session):
            return
        proof = session.config.stash.get(PROOF, None)
        found = proof.result().exit_code if proof else errors.REFUTED
        judged = found if exitstatus == pytest.ExitCode.OK else errors.REFUTED
        session.exitstatus = judged if self._code is None else self._code
        self._nothing_ran = proof is None and self._code is None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Tell the table of steps and the verdict line."""
        proof = config.stash.get(PROOF, None)
        if proof is not None:
            terminalreporter.write_line(f"\n{proof.summary(colour=wants_colour(sys.stdout))}")
            for line in markdown.for_github(proof.result(), os.environ):
                terminalreporter.write_line(line)
        elif self._nothing_ran:
            terminalreporter.write_line("\nno proof was made: nothing of the page was run")


def is_about_the_page(item: pytest.Item | pytest.Collector) -> bool:
    """Whether a test is one of the suite's, and not of another project's that uses the fixtures."""
    return is_of_the_suite(item.path)


def is_of_the_suite(path: Path) -> bool:
    """Whether a module is one of the suite's."""
    return path.is_relative_to(SUITE)


def _about_the_page(session: pytest.Session) -> bool:
    """Whether the suite was asked for, also where none of its tests could be collected."""
    asked = [session.startpath / argument.partition("::")[0] for argument in session.config.args]
    return any(map(is_of_the_suite, asked)) or any(map(is_about_the_page, session.items))


def add_options(parser: pytest.Parser, choices: type[Choices] = Choices) -> None:
    """Declare the choices of a run as options of pytest, but for those that pytest-kind brings."""
    group = parser.getgroup("meshproof")
    for word in words_of("pytest", choices).values():
        if not word.kind_option:
            how = {"action": "store_const", "const": "1"} if word.flag else {"metavar": word.name}
            group.addoption(word.option, default="", help=word.meaning("pytest"), **how)


def chosen(config: pytest.Config, choices: type[Choices] = Choices) -> Choices:
    """What the options chose.

    Raises:
        BadInput: A value is not one of those allowed.
    """
    words = words_of("pytest", choices)
    given = {name: config.getoption(word.pytest_option) for name, word in words.items()}
    return choices.parse({name: "1" if value is True else str(value or "") for name, value in given.items()}, "pytest")


def options(choices: Choices) -> list[str]:
    """Options of pytest that choose this."""
    words = words_of("pytest", type(choices))
    return [
        words[name].pytest_option if words[name].flag else f"{words[name].pytest_option}={value}"
        for name, value in choices.typed("pytest").items()
        if value
    ]


def run_suite(choices: Choices) -> int:
    """Run the suite and return the run's exit code.

    Raises:
        BadInput: The suite is missing.
    """
    if not SUITE.is_dir():
        raise BadInput(f"suite {SUITE}: missing; install meshproof anew, or run this from a whole checkout of it")
    with without_words_for_pytest():
        code = int(pytest.main([str(SUITE), *_ALONE, *_HOW, *IMPORTED_ALREADY, *options(choices)]))
    return code if code in _OURS else errors.REFUTED  # pytest's own: it could not even begin


@contextlib.contextmanager
def without_words_for_pytest() -> Generator[None]:
    """PYTEST_ADDOPTS and its like are for whoever types pytest: here they would choose what is proved."""
    words = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PYTEST_")}
    try:
        yield
    finally:
        os.environ.update(words)
