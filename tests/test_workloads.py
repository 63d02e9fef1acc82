"""Pods and deployments, read from the API's form and judged as kubectl judges them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from meshproof.kube.raw import Malformed
from meshproof.kube.workloads import Deployment, Pod

POD: dict[str, Any] = {
    "metadata": {
        "name": "httpbin-7f9",
        "namespace": "httpbin",
        "labels": {"app": "httpbin"},
        "ownerReferences": [
            {"kind": "Other", "name": "friend"},
            {"kind": "ReplicaSet", "name": "httpbin-7f", "controller": True},
        ],
    },
    "spec": {
        "serviceAccountName": "httpbin",
        "nodeName": "node-1",
        "containers": [
            {
                "name": "httpbin",
                "image": "go-httpbin:2",
                "env": [
                    {"name": "A", "value": "1"},
                    {"name": "EMPTY"},
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ],
            },
            {"name": "curl", "image": "curl:8"},
        ],
        "initContainers": [
            {"name": "istio-init", "image": "proxyv2"},
            {"name": "istio-proxy", "image": "proxyv2", "restartPolicy": "Always"},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.244.0.7",
        "containerStatuses": [
            {"name": "curl", "ready": True, "restartCount": 2, "state": {"running": {"startedAt": "now"}}},
            {"name": "httpbin", "ready": True, "restartCount": 0, "state": {"running": {}}},
        ],
        "initContainerStatuses": [
            {"name": "istio-init", "ready": True, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}},
            {"name": "istio-proxy", "ready": True, "restartCount": 1, "state": {"running": {}}},
        ],
    },
}


def pod(**changes: object) -> dict[str, Any]:
    """POD with fields set at dotted paths written with double underscores; None removes."""
    return changed(POD, **changes)


def changed(base: dict[str, Any], **changes: object) -> dict[str, Any]:
    result = copy.deepcopy(base)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = result
        for key in parents:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return result


def test_a_pod_is_read_whole() -> None:
    read = Pod.from_dict(POD)
    assert (read.namespace, read.name, read.phase) == ("httpbin", "httpbin-7f9", "Running")
    assert (read.node, read.ip, read.service_account) == ("node-1", "10.244.0.7", "httpbin")
    assert (read.labels, read.owner, read.terminating) == ({"app": "httpbin"}, "ReplicaSet/httpbin-7f", False)
    assert [(c.name, c.image, c.restarts, c.native_sidecar) for c in read.containers] == [
        ("httpbin", "go-httpbin:2", 0, False),
        ("curl", "curl:8", 2, False),
        ("istio-proxy", "proxyv2", 1, True),
    ]
    assert read.containers[0].env == (("A", "1"), ("EMPTY", ""))


def test_ready_counts_native_sidecars_but_no_other_init_container() -> None:
    assert Pod.from_dict(POD).ready == "3/3"
    assert Pod.from_dict(POD).all_ready


@pytest.mark.parametrize(
    "state",
    [
        {"name": "curl", "ready": False, "state": {"running": {}}},
        {"name": "curl", "ready": True, "state": {"terminated": {"exitCode": 1}}},
        {"name": "curl", "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        {"name": "curl"},
    ],
)
def test_ready_and_running_are_both_wanted(state: dict[str, Any]) -> None:
    read = Pod.from_dict(pod(status__containerStatuses=[state, POD["status"]["containerStatuses"][1]]))
    assert read.ready == "2/3"
    assert not read.all_ready


def test_a_pod_that_was_just_made_has_nothing_ready() -> None:
    read = Pod.from_dict(pod(status=None, spec__nodeName=None, metadata__ownerReferences=None))
    assert (read.ready, read.node, read.ip, read.owner) == ("0/3", "", "", "")


def test_a_pod_without_containers_is_not_ready() -> None:
    read = Pod.from_dict(pod(spec={"containers": []}))
    assert (read.ready, read.all_ready) == ("0/0", False)


def test_deletion_begun_is_terminating() -> None:
    assert Pod.from_dict(pod(metadata__deletionTimestamp="2026-01-01T00:00:00Z")).terminating


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (pod(metadata__name=None), r"^Pod httpbin: expected the field metadata\.name, which is missing$"),
        (pod(metadata__namespace=None), r"^Pod httpbin-7f9: expected the field metadata\.namespace"),
        (pod(spec__containers=None), r"^Pod httpbin/httpbin-7f9: expected the field spec\.containers"),
        (pod(spec__containers=[{"name": "a"}]), r"^Pod httpbin/httpbin-7f9 spec\.containers\[0\]: .* image"),
        (pod(spec__containers=["a"]), r"expected spec\.containers\[0\] to be dict, found str"),
        (pod(spec__nodeName=7), r"expected spec\.nodeName to be str, found int"),
        ({}, r"^Pod \(unnamed\): expected"),
    ],
)
def test_what_is_missing_is_named_with_its_object(raw: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        Pod.from_dict(raw)


DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "istiod", "namespace": "istio-system", "generation": 3},
    "spec": {"replicas": 2},
    "status": {
        "observedGeneration": 3,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "conditions": [{"type": "Available", "status": "True"}],
    },
}


def deployment(**changes: object) -> Deployment:
    return Deployment.from_dict(changed(DEPLOYMENT, **changes))


def test_a_finished_rollout() -> None:
    read = deployment()
    assert read.rolled_out
    assert (read.replicas, read.current, read.updated, read.ready, read.available) == (2, 2, 2, 2, 2)
    assert read.conditions[0].type == "Available"
    assert not read.stalled


@pytest.mark.parametrize(
    "change",
    [
        {"metadata__generation": 4},
        {"status__updatedReplicas": 1},
        {"status__replicas": 3},
        {"status__availableReplicas": 1},
        {"status__availableReplicas": None},
        {"spec__replicas": 5},
        {"status": None},
    ],
)
def test_an_unfinished_rollout(change: dict[str, object]) -> None:
    assert not deployment(**change).rolled_out


def test_one_replica_is_the_default() -> None:
    assert deployment(spec__replicas=None).replicas == 1


def test_a_rollout_past_its_own_deadline_is_stalled_until_the_next_generation() -> None:
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]
    assert deployment(status__conditions=late).stalled == "timed out"
    assert not deployment(status__conditions=late).rolled_out
    assert not deployment(status__conditions=late, metadata__generation=4).stalled
