"""Images in a node and in its pods: pulled side by side, and each that cannot be had told by name, at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from snapshots import always

from meshproof.cluster.node import Node
from meshproof.cluster.pulls import pull_images
from meshproof.engine import Engine
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.images.mirror import Mirror
from meshproof.kube.api import Api
from meshproof.kube.kinds import DEPLOYMENT, POD, SERVICE, Labelled, Ref
from meshproof.kube.pulls import unpullable
from meshproof.run import Completed

NODE = Node("mine-control-plane", Engine("own", "20.10"))
IMAGES = ("docker.io/istio/pilot:1", "istio/proxyv2:1", "quay.io/a/b:2")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine whose node has one of the images; what it was asked."""
    asked: list[str] = []

    def docker(_: Engine, *args: str, stdin: str = "", check: bool = True, **__: object) -> Completed:
        asked.append(" ".join((*args, stdin)).strip())
        if args[-1] == "quay.io/a/gone:1":
            raise CommandFailed("docker exec ctr", 1, "", "ctr: quay.io/a/gone:1: not found")
        said = (
            "docker.io/istio/pilot:1\n" if args[-1] == "--quiet" else "fc00::1 10.0.0.1 " if "inspect" in args else ""
        )
        return Completed(args, 0, said, "", 0.0)

    monkeypatch.setattr(Engine, "docker", docker)
    return asked


def test_a_node_pulls_the_images_that_it_lacks(asked: list[str]) -> None:
    said: list[str] = []
    pull_images(IMAGES, None, NODE, said.append)
    pulls = [line for line in asked if " pull " in line]
    assert sorted(line.partition(" pull ")[2] for line in pulls) == ["docker.io/istio/proxyv2:1", "quay.io/a/b:2"]
    assert all(line.startswith("exec mine-control-plane ctr --namespace k8s.io images pull") for line in pulls)
    assert [line.partition("(")[2].partition(",")[0] for line in said] == ["", "1 of 2", "2 of 2"]
    assert said[0] == "pulling 2 images into the node"
    assert not any("hosts" in line for line in asked)


def test_no_images_to_pull_are_no_reason_to_ask_the_node(asked: list[str]) -> None:
    pull_images((), Mirror("http://127.0.0.1:5000"), NODE, print)
    assert asked == []


def test_a_node_is_led_to_a_mirror_on_loopback_by_the_hosts_address(asked: list[str]) -> None:
    pull_images(IMAGES, Mirror("http://127.0.0.1:5000"), NODE, lambda _: None)
    written = [line for line in asked if "/dev/stdin" in line]
    assert [line.partition("\n")[0] for line in written] == [
        f"exec --interactive mine-control-plane cp /dev/stdin /etc/containerd/certs.d/{host}/hosts.toml "
        f'server = "http://10.0.0.1:5000/v2/{host}"'
        for host in ("docker.io", "quay.io")
    ]
    assert all("--hosts-dir /etc/containerd/certs.d" in line for line in asked if " pull " in line)


def test_an_engine_without_a_default_bridge_cannot_lead_a_node_to_loopback(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Node, "host_address", always(""))
    with pytest.raises(MachineCannot, match=r"mirror http://127\.0\.0\.1:5000 is on this machine's loopback"):
        pull_images(IMAGES, Mirror("http://127.0.0.1:5000"), NODE, print)
    assert not any(" pull " in line for line in asked)


def test_an_image_that_cannot_be_pulled_is_told_by_name_with_the_runtimes_word(asked: list[str]) -> None:
    with pytest.raises(MachineCannot) as told:
        pull_images(("quay.io/a/gone:1",), None, NODE, print)
    assert str(told.value).startswith(
        "image quay.io/a/gone:1 cannot be pulled: ctr: quay.io/a/gone:1: not found. Look at"
    )


def pod(name: str, *, waiting: Mapping[str, str] | None = None, of: str = "istiod", **metadata: str) -> dict[str, Any]:
    state: dict[str, object] = {"waiting": dict(waiting)} if waiting else {"running": {}}
    owner = {"kind": "ReplicaSet", "name": f"{of}-77", "controller": True}
    labels = {"pod-template-hash": "77"}
    return {
        "metadata": {"namespace": "ns", "name": name, "labels": labels, "ownerReferences": [owner], **metadata},
        "status": {"containerStatuses": [{"name": "c", "image": "istio/pilot:gone", "state": state}]},
    }


class Pods:
    """An API server that has these pods."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = pods
        self.asked: list[tuple[str, dict[str, str]]] = []

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        self.asked.append((path, query))
        return [*self.pods]


WHY = 'Back-off pulling image "istio/pilot:gone": ErrImagePull: not found'
BACK_OFF = {"reason": "ImagePullBackOff", "message": WHY}
ISTIOD = Ref(DEPLOYMENT, "ns", "istiod")


def seen(of: object, *pods: dict[str, Any]) -> str:
    return unpullable(cast(Api, Pods(*pods)), of)


def test_a_pod_that_the_kubelet_has_given_up_on_is_told_with_its_image_and_why() -> None:
    told = f"image istio/pilot:gone cannot be pulled: {WHY} (Pod ns/two)"
    assert seen(ISTIOD, pod("one"), pod("two", waiting=BACK_OFF)) == told
    assert seen(Labelled(POD, "ns", "app=x"), pod("two", waiting=BACK_OFF)) == told
    invalid = pod("two", waiting={"reason": "InvalidImageName"})
    assert seen(ISTIOD, invalid) == "image istio/pilot:gone cannot be pulled: InvalidImageName (Pod ns/two)"


def test_an_init_container_counts() -> None:
    waiting = pod("one", waiting=BACK_OFF)
    waiting["status"] = {"initContainerStatuses": waiting["status"]["containerStatuses"]}
    assert seen(ISTIOD, waiting).startswith("image istio/pilot:gone cannot be pulled")


@pytest.mark.parametrize(
    "other",
    [
        pod("one"),
        pod("one", waiting={"reason": "ErrImagePull", "message": "a hiccup, tried again at once"}),
        pod("one", waiting={"reason": "ContainerCreating"}),
        pod("one", waiting=BACK_OFF, of="istiod-other"),
        pod("one", waiting=BACK_OFF, deletionTimestamp="2026-01-01T00:00:00Z"),
    ],
)
def test_what_runs_is_tried_again_goes_or_is_of_others_is_not(other: dict[str, Any]) -> None:
    assert seen(ISTIOD, other) == ""


def test_only_pods_are_looked_at_and_only_where_something_has_pods() -> None:
    api = Pods(pod("one", waiting=BACK_OFF))
    assert unpullable(cast(Api, api), Ref(SERVICE, "ns", "istiod")) == ""
    assert unpullable(cast(Api, api), "something else") == ""
    assert api.asked == []
    assert unpullable(cast(Api, api), Labelled(POD, "ns", "app=x"))
    assert api.asked == [("/api/v1/namespaces/ns/pods", {"labelSelector": "app=x"})]
