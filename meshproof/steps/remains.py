"""What in a cluster is Istio's, and what of that its istiod leaves behind on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshproof.checks.hops import SIDECAR
from meshproof.kube.everything import Object
from meshproof.kube.inventory import Content, content
from meshproof.kube.makers import makers
from meshproof.kube.raw import Raw
from meshproof.kube.workloads import Pod

DOMAIN = "istio.io"
# What Istio's charts write beside labels of its own domain.
# Source: manifests/charts of istio/istio, the templates' labels.
_CHARTS = frozenset({"istio", "istiod", "istio-base"})
_NAMING_LABELS = ("app", "release", "app.kubernetes.io/part-of", "app.kubernetes.io/instance", "app.kubernetes.io/name")
_ASKS = "sidecar.istio.io"  # by these an app asks for a sidecar, or for none: they are its own
_IMAGES = frozenset({"proxyv2", "pilot", "ztunnel", "install-cni"})  # whatever the registry and the container's name
# A pod's containers, also those with which it begins and those that `kubectl debug` puts into it.
_CONTAINERS = ("spec.containers", "spec.initContainers", "spec.ephemeralContainers")
# Classes that istiod registers, each with the controller that serves it.
# Source: BuiltinGatewayClasses in pilot/pkg/config/kube of istio/istio.
_CLASSES = {"istio": "istio.io/gateway-controller", "istio-remote": "istio.io/unmanaged-gateway"}
_PEM = "-----BEGIN CERTIFICATE-----"


def remains(objects: Sequence[Object], namespace: str) -> tuple[Object, ...]:
    """What there is of Istio, by label, API group, image or name, but for what it leaves on purpose.

    A pod counts until its containers have ended, whether or not its deletion has begun. What goes with an object that
    is there, such as the ReplicaSets that a Deployment keeps, is no more Istio's than that object is.

    Args:
        objects: Every object of the cluster.
        namespace: The namespace of istiod, in which everything is Istio's.
    """
    made = makers(objects)
    return tuple(each for each in objects if _counts(each, namespace) and (each.kind == "Pod" or not made[each.uid]))


def is_left_on_purpose(kind: str, ref: str, now: Content) -> bool:
    """Whether an object is one that istiod makes outside of its namespace and never takes back, to the letter."""
    return is_class(kind, ref, now) or is_root_of_trust(kind, ref, now)


def is_class(kind: str, ref: str, now: Content) -> bool:
    """Whether it is a GatewayClass that istiod registers, for the very controller that it is registered for."""
    if kind != "GatewayClass.gateway.networking.k8s.io" or ref not in _CLASSES:
        return False
    return now["spec"].keys() <= {"controllerName", "description"} and now["spec"]["controllerName"] == _CLASSES[ref]


def is_root_of_trust(kind: str, ref: str, now: Content) -> bool:
    """Whether it is the root certificate or the revocation list of istiod in a namespace, and nothing else is in it."""
    # Source: pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go of istio/istio. The certificate authority
    # is istiod's own here, which has no revocation list.
    namespace, _, name = ref.partition("/")
    metadata = {"name": name, "namespace": namespace, "labels": {"istio.io/config": "true"}, "annotations": {}}
    data: Mapping[str, str] = now.get("data", {})
    if kind != "ConfigMap" or dict(now) != {"metadata": metadata, "data": data}:
        return False
    root = name == "istio-ca-root-cert" and list(data) == ["root-cert.pem"] and data["root-cert.pem"].startswith(_PEM)
    return root or (name == "istio-ca-crl" and data == {"ca-crl.pem": ""})


def _counts(each: Object, namespace: str) -> bool:
    if each.kind == "Pod":
        return not Pod.from_dict(each.raw).ended and (_runs_istio(each) or _is_istios(each, namespace))
    return _is_istios(each, namespace) and not is_left_on_purpose(each.kind, each.ref, content(each))


def _runs_istio(pod: Object) -> bool:
    raw = Raw.of(pod.kind, pod.raw)
    parts = [part for path in _CONTAINERS for part in raw.parts(path)]
    return any(part.need("name", str) == SIDECAR or _program(part.need("image", str)) in _IMAGES for part in parts)


def _is_istios(each: Object, namespace: str) -> bool:
    domains = (set(map(_domain, each.labels)) - {_ASKS}) | {each.kind.partition(".")[2]}
    return (
        any(_is_of(DOMAIN, domain) for domain in domains)
        or namespace in (each.namespace, each.name if each.kind == "Namespace" else "")
        or any(each.labels.get(label) in _CHARTS for label in _NAMING_LABELS)
        or _is_named_so(each)
    )


def _is_named_so(each: Object) -> bool:
    """Whether its name is one of Istio's; what is in a namespace, and a namespace, is named by whoever uses it."""
    if each.namespace or each.kind == "Namespace":
        return False
    return each.name.startswith("istio") or _is_of(DOMAIN, each.name)


def _is_of(domain: str, name: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _program(image: str) -> str:
    """The last part of an image's name: `proxyv2` of `registry:5000/istio/proxyv2:1.30@sha256:…`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _domain(label: str) -> str:
    return label.rpartition("/")[0]
