"""An API server without a cluster: it serves the objects that it is given, below the paths of their kinds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshproof.kube.api import NotFound
from meshproof.kube.everything import Object

# The version in which a kind is served, and its plural.
KINDS: dict[str, tuple[str, str]] = {
    "Pod": ("v1", "pods"),
    "Namespace": ("v1", "namespaces"),
    "Node": ("v1", "nodes"),
    "Service": ("v1", "services"),
    "Endpoints": ("v1", "endpoints"),
    "ConfigMap": ("v1", "configmaps"),
    "Secret": ("v1", "secrets"),
    "Event": ("v1", "events"),
    "ComponentStatus": ("v1", "componentstatuses"),
    "Deployment": ("apps/v1", "deployments"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "ControllerRevision": ("apps/v1", "controllerrevisions"),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices"),
    "AuthorizationPolicy": ("security.istio.io/v1", "authorizationpolicies"),
    "PeerAuthentication": ("security.istio.io/v1", "peerauthentications"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Lease": ("coordination.k8s.io/v1", "leases"),
    "CertificateSigningRequest": ("certificates.k8s.io/v1", "certificatesigningrequests"),
    "ClusterTrustBundle": ("certificates.k8s.io/v1beta1", "clustertrustbundles"),
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles"),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "MutatingWebhookConfiguration": ("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"),
    "APIService": ("apiregistration.k8s.io/v1", "apiservices"),
    "Gateway": ("gateway.networking.k8s.io/v1", "gateways"),
    "GatewayClass": ("gateway.networking.k8s.io/v1", "gatewayclasses"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    "GatewayParameters": ("gateway.kgateway.dev/v1alpha1", "gatewayparameters"),
    "Backend": ("gateway.kgateway.dev/v1alpha1", "backends"),
    "EnvoyFilter": ("networking.istio.io/v1alpha3", "envoyfilters"),
    "DestinationRule": ("networking.istio.io/v1", "destinationrules"),
    "BackendTLSPolicy": ("gateway.networking.k8s.io/v1", "backendtlspolicies"),
    "BackendConfigPolicy": ("gateway.kgateway.dev/v1alpha1", "backendconfigpolicies"),
}
_PATH = re.compile(
    r"(?P<root>/api/v1|/apis/[^/]+/[^/]+)/(namespaces/(?P<namespace>[^/]+)/)?(?P<plural>[^/]+)(/(?P<name>[^/]+))?"
)


def thing(
    kind: str,
    ref: str,
    *,
    labels: dict[str, str] | None = None,
    owners: Sequence[dict[str, Any]] = (),
    meta: dict[str, Any] | None = None,
    **body: Any,
) -> dict[str, Any]:
    """An object; `ref` is NAMESPACE/NAME or NAME, and `owners` are objects."""
    namespace, _, name = ref.rpartition("/")
    metadata: dict[str, Any] = {
        "name": name,
        "uid": f"uid of {kind} {ref}",
        **({"namespace": namespace} if namespace else {}),
    }
    if labels:
        metadata["labels"] = labels
    if owners:
        metadata["ownerReferences"] = [
            {
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
            for owner in owners
        ]
    return {"kind": kind, "metadata": {**metadata, **(meta or {})}, **body}


def a_pod(ref: str, *containers: str, states: str = "running", image: str = "image", **more: Any) -> dict[str, Any]:
    """A pod whose containers are all in one state."""
    statuses: list[dict[str, Any]] = [{"name": name, "ready": True, "state": {states: {}}} for name in containers]
    status = {"phase": "Running", "containerStatuses": statuses}
    spec = {"containers": [{"name": name, "image": image} for name in containers]}
    return thing("Pod", ref, spec=spec, status=status, **more)


def objects(*things: dict[str, Any]) -> tuple[Object, ...]:
    """The same as they are read, without asking a server."""
    groups = {kind: version.partition("/")[0] for kind, (version, _) in KINDS.items() if "/" in version}
    names = {kind: f"{kind}.{groups[kind]}" if kind in groups else kind for kind in KINDS}
    return tuple(Object.from_dict(names[each["kind"]], _item(each)) for each in things)


def _item(of: dict[str, Any]) -> dict[str, Any]:
    """As the items of a list are served."""
    return {key: value for key, value in of.items() if key != "kind"}


@dataclass
class Served:
    """An API server and the cluster around it: `objects` are there, `work` is its folder."""

    objects: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    work: Path = Path("/nowhere")

    @property
    def api(self) -> Served:
        return self

    def get(self, path: str) -> dict[str, Any]:
        if (found := self.find(path)) is None:
            raise NotFound(path)
        return found

    def find(self, path: str) -> dict[str, Any] | None:
        if path == "/apis":
            return {"groups": self._groups()}
        if path == "/api/v1" or path.count("/") == 3:
            return {"resources": self._resources(path.removeprefix("/apis/").removeprefix("/api/"))}
        return next(iter(self._matching(path)), None)

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        wanted = dict(pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair)
        found = self._matching(path)
        return [each for each in found if wanted.items() <= each["metadata"].get("labels", {}).items()]

    def remove(self, *kinds_and_names: str) -> None:
        """Take objects away by `KIND NAME`."""
        self.objects = [o for o in self.objects if f"{o['kind']} {o['metadata']['name']}" not in kinds_and_names]

    def _matching(self, path: str) -> list[dict[str, Any]]:
        match = _PATH.fullmatch(path)
        assert match, path
        version = match["root"].removeprefix("/apis/").removeprefix("/api/")
        return [
            _item(each)
            for each in self.objects
            if KINDS[each["kind"]] == (version, match["plural"])
            if match["namespace"] in (None, each["metadata"].get("namespace"))
            if match["name"] in (None, each["metadata"]["name"])
        ]

    def _groups(self) -> list[dict[str, Any]]:
        groups: dict[str, list[str]] = {}
        for version, _ in KINDS.values():
            if "/" in version and version not in groups.setdefault(version.split("/")[0], []):
                groups[version.split("/")[0]].append(version)
        return [
            {
                "name": name,
                "preferredVersion": {"groupVersion": versions[0]},
                "versions": [{"groupVersion": version} for version in reversed(versions)],
            }
            for name, versions in groups.items()
        ]

    def _resources(self, version: str) -> list[dict[str, Any]]:
        kinds = [(kind, plural) for kind, (its, plural) in KINDS.items() if its == version]
        parts = [(kind, f"{plural}/status") for kind, plural in kinds]
        served = [{"name": plural, "kind": kind, "verbs": ["get", "list"]} for kind, plural in (*parts, *kinds)]
        return [*served, {"name": "bindings", "kind": "Binding", "verbs": ["create"]}]
