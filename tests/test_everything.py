"""Every object of a cluster: whatever its kind, in whichever version, and each once."""

from __future__ import annotations

from typing import Any, cast

import pytest
from api_stand_in import KINDS, Served, thing

from meshproof.errors import MachineCannot
from meshproof.kube.api import Api
from meshproof.kube.everything import Object, everything


def found(*objects: dict[str, Any]) -> tuple[Object, ...]:
    return everything(cast(Api, Served(list(objects))))


def test_an_object_of_every_kind_is_found_but_events() -> None:
    kinds = [kind for kind in KINDS if kind != "Event"]
    seen = found(*(thing(kind, "ns/it") for kind in kinds), thing("Event", "ns/it"))
    assert sorted(each.kind.partition(".")[0] for each in seen) == sorted(kinds)


def test_a_kind_that_the_preferred_version_of_its_group_has_not_is_found_in_the_other() -> None:
    [bundle] = found(thing("ClusterTrustBundle", "it"))
    assert (bundle.kind, bundle.ref) == ("ClusterTrustBundle.certificates.k8s.io", "it")


def test_an_object_that_is_served_twice_is_one_object() -> None:
    pod = thing("Pod", "ns/it")
    assert found(pod, pod) == found(pod)


def test_what_is_worked_out_when_it_is_asked_for_is_no_object() -> None:
    assert found(thing("ComponentStatus", "scheduler", meta={"uid": ""})) == ()


def test_a_group_that_goes_meanwhile_has_nothing() -> None:
    class Going(Served):
        def find(self, path: str) -> dict[str, Any] | None:
            return None if path.startswith("/apis/networking.istio.io") else super().find(path)

    api = Going([thing("EnvoyFilter", "ns/it"), thing("Secret", "ns/it")])
    assert [str(each) for each in everything(cast(Api, api))] == ["Secret ns/it"]


def api_service(version: str, available: str, *, elsewhere: bool = True) -> dict[str, Any]:
    by = {"service": {"namespace": "ns", "name": "it"}} if elsewhere else {}
    spec = {"group": "networking.istio.io", "version": version, **by}
    return thing("APIService", version, spec=spec, status={"conditions": [{"type": "Available", "status": available}]})


class Unreachable(Served):
    """One of its groups is served by a server that cannot be reached."""

    def find(self, path: str) -> dict[str, Any] | None:
        if path == "/apis/networking.istio.io/v1alpha3":
            raise MachineCannot(f"{path}: the API server answered 503: service unavailable")
        return super().find(path)


def test_what_another_server_serves_is_left_out_while_that_cannot_be_reached() -> None:
    service = api_service("v1alpha3", "False")
    seen = everything(cast(Api, Unreachable([service, thing("EnvoyFilter", "ns/it"), thing("Secret", "ns/it")])))
    assert {str(each) for each in seen} == {"APIService v1alpha3", "Secret ns/it"}


@pytest.mark.parametrize(
    "service",
    [
        api_service("v1alpha3", "True"),
        api_service("v1alpha3", "False", elsewhere=False),
        api_service("v1", "False"),
    ],
)
def test_what_does_not_answer_otherwise_is_no_reason_to_go_on_without_it(service: dict[str, Any]) -> None:
    with pytest.raises(MachineCannot, match="503"):
        everything(cast(Api, Unreachable([service])))


def test_an_object_has_its_name_labels_and_owners() -> None:
    owner = thing("Node", "owner")
    [pod] = [each for each in found(owner, thing("Pod", "ns/it", labels={"a": "b"}, owners=[owner])) if each.namespace]
    assert (pod.namespace, pod.name, pod.labels, pod.owners) == ("ns", "it", {"a": "b"}, ("uid of Node owner",))
    assert pod.raw["metadata"]["uid"] == pod.uid == "uid of Pod ns/it"
