"""Links of the gateway itself: its pods, their secret server and certificate, and what Envoy holds of the backend."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from meshproof import yamls
from meshproof.checks.containers import describe
from meshproof.checks.control_plane import from_root
from meshproof.checks.hops import SIDECAR
from meshproof.diagnose.look import Look
from meshproof.diagnose.reading import root_certificate
from meshproof.diagnose.scene import UNPULLED, Scene
from meshproof.dialects import upstream_of
from meshproof.errors import Refuted
from meshproof.formats.certificate import leaf_sha256, leaf_validity
from meshproof.formats.spiffe import SpiffeId
from meshproof.kube.conditions import is_true
from meshproof.kube.kinds import DEPLOYMENT, GATEWAY, GATEWAY_PARAMETERS, NAMESPACE, POD, Ref
from meshproof.kube.workloads import Container, Pod
from meshproof.path.link import Missing

SDS = "sds"
NO_INJECTION = {"sidecar.istio.io/inject": "false"}
MATCH = "tlsMode-istio"


def gateway(scene: Scene, look: Look) -> None:
    """The gateway's pods and their containers."""
    pods = scene.gateway_pods
    ref = Ref(DEPLOYMENT, scene.gateway.namespace, scene.gateway.name)
    look.object = f"pods of {ref}"
    look.see(*map(describe, pods))
    wanted = [scene.dialect.proxy_container, *([SDS, SIDECAR] if scene.on else [])]
    injected = [pod for pod in pods if pod.injected_by or SIDECAR in _beside(pod, wanted)]
    for pod in injected[:1]:
        _injected(scene, look, pod)
    deployment = scene.gateway_deployment
    if not pods:
        failing = [each for each in (deployment.conditions if deployment else ()) if each.status == "True"]
        said = [f"status: {each}" for each in failing if each.type == "ReplicaFailure"]
        replicas = f"spec.replicas: {deployment.replicas}" if deployment else "no such Deployment"
        look.suffer("none", f"{ref} has no pod", ref, replicas, *said)
    if told := scene.unsettled.get("gateway"):
        look.unsettled = told
        return
    for pod in pods:
        _containers(scene, look, pod, wanted)
    if deployment and is_true(deployment.conditions, "ReplicaFailure") and pods:
        said = [f"status: {each}" for each in deployment.conditions if each.type == "ReplicaFailure"]
        look.suffer("not-ready", f"A pod of {ref} cannot be made", ref, *said)


def _beside(pod: Pod, wanted: list[str]) -> list[str]:
    return [part.name for part in pod.containers if part.name not in wanted]


def _injected(scene: Scene, look: Look, pod: Pod) -> None:
    """A gateway's pod that Istio's webhook has put its own sidecar into, or over the agent that kgateway put there."""
    labels = scene.labels_of(pod.namespace)
    shown = {key: value for key, value in labels.items() if key.startswith("istio")}
    look.find(
        "injected",
        f"Istio's webhook has injected the gateway's pod {pod.name}, which kgateway makes ready for the mesh by itself",
        Ref(POD, pod.namespace, pod.name),
        f'metadata.annotations["sidecar.istio.io/status"]: revision {pod.injected_by or "(not told)"}',
        f"Namespace {pod.namespace} metadata.labels: {json.dumps(shown, sort_keys=True)}",
        remedy=_not_injected(scene),
    )


def _not_injected(scene: Scene) -> str:
    """Commands that have kgateway label the gateway's pods so that no webhook takes them; its labels are for them."""
    labelled = {"spec": {"kube": {"podTemplate": {"extraLabels": NO_INJECTION}}}}
    kind = f"{GATEWAY_PARAMETERS.plural}.{GATEWAY_PARAMETERS.group}"
    its = scene.parameters_ref
    if its and scene.parameters:
        return scene.typed("patch", kind, its.name, "-n", its.namespace, "--type=merge", "-p", json.dumps(labelled))
    name, namespace = f"{scene.gateway.name}-not-injected", scene.gateway.namespace
    document = {
        "apiVersion": f"{GATEWAY_PARAMETERS.group}/{GATEWAY_PARAMETERS.version}",
        "kind": GATEWAY_PARAMETERS.name,
        "metadata": {"name": name, "namespace": namespace},
        **labelled,
    }
    named = {"group": GATEWAY_PARAMETERS.group, "kind": GATEWAY_PARAMETERS.name, "name": name}
    patch = json.dumps({"spec": {"infrastructure": {"parametersRef": named}}})
    gateways = f"{GATEWAY.plural}.{GATEWAY.group}"
    attach = scene.typed("patch", gateways, scene.gateway.name, "-n", namespace, "--type=merge", "-p", patch)
    return f"{scene.applied(yamls.dump(document))}\n{attach}"


def _containers(scene: Scene, look: Look, pod: Pod, wanted: list[str]) -> None:
    ref = Ref(POD, pod.namespace, pod.name)
    missing = [name for name in wanted if name not in [part.name for part in pod.containers]]
    if missing:
        look.suffer(
            "containers",
            f"{ref} lacks {', '.join(missing)}, though the switch is on",
            ref,
            f"spec.containers: {', '.join(part.name for part in pod.containers)}",
        )
    unready = [part for part in pod.containers if not part.ready]
    if not unready:
        return
    unpulled = [part for part in unready if part.state.startswith(UNPULLED)]
    rootless = isinstance(scene.seen.of(root_certificate(pod.namespace)), Missing)
    if unpulled:
        told = [f"{part.name} {part.image}: {part.state[:200]}" for part in unpulled]
        sentence = f"An image of {ref} cannot be pulled: {unpulled[0].image}"
        look.suffer("no-image", sentence, ref, *told, remedy=_right_image(scene, unpulled[0]))
    elif rootless and SIDECAR in wanted and all(part.state in ("ContainerCreating", "") for part in unready):
        look.suffer(
            "no-root-certificate",
            f"ConfigMap istio-ca-root-cert, which istiod writes and {ref} mounts, is missing in {pod.namespace}",
            Ref(NAMESPACE, "", pod.namespace),
            f"{ref} {unready[0].name}: {unready[0].state or 'not created'}",
        )
    elif [part.name for part in unready] != [SDS] or missing:
        unscheduled = [
            each.message for each in pod.conditions if each.type == "PodScheduled" and each.status == "False"
        ]
        told = [_told(part, scene, pod) for part in unready]
        look.suffer("not-ready", f"{ref} is not ready: {_names(unready)}", ref, *told, *unscheduled)


def _right_image(scene: Scene, part: Container) -> str:
    """A command that has the agent be of the image that istiod injects, where that is another."""
    its, istiod = scene.parameters_ref, scene.istiod
    name, _, tag = istiod.proxy_image.rpartition(":") if istiod else ("", "", "")
    registry, _, repository = name.rpartition("/")
    if part.name != SIDECAR or not its or not scene.parameters or not registry or part.image == f"{name}:{tag}":
        return ""
    image = {"registry": registry, "repository": repository, "tag": tag}
    patch = json.dumps({"spec": {"kube": {"istio": {"istioProxyContainer": {"image": image}}}}})
    kind = f"{its.kind.plural}.{its.kind.group}"
    return scene.typed("patch", kind, its.name, "-n", its.namespace, "--type=merge", "-p", patch)


def _names(parts: list[Container]) -> str:
    return ", ".join(part.name for part in parts)


def _told(part: Container, scene: Scene, pod: Pod) -> str:
    lines = scene.logs.get((pod.name, part.name), ())
    wrong = [line for line in lines if "error" in line or "failed" in line]
    said = f"; log: {wrong[-1][:300]}" if wrong else ""
    return f"{part.name}: {part.state or 'not created'}, {part.restarts} restarts{said}"


def sds(scene: Scene, look: Look) -> None:
    """The secret server, from which Envoy has its certificate."""
    pods = [(pod, part) for pod in scene.gateway_pods for part in pod.containers if part.name == SDS]
    look.object = f"container {SDS} of the gateway's pods"
    if not scene.on:
        return
    if told := scene.unsettled.get("gateway"):
        look.unsettled = told
        return
    for pod, part in pods:
        if not part.ready and [each.name for each in pod.containers if not each.ready] == [SDS]:
            ref = Ref(POD, pod.namespace, pod.name)
            wrong = [f"env {name}: {value}" for name, value in part.env if name not in ("LOG_LEVEL",)]
            told = f"{SDS} of {ref} is not ready"
            look.suffer("not-ready", told, ref, _told(part, scene, pod), *wrong, remedy=_plain_sds(scene))
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
    patch = json.dumps({"spec": {"kube": {"sdsContainer": beside}}})
    kind = f"{its.kind.plural}.{its.kind.group}"
    return scene.typed("patch", kind, its.name, "-n", its.namespace, "--type=merge", "-p", patch)


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
            "podSelector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": scene.gateway.name}},
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
    if told := scene.unsettled.get("gateway"):
        look.unsettled = told
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
    if told := scene.unsettled.get("gateway"):
        look.unsettled = told
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
