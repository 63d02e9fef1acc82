"""What may differ after the clean-up, to the letter; the near misses of it, which may not."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from api_stand_in import objects, thing
from mesh_objects import PEM, gateway_class, revoked, root
from snapshots import SETTING

from meshproof.formats.helm import NotARelease
from meshproof.kube.inventory import inventory_of
from meshproof.steps.left_behind import ALLOWED, LeftBehind, left_behind

Made = dict[str, Any]
TAKEN = "2026-01-01 00:00:00"


def record(values: object, chart: str = "2.4.0") -> str:
    """A release as Helm stores it and the API serves it."""
    told = {"config": values, "chart": {"metadata": {"name": "kgateway", "version": chart}}}
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(told).encode()))).decode()


def helm(version: int = 1, name: str = "kgateway", ref: str = "", status: str = "deployed", **more: Any) -> Made:
    labels = {"owner": "helm", "name": name, "version": str(version), "status": status}
    made: Made = {"type": "helm.sh/release.v1", "data": {"release": record({"a": 1})}, **more}
    return thing("Secret", ref or f"kgateway-system/sh.helm.release.v1.{name}.v{version}", labels=labels, **made)


def deployment(ref: str = "httpbin/httpbin", replicas: int = 1, annotations: dict[str, str] | None = None) -> Made:
    template = {"metadata": {"annotations": annotations or {}}}
    return thing("Deployment", ref, spec={"replicas": replicas, "template": template})


CONTROLLER = "kgateway-system/kgateway"
RESTARTED = {"kubectl.kubernetes.io/restartedAt": "now"}


def token(expiration: str = "2026-01-02T00:00:00Z", **more: Any) -> Made:
    data = {"expiration": base64.b64encode(expiration.encode()).decode()}
    made: Made = {"type": "bootstrap.kubernetes.io/token", "data": data, **more}
    return thing("Secret", "kube-system/bootstrap-token-abcdef", **made)


def cluster_info(**data: str) -> Made:
    return thing("ConfigMap", "kube-public/cluster-info", data={"kubeconfig": "it", **data})


SIGNATURE = {"jws-kubeconfig-abcdef": "x"}


def request(username: str = "system:node:n", signer: str = "kubernetes.io/kube-apiserver-client-kubelet") -> Made:
    return thing("CertificateSigningRequest", "csr-x", spec={"username": username, "signerName": signer})


Objects = list[Made]
EXPLAINED: dict[str, tuple[Objects, Objects]] = {
    "root certificate": ([], [root()]),
    "root certificate of another istiod": ([root()], [root(data={"root-cert.pem": PEM.replace("MII", "MIJ")})]),
    "revocation list": ([], [revoked()]),
    "class": ([], [gateway_class("istio", "istio.io/gateway-controller")]),
    "class of the remote": ([], [gateway_class("istio-remote", "istio.io/unmanaged-gateway")]),
    "revision": ([helm()], [helm(), helm(2)]),
    "revision that is superseded": ([helm()], [helm(status="superseded")]),
    "revision beyond the history": ([helm(), helm(2)], [helm(2)]),
    "restart": ([deployment()], [deployment(annotations=RESTARTED)]),
    "token": ([token()], []),
    "signature": ([cluster_info(**SIGNATURE)], [cluster_info()]),
    "request of a kubelet": ([request()], []),
}
UNEXPLAINED: dict[str, tuple[Objects, Objects]] = {
    "root certificate gone": ([root()], []),
    "root certificate with other data": ([], [root(data={"root-cert.pem": "x"})]),
    "root certificate overwritten": ([root()], [root(data={"root-cert.pem": "x"})]),
    "revocation list with other data": ([], [revoked("kube-system/istio-ca-crl", "x")]),
    "certificate under another name": ([], [root("httpbin/istio-ca-root-cert-2")]),
    "certificate as a Secret": ([], [thing("Secret", "httpbin/istio-ca-root-cert", data={"root-cert.pem": PEM})]),
    "class of another controller": ([], [gateway_class("istio-my-own", "example.com/mine")]),
    "class of Istio's name and another controller": ([], [gateway_class("istio", "example.com/mine")]),
    "class with parameters": ([], [gateway_class("istio", "istio.io/gateway-controller", parametersRef={})]),
    "class gone": ([gateway_class("istio", "istio.io/gateway-controller")], []),
    "class of kgateway": ([], [gateway_class("kgateway", "kgateway.dev/kgateway")]),
    "Secret with a name like Helm's": ([], [helm(name="anything")]),
    "Secret with the name of a revision": ([], [helm(type="Opaque")]),
    "revision that is not Helm's": ([], [{**helm(), "metadata": {**helm()["metadata"], "labels": {}}}]),
    "revision of another namespace": ([], [helm(ref="istio-system/sh.helm.release.v1.kgateway.v1")]),
    "revision under another number": ([], [helm(2, ref="kgateway-system/sh.helm.release.v1.kgateway.v3")]),
    "revision with more in it": ([helm()], [helm(data={"release": record({"a": 1}), "more": "x"})]),
    "restart and more": ([deployment()], [deployment(replicas=2, annotations=RESTARTED)]),
    "another annotation": ([deployment()], [deployment(annotations={"mine": "x"})]),
    "restart of another": ([deployment(CONTROLLER)], [deployment(CONTROLLER, annotations=RESTARTED)]),
    "restart of another of that name": ([deployment("ns/httpbin")], [deployment("ns/httpbin", annotations=RESTARTED)]),
    "token before its end": ([token("2999-01-01T00:00:00Z")], []),
    "token without an end": ([token(data={})], []),
    "token with an end that cannot be read": ([token("soon")], []),
    "token with an end without a zone": ([token("2026-01-02T00:00:00")], []),
    "token of another type": ([token(type="Opaque")], []),
    "token that is new": ([], [token()]),
    "signature that is another": ([cluster_info(**SIGNATURE)], [cluster_info(**{"jws-kubeconfig-abcdef": "y"})]),
    "signature and more": ([cluster_info(mine="x", **SIGNATURE)], [cluster_info()]),
    "request of somebody else": ([request("eve")], []),
    "request for something else": ([request(signer="example.com/mine")], []),
    "request that is new": ([], [request()]),
    "label": ([thing("Namespace", "httpbin")], [thing("Namespace", "httpbin", labels={"istio-injection": "enabled"})]),
    "pod": ([], [thing("Pod", "default/mine")]),
    "replica set": ([], [thing("ReplicaSet", "default/mine")]),
    "endpoints": ([], [thing("Endpoints", "default/mine")]),
    "endpoint slice": ([], [thing("EndpointSlice", "default/mine")]),
    "lease": ([], [thing("Lease", "default/mine")]),
    "in a version that is not preferred": ([], [thing("ClusterTrustBundle", "mine")]),
}


def left(then: Objects, now: Objects) -> LeftBehind:
    return left_behind(inventory_of(objects(*then)), inventory_of(objects(*now)), TAKEN, SETTING)


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_is_known_to_differ_is_explained(name: str) -> None:
    found = left(*EXPLAINED[name])
    assert found.unexpected == ()
    [(_, reason)] = found.explained
    assert str(found) == f"{found.compared} objects, compared with those of {TAKEN}: 1 explained: {reason}"


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_a_near_miss_is_not_explained(name: str) -> None:
    then, now = UNEXPLAINED[name]
    found = left(then, [*now, revoked("ns/istio-ca-crl")])
    assert len(found.explained) == 1
    [difference] = found.unexpected
    assert str(found) == f"different since {TAKEN}: {difference}"


def test_every_reason_explains_something_here() -> None:
    reasons = {reason for case in EXPLAINED.values() for _, reason in left(*case).explained}
    assert reasons == {reason for _, reason in ALLOWED}


def test_no_difference_is_said_so() -> None:
    assert str(left([], [])) == f"0 objects, compared with those of {TAKEN}: no difference"


def test_the_values_that_helm_keeps_are_compared_in_the_newest_revisions() -> None:
    def run(*values: object) -> Objects:
        return [helm(number, data={"release": record(its)}) for number, its in enumerate(values, 9)]

    same, switched = {"a": {"b": 1}}, {"a": {"b": 1}, "extra": {"on": True}}
    assert left(run(same), run(same, switched, same)).unexpected == ()
    assert list(map(str, left(run(same), run(same, switched)).unexpected)) == [
        "changed HelmRelease kgateway-system/kgateway (values.extra.on)"
    ]
    newer = [*run(same), helm(10, data={"release": record(same, chart="2.5.0")})]
    assert list(map(str, left(run(same), newer).unexpected)) == ["changed HelmRelease kgateway-system/kgateway (chart)"]


@pytest.mark.parametrize(
    "data", ["", "x", base64.b64encode(b"x").decode(), base64.b64encode(base64.b64encode(b"x")).decode()]
)
def test_a_record_that_is_none_is_told_so(data: str) -> None:
    with pytest.raises(NotARelease, match="Helm's record of a release: cannot be read"):
        left([], [helm(data={"release": data})])
