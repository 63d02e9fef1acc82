"""A session's exit code is its verdict's, whichever way the suite is started and whatever pytest is told beside."""

from __future__ import annotations

from pathlib import Path

import pytest
from snapshots import SETTING
from standin_suite import session

from meshproof.report import results_json
from meshproof.steps import PAGE
from meshproof.suite import SUITE

CLAIMS = {slug: len(make(SETTING).claims) for slug, make in PAGE.items()}
ALL = sum(CLAIMS.values())


def verdict(folder: Path) -> str:
    return results_json.read(folder / "artifacts" / "latest" / "results.json").verdict


@pytest.mark.parametrize(
    "words",
    [
        {"PYTEST_ADDOPTS": "-k istiod_is_ready --collect-only"},
        {"PYTEST_ADDOPTS": "-x -W error", "PYTEST_PLUGINS": "no_such_module", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    ],
)
def test_what_is_meant_for_pytest_does_not_choose_what_is_proved(words: dict[str, str], tmp_path: Path) -> None:
    done = session(tmp_path, "e2e", "none", **words)
    assert done.code == 0
    assert f"{ALL} passed" in done.stdout
    assert f"PROVEN  {ALL} of {ALL} checks" in done.stdout


@pytest.mark.parametrize(
    ("entry", "fault", "code", "found"),
    [
        ("e2e", "broken", 1, "incomplete"),
        ("e2e", "interrupted", 130, "incomplete"),
        ("pytest", "broken", 1, "incomplete"),
        ("pytest", "refuted", 1, "refuted"),
    ],
)
def test_the_exit_code_is_never_better_than_the_verdict(
    entry: str, fault: str, code: int, found: str, tmp_path: Path
) -> None:
    done = session(tmp_path, entry, fault, str(SUITE), "-q")
    assert (done.code, verdict(tmp_path)) == (code, found)
    assert found.upper() in done.stdout


def test_a_warning_from_elsewhere_fails_no_claim(tmp_path: Path) -> None:
    done = session(tmp_path, "pytest", "warning", str(SUITE), "-q", PYTEST_ADDOPTS="-W error")
    assert done.code == 0
    assert f"{ALL} passed, 1 warning" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        ((str(SUITE), "-k", "exclude"), "exclude"),
        ((str(SUITE / "test_50_clean_up.py"),), "cleanup"),
        ((str(SUITE), "--until=before"), "before"),
    ],
)
def test_a_subset_is_told_as_one_and_proves_nothing_of_the_page(
    arguments: tuple[str, ...], slug: str, tmp_path: Path
) -> None:
    done = session(tmp_path, "pytest", "none", *arguments, "-q")
    assert done.code == 1
    assert f"a subset of the page: {CLAIMS[slug]} of {ALL} checks asked for; no proof of the page" in done.stdout
    assert f"{CLAIMS[slug]} passed" in done.stdout
    assert verdict(tmp_path) == "incomplete"


@pytest.mark.parametrize("argument", ["--collect-only", "-k=no_such_test"])
def test_where_nothing_ran_nothing_is_proven(argument: str, tmp_path: Path) -> None:
    done = session(tmp_path, "pytest", "none", str(SUITE), "-q", argument)
    assert done.code == 1
    assert "no proof was made: nothing of the page was run" in done.stdout
    assert not (tmp_path / "artifacts").exists()


def test_a_session_that_is_not_about_the_page_keeps_pytests_exit_code(tmp_path: Path) -> None:
    module = tmp_path / "test_other.py"
    module.write_text("def test_it(): pass\n")
    own = ("-c", str(SUITE.parent / "pyproject.toml"), str(module), "-q")
    assert session(tmp_path, "pytest", "none", *own, "-p", "conftest").code == 0
    assert session(tmp_path, "pytest", "none", *own, "-p", "conftest", "-k", "no_such_test").code == 5
