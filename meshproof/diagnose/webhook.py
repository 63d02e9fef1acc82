"""The webhook configuration that istiod's chart makes, to be given back where it is gone."""

from __future__ import annotations

from meshproof.kube.kinds import MUTATING_WEBHOOKS
from meshproof.names import INJECTION_LABEL, REVISION_LABEL
from meshproof.path.istiods import Istiod

OPT = "sidecar.istio.io/inject"


def configuration(istiod: Istiod) -> dict[str, object]:
    """A webhook configuration as istiod's chart makes it, for labels of namespaces alone."""
    suffix = f"-{istiod.chosen}" if istiod.chosen else ""
    asking: list[list[dict[str, object]]] = [
        [
            {"key": REVISION_LABEL, "operator": "In", "values": [istiod.revision]},
            {"key": INJECTION_LABEL, "operator": "DoesNotExist"},
        ]
    ]
    if not istiod.chosen:
        asking.append([{"key": INJECTION_LABEL, "operator": "In", "values": ["enabled"]}])
    named = {"name": istiod.deployment.name, "namespace": istiod.namespace, "path": "/inject", "port": 443}
    return {
        "apiVersion": f"{MUTATING_WEBHOOKS.group}/v1",
        "kind": MUTATING_WEBHOOKS.name,
        "metadata": {
            "name": f"istio-sidecar-injector{suffix}",
            "labels": {"app": "sidecar-injector", REVISION_LABEL: istiod.revision},
        },
        "webhooks": [
            {
                "name": f"{name}namespace.sidecar-injector.istio.io",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": dict(named)},  # YAML would have one refer to the other
                "failurePolicy": "Fail",
                "namespaceSelector": {"matchExpressions": expressions},
                "objectSelector": {"matchExpressions": [{"key": OPT, "operator": "NotIn", "values": ["false"]}]},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "sideEffects": "None",
            }
            for name, expressions in zip(("rev.", ""), asking, strict=False)
        ],
    }
