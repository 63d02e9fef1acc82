"""Choices: what may be chosen, and everything else refused by name."""

from __future__ import annotations

import pytest

from meshproof.choices import Choices
from meshproof.errors import BadInput


def test_nothing_chosen_is_the_default() -> None:
    assert Choices.parse({}) == Choices(access="port-forward", images="auto", cluster="kind", keep=False)


def test_every_choice_is_read() -> None:
    words = {"KGATEWAY": "2.4.0", "ISTIO": "1.31-dev", "KUBERNETES": "1.35.4", "REVISION": "", "ACCESS": "port-forward"}
    assert Choices.parse({**words, "IMAGES": "source", "CLUSTER": "kind", "KEEP": "1"}) == Choices(
        kgateway="2.4.0", istio="1.31-dev", kubernetes="1.35.4", images="source", keep=True
    )
    assert not Choices.parse({"KEEP": ""}).keep


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ACCESS", "load-balancer", "ACCESS=load-balancer: not supported; allowed: port-forward"),
        ("ACCESS", "", "ACCESS=: not supported"),
        ("IMAGES", "Auto", "allowed: auto, source, published"),
        ("CLUSTER", "existing", "allowed: kind"),
        ("KEEP", "yes", r"KEEP=yes: not supported; allowed: \(empty\), 1"),
        ("KEEP", "0", "KEEP=0"),
        ("REVISION", "canary", r"REVISION=canary: not supported; allowed: \(empty\)"),
        ("COLOUR", "red", "COLOUR: unknown choice; known are KGATEWAY, ISTIO, KUBERNETES, ACCESS"),
        ("kgateway", "2.4.0", "kgateway: unknown choice"),
        ("", "x", ": unknown choice"),
    ],
)
def test_what_cannot_be_chosen_is_refused_by_name(name: str, value: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Choices.parse({name: value})


def test_the_report_names_the_choices_that_are_not_versions() -> None:
    assert Choices(kgateway="2.4.0", keep=True).named() == {
        "revision": "",
        "access": "port-forward",
        "images": "auto",
        "cluster": "kind",
    }
