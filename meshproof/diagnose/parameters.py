"""GatewayParameters: whether they are attached, and whether what they say is so."""

from __future__ import annotations

from meshproof import yamls
from meshproof.diagnose.look import Look
from meshproof.diagnose.remedies import attached, patched
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import service_of
from meshproof.kube.kinds import GATEWAY, GATEWAY_PARAMETERS, Ref
from meshproof.kube.objects import Parameters
from meshproof.path import around
from meshproof.path.istiods import Istiod
from meshproof.path.link import Unseen
from meshproof.path.mesh import XDS_PORT

OLD_ANNOTATION = "gateway.kgateway.dev/gateway-parameters-name"
FIELDS = {"istioDiscoveryAddress": "address", "istioMetaClusterId": "cluster_id", "istioMetaMeshId": "mesh_id"}
PREFIX = "kube.istio.istioProxyContainer"
# What the agent says when istiod gives it no certificate; why it is refused, istiod says in its own log.
# Source: security/pkg/nodeagent of istio/istio; said by agents of 1.29 and 1.31.
REFUSED = ("failed to get certificate", "failed to generate workload certificate")


def parameters(scene: Scene, look: Look) -> None:
    """GatewayParameters: whether they are attached, and whether what they say is so."""
    ref, every = scene.parameters_ref, scene.need(around.PARAMETERS)
    gateway = Ref(GATEWAY, scene.gateway.namespace, scene.gateway.name)
    look.object = str(ref) if ref else "none: kgateway's defaults"
    if not scene.on:
        return
    if ref and (ref.namespace, ref.name) not in every:
        abroad = [namespace for namespace, name in every if name == ref.name]
        where = f"they are in {', '.join(abroad)}, and must be in the Gateway's own" if abroad else "there are none"
        look.find(
            "other-namespace" if abroad else "missing",
            f"{gateway} refers to {ref}, which does not exist: {where}",
            gateway,
            f"spec.infrastructure.parametersRef: {scene.gateway.parameters_ref}",
            *(f"status: {each}" for each in scene.gateway.conditions if each.status == "False"),
            remedy=_made(scene, ref),
        )
    elif ref:
        _values(scene, look, ref, every[ref.namespace, ref.name])
    else:
        _unattached(scene, look, gateway)


def suffers(scene: Scene) -> bool:
    """Whether a pod of the gateway is not ready, or has no certificate's containers."""
    its = scene.gateway_pods
    return not its or any(not pod.all_ready for pod in its)


def _unattached(scene: Scene, look: Look, gateway: Ref) -> None:
    """A Gateway without parameters, which has kgateway's defaults."""
    classes = scene.controller.env.get(scene.dialect.class_parameters_env, "{}")
    if scene.gateway.gateway_class in classes:
        look.see(f"{scene.dialect.class_parameters_env}: {classes}")
        return
    theirs = [
        name
        for (namespace, name), its in scene.need(around.PARAMETERS).items()
        if namespace == gateway.namespace and any(leaf.startswith("kube.istio.") for leaf in its.leaves)
    ]
    used = {
        each.parameters_ref.partition("/")[2]
        for each in scene.need(around.GATEWAYS)
        if each.namespace == gateway.namespace
    }
    annotated = scene.gateway.annotations.get(OLD_ANNOTATION, "")
    free = [name for name in theirs if name not in used]
    name = annotated if annotated in theirs else next(iter(free), "")
    if not annotated and not name:
        look.see("the Gateway refers to none")
        return
    severity = "error" if suffers(scene) else "warning"
    ref = Ref(GATEWAY_PARAMETERS, gateway.namespace, name or annotated)
    words, told, evidence = (
        (
            "annotation",
            f"{gateway} names {ref} in an annotation, which this kgateway ignores; spec.infrastructure attaches them",
            f'metadata.annotations["{OLD_ANNOTATION}"]: {annotated}',
        )
        if annotated
        else (
            "not-attached",
            f"{ref} says how to join the mesh, and no Gateway refers to it: the gateway's pod has kgateway's defaults",
            "spec.infrastructure.parametersRef: (none)",
        )
    )
    remedy = attached(scene, gateway, ref) if name else ""
    look.find(words, told, gateway, evidence, *_containers(scene), remedy=remedy, severity=severity)


def _values(scene: Scene, look: Look, ref: Ref, stored: Parameters) -> None:
    """What attached parameters say of istiod, beside what istiod says of itself."""
    told = {key: str(getattr(stored, field)) for key, field in FIELDS.items() if f"{PREFIX}.{key}" in stored.leaves}
    empty = [key for key, value in told.items() if not value]
    lines = [line for its in scene.logs.values() for line in its]
    if not suffers(scene):
        look.see(f"attached; {stored}")
        return
    certain = not scene.unsettled.get("gateway") or any(word in line for word in REFUSED for line in lines)
    if not certain:
        look.unsettled = scene.unsettled["gateway"]
        return
    istiod = scene.istiod
    for key in empty:
        look.find(
            "empty-value",
            f"{key} of {ref} is stored empty, as a shell variable that nothing set leaves it",
            ref,
            f'spec.{PREFIX}.{key}: ""',
            remedy=_corrected(scene, ref, key, istiod),
        )
    address = told.get("istioDiscoveryAddress", "")
    if address and _is_no_istiods(scene, address):
        there = ", ".join(f"{each.deployment.name}.{each.namespace}.svc:{XDS_PORT}" for each in scene.istiods)
        look.find(
            "istiod-address",
            f"{ref} has the gateway get its certificate from {address}, which is no istiod's; there is {there}",
            ref,
            f"spec.{PREFIX}.istioDiscoveryAddress: {address}",
            *_last(lines),
            remedy=_corrected(scene, ref, "istioDiscoveryAddress", next(iter(scene.istiods), None)),
        )
    cluster = told.get("istioMetaClusterId", "")
    if cluster and istiod and cluster != istiod.cluster_id and not look.causes:
        look.find(
            "cluster-id",
            f"{ref} says that the gateway is in cluster {cluster}; istiod knows itself as {istiod.cluster_id}, and "
            "refuses a certificate to any other",
            ref,
            f"spec.{PREFIX}.istioMetaClusterId: {cluster}",
            f"{istiod.deployment} env CLUSTER_ID: {istiod.cluster_id}",
            *_last(lines),
            remedy=_corrected(scene, ref, "istioMetaClusterId", istiod),
        )
    if not look.causes:
        look.see(f"attached; {stored}")


def _is_no_istiods(scene: Scene, address: str) -> bool:
    """Whether an address is one within the cluster, and of no istiod; of others nothing can be said."""
    service = service_of(address)
    if service is None or not address.endswith(f":{XDS_PORT}"):
        port = address.rpartition(":")[2]
        return service is not None and port.isdigit() and port not in ("15010", str(XDS_PORT))
    return scene.at_address(address) is None


def _last(lines: list[str]) -> list[str]:
    """The last line of the agent's log that says what is wrong."""
    wrong = [line for line in lines if any(word in line for word in (*REFUSED, "error", "failed"))]
    return [f"log of istio-proxy: {line[:300]}" for line in wrong[-1:]]


def _corrected(scene: Scene, ref: Ref, key: str, istiod: Istiod | None) -> str:
    if istiod is None:
        return ""
    right = _right(istiod)[key]
    return patched(scene, ref, {"spec": {"kube": {"istio": {"istioProxyContainer": {key: right}}}}})


def _right(istiod: Istiod) -> dict[str, str]:
    return {
        "istioDiscoveryAddress": f"{istiod.deployment.name}.{istiod.namespace}.svc:{XDS_PORT}",
        "istioMetaClusterId": istiod.cluster_id,
        "istioMetaMeshId": istiod.trust_domain,
    }


def _made(scene: Scene, ref: Ref) -> str:
    """A command that makes parameters of that name, for the istiod that is there and the proxy that it runs."""
    istiod = scene.istiod
    if istiod is None:
        return ""
    container: dict[str, object] = {**_right(istiod)}
    name, _, tag = istiod.proxy_image.rpartition(":")
    registry, _, repository = name.rpartition("/")
    if registry and tag:
        container["image"] = {"registry": registry, "repository": repository, "tag": tag}
    document = {
        "apiVersion": f"{ref.kind.group}/{ref.kind.version}",
        "kind": ref.kind.name,
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "spec": {"kube": {"istio": {"istioProxyContainer": container}}},
    }
    return scene.applied(yamls.dump(document))


def _containers(scene: Scene) -> list[str]:
    """What containers of the gateway's pods that are not ready do."""
    try:
        return [
            f"Pod {pod.namespace}/{pod.name} {part.name}: {part.state or 'not created'}"
            for pod in scene.gateway_pods
            for part in pod.containers
            if not part.ready
        ]
    except Unseen:
        return []
