"""The action for workflows of others, and the dev container: both say no more than the command and the Makefile do."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from meshproof import yamls
from meshproof.choices import Choices, words_of
from meshproof.cli import COMMANDS
from meshproof.command_line import read
from meshproof.errors import CommandFailed
from meshproof.run import Completed, run

ROOT = Path(__file__).parents[1]
(ACTION,) = yamls.load_file(ROOT / "action.yml")
CONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
DEFAULTS = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}


def test_the_inputs_of_the_action_are_the_choices_of_the_command() -> None:
    words = words_of("e2e").values()
    assert {name: each["description"] for name, each in ACTION["inputs"].items()} == {
        word.name.lower(): word.help for word in words
    }
    assert DEFAULTS["name"] == Choices().name, "the artifact is called by it"
    assert set(DEFAULTS.values()) == {"", Choices().name}, "an input not given is the command's own default"


def proving(folder: Path, inputs: dict[str, str], code: int = 0) -> Completed:
    """Run the action's step as a runner does, with a command that prints its words, one a line."""
    (prove,) = (step for step in ACTION["runs"]["steps"] if "CHOICES" in step.get("env", {}))
    assert prove["env"]["CHOICES"] == "${{ toJSON(inputs) }}"
    command = folder / ".venv/bin/meshproof"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit {code}\n")
    command.chmod(0o755)
    env = {**os.environ, "GITHUB_ACTION_PATH": str(folder), "CHOICES": json.dumps({**DEFAULTS, **inputs})}
    return run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", prove["run"], env=env)


@pytest.mark.parametrize(
    ("inputs", "chosen"),
    [
        ({}, Choices()),
        ({"kgateway": "2.4.0", "keep": "1", "name": "mine"}, Choices(kgateway="2.4.0", keep=True, name="mine")),
        (
            {"cluster": "existing", "kubeconfig": "a b/$(id)", "yes": "1"},
            Choices(cluster="existing", kubeconfig="a b/$(id)", yes=True),
        ),
    ],
)
def test_the_inputs_reach_the_command_as_they_are_given(
    inputs: dict[str, str], chosen: Choices, tmp_path: Path
) -> None:
    words = proving(tmp_path, inputs).stdout.splitlines()
    assert read(words, COMMANDS).choices == chosen


def test_the_verdict_is_the_steps(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="exit code 3"):
        proving(tmp_path, {}, code=3)


def test_inputs_that_cannot_be_read_prove_nothing(tmp_path: Path) -> None:
    (tmp_path / "jq").write_text("#!/bin/sh\nexit 5\n")
    (tmp_path / "jq").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(CommandFailed, match="exit code 5"):
            proving(tmp_path, {})


def named_targets() -> set[str]:
    commands: list[Any] = [step.get("run", "") for step in ACTION["runs"]["steps"]]
    commands += [value for key, value in CONTAINER.items() if key.endswith("Command")]
    found = (re.match(r'make (?:--directory "\S+" )?(\S+)$', command) for command in commands)
    return {match[1] for match in found if match}


def test_action_and_dev_container_make_what_the_makefile_has() -> None:
    assert named_targets() == {".venv/ready", "lab"}
    for target in named_targets():
        run("make", "--dry-run", target, cwd=ROOT)  # raises where there is none
