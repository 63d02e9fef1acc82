"""README and docs: short, alive, and with commands that can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from meshproof import cli
from meshproof.command_line import read

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z0-9-]+):.*?##", (ROOT / "Makefile").read_text(), re.MULTILINE))
OURS = ("make", "meshproof", "python -m meshproof", ".venv/bin/python -m meshproof", "kubectl meshproof")
_FENCE = re.compile(r"^```(?:sh|bash)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """What a reader would type: lines of blocks, and code within sentences, that begin with a command of ours."""
    text = page.read_text()
    lines = [line.removeprefix("$ ") for block in _FENCE.findall(text) for line in block.splitlines()]
    within = re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
    typed = [re.split(r"\s{2,}#|\s#\s|\s>\s", each)[0].strip() for each in (*lines, *within)]
    return [each for each in typed if each.startswith(tuple(f"{ours} " for ours in OURS))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_short_enough_to_be_read(page: Path) -> None:
    most = {"README.md": 100, "causes.md": 400}  # the latter is for looking up one section
    assert len(page.read_text().splitlines()) <= most.get(page.name, 150)


def test_the_readme_says_what_it_is_for_and_shows_a_request_before_anything_else() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert any("X-Forwarded-Client-Cert" in line for line in lines[:40])
    headings = [line for line in lines if line.startswith("## ")]
    assert headings[:2] == ["## Can it help me?", "## Two commands"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_page_is_found_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(docs/([^)#]+\.md)\)", (ROOT / "README.md").read_text()))
    assert {page.name for page in PAGES[1:]} == linked


@pytest.fixture
def readers_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working trees that pages speak of, where a reader has them."""
    for folder in ("src/kgateway", "istio", "meshproof"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "go.mod").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "meshproof")


@pytest.mark.usefixtures("readers_trees")
@pytest.mark.parametrize(
    ("page", "command"),
    [(page, command) for page in PAGES for command in commands(page)],
    ids=lambda each: str(each)[-60:],
)
def test_every_command_can_be_typed(page: Path, command: str) -> None:
    start = next(ours for ours in OURS if command.startswith(f"{ours} "))
    first, *words = [
        word for word in shlex.split(command)[len(start.split()) :] if word not in {"-v", "--silent", "…", "..."}
    ]
    assert first in TARGETS if start == "make" else first in cli.COMMANDS, f"{page.name}: {command}"
    if first in cli.COMMANDS and "--help" not in words:
        filled = {"NAME=": "x", "HOST=": "a.example", "PAGE=": "README.md"}
        complete = [word + filled.get(word, "") for word in (word.removesuffix("…") for word in words)]
        read([first, *complete], cli.COMMANDS)


def test_commands_are_found_where_there_are_some() -> None:
    found = commands(ROOT / "README.md")
    assert {"make e2e", "make test", "make survey"} <= set(found)
    assert any("python -m meshproof e2e --help" in each for each in found)
