"""Which differences in a cluster of somebody else's are the run's, and which are not."""

from __future__ import annotations

from typing import Any

import pytest
from api_stand_in import objects, thing
from mesh_objects import gateway_class
from snapshots import PARTS, SETTING

from meshproof.choices import Choices
from meshproof.kube.inventory import Difference, compare, inventory_of
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.releases import cells
from meshproof.steps import Setting
from meshproof.steps.others import is_of_others
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.ours import OURS, our_names

Made = dict[str, Any]
ASIDE = Aside(Ref(DEPLOYMENT, "edge-system", "edge"), "[]", "[{}]", "[]")
MAKES = Makes(False, False, False, False, labels=dict([OURS]), asides=(ASIDE,))
EXISTING = Setting.of(cells()[0], PARTS, Choices(), our_names(), MAKES)


def difference(then: Made | None, now: Made | None) -> Difference:
    sides = [inventory_of(objects(*([side] if side else []))) for side in (then, now)]
    [found] = compare(*sides)
    return found


def controller(ref: str, replicas: int = 1) -> Made:
    return thing("Deployment", ref, spec={"replicas": replicas})


def cluster_role(name: str = "theirs", labels: dict[str, str] | None = None, subject: str = "") -> Made:
    return thing("ClusterRole", name, labels=labels, subjects=[{"namespace": subject}])


GATEWAYS = thing("CustomResourceDefinition", "gateways.gateway.networking.k8s.io")
LABELLED: dict[str, str] = dict([OURS])
OF_THE_RUN: dict[str, tuple[Made | None, Made | None]] = {
    "in the gateways' namespace": (None, thing("ConfigMap", "meshproof-gateway/it")),
    "in the app's namespace": (None, thing("Secret", "meshproof-app/it")),
    "the namespace itself": (None, thing("Namespace", "meshproof-app")),
    "outside, labelled": (None, cluster_role(labels={**LABELLED, "more": "x"})),
    "outside, naming our namespace": (None, cluster_role(subject="meshproof-gateway")),
    "outside, its name of our namespace": (None, cluster_role("kgateway-meshproof-gateway")),
    "no longer labelled": (cluster_role(labels=LABELLED), cluster_role()),
    "of ours, gone": (cluster_role(labels=LABELLED), None),
    "class that all kgateways write": (
        None,
        gateway_class("kgateway", "kgateway.dev/kgateway"),
    ),
    "definition of the Gateway API": (GATEWAYS, None),
    "definition of kgateway": (None, thing("CustomResourceDefinition", "backends.gateway.kgateway.dev")),
    "controller that was told to look away": (controller("edge-system/edge"), controller("edge-system/edge", 2)),
}
OF_OTHERS: dict[str, tuple[Made | None, Made | None]] = {
    "in a namespace of theirs": (None, thing("ConfigMap", "shop/it")),
    "changed there": (thing("ConfigMap", "shop/it", data={"a": "b"}), thing("ConfigMap", "shop/it")),
    "gone there": (thing("ConfigMap", "shop/it"), None),
    "labelled by another": (None, cluster_role(labels={OURS[0]: "them"})),
    "class of another controller": (None, gateway_class("x", "example.com/x")),
    "definition of another": (None, thing("CustomResourceDefinition", "its.example.com")),
    "Gateway of theirs": (None, thing("Gateway", "shop/it", spec={"gatewayClassName": "kgateway"})),
    "controller that was not told anything": (controller("b/edge"), controller("b/edge", 2)),
    "what only mentions kgateway": (None, thing("ConfigMap", "shop/it", data={"kind": "gateway.networking.k8s.io"})),
    "other object of that name": (None, thing("StatefulSet", "edge-system/edge")),
}


@pytest.mark.parametrize("name", OF_THE_RUN)
def test_what_leads_to_the_run_is_its(name: str) -> None:
    assert not is_of_others(difference(*OF_THE_RUN[name]), EXISTING)


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_does_not_is_of_others(name: str) -> None:
    assert is_of_others(difference(*OF_OTHERS[name]), EXISTING)


@pytest.mark.parametrize("name", OF_OTHERS)
def test_in_its_own_cluster_all_is_the_runs(name: str) -> None:
    assert not is_of_others(difference(*OF_OTHERS[name]), SETTING)


def test_what_the_network_notes_of_pods_is_the_networks() -> None:
    noted = Difference("added", "CiliumIdentity.cilium.io", "1234", now={"metadata": {"labels": LABELLED}})
    assert is_of_others(noted, EXISTING)
    assert not is_of_others(Difference("added", "CiliumNode.cilium.io", "n", now=noted.now), EXISTING)
