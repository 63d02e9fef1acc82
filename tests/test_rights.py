"""What we may do in a cluster: what is asked of its reviews, and what is told of what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from survey_objects import Surveyed

from meshproof.kube.api import Api
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.kube.rights import Right, listed, missing
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.rights import LOOKING, rights

NOTHING = Makes(gateway_api=False, kgateway_crds=False, gateway_class=False, istio=False)
ASIDE = Aside(Ref(DEPLOYMENT, "edge-system", "edge"), "[]", "[{}]", "[]")


def needed(makes: Makes) -> set[tuple[str, str, str]]:
    return {(right.verb, right.kind, right.namespace) for right in rights(makes)}


def test_a_review_is_asked_for_each_right_with_its_part() -> None:
    server = Surveyed()
    assert missing([Right("create", "pods/portforward", "", "ns"), Right("list", "*", "*")], cast(Api, server)) == ()
    assert sorted(server.asked, key=str) == [
        {"verb": "create", "resource": "pods", "subresource": "portforward", "group": "", "namespace": "ns"},
        {"verb": "list", "resource": "*", "subresource": "", "group": "*", "namespace": ""},
    ]


def test_what_is_denied_is_missing() -> None:
    wanted = [Right("list", "nodes"), Right("patch", "deployments", "apps", "ns"), Right("delete", "nodes")]
    server = Surveyed(denied={"list nodes", "patch deployments"})
    assert missing(wanted, cast(Api, server)) == tuple(wanted[:2])


def test_what_the_server_does_not_say_is_not_allowed() -> None:
    class Silent(Surveyed):
        def review(self, path: str, question: object) -> dict[str, object]:
            return {"status": {}}

    assert missing([Right("list", "nodes")], cast(Api, Silent())) == (Right("list", "nodes"),)


def test_missing_rights_are_listed_where_they_are_alike_together() -> None:
    wanted = [
        *(Right(verb, "secrets", "", "ns") for verb in ("create", "delete")),
        *(Right(verb, "services", "", "ns") for verb in ("create", "delete")),
        Right("list", "*", "*"),
        Right("list", "gateways", "gateway.networking.k8s.io"),
    ]
    assert listed(wanted) == (
        "create, delete in ns: secrets, services",
        "list in all namespaces: everything, gateways.gateway.networking.k8s.io",
    )


def test_looking_only_lists() -> None:
    assert {right.verb for right in LOOKING} == {"list"}


DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


@pytest.mark.parametrize(
    ("makes", "more"),
    [
        (replace(NOTHING, gateway_api=True), ("patch", DEFINITIONS, "")),
        (replace(NOTHING, kgateway_crds=True), ("create", DEFINITIONS, "")),
        (replace(NOTHING, gateway_class=True), ("delete", "gatewayclasses.gateway.networking.k8s.io", "")),
        (replace(NOTHING, asides=(ASIDE,)), ("patch", "deployments.apps", "edge-system")),
    ],
)
def test_what_is_made_or_changed_needs_its_right_and_is_not_asked_for_else(
    makes: Makes, more: tuple[str, str, str]
) -> None:
    assert more in needed(makes)
    assert more not in needed(NOTHING)


def test_what_a_run_does_in_its_own_namespaces_is_asked_for() -> None:
    its = needed(NOTHING)
    assert {
        ("get", "everything", ""),
        ("watch", "everything", ""),
        ("list", "everything", ""),
        ("create", "namespaces", ""),
        ("delete", "serviceaccounts", "meshproof-app"),
        ("create", "pods/portforward", "meshproof-gateway"),
        ("escalate", "clusterroles.rbac.authorization.k8s.io", ""),
        ("bind", "clusterroles.rbac.authorization.k8s.io", ""),
    } <= its
