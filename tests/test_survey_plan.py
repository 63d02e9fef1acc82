"""The plan for a cluster of somebody else's: what a run will do there, or every reason why it cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from api_stand_in import thing
from hypothesis import given
from hypothesis import strategies as st
from survey_objects import (
    DIALECT,
    GATEWAY_API,
    KGATEWAY_CRDS,
    MESH,
    NODE,
    PLATFORM,
    SHOP,
    THEIRS,
    Made,
    found,
    gateway,
    gateway_class,
    istiod,
    kgateway,
    variables,
)

from meshproof.choices import CONTROLLER, Choices
from meshproof.errors import BadInput
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.path.controllers import selectors_of
from meshproof.releases import cells
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE, OURS, our_names
from meshproof.survey.plan import Plan, plan

CELL = cells()[0]
CHANGE = Choices(change=CONTROLLER)
ELSEWHERE = '[{"matchLabels":{"edge":"yes"}}]'
APART = [*PLATFORM, *MESH, kgateway(ELSEWHERE), gateway_class(), gateway("shop/bystander")]


def planned(*things: Made, choices: Choices | None = None) -> Plan:
    return plan(found(*things), choices or Choices(), CELL, DIALECT)


def refused(*things: Made, choices: Choices | None = None) -> str:
    with pytest.raises(BadInput) as refusal:
        planned(*things, choices=choices)
    return str(refusal.value)


def test_without_istiod_there_is_no_page() -> None:
    assert refused(*PLATFORM) == (
        "cluster https://there:6443: no istiod is there (a Service labelled app=istiod with port 15012, and its "
        "Deployment); install Istio as you mean to run it, then try again"
    )


BLUE = istiod("mesh-system", "blue")


def test_of_several_revisions_one_must_be_chosen() -> None:
    told = refused(*PLATFORM, *MESH, *BLUE)
    assert told.endswith(
        "has istiods of several revisions, stable in mesh-system, blue in mesh-system; choose one with REVISION="
    )
    made = planned(*PLATFORM, *MESH, *BLUE, choices=Choices(revision="blue"))
    assert (made.istiod.deployment.name, made.names.revision) == ("istiod-blue", "blue")


def test_the_istiod_without_revision_is_chosen_as_default() -> None:
    made = planned(*PLATFORM, *MESH, *istiod("istio-system", "default"), choices=Choices(revision="default"))
    assert (made.names.revision, made.names.istio_namespace) == ("", "istio-system")
    assert made.names.istiod == made.istiod.deployment


def test_a_revision_that_is_not_there_is_told_with_those_that_are() -> None:
    told = refused(*PLATFORM, *MESH, choices=Choices(revision="green"))
    assert told == "REVISION=green: cluster https://there:6443 has no istiod of it; it has stable in mesh-system"


def test_two_istiods_of_one_revision_cannot_be_told_apart() -> None:
    told = refused(*PLATFORM, *MESH, *istiod("other"))
    assert "several istiods have the revision stable: Deployment mesh-system/istiod-stable, Deployment other/" in told


REFUSED: dict[str, tuple[list[Made], Choices, str]] = {
    "istiod that is not rolled out": (
        [*PLATFORM, *istiod(available=0)],
        Choices(),
        "Deployment mesh-system/istiod-stable: is not rolled out; mend that first",
    ),
    "discovery selector of an expression": (
        [*PLATFORM, *istiod(mesh="discoverySelectors: [{matchExpressions: [{key: mesh, operator: Exists}]}]")],
        Choices(),
        "its discoverySelectors serve namespaces with mesh Exists, and what we label our own with does not meet that",
    ),
    "discovery selector that asks for sidecars": (
        [*PLATFORM, *istiod(mesh="discoverySelectors: [{matchLabels: {istio-injection: enabled}}]")],
        Choices(),
        "its discoverySelectors serve namespaces with istio-injection=enabled",
    ),
    "discovery selector of a namespace's name": (
        [*PLATFORM, *istiod(mesh="discoverySelectors: [{matchLabels: {kubernetes.io/metadata.name: prod}}]")],
        Choices(),
        "its discoverySelectors serve namespaces with kubernetes.io/metadata.name=prod",
    ),
    "discovery selector of another one's label": (
        [*PLATFORM, *istiod(mesh="discoverySelectors: [{matchLabels: {app.kubernetes.io/created-by: them}}]")],
        Choices(),
        "its discoverySelectors serve namespaces with app.kubernetes.io/created-by=them",
    ),
    "namespace for gateways that is not ours": (
        [*PLATFORM, *MESH, thing("Namespace", GATEWAY_NAMESPACE)],
        Choices(),
        f"Namespace {GATEWAY_NAMESPACE}: is there, and meshproof did not make it",
    ),
    "namespace for the app that is not ours": (
        [*PLATFORM, *MESH, thing("Namespace", APP_NAMESPACE, labels={OURS[0]: "them"})],
        Choices(),
        f"Namespace {APP_NAMESPACE}: is there, and meshproof did not make it",
    ),
    "no node that is ready": ([GATEWAY_API, *MESH], Choices(), "no node is ready"),
    "controller that looks at all": (
        THEIRS,
        Choices(),
        "Deployment edge-system/edge: looks at our namespaces, too, and would serve our Gateway as well. "
        "CHANGE=controller tells it meanwhile to look away from ours",
    ),
    "controller that looks at ours by another label": (
        [*PLATFORM, *MESH, kgateway('[{"matchExpressions":[{"key":"edge","operator":"DoesNotExist"}]}]')],
        Choices(),
        "looks at our namespaces, too",
    ),
    "controller that looks at ours by its name": (
        [*PLATFORM, *MESH, kgateway(f'[{{"matchLabels":{{"kubernetes.io/metadata.name":"{APP_NAMESPACE}"}}}}]')],
        Choices(),
        "looks at our namespaces, too",
    ),
    "controller that is not rolled out": (
        [*PLATFORM, *MESH, kgateway(available=0)],
        CHANGE,
        "Deployment edge-system/edge: is not rolled out; mend that first",
    ),
    "controller whose variable cannot be read": (
        [*PLATFORM, *MESH, kgateway("[{")],
        CHANGE,
        "Deployment edge-system/edge: what it is told cannot be read",
    ),
    "change without need": (
        APART,
        CHANGE,
        "CHANGE=controller: no controller here looks at our namespaces, none need be changed; leave it out",
    ),
    "change without a controller": ([*PLATFORM, *MESH], CHANGE, "CHANGE=controller: no controller here looks"),
    "another line of kgateway": (
        [*PLATFORM, *MESH, kgateway(ELSEWHERE, image="kgateway:v2.3.1")],
        Choices(),
        "Deployment edge-system/edge: is kgateway 2.3.1; one of 2.4.2 beside it would write its class in another form",
    ),
    "class of another controller": (
        [*PLATFORM, *MESH, gateway_class(controller="example.com/x")],
        Choices(),
        "GatewayClass kgateway: is of the controller example.com/x; kgateway's own has that name",
    ),
    "class of a kgateway that is not seen": (
        [*PLATFORM, *MESH, gateway_class()],
        Choices(),
        "GatewayClass kgateway: is there, and no kgateway that can be seen; ours would write it anew",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_with_its_reason_alone(name: str) -> None:
    things, choices, told = REFUSED[name]
    first, *reasons = refused(*things, choices=choices).split("\n  ")
    assert first == "cluster https://there:6443: the page cannot be proved here as it is"
    assert [reason for reason in reasons if told in reason] == reasons


def test_every_reason_is_told_at_once() -> None:
    told = refused(*THEIRS[1:], thing("Namespace", APP_NAMESPACE), kgateway(ref="b/it", image="kgateway:v2.3.1"))
    assert len(told.split("\n  ")) == 1 + 5  # the namespace, the node, two that look at ours, the other line


def test_beside_controllers_that_look_elsewhere_nothing_of_theirs_is_changed() -> None:
    made = planned(*APART)
    assert made.makes == Makes(
        gateway_api=False,
        kgateway_crds=False,
        gateway_class=False,
        istio=False,
        labels=dict([OURS]),
        class_values={"gatewayClassParametersRefs": {}, "waypoint": {"enabled": False}},
    )
    assert (made.changed, made.effects, made.notes) == ((), (), ())
    assert made.names == replace(our_names(), istio_namespace="mesh-system", revision="stable")
    assert not made.makes.cluster


def test_what_is_not_there_is_made() -> None:
    makes = planned(NODE, SHOP, *MESH).makes
    assert (makes.gateway_api, makes.kgateway_crds, makes.gateway_class, makes.istio) == (True, True, True, False)
    assert makes.class_values == {}
    assert planned(NODE, GATEWAY_API, *MESH).makes.gateway_api is False
    assert planned(NODE, KGATEWAY_CRDS, *MESH).makes.kgateway_crds is False


def test_a_controller_is_told_to_look_away_where_that_was_agreed_to() -> None:
    other = kgateway('[{"matchLabels":{"a":"b"}},{}]', ref="b/it")
    made = planned(*THEIRS, other, choices=CHANGE)
    not_ours = f'{{"key":"{OURS[0]}","operator":"NotIn","values":["{OURS[1]}"]}}'
    assert made.makes.asides == (
        Aside(Ref(DEPLOYMENT, "edge-system", "edge"), "[]", f'[{{"matchExpressions":[{not_ours}]}}]', "[]"),
        Aside(
            Ref(DEPLOYMENT, "b", "it"),
            '[{"matchLabels":{"a":"b"}},{}]',
            f'[{{"matchLabels":{{"a":"b"}},"matchExpressions":[{not_ours}]}},{{"matchExpressions":[{not_ours}]}}]',
            "[]",
        ),
    )
    assert [line.partition(",")[0] for line in made.changed] == [
        f"Deployment {ref}: {DIALECT.selectors_env}" for ref in ("edge-system/edge", "b/it")
    ]
    assert "what is changed in the routes of Gateway shop/bystander waits" in made.effects[0]
    assert made.effects[1] == "Gateway shop/bystander: nothing, its pods stay as they are"


def test_only_those_that_look_at_ours_are_told_to_look_away() -> None:
    made = planned(*APART, kgateway(None, ref="b/it"), choices=CHANGE)
    assert [(str(each.deployment), each.was) for each in made.makes.asides] == [("Deployment b/it", None)]
    assert "not set as found" in made.changed[0]


def test_ours_says_of_the_classes_what_theirs_says() -> None:
    told = variables(
        **{DIALECT.class_parameters_env: '{"kgateway":{"name":"p","namespace":"n"}}', DIALECT.waypoint_env: "true"}
    )
    assert planned(*PLATFORM, *MESH, kgateway(ELSEWHERE, *told)).makes.class_values == {
        "gatewayClassParametersRefs": {"kgateway": {"name": "p", "namespace": "n"}},
        "waypoint": {"enabled": True},
    }


@pytest.mark.parametrize(
    ("selectors", "labels"),
    [
        ("[]", {}),
        ("[{matchExpressions: [{key: secret, operator: DoesNotExist}]}]", {}),
        ("[{matchLabels: {mesh: 'on'}}]", {"mesh": "on"}),
        (
            "[{matchLabels: {istio-injection: enabled}}, {matchLabels: {mesh: 'on', team: a}}]",
            {"mesh": "on", "team": "a"},
        ),
        (
            "[{matchLabels: {mesh: 'on'}, matchExpressions: [{key: secret, operator: DoesNotExist}]}]",
            {"mesh": "on"},
        ),
    ],
)
def test_our_namespaces_are_labelled_so_that_istiod_serves_them(selectors: str, labels: dict[str, str]) -> None:
    made = planned(*PLATFORM, *istiod(mesh=f"discoverySelectors: {selectors}"))
    assert made.makes.labels == dict([OURS]) | labels


def test_what_must_be_known_beside_the_verdict_is_noted() -> None:
    things = [
        *PLATFORM,
        *istiod(values={}),
        kgateway(ELSEWHERE, image="kgateway:v2.4.9"),
        thing("NetworkPolicy", "mesh-system/deny"),
        thing("PeerAuthentication", "mesh-system/default", spec={"mtls": {"mode": "STRICT"}}),
        thing("AuthorizationPolicy", "mesh-system/of-some", spec={"selector": {"matchLabels": {"a": "b"}}}),
        thing("PeerAuthentication", "shop/default", spec={}),
        *istiod("other", "blue"),
    ]
    things[len(PLATFORM) + 1]["spec"]["template"]["spec"]["containers"][0]["image"] = "pilot:1.9.9"
    unsupported, version, other, mesh_wide, policies = planned(*things, choices=Choices(revision="stable")).notes
    assert f"kgateway {CELL.kgateway} with Istio 1.9.9 is not among the supported combinations" in unsupported
    assert version == f"Deployment edge-system/edge is kgateway 2.4.9; what is proved is {CELL.kgateway}"
    assert other.startswith("Deployment other/istiod-blue serves our namespaces as well")
    assert mesh_wide.endswith("may change what is seen: PeerAuthentication mesh-system/default")
    assert policies.endswith("may keep our gateway from it: mesh-system/deny")


@pytest.mark.parametrize(
    ("mark", "keeper"),
    [("argocd.argoproj.io/tracking-id", "Argo CD"), ("helm.toolkit.fluxcd.io/name", "Flux"), ("example.com/flux", "")],
)
def test_who_keeps_a_controller_that_is_told_to_look_away_is_told(mark: str, keeper: str) -> None:
    things = [*PLATFORM, *MESH, kgateway(meta={"annotations": {mark: "it"}}), gateway_class()]
    notes = planned(*things, choices=CHANGE).notes
    assert [note for note in notes if "is kept by" in note] == (
        [f"Deployment edge-system/edge is kept by {keeper}, which may undo that in the midst of the run; pause it"]
        if keeper
        else []
    )


KEYS, VALUES = st.sampled_from(("a", "b", OURS[0])), st.sampled_from(("x", "y", OURS[1]))
SEEN = found(*PLATFORM, *MESH, kgateway(), gateway_class())
LABELS = st.dictionaries(KEYS, VALUES)
EXPRESSIONS = st.one_of(
    st.fixed_dictionaries({"key": KEYS, "operator": st.sampled_from(("Exists", "DoesNotExist"))}),
    st.fixed_dictionaries(
        {"key": KEYS, "operator": st.sampled_from(("In", "NotIn")), "values": st.lists(VALUES, min_size=1)}
    ),
)
SELECTOR = st.fixed_dictionaries(
    {}, optional={"matchLabels": LABELS, "matchExpressions": st.lists(EXPRESSIONS, max_size=3)}
)


@given(st.none() | st.lists(SELECTOR, max_size=3).map(json.dumps), LABELS)
def test_who_looks_away_sees_nothing_of_ours_and_all_else_that_it_saw(was: str | None, labels: dict[str, str]) -> None:
    [controller] = SEEN.controllers
    before = replace(controller, looks_at=was, selectors=selectors_of(was, "it"))
    try:
        asides = plan(replace(SEEN, controllers=(before,)), CHANGE, CELL, DIALECT).makes.asides
    except BadInput:  # it looks away already
        asides = plan(replace(SEEN, controllers=(before,)), Choices(), CELL, DIALECT).makes.asides
        assert not asides
    for aside in asides:
        after = replace(before, selectors=selectors_of(aside.now, "it"))
        assert after.sees(labels) == (before.sees(labels) and labels.get(OURS[0]) != OURS[1])
