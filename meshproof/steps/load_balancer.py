"""ACCESS=load-balancer on a cluster of ours: what gives the gateway's Service an address, and how it goes again.

MetalLB's controller alone is installed. It writes an address into the Service's status, and kube-proxy on the node
leads that address to the pods; announcing it beyond the node would take a speaker with rights on the node's network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address

from meshproof import yamls
from meshproof.images import Parts
from meshproof.manifests import manifest
from meshproof.steps.model import Command, apply, shell, write

EXTRA = "load-balancer"  # in images.toml and releases.toml
NAMESPACE = "metallb-system"
RELEASE = "metallb"
POOL_SIZE = 4
VALUES = "metallb.yaml"


def install(parts: Parts, addresses: Sequence[IPv4Address]) -> tuple[Command, ...]:
    """What a reader types, in order; Services of type LoadBalancer are then given one of these addresses.

    Args:
        parts: Of a cell with the extra `EXTRA`.
        addresses: Ones that nobody has, of the node's network.
    """
    version = parts.chart_versions[RELEASE]
    helm = ["helm", "upgrade", "--install", RELEASE, parts.charts[RELEASE], "--namespace", NAMESPACE]
    return (
        write(VALUES, yamls.dump(values(parts.images["metallb-controller"]))),
        shell(*helm, *(["--version", version] if version else []), "--create-namespace", "--values", VALUES),
        shell("kubectl", "wait", "--for=condition=Established", "crd/ipaddresspools.metallb.io"),
        apply(manifest("address-pool.yaml", addresses=", ".join(f"{address}/32" for address in addresses))),
    )


def uninstall() -> tuple[Command, ...]:
    """The way back. The gateway goes before: a Service keeps an address that nobody takes from it any more."""
    return (
        shell("helm", "uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found"),
        shell("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found"),
    )


def values(image: str) -> Mapping[str, object]:
    """Helm values with which MetalLB is installed.

    No speaker, and no web hook: only we write pools here, and one that is not up yet would refuse them.
    """
    repository, _, tag = image.rpartition(":")
    return {
        "controller": {
            "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
            "webhookMode": "disabled",
            "readinessProbe": {"initialDelaySeconds": 0, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}},
        },
        "speaker": {"enabled": False},
        "frrk8s": {"enabled": False},
        "prometheus": {"rbacPrometheus": False},
        "crds": {"validationFailurePolicy": "Ignore"},
    }
