"""Links of the gateway itself: its pods, their secret server and certificate, and what Envoy holds of the backend."""

from __future__ import annotations

import json

from meshproof import yamls
from meshproof.checks.containers import describe
from meshproof.checks.hops import SIDECAR
from meshproof.diagnose.look import Look
from meshproof.diagnose.remedies import attached, patched
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import UNPULLED
from meshproof.dialects import Dialect
from meshproof.kube.conditions import is_true
from meshproof.kube.kinds import DEPLOYMENT, GATEWAY, GATEWAY_PARAMETERS, NAMESPACE, POD, Ref
from meshproof.kube.workloads import Container, Pod
from meshproof.path.link import Missing
from meshproof.path.links import root_certificate

SDS = "sds"
NO_INJECTION = {"sidecar.istio.io/inject": "false"}


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
    if look.waits(scene.unsettled.get("gateway")):
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
    its = scene.parameters_ref
    if its and scene.parameters:
        return patched(scene, its, labelled)
    gateway = Ref(GATEWAY, scene.gateway.namespace, scene.gateway.name)
    made = Ref(GATEWAY_PARAMETERS, gateway.namespace, f"{gateway.name}-not-injected")
    document = {
        "apiVersion": f"{GATEWAY_PARAMETERS.group}/{GATEWAY_PARAMETERS.version}",
        "kind": GATEWAY_PARAMETERS.name,
        "metadata": {"name": made.name, "namespace": made.namespace},
        **labelled,
    }
    return f"{scene.applied(yamls.dump(document))}\n{attached(scene, gateway, made)}"


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
    elif not lacks_secrets(pod, scene.dialect) or missing:
        unscheduled = [
            each.message for each in pod.conditions if each.type == "PodScheduled" and each.status == "False"
        ]
        told = [container_told(part, scene, pod) for part in unready]
        look.suffer("not-ready", f"{ref} is not ready: {_names(unready)}", ref, *told, *unscheduled)


def lacks_secrets(pod: Pod, dialect: Dialect) -> bool:
    """Whether its secret server alone is not ready, or with it Envoy, which waits for secrets; not so the agent."""
    unready = {part.name for part in pod.containers if not part.ready}
    return SDS in unready and unready <= {SDS, dialect.proxy_container}


def _right_image(scene: Scene, part: Container) -> str:
    """A command that has the agent be of the image that istiod injects, where that is another."""
    its, istiod = scene.parameters_ref, scene.istiod
    name, _, tag = istiod.proxy_image.rpartition(":") if istiod else ("", "", "")
    registry, _, repository = name.rpartition("/")
    if part.name != SIDECAR or not its or not scene.parameters or not registry or part.image == f"{name}:{tag}":
        return ""
    image = {"registry": registry, "repository": repository, "tag": tag}
    return patched(scene, its, {"spec": {"kube": {"istio": {"istioProxyContainer": {"image": image}}}}})


def _names(parts: list[Container]) -> str:
    return ", ".join(part.name for part in parts)


def container_told(part: Container, scene: Scene, pod: Pod) -> str:
    """A container that is not ready, as evidence: its state, and what its log said last of an error."""
    lines = scene.logs.get((pod.name, part.name), ())
    wrong = [line for line in lines if "error" in line or "failed" in line]
    said = f"; log: {wrong[-1][:300]}" if wrong else ""
    return f"{part.name}: {part.state or 'not created'}, {part.restarts} restarts{said}"
