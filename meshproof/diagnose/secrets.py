"""Links of the gateway's certificate: the secret server, the certificate, and what Envoy holds of the backend."""

from __future__ import annotations

from datetime import UTC, datetime

from meshproof import yamls
from meshproof.checks.control_plane import from_root
from meshproof.diagnose.look import Look
from meshproof.diagnose.pods import SDS, container_told, lacks_secrets
from meshproof.diagnose.remedies import patched
from meshproof.diagnose.scene import Scene
from meshproof.dialects import upstream_of
from meshproof.errors import Refuted
from meshproof.formats.certificate import leaf_sha256, leaf_validity
from meshproof.formats.spiffe import SpiffeId
from meshproof.kube.kinds import POD, Ref
from meshproof.kube.workloads import Container, Pod
from meshproof.names import GATEWAY_LABEL
from meshproof.path.links import root_certificate

MATCH = "tlsMode-istio"


def sds(scene: Scene, look: Look) -> None:
    """The secret server, from which Envoy has its certificate."""
    pods = [(pod, part) for pod in scene.gateway_pods for part in pod.containers if part.name == SDS]
    look.object = f"container {SDS} of the gateway's pods"
    if not scene.on:
        return
    if look.waits(scene.unsettled.get("gateway")):
        return
    for pod, part in pods:
        if lacks_secrets(pod, scene.dialect):
            ref = Ref(POD, pod.namespace, pod.name)
            wrong = [f"env {name}: {value}" for name, value in part.env if name not in ("LOG_LEVEL",)]
            told = f"{SDS} of {ref} is not ready"
            look.suffer("not-ready", told, ref, container_told(part, scene, pod), *wrong, remedy=_plain_sds(scene))
        elif part.ready:
            look.see(f"{pod.name}: ready, {part.restarts} restarts")
            _open(scene, look, pod, part)


def _plain_sds(scene: Scene) -> str:
    """A command that takes out what the parameters say of it beside its image."""
    its, stored = scene.parameters_ref, scene.parameters
    if its is None or stored is None:
        return ""
    said = [leaf.split(".")[2] for leaf in stored.leaves if leaf.startswith("kube.sdsContainer.")]
    beside = dict.fromkeys(key for key in said if key != "image")
    if not beside:
        return ""
    return patched(scene, its, {"spec": {"kube": {"sdsContainer": beside}}})


def _open(scene: Scene, look: Look, pod: Pod, part: Container) -> None:
    """Whether others in the cluster can ask it for the gateway's key."""
    address = dict(part.env).get("SDS_SERVER_ADDRESS", "")
    guarded = [each for each in scene.network_policies if each.namespace == pod.namespace and each.ingress]
    if address.startswith("127.") or any(each.selects.matches(pod.labels) for each in guarded) or look.causes:
        return
    look.find(
        "open",
        f"{SDS} listens on all interfaces: whoever reaches the pod's port 8234 can read the gateway's key",
        Ref(POD, pod.namespace, pod.name),
        f"spec.containers[{SDS}].env SDS_SERVER_ADDRESS: {address or '(unset, 0.0.0.0:8234)'}",
        "no NetworkPolicy selects the pod",
        remedy=_guard(scene),
    )


def _guard(scene: Scene) -> str:
    """A command that leaves the pod's ports open but for that of its secret server."""
    ports = [{"port": 1, "endPort": 8233, "protocol": "TCP"}, {"port": 8235, "endPort": 65535, "protocol": "TCP"}]
    document = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"{scene.gateway.name}-sds-closed", "namespace": scene.gateway.namespace},
        "spec": {
            "podSelector": {"matchLabels": {GATEWAY_LABEL: scene.gateway.name}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": ports}],
        },
    }
    return scene.applied(yamls.dump(document))


def certificate(scene: Scene, look: Look) -> None:
    """The certificate that the gateway's Envoy shows to sidecars."""
    look.object = f"istio_server_cert in the Envoy of {scene.gateway.namespace}/{scene.gateway.name}"
    if not scene.on:
        return
    if look.waits(scene.unsettled.get("gateway")):
        return
    identity = SpiffeId(scene.trust_domain, scene.gateway.namespace, scene.gateway.name)
    roots = scene.need(root_certificate(scene.gateway.namespace))
    now = datetime.now(UTC)
    for name, proxy in scene.proxies.items():
        ref = Ref(POD, scene.gateway.namespace, name)
        if not proxy.chain:
            look.suffer("none", f"The Envoy of {ref} holds no certificate", ref, "/config_dump: no istio_server_cert")
            continue
        try:
            begin, end = leaf_validity(proxy.chain)
            found = from_root({name: proxy.chain}, roots, identity)
        except Refuted as problem:
            look.suffer("other-identity", f"The certificate of {ref} cannot be read", ref, str(problem))
            continue
        left = f"{(end - now).total_seconds() / 3600:.0f} h left, SHA-256 {leaf_sha256(proxy.chain)[:16]}…"
        if not begin <= now <= end:
            look.judge(found, "ended", f"The certificate of {ref} is not valid now", ref)
        elif "not of the gateway's service account" in found.observed:
            look.judge(found, "other-identity", f"The certificate of {ref} is of another identity", ref)
        elif look.judge(found, "other-root", f"The certificate of {ref} is not issued by istiod's root", ref):
            look.see(left)


def cluster(scene: Scene, look: Look) -> None:
    """What the gateway's Envoy holds of the backend."""
    names = [upstream_of(target.ref) for target in scene.targets]
    look.object = ", ".join(f"{name}{target.to.port or 0}" for name, target in zip(names, scene.targets, strict=True))
    if look.waits(scene.unsettled.get("gateway")):
        return
    for pod, proxy in scene.proxies.items():
        ref = Ref(POD, scene.gateway.namespace, pod)
        for target in scene.targets:
            its = [name for name in proxy.clusters if name == f"{upstream_of(target.ref)}{target.to.port}"]
            its = its or [name for name in proxy.clusters if name.startswith(upstream_of(target.ref))]
            if not its or not set(its) & set(proxy.led_to):
                look.suffer(
                    "not-received",
                    f"The Envoy of {ref} does not lead {scene.host} to {target.ref}, as the route has it",
                    ref,
                    f"/config_dump routes for {scene.host}: {', '.join(proxy.led_to) or 'none'}",
                )
                continue
            held = proxy.clusters[its[0]]
            wants = scene.on and not target.excluded and target.to.kind == "Service"
            if wants != (MATCH in held.matches) and target.to.kind == "Service":
                look.suffer(
                    "not-received",
                    f"The Envoy of {ref} {'lacks' if wants else 'still has'} mutual TLS for {held.name}",
                    ref,
                    f"/config_dump {held.name}.transport_socket_matches: {', '.join(held.matches) or 'none'}",
                )
            else:
                marked = sum(mode == "istio" for mode in held.marks.values())
                look.see(
                    f"{pod}: {held.name}, matches {', '.join(held.matches) or 'none'}; {marked} of {len(held.marks)} "
                    "endpoints marked tlsMode=istio"
                )
