"""The inventory: what counts as an object's content, and which differences two moments have."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshproof.kube.api import Api
from meshproof.kube.inventory import Difference, compare, load, save, take_inventory

META = {"name": "httpbin", "namespace": "httpbin"}
DEPLOYMENT: dict[str, Any] = {"metadata": META, "spec": {"replicas": 1, "template": {"metadata": {"labels": {}}}}}


class StandIn:
    """An API server that serves a core and an apps group with the objects given for each list path."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists

    def get(self, path: str) -> dict[str, Any]:
        return {
            "/apis": {"groups": [{"name": "apps", "preferredVersion": {"groupVersion": "apps/v1"}}]},
            "/api/v1": {
                "resources": [
                    resource("configmaps", "ConfigMap"),
                    resource("namespaces", "Namespace"),
                    resource("namespaces/finalize", "Namespace"),
                    resource("pods", "Pod"),
                    {**resource("bindings", "Binding"), "verbs": ["create"]},
                ]
            },
            "/apis/apps/v1": {
                "resources": [resource("deployments", "Deployment"), resource("replicasets", "ReplicaSet")]
            },
        }[path]

    def list(self, path: str) -> list[dict[str, Any]]:
        assert not path.endswith("/finalize"), "a part of an object is no list of its own"
        return self.lists.get(path.rsplit("/", 1)[1], [])


def resource(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "verbs": ["get", "list"]}


def taken(**lists: list[dict[str, Any]]) -> dict[str, str]:
    return dict(take_inventory(cast(Api, StandIn(**lists))))


def changed(then: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two deployments, in words."""
    found = compare(taken(deployments=[then]), taken(deployments=[now]))
    return "; ".join(map(str, found))


def test_every_kind_is_read_once_but_for_those_that_are_derived() -> None:
    found = taken(
        configmaps=[{"metadata": {**META, "name": "c"}}],
        namespaces=[{"metadata": {"name": "httpbin"}}],
        pods=[{"metadata": META}],
        bindings=[{"metadata": META}],
        deployments=[DEPLOYMENT],
        replicasets=[{"metadata": META}],
    )
    assert set(found) == {"ConfigMap httpbin/c", "Namespace httpbin", "Deployment.apps httpbin/httpbin"}


def test_the_same_cluster_has_no_differences() -> None:
    assert compare(taken(deployments=[DEPLOYMENT]), taken(deployments=[DEPLOYMENT])) == ()


def test_what_came_and_what_went_is_named() -> None:
    then = taken(configmaps=[{"metadata": {**META, "name": name}} for name in ("a", "b")])
    now = taken(configmaps=[{"metadata": {**META, "name": name}} for name in ("b", "c")])
    assert compare(then, now) == (
        Difference("removed", "ConfigMap httpbin/a"),
        Difference("added", "ConfigMap httpbin/c"),
    )


@pytest.mark.parametrize(
    ("now", "path"),
    [
        ({**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 2}}, "spec.replicas"),
        ({**DEPLOYMENT, "data": "new"}, "data"),
        ({"metadata": META}, "spec.replicas"),  # an empty mapping that went differs in nothing
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
    ],
)
def test_bookkeeping_is_no_difference(bookkeeping: dict[str, Any]) -> None:
    assert changed(DEPLOYMENT, {**DEPLOYMENT, **bookkeeping}) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@given(JSON, JSON)
def test_any_two_contents_that_differ_are_found(then: object, now: object) -> None:
    def content(value: object) -> dict[str, str]:
        return taken(deployments=[{"metadata": META, "spec": value}])

    found = compare(content(then), content(now))
    assert [difference.change for difference in found] == ["changed"] * (content(then) != content(now))


def test_a_file_gives_back_what_was_saved_and_is_its_owners_alone(tmp_path: Path) -> None:
    inventory = taken(deployments=[DEPLOYMENT])
    path = tmp_path / "inventory.json"
    save(inventory, path)
    assert load(path) == inventory
    assert path.stat().st_mode & 0o777 == 0o600
