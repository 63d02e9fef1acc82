"""The inventory: what counts as an object's content, and which differences two moments have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api_stand_in import objects, thing
from hypothesis import given
from hypothesis import strategies as st

from meshproof.kube.inventory import Difference, Inventory, Name, compare, inventory_of, load, save

DEPLOYMENT: dict[str, Any] = thing(
    "Deployment", "httpbin/httpbin", spec={"replicas": 1, "template": {"metadata": {"labels": {}}}}
)
META = DEPLOYMENT["metadata"]


def taken(*things: dict[str, Any]) -> Inventory:
    return inventory_of(objects(*things))


def changed(then: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two deployments, in words."""
    found = compare(taken(then), taken(now))
    return "; ".join(map(str, found))


def test_every_object_is_in_it() -> None:
    found = taken(thing("ConfigMap", "httpbin/c"), thing("Namespace", "httpbin"), DEPLOYMENT)
    assert set(map(str, found)) == {"ConfigMap httpbin/c", "Namespace httpbin", "Deployment.apps httpbin/httpbin"}


def of_images(**images: str) -> dict[str, Any]:
    """A pod's spec, its containers by name."""
    return {"containers": [{"name": name, "image": image} for name, image in images.items()]}


def sliced(service: str, kind: str = "") -> dict[str, str]:
    """The labels by which a controller knows its own slices of a service."""
    return {
        "endpointslice.kubernetes.io/managed-by": f"endpointslice{kind}-controller.k8s.io",
        "kubernetes.io/service-name": service,
    }


SERVICE = thing("Service", "ns/it", spec={"selector": {"app": "it"}})
MANUAL = thing("Service", "ns/manual", spec={})
BY_HAND = thing("Endpoints", "ns/manual")
NODE = thing("Node", "node")
JOB = thing("Job", "ns/job")
CRON_JOB = thing("CronJob", "ns/job")
STATEFUL = thing("StatefulSet", "ns/it")
MIRROR = {"annotations": {"kubernetes.io/config.mirror": "0"}}
SET = thing("ReplicaSet", "httpbin/set", owners=[DEPLOYMENT], spec={"template": {"spec": of_images(app="app:1")}})


def owner(of: dict[str, Any], **more: object) -> dict[str, Any]:
    """Metadata that name an owner, as controllers write it or not quite so."""
    return {"ownerReferences": [{"uid": of["metadata"]["uid"], **more}]}


@pytest.mark.parametrize(
    ("owners", "derived"),
    [
        ([DEPLOYMENT], SET),
        ([DEPLOYMENT, SET], thing("Pod", "httpbin/pod", owners=[SET], spec=of_images(app="app:1", sidecar="proxy:1"))),
        ([NODE], thing("Pod", "kube-system/etcd-node", owners=[NODE], meta=MIRROR, spec={"nodeName": "node"})),
        ([JOB], thing("Pod", "ns/once", owners=[JOB])),
        ([CRON_JOB], thing("Job", "ns/job-1", owners=[CRON_JOB])),
        ([NODE], thing("Lease", "kube-node-lease/node", meta=owner(NODE))),
        ([SERVICE], thing("EndpointSlice", "ns/it-x", owners=[SERVICE], labels=sliced("it"))),
        ([MANUAL, BY_HAND], thing("EndpointSlice", "ns/x", owners=[BY_HAND], labels=sliced("manual", "mirroring"))),
        ([SERVICE], thing("Endpoints", "ns/it")),
        ([STATEFUL], thing("ControllerRevision", "ns/it", owners=[STATEFUL])),
    ],
)
def test_what_follows_from_an_object_that_is_compared_is_left_out_and_nothing_else(
    owners: list[dict[str, Any]], derived: dict[str, Any]
) -> None:
    assert taken(*owners, derived) == taken(*owners)
    orphan: dict[str, Any] = {**derived, "metadata": {**derived["metadata"], "ownerReferences": [], "name": "orphan"}}
    assert len(taken(*owners, orphan)) == len(taken(*owners)) + 1
    assert len(taken(derived)) == 1, "its owner is not there"


@pytest.mark.parametrize(
    ("owner", "claimed"),
    [
        (NODE, thing("Pod", "default/edge", owners=[NODE])),
        (NODE, thing("Pod", "default/edge", owners=[NODE], spec={"nodeName": "node"})),
        (NODE, thing("Pod", "default/edge", owners=[NODE], meta=MIRROR, spec={"nodeName": "other"})),
        (NODE, thing("Lease", "default/istio-leader", owners=[NODE])),
        (NODE, thing("Lease", "kube-node-lease/other", owners=[NODE])),
        (SERVICE, thing("EndpointSlice", "ns/it-alike", owners=[SERVICE])),
        (SERVICE, thing("EndpointSlice", "ns/it-alike", owners=[SERVICE], labels=sliced("it", "me"))),
        (SERVICE, thing("EndpointSlice", "ns/it-alike", owners=[SERVICE], labels=sliced("it", "mirroring"))),
        (SERVICE, thing("EndpointSlice", "ns/it-alike", owners=[SERVICE], labels=sliced("other"))),
        (SERVICE, thing("EndpointSlice", "other/it-alike", owners=[SERVICE], labels=sliced("it"))),
        (MANUAL, thing("EndpointSlice", "ns/alike", owners=[MANUAL], labels=sliced("manual"))),
        (SERVICE, thing("Endpoints", "ns/alike", owners=[SERVICE])),
        (SERVICE, thing("Pod", "ns/it", owners=[SERVICE])),
        (NODE, thing("ReplicaSet", "ns/it", owners=[NODE])),
        (SET, thing("Pod", "httpbin/it", meta=owner(SET), spec=of_images(app="app:1"))),
        (SET, thing("Pod", "httpbin/it", meta=owner(SET, controller=False), spec=of_images(app="app:1"))),
        (SET, thing("Pod", "other/it", owners=[SET], spec=of_images(app="app:1"))),
        (SET, thing("Pod", "httpbin/it", owners=[SET], spec=of_images(app="alike:1"))),
        (SET, thing("Pod", "httpbin/it", owners=[SET], spec=of_images(other="app:1"))),
        (DEPLOYMENT, thing("ReplicaSet", "httpbin/it", meta=owner(DEPLOYMENT))),
        (CRON_JOB, thing("Job", "ns/it", meta=owner(CRON_JOB))),
        (STATEFUL, thing("ControllerRevision", "ns/it", meta=owner(STATEFUL))),
    ],
)
def test_who_merely_names_an_owner_is_not_made_from_it(owner: dict[str, Any], claimed: dict[str, Any]) -> None:
    before, now = taken(owner), taken(owner, claimed)
    assert [difference.change for difference in compare(before, now)] == ["added"]


def test_the_pods_of_a_replica_set_that_nobody_owns_follow_from_it() -> None:
    alone = thing("ReplicaSet", "ns/alone")
    assert set(map(str, taken(alone, thing("Pod", "ns/alone-1", owners=[alone])))) == {"ReplicaSet.apps ns/alone"}


def test_an_object_of_another_kind_is_compared_though_it_has_an_owner() -> None:
    owned = thing("Deployment", "ns/http", owners=[NODE])
    assert set(map(str, taken(NODE, owned))) == {"Node node", "Deployment.apps ns/http"}


def test_what_own_each_other_hide_nothing() -> None:
    one, other = thing("Pod", "ns/one"), thing("Pod", "ns/other")
    one["metadata"]["ownerReferences"] = [{"uid": other["metadata"]["uid"]}]
    other["metadata"]["ownerReferences"] = [{"uid": one["metadata"]["uid"]}]
    assert set(map(str, taken(one, other))) == {"Pod ns/one", "Pod ns/other"}


@pytest.mark.parametrize(
    "service", [thing("Service", "ns/it", spec={}), thing("Service", "other/it", spec=SERVICE["spec"])]
)
def test_endpoints_are_somebodys_own_unless_the_service_of_their_name_selects_them(service: dict[str, Any]) -> None:
    assert Name("Endpoints", "ns/it") in taken(service, thing("Endpoints", "ns/it"))


def test_the_same_cluster_has_no_differences() -> None:
    assert compare(taken(DEPLOYMENT), taken(DEPLOYMENT)) == ()


def test_what_came_and_what_went_is_named_with_its_content() -> None:
    a, b, c = (thing("ConfigMap", f"httpbin/{name}", data={"k": name}) for name in "abc")
    removed, added = compare(taken(a, b), taken(b, c))
    assert (removed, added) == (
        Difference("removed", "ConfigMap", "httpbin/a"),
        Difference("added", "ConfigMap", "httpbin/c"),
    )
    assert (removed.then["data"], removed.now) == ({"k": "a"}, {})
    assert (added.then, added.now["data"]) == ({}, {"k": "c"})
    assert str(added) == "added ConfigMap httpbin/c"


def test_a_change_has_its_paths_and_both_contents() -> None:
    now = {**DEPLOYMENT, "spec": {"replicas": 2}, "data": "new"}
    [found] = compare(taken(DEPLOYMENT), taken(now))
    assert (found.change, found.kind, found.ref) == ("changed", "Deployment.apps", "httpbin/httpbin")
    assert found.paths == ("data", "spec.replicas")
    assert (found.then["spec"]["replicas"], found.now["spec"]["replicas"]) == (1, 2)


@pytest.mark.parametrize(
    ("now", "path"),
    [
        ({**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 2}}, "spec.replicas"),
        ({**DEPLOYMENT, "data": "new"}, "data"),
        ({"kind": "Deployment", "metadata": META}, "spec.replicas"),  # an empty mapping that went differs in nothing
        ({**DEPLOYMENT, "metadata": {**META, "labels": {"a": "b"}}}, "metadata.labels.a"),
        ({**DEPLOYMENT, "metadata": {**META, "annotations": {"x.io/y": "1"}}}, "metadata.annotations.x.io/y"),
        ({**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "template": [1]}}, "spec.template"),
    ],
)
def test_a_change_is_named_by_the_path_of_what_differs(now: dict[str, Any], path: str) -> None:
    assert changed(DEPLOYMENT, now) == f"changed Deployment.apps httpbin/httpbin ({path})"


def test_a_first_annotation_is_named_like_any_other() -> None:
    """`kubectl rollout restart` makes the mapping that it writes into."""
    template = {"metadata": {"labels": {}, "annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    now = {**DEPLOYMENT, "spec": {"replicas": 1, "template": template}}
    assert changed(DEPLOYMENT, now) == (
        "changed Deployment.apps httpbin/httpbin (spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt)"
    )


@pytest.mark.parametrize(
    "bookkeeping",
    [
        {"status": {"replicas": 1}},
        {"metadata": {**META, "uid": "1", "resourceVersion": "2", "generation": 3, "creationTimestamp": "then"}},
        {"metadata": {**META, "managedFields": [{"manager": "kubectl"}], "selfLink": "/x"}},
        {"metadata": {**META, "annotations": {}}},
        {"metadata": {**META, "annotations": {"deployment.kubernetes.io/revision": "2"}}},
        {"metadata": {**META, "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}},
        {"metadata": {**META, "annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}},
    ],
)
def test_bookkeeping_is_no_difference(bookkeeping: dict[str, Any]) -> None:
    assert changed(DEPLOYMENT, {**DEPLOYMENT, **bookkeeping}) == ""


def test_who_holds_a_lease_is_no_difference_and_how_long_it_lasts_is() -> None:
    def lease(**spec: object) -> dict[str, Any]:
        return thing("Lease", "kube-system/apiserver-x", spec=spec)

    then = lease(holderIdentity="a", renewTime="1", acquireTime="1", leaseTransitions=1, leaseDurationSeconds=15)
    assert compare(taken(then), taken(lease(holderIdentity="b", renewTime="2", leaseDurationSeconds=15))) == ()
    [longer] = compare(taken(then), taken(lease(leaseDurationSeconds=16)))
    assert longer.paths == ("spec.leaseDurationSeconds",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@given(JSON, JSON)
def test_any_two_contents_that_differ_are_found(then: object, now: object) -> None:
    def content(value: object) -> Inventory:
        return taken({**DEPLOYMENT, "spec": value})

    found = compare(content(then), content(now))
    assert [difference.change for difference in found] == ["changed"] * (content(then) != content(now))


def test_a_file_gives_back_what_was_saved_and_is_its_owners_alone(tmp_path: Path) -> None:
    inventory = taken(DEPLOYMENT)
    path = tmp_path / "inventory.json"
    save(inventory, path)
    assert load(path) == inventory
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
