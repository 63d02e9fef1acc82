"""A cluster of somebody else's is given back: what counts as ours, and that it is gone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from api_stand_in import KINDS, Served, objects, thing
from snapshots import PARTS

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.kube import inventory
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.releases import cells
from meshproof.results import Status
from meshproof.steps import Setting
from meshproof.steps.give_back import FEW, FOUND, give_back, nothing_left, what_is_ours
from meshproof.steps.model import flatten
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.ours import OURS, our_names

Made = dict[str, Any]
MAKES = Makes(False, False, False, False, labels={**dict([OURS]), "mesh": "on"})
EXISTING = Setting.of(cells()[0], PARTS, Choices(), our_names(), MAKES)


def ours(*things: Made, setting: Setting = EXISTING) -> tuple[str, ...]:
    return what_is_ours(setting).read(cast(Cluster, Served(list(things))))


RELEASE = "meta.helm.sh/release-namespace"
OURS_THERE: dict[str, Made] = {
    "Namespace meshproof-app": thing("Namespace", "meshproof-app"),
    "Pod meshproof-gateway/it": thing("Pod", "meshproof-gateway/it"),
    "ClusterRole labelled": thing("ClusterRole", "labelled", labels={**MAKES.labels, "more": "x"}),
    "CustomResourceDefinition released": thing(
        "CustomResourceDefinition", "released", meta={"annotations": {RELEASE: "meshproof-gateway"}}
    ),
}
THEIRS_THERE = (
    thing("Namespace", "shop"),
    thing("Pod", "shop/meshproof-app"),
    thing("ClusterRole", "half", labels={OURS[0]: OURS[1]}),
    thing("ClusterRole", "released", meta={"annotations": {RELEASE: "edge-system"}}),
    thing("Secret", "shop/it", meta={"annotations": {RELEASE: "meshproof-gateway"}}),
)


@pytest.mark.parametrize("told", OURS_THERE)
def test_what_a_run_made_is_told(told: str) -> None:
    assert ours(OURS_THERE[told], *THEIRS_THERE) == (told,)


def test_what_others_made_is_not_ours() -> None:
    assert ours(*THEIRS_THERE) == ()
    assert ours(*THEIRS_THERE, setting=replace(EXISTING, makes=replace(MAKES, labels={}))) == ()


def test_what_the_network_notes_of_our_pods_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "CiliumIdentity", ("cilium.io/v2", "ciliumidentities"))
    assert ours(thing("CiliumIdentity", "1234", labels=dict(MAKES.labels))) == ()


def test_what_holds_others_is_told_first() -> None:
    assert ours(*reversed(OURS_THERE.values()))[-1] == "Pod meshproof-gateway/it"


def test_of_much_that_is_left_the_first_few_are_named() -> None:
    assert nothing_left(()).holds
    left = nothing_left([f"Pod ns/{number}" for number in range(FEW + 2)])
    assert (left.holds, left.observed.endswith(f"Pod ns/{FEW - 1} and 2 more")) == (False, True)


MANAGED: list[Made] = [{"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]
ASIDE = Aside(Ref(DEPLOYMENT, "edge-system", "edge"), "[]", "[{}]", json.dumps(MANAGED))


def edge(*more: Made, replicas: int = 1) -> Made:
    return thing(
        "Deployment", "edge-system/edge", spec={"replicas": replicas}, meta={"managedFields": [*MANAGED, *more]}
    )


def given_back(tmp_path: Path, before: list[Made], *now: Made, there: tuple[str, ...] = ("it",)) -> dict[str, Status]:
    """What is claimed of a cluster where `before` was found, and where these are now."""
    setting = replace(EXISTING, makes=replace(MAKES, asides=(ASIDE,)))
    inventory.save(inventory.inventory_of(objects(*before)), tmp_path / FOUND)
    cluster = cast(Cluster, Served(list(now), tmp_path))
    claims = give_back(setting).claims
    seen = [[there if link.when == "start" else link.read(cluster) for link in claim.links] for claim in claims]
    judged = {claim.id: claim.judge(*its) for claim, its in zip(claims, seen, strict=True)}
    return {id_: "skipped" if each.skip else "proven" if each.holds else "refuted" for id_, each in judged.items()}


NOTHING, AS_FOUND = "restore.nothing-of-ours", "restore.as-found"
SHOP = thing("ConfigMap", "shop/it")


def test_a_cluster_that_is_as_it_was_is_given_back_whatever_others_changed(tmp_path: Path) -> None:
    changed = thing("ConfigMap", "shop/it", data={"by": "them"})
    assert given_back(tmp_path, [edge(), SHOP], edge(), changed) == {NOTHING: "proven", AS_FOUND: "proven"}


@pytest.mark.parametrize(
    ("now", "nothing", "as_found"),
    [
        ([edge(), OURS_THERE["ClusterRole labelled"]], "refuted", "refuted"),
        ([edge(), OURS_THERE["Namespace meshproof-app"]], "refuted", "refuted"),
        ([edge(replicas=2)], "proven", "refuted"),
        ([edge({"manager": "kubectl-set", "operation": "Update", "fieldsV1": {}})], "proven", "refuted"),
        ([], "proven", "refuted"),
    ],
)
def test_what_is_left_or_not_put_back_is_told(tmp_path: Path, now: list[Made], nothing: str, as_found: str) -> None:
    assert given_back(tmp_path, [edge()], *now) == {NOTHING: nothing, AS_FOUND: as_found}


def test_where_nothing_was_made_nothing_is_proven(tmp_path: Path) -> None:
    assert given_back(tmp_path, [edge()], edge(), there=()) == {NOTHING: "skipped", AS_FOUND: "skipped"}


def typed(makes: Makes) -> str:
    setting = replace(EXISTING, makes=makes)
    return "\n".join(command.text for command in flatten(give_back(setting).commands))


def test_only_what_was_made_is_taken_away() -> None:
    least = typed(MAKES)
    for word in ("crds", "gatewayclass", "set env", "istio"):
        assert word not in least
    assert least.splitlines()[-1].startswith("kubectl delete namespace meshproof-gateway")
    assert "helm uninstall kgateway-crds" in typed(replace(MAKES, kgateway_crds=True))
    assert "kubectl delete gatewayclass kgateway" in typed(replace(MAKES, gateway_class=True))
    assert "kubectl delete -f /crds" in typed(replace(MAKES, gateway_api=True))


def test_a_controller_looks_where_it_did_before_the_note_of_it_goes() -> None:
    back = typed(replace(MAKES, asides=(ASIDE,))).splitlines()
    [put_back] = [
        number for number, line in enumerate(back) if "KGW_DISCOVERY_NAMESPACE_SELECTORS=[]" in line.replace("'", "")
    ]
    [gateway] = [number for number, line in enumerate(back) if line.startswith("kubectl delete gateway ")]
    assert gateway < put_back < len(back) - 1
    unset = typed(replace(MAKES, asides=(replace(ASIDE, was=None),)))
    assert "KGW_DISCOVERY_NAMESPACE_SELECTORS-" in unset


def test_what_was_never_made_or_defined_is_not_deleted() -> None:
    """kubectl fails on a kind that is not defined: a run that ended early could never be taken away."""
    commands = flatten(give_back(replace(EXISTING, makes=replace(MAKES, gateway_class=True))).commands)
    asked = {command.argv[2]: command.unless for command in commands if command.unless}
    there = (thing("Gateway", "meshproof-gateway/http"), thing("GatewayClass", "kgateway"))
    for things, done in (((), True), (there, False)):
        cluster = cast(Cluster, Served(list(things)))
        assert {kind: unless(cluster) for kind, unless in asked.items()} == {"gateway": done, "gatewayclass": done}
