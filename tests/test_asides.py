"""Controllers that look away from our namespaces meanwhile, and are put back unless others have a hand in them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import cast

import pytest
from api_stand_in import Served, objects
from snapshots import PARTS
from survey_objects import DIALECT, Made, deployment, variables

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.releases import cells
from meshproof.steps import Setting
from meshproof.steps.asides import MANAGER, managed, turn_away, turn_back
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.ours import our_names

HELM: Made = {"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {}}}
STATUS: Made = {
    "manager": "kube-controller-manager",
    "operation": "Update",
    "subresource": "status",
    "fieldsV1": {"f:a": {}},
}
NOTHING: Made = {}
OURS: Made = {"manager": MANAGER, "operation": "Update", "fieldsV1": {"f:env": {}}}
ASIDE = Aside(Ref(DEPLOYMENT, "edge-system", "edge"), "[]", '[{"no":"ours"}]', json.dumps([HELM, STATUS]))
SETTING = Setting.of(cells()[0], PARTS, Choices(), our_names(), Makes(istio=False, asides=(ASIDE,)))


def edge(looks_at: str, *managers: Made) -> Made:
    container = {
        "name": "controller",
        "image": "kgateway:v2.4.0",
        "env": variables(**{DIALECT.selectors_env: looks_at}),
    }
    return deployment("edge-system/edge", container, meta={"managedFields": list(managers)})


def run_back(*things: Made) -> list[bool]:
    """Which of the commands that put it back are run."""
    there = cast(Cluster, Served(list(things)))
    return [not (command.unless and command.unless(there)) for command in turn_back(SETTING)]


def test_it_looks_away_as_the_run_and_is_awaited() -> None:
    told, awaited = (command.argv for command in turn_away(SETTING))
    assert told[:6] == ("kubectl", "set", "env", "deployment", "edge", "--namespace")
    assert told[-3:] == (
        "--containers=controller",
        f"--field-manager={MANAGER}",
        f'{DIALECT.selectors_env}=[{{"no":"ours"}}]',
    )
    assert awaited[:3] == ("kubectl", "rollout", "status")


def test_what_was_not_set_is_unset_again() -> None:
    unset = replace(SETTING, makes=replace(SETTING.makes, asides=(replace(ASIDE, was=None),)))
    assert turn_back(unset)[0].argv[-1] == f"{DIALECT.selectors_env}-"
    assert turn_back(SETTING)[0].argv[-1] == f"{DIALECT.selectors_env}=[]"


@pytest.mark.parametrize(
    ("things", "put_back"),
    [
        ([edge(ASIDE.now, HELM, STATUS, OURS)], [True, True, True, True]),
        ([edge("[]", HELM, STATUS, OURS)], [False, True, True, True]),  # put back by a run that was then ended
        ([edge("[]", HELM, STATUS)], [False, True, True, False]),
        ([edge('[{"by":"others"}]', HELM, OURS)], [False, True, True, True]),
        ([edge(ASIDE.now, HELM, {**OURS, "manager": "kubectl-edit"}, OURS)], [True, True, True, False]),
        ([], [False, True, True, False]),
    ],
)
def test_what_others_have_changed_meanwhile_is_not_put_back(things: list[Made], put_back: list[bool]) -> None:
    assert run_back(*things) == put_back


def test_the_patch_is_who_managed_its_fields() -> None:
    patch = json.loads(turn_back(SETTING)[2].stdin)
    assert patch == [{"op": "replace", "path": "/metadata/managedFields", "value": [HELM, STATUS]}]


@pytest.mark.parametrize(
    ("managers", "holds"),
    [
        ([HELM, STATUS], True),
        ([HELM, {**STATUS, "fieldsV1": NOTHING}], True),  # its status is its own
        ([HELM, STATUS, OURS], False),
        ([{**HELM, "fieldsV1": NOTHING}, STATUS], False),
        ([], False),
    ],
)
def test_who_manages_its_fields_is_held_against_before(managers: list[Made], holds: bool) -> None:
    assert managed(ASIDE, objects(edge("[]", *managers))).holds is holds


def test_a_controller_that_is_gone_is_not_managed_as_before() -> None:
    assert managed(ASIDE, ()).observed == "edge-system/edge not there"
