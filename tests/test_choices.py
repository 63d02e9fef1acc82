"""Choices: what may be chosen where, everything else refused by name, and a new word that is declared in one place."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from meshproof import suite
from meshproof.choices import STOPS, Choices, words_of
from meshproof.cli import COMMANDS
from meshproof.command_line import read
from meshproof.errors import BadInput
from meshproof.run import run
from meshproof.runbook.execution.run import parameters
from meshproof.runbook.notebooks import INDEX
from meshproof.steps import PAGE
from meshproof.word import Word, one_of

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class More(Choices):
    """The choices with two words more, which is all that two words more need."""

    pages: Annotated[str, Word("the pages", ("e2e", "pytest", "notebooks"), one_of("these", "all"), reported=True)] = (
        "these"
    )
    loud: Annotated[bool, Word("whether to shout", ("e2e", "pytest"), one_of("1"))] = False


def test_nothing_chosen_is_the_default() -> None:
    default = Choices(
        access="port-forward", images="auto", cluster="kind", keep=False, name="meshproof", start="before"
    )
    for taker in ("e2e", "runbook", "images", "doctor", "pytest", "notebooks"):
        assert Choices.parse({}, taker) == default
        assert Choices.parse(dict.fromkeys(words_of(taker), ""), taker) == default, "an empty word is none"


def test_a_run_may_stop_after_any_section_but_the_last() -> None:
    assert tuple(PAGE)[:-1] == STOPS


def test_every_choice_is_read() -> None:
    words = {"KGATEWAY": "2.4.0", "ISTIO": "1.31-dev", "KUBERNETES": " 1.35.4 ", "ACCESS": "port-forward"}
    words |= {"IMAGES": "source", "CLUSTER": "kind", "KEEP": "1", "NAME": "mine", "FROM": "3"}
    assert Choices.parse(words, "runbook") == Choices(
        kgateway="2.4.0",
        istio="1.31-dev",
        kubernetes="1.35.4",
        images="source",
        keep=True,
        name="mine",
        start="3",
    )


@pytest.mark.parametrize(
    ("taker", "word", "told"),
    [
        ("e2e", "ACCESS=loadbalancer", "ACCESS=loadbalancer: not supported; nearest is load-balancer; allowed: port-"),
        ("e2e", "IMAGES=Sourse", "IMAGES=Sourse: not supported; nearest is source; allowed: auto, source, published"),
        ("pytest", "CLUSTER=minikube", "CLUSTER=minikube: not supported; allowed: kind, existing"),
        ("runbook", "CLUSTER=k3s", "CLUSTER=k3s: not supported; allowed: kind, existing"),
        ("pytest", "KEEP=0", "KEEP=0: not supported; allowed: (empty), 1"),
        ("e2e", "KGATEWAY=2.4.9", "KGATEWAY=2.4.9: not supported; nearest is 2.4.2; allowed: 2.4.2, 2.4.0"),
        (
            "e2e",
            "REVISION=Canary",
            "REVISION=Canary: expected lower-case letters, digits and dashes inside, 56 at most",
        ),
        ("e2e", "TABS=both", "TABS=both: not supported; allowed: all"),
        (
            "images",
            "NAME=x",
            "NAME: not a choice here; those of images: KGATEWAY, ISTIO, KUBERNETES, KGATEWAY_SOURCE, ISTIO_",
        ),
        ("delete", "KEEP=1", "KEEP: not a choice here; those of delete: CLUSTER, KUBECONFIG, CONTEXT, YES"),
        ("doctor", "kgatway=2", "kgatway: unknown choice; nearest is KGATEWAY; those of doctor: KGATEWAY, ISTIO, KUB"),
        ("runbook", "COLOUR=red", "COLOUR: unknown choice; those of runbook: KGATEWAY, ISTIO"),
        ("notebooks", "=x", ": unknown choice; those of notebooks: KGATEWAY"),
        ("delete", "NAME=", "delete: expected NAME=..., the cluster to delete"),
    ],
)
def test_what_cannot_be_chosen_is_refused_by_name(taker: str, word: str, told: str) -> None:
    name, _, value = word.partition("=")
    with pytest.raises(BadInput) as refused:
        Choices.parse({name: value}, taker)
    assert str(refused.value).startswith(told)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", ["Canary", "-a", "a-", "1.28", "a b", "a/b", "a" * 57, "a\n"])
def test_a_revision_that_can_be_no_label_or_name_is_refused_for_that(value: str) -> None:
    with pytest.raises(BadInput, match="lower-case letters, digits and dashes inside, 56 at most"):
        words_of()["REVISION"].check(value)
    for good in ("canary", "1-28-3", "a", "a" * 56):
        words_of()["REVISION"].check(good)


def test_all_tabs_and_one_of_them_contradict_each_other() -> None:
    with pytest.raises(BadInput, match="TABS=all and ACCESS=load-balancer contradict each other: give one of them"):
        Choices.parse({"TABS": "all", "ACCESS": "load-balancer"}, "e2e")
    both = Choices.parse({"TABS": "all", "REVISION": "blue"}, "e2e")
    assert (both.direct, both.balanced, both.revision) == (True, True, "blue")
    assert (Choices().direct, Choices().balanced) == (True, False)
    assert (Choices(access="load-balancer").direct, Choices(access="load-balancer").balanced) == (False, True)


@pytest.mark.parametrize(
    ("taker", "words", "told"),
    [
        ("e2e", "CLUSTER=existing NAME=mine", "NAME: is about clusters that meshproof makes; leave it out, or CLUSTER"),
        ("e2e", "CLUSTER=existing UNTIL=route", "UNTIL: is about clusters that meshproof makes"),
        ("e2e", "CLUSTER=existing KEEP=1", "KEEP: is about clusters that meshproof makes"),
        ("e2e", "CLUSTER=existing TABS=all", "TABS: is about clusters that meshproof makes"),
        ("e2e", "CLUSTER=existing KUBERNETES=1.35.4", "KUBERNETES: is about clusters that meshproof makes"),
        ("e2e", "CLUSTER=existing ISTIO_SOURCE=v0.0.0-1", "ISTIO_SOURCE: is about clusters that meshproof makes"),
        ("survey", "KGATEWAY_SOURCE=v2.4.1", "KGATEWAY_SOURCE: not a choice here; those of survey: KGATEWAY"),
        ("runbook", "KUBECONFIG=mine", "KUBECONFIG: is about a cluster that is there already; add CLUSTER=existing"),
        ("e2e", "CONTEXT=mine CLUSTER=kind", "CONTEXT: is about a cluster that is there already"),
        ("pytest", "YES=1", "YES: is about a cluster that is there already"),
        ("notebooks", "CHANGE=controller", "CHANGE: not a choice here; those of notebooks: KGATEWAY"),
        ("own-cluster", "CLUSTER=kind", "CLUSTER: not a choice here; those of own-cluster: KGATEWAY"),
        ("survey", "CHANGE=istiod", "CHANGE=istiod: not supported; allowed: controller"),
        ("survey", "CLUSTER=existing", "CLUSTER: not a choice here; those of survey: KGATEWAY, REVISION, KUBECONFIG"),
    ],
)
def test_words_about_a_cluster_of_one_kind_are_refused_for_the_other(taker: str, words: str, told: str) -> None:
    with pytest.raises(BadInput) as refused:
        Choices.parse(dict(word.split("=") for word in words.split()), taker)
    assert str(refused.value).startswith(told)


def test_an_existing_cluster_is_chosen_with_its_words_and_a_survey_is_of_nothing_else() -> None:
    words = {"CLUSTER": "existing", "KUBECONFIG": "a:b", "CONTEXT": "c", "YES": "1", "CHANGE": "controller"}
    chosen = Choices.parse({**words, "NAME": "meshproof"}, "pytest")
    assert chosen == Choices(cluster="existing", kubeconfig="a:b", context="c", yes=True, change="controller"), (
        "the name that plain pytest has as its default is no word of the user's"
    )
    assert chosen.existing
    assert Choices.parse({}, "survey").existing
    assert Choices.parse({}, "own-cluster").existing
    assert not Choices().existing


def test_what_is_released_is_not_built_from_a_source() -> None:
    with pytest.raises(BadInput, match="IMAGES=published and ISTIO_SOURCE contradict each other: give one of them"):
        Choices.parse({"IMAGES": "published", "ISTIO_SOURCE": "v0.0.0-1"}, "e2e")


def test_a_source_is_typed_on_as_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "go.mod").write_text("module example.org/tree")
    monkeypatch.chdir(tmp_path)
    chosen = Choices.parse({"KGATEWAY_SOURCE": "./tree", "ISTIO_SOURCE": "v0.0.0-1"}, "e2e")
    assert chosen.sources == {"kgateway": str(tmp_path / "tree"), "istio": "v0.0.0-1"}
    assert f"--kgateway-source={tmp_path / 'tree'}" in suite.options(chosen)
    assert parameters(INDEX, chosen, tmp_path)["kgateway_source"] == str(tmp_path / "tree")


def test_the_report_names_the_choices_that_are_not_versions() -> None:
    assert Choices(kgateway="2.4.0", keep=True).named() == {
        "revision": "",
        "access": "port-forward",
        "tabs": "",
        "images": "auto",
        "cluster": "kind",
        "change": "",
    }


def test_every_word_has_a_default_that_it_allows_and_is_typed_in_one_way_only() -> None:
    options = [word.pytest_option for word in words_of().values()]
    assert len(set(options)) == len(options)
    for name, word in words_of().items():
        assert word.help
        assert "\n" not in word.help
        assert name == name.upper()
        if word.default:
            for taker in word.takers:
                word.check(word.default, taker)


def test_the_name_that_plain_pytest_takes_is_the_default() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"]
    assert f"--cluster-name={Choices().name}" in options


def test_a_new_word_is_one_place(tmp_path: Path) -> None:
    chosen = read(["e2e", "--pages", "all", "--loud"], COMMANDS, More).choices
    assert chosen == More(pages="all", loud=True) == read(["e2e", "PAGES=all", "LOUD=1"], COMMANDS, More).choices
    with pytest.raises(BadInput, match="PAGES=al: not supported; nearest is all; allowed: these, all"):
        read(["e2e", "PAGES=al"], COMMANDS, More)
    with pytest.raises(BadInput, match="PAGES: not a choice here"):
        read(["runbook", "PAGES=all"], COMMANDS, More)
    assert suite.options(chosen)[-2:] == ["--pages=all", "--loud"]
    assert parameters(INDEX, chosen, tmp_path)["pages"] == "all"
    assert chosen.named()["pages"] == "all"


def test_a_new_word_is_an_option_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(["e2e", "--help"], COMMANDS, More)
    assert "the pages (these, all; default: these)" in capsys.readouterr().out


def test_a_new_word_is_an_option_of_pytest(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from meshproof.suite import add_options\nfrom test_choices import More\n"
        "def pytest_addoption(parser): add_options(parser, More)\n"
    )
    (tmp_path / "test_it.py").write_text(
        "from meshproof.suite import chosen\nfrom test_choices import More\n"
        "def test_it(pytestconfig): print(chosen(pytestconfig, More))\n"
    )
    env = {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "PYTEST_ADDOPTS": ""}
    given = ("--pages=all", "--loud", "--keep-cluster", "--cluster-name=mine", "--images", "source")
    done = run(
        sys.executable,
        "-m",
        "pytest",
        "-qs",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
        *given,
        env=env,
    )
    assert f"{More(pages='all', loud=True, keep=True, name='mine', images='source')}" in done.stdout
