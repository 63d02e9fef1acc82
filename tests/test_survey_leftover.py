"""What a run that was ended has left in somebody else's cluster: noted there, read again, told as if it were gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from api_stand_in import Served, objects, thing
from snapshots import PARTS
from survey_objects import (
    DIALECT,
    KGATEWAY_CRDS,
    MESH,
    PLATFORM,
    THEIRS,
    Made,
    found,
    gateway,
    gateway_class,
    kgateway,
)

from meshproof import yamls
from meshproof.choices import CONTROLLER, Choices
from meshproof.cluster import Cluster
from meshproof.errors import BadInput, NotReady
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.releases import cells
from meshproof.steps import Setting
from meshproof.steps.before import MAKES, namespace
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.leftover import leftover
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE, OURS, our_names
from meshproof.survey.plan import plan
from meshproof.survey.take_away import in_use, take_away

CELL = cells()[0]
LABELS: dict[str, str] = dict([OURS])
EDGE = Ref(DEPLOYMENT, "edge-system", "edge")
ASIDE = Aside(EDGE, "[]", '[{"matchExpressions":[]}]', "[]")
NOTHING = Makes(False, False, False, False, labels=LABELS)
ALL = replace(
    NOTHING,
    gateway_api=True,
    kgateway_crds=True,
    gateway_class=True,
    labels={**LABELS, "mesh": 'it\'s: "on"'},
    class_values={"gatewayClassParametersRefs": {"kgateway": {"name": "p"}}, "waypoint": {"enabled": True}},
    asides=(ASIDE, replace(ASIDE, was=None, deployment=Ref(DEPLOYMENT, "b", "it"))),
)


def setting_of(makes: Makes) -> Setting:
    return Setting.of(CELL, PARTS, Choices(), our_names(), makes)


def noted(makes: Makes = NOTHING, name: str = GATEWAY_NAMESPACE) -> Made:
    """A namespace of ours, as a run applies it and the API serves it."""
    [made] = yamls.load(namespace(setting_of(makes), Ref(our_names().gateway_namespace.kind, "", name)))
    return {**made, "metadata": {"uid": name, **made["metadata"]}}


def with_note(note: str) -> Made:
    return thing("Namespace", GATEWAY_NAMESPACE, labels=LABELS, meta={"annotations": {MAKES: note}})


@pytest.mark.parametrize("makes", [NOTHING, ALL])
def test_the_note_of_what_was_made_is_read_again_as_it_was(makes: Makes) -> None:
    assert leftover([noted(makes)]) == makes
    assert leftover([noted(makes, APP_NAMESPACE), noted(makes)]) == makes
    assert leftover([noted(makes), noted(makes, APP_NAMESPACE)]) == makes


def test_without_the_note_nothing_is_ours_and_what_it_does_not_say_was_not_made() -> None:
    assert leftover([noted(ALL, APP_NAMESPACE)]) is None
    assert leftover([with_note('{"kgateway_crds":true}')]) == replace(NOTHING, kgateway_crds=True, labels={})


@pytest.mark.parametrize(
    "there",
    [
        thing("Namespace", GATEWAY_NAMESPACE),
        thing("Namespace", GATEWAY_NAMESPACE, labels={OURS[0]: "them"}, meta={"annotations": {MAKES: "{}"}}),
        thing("Namespace", "shop", labels=LABELS),
    ],
)
def test_a_namespace_that_is_not_ours_is_no_leftover(there: Made) -> None:
    assert leftover([there]) is None


@pytest.mark.parametrize("note", ["{", "[]", '{"asides":[{"deployment":"it"}]}', '{"gateway_api":"yes"}'])
def test_a_note_that_cannot_be_read_is_told_and_nothing_is_taken_away_by_it(note: str) -> None:
    with pytest.raises(BadInput, match=f"Namespace {GATEWAY_NAMESPACE}, annotation {MAKES}: expected what a run"):
        leftover([with_note(note)])


OURS_THERE = [
    kgateway(f'[{{"matchLabels":{{"{OURS[0]}":"{OURS[1]}"}}}}]', ref=f"{GATEWAY_NAMESPACE}/kgateway"),
    gateway(f"{GATEWAY_NAMESPACE}/http"),
    noted(NOTHING, APP_NAMESPACE),
]
CLASS = gateway_class()


def test_a_cluster_is_told_as_if_what_is_left_were_gone() -> None:
    away = replace(ASIDE, now='[{"matchLabels":{"x":"y"}}]')
    makes = replace(NOTHING, asides=(away,))
    before = found(*THEIRS)
    seen = found(*PLATFORM, *MESH, kgateway(away.now), CLASS, gateway("shop/bystander"), *OURS_THERE, noted(makes))
    assert seen.left == makes
    assert replace(seen, left=None, namespaces=before.namespaces) == before


def test_what_was_made_is_made_again() -> None:
    made = replace(NOTHING, gateway_api=True, kgateway_crds=True, gateway_class=True)
    seen = found(*PLATFORM, *MESH, CLASS, *OURS_THERE, noted(made))
    assert (seen.gateway_api, seen.kgateway_crds, seen.classes, seen.controllers) == (None, False, {}, ())
    again = plan(seen, Choices(), CELL, DIALECT).makes
    assert (again.gateway_api, again.kgateway_crds, again.gateway_class) == (True, True, True)


def test_what_others_had_before_stays() -> None:
    seen = found(*PLATFORM, *MESH, CLASS, KGATEWAY_CRDS, *OURS_THERE, noted())
    assert seen.gateway_api
    assert (seen.kgateway_crds, list(seen.classes)) == (True, ["kgateway"])


@pytest.mark.parametrize("since", [kgateway('[{"matchLabels":{"since":"then"}}]'), kgateway(None), None])
def test_what_a_controller_was_told_since_is_not_put_back(since: Made | None) -> None:
    things = [since] if since else []
    seen = found(*PLATFORM, *MESH, *things, *OURS_THERE, noted(replace(NOTHING, asides=(ASIDE,))))
    assert seen.left == NOTHING
    assert seen.controllers == found(*things).controllers


def test_a_plan_after_a_run_that_was_ended_is_the_same_as_before_it() -> None:
    first = plan(found(*THEIRS), Choices(change=CONTROLLER), CELL, DIALECT)
    [aside] = first.makes.asides
    left = [*PLATFORM, *MESH, kgateway(aside.now), CLASS, gateway("shop/bystander"), *OURS_THERE, noted(first.makes)]
    assert plan(found(*left), Choices(change=CONTROLLER), CELL, DIALECT) == first


def used(makes: Makes, *things: Made) -> tuple[str, ...]:
    return in_use(objects(*things), setting_of(makes))


THEIR_GATEWAY, THEIR_PARAMETERS = gateway("shop/new"), thing("GatewayParameters", "shop/new", spec={})


@pytest.mark.parametrize(
    ("makes", "things", "told"),
    [
        (replace(NOTHING, gateway_api=True), [gateway("shop/new", "other")], ("Gateway shop/new",)),
        (replace(NOTHING, gateway_class=True), [THEIR_GATEWAY, gateway("shop/b", "other")], ("Gateway shop/new",)),
        (replace(NOTHING, kgateway_crds=True), [THEIR_GATEWAY, THEIR_PARAMETERS], ("GatewayParameters shop/new",)),
        (NOTHING, [THEIR_GATEWAY, THEIR_PARAMETERS], ()),
        (ALL, [gateway(f"{GATEWAY_NAMESPACE}/http"), CLASS, thing("HTTPRoute", f"{APP_NAMESPACE}/it")], ()),
    ],
)
def test_what_others_have_made_of_it_since_is_in_use(makes: Makes, things: list[Made], told: tuple[str, ...]) -> None:
    assert used(makes, *things) == told


class Untouched(Served):
    """A cluster in which nothing may be run."""

    parts = PARTS

    def run(self, *argv: str, **_: Any) -> None:
        raise AssertionError(argv)


def test_a_namespace_of_our_name_that_is_somebody_elses_stays() -> None:
    cluster = cast(Cluster, Untouched([thing("Namespace", "meshproof-app", labels={"team": "a"})]))
    with pytest.raises(NotReady, match="Namespace meshproof-app: is not meshproof's, so nothing was taken away"):
        take_away(NOTHING, cluster, CELL, print)


def test_what_others_use_is_not_taken_from_them() -> None:
    said: list[str] = []

    cluster = cast(Cluster, Untouched([THEIR_GATEWAY]))
    with pytest.raises(NotReady, match="used by others by now: Gateway shop/new"):
        take_away(replace(NOTHING, gateway_api=True), cluster, CELL, said.append)
