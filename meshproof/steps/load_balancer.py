"""ACCESS=load-balancer on a cluster of ours: what gives the gateway's Service an address, and how it goes again.

MetalLB's controller alone is installed. It writes an address into the Service's status, and kube-proxy on the node
leads that address to the pods; announcing it beyond the node would take a speaker with rights on the node's network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshproof import yamls
from meshproof.checks.address import CONTROLLER, why_no_address, why_no_address_of_theirs
from meshproof.checks.finding import Finding
from meshproof.kube import kinds
from meshproof.kube.kinds import Kind, Ref
from meshproof.kube.objects import Service
from meshproof.manifests import manifest
from meshproof.names import service_of_gateway
from meshproof.path.link import Link, Site
from meshproof.steps.helm import install, uninstall
from meshproof.steps.model import Command, apply, delete, shell, write
from meshproof.steps.setting import Setting

EXTRA = "load-balancer"  # in images.toml and releases.toml
NAMESPACE = "metallb-system"
ITS_NAMESPACE = Ref(kinds.NAMESPACE, "", NAMESPACE)
RELEASE = "metallb"
POOL_SIZE = 4
VALUES = "metallb.yaml"
KNOWN_AS = "{.status.acceptedNames.kind}"
FROM_POOL = "metallb.io/ip-allocated-from-pool"  # which MetalLB notes on a Service
EVENT = Kind("Event", "events")
POOL = Kind("IPAddressPool", "ipaddresspools", "metallb.io", "v1beta1")


def commands(setting: Setting) -> tuple[Command, ...]:
    """What a reader types, in order; Services of type LoadBalancer are then given an address of the setting's pool."""
    parts = setting.parts
    return (
        write(VALUES, yamls.dump(values(parts.images[CONTROLLER]))),
        install(parts, RELEASE, RELEASE, NAMESPACE, "--create-namespace", "--values", VALUES),
        # A definition that is quite new has no conditions yet, which kubectl takes for an error; names it has.
        shell("kubectl", "wait", f"--for=jsonpath={KNOWN_AS}={POOL.name}", f"crd/{POOL.plural}.{POOL.group}"),
        apply(manifest("address-pool.yaml", {"addresses": ", ".join(f"{address}/32" for address in setting.pool)})),
    )


def undo(setting: Setting) -> tuple[Command, ...]:
    """The way back. The Service keeps its address in its status, which nobody takes from it any more."""
    return (
        uninstall(RELEASE, NAMESPACE),
        delete(ITS_NAMESPACE),
        shell("kubectl", "annotate", *service_of_gateway(setting.names.gateway).typed, f"{FROM_POOL}-"),
    )


def stays(setting: Setting, site: Site) -> bool:
    """Whether it is there from an earlier run, and not to be."""
    ours = setting.makes.cluster and not setting.choices.balanced
    return ours and site.api.find(ITS_NAMESPACE.path) is not None


def find_address(setting: Setting) -> Command:
    """How the page finds the gateway's address."""
    path = "{.status.loadBalancer.ingress[0]['hostname','ip']}"
    return shell("kubectl", "get", *service_of_gateway(setting.names.gateway).typed, "--output", f"jsonpath={path}")


@dataclass(frozen=True)
class Address:
    """The address of the gateway's Service, or why it has none."""

    address: str
    why: str = ""


def address(setting: Setting) -> Link[Address]:
    """The address that the gateway's Service was given."""
    ref = service_of_gateway(setting.names.gateway)

    def read(site: Site) -> Address:
        raw = site.api.get(ref.path)
        if found := Service.from_dict(raw).address:
            return Address(found)
        about = f"involvedObject.kind=Service,involvedObject.name={ref.name}"
        events = site.api.list(EVENT.within(ref.namespace), fieldSelector=about)
        if not setting.makes.cluster:
            return Address("", why_no_address_of_theirs(raw, events))
        controller = site.api.find(Ref(kinds.DEPLOYMENT, NAMESPACE, CONTROLLER).path)
        return Address("", why_no_address(raw, events, controller, site.api.list(POOL.within(NAMESPACE))))

    return Link(f"address of {ref}", ref, read, (ref.kind.within(ref.namespace),))


def has_address(seen: Address) -> Finding:
    """The Service has an address."""
    return Finding(bool(seen.address), "an address", seen.address or seen.why)


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
