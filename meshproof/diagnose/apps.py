"""Links of the app: its endpoints, and the sidecars in them. Each is looked at by itself."""

from __future__ import annotations

import json

from meshproof import yamls
from meshproof.checks.containers import describe, names
from meshproof.checks.hops import SIDECAR
from meshproof.diagnose.injection import owner_of
from meshproof.diagnose.look import Look
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import Target
from meshproof.errors import BadInput
from meshproof.kube.conditions import Condition
from meshproof.kube.kinds import DEPLOYMENT, POD, Ref
from meshproof.kube.raw import Malformed, Raw
from meshproof.kube.workloads import Deployment, Pod
from meshproof.path import around

RECENT_S = 3600.0
MARK = "security.istio.io/tlsMode"
PROXY_CONFIG = "proxy.istio.io/config"
HIDES = ("SANITIZE", "FORWARD_ONLY", "ALWAYS_FORWARD_ONLY")  # Envoy's modes that do not set the header


def endpoints(scene: Scene, look: Look) -> None:
    """The pods behind the backends."""
    look.object = ", ".join(f"{target.ref}:{target.to.port}" for target in scene.served) or "of no Service"
    look.unsettled = scene.unsettled.get("endpoints", "")
    for target in scene.served:
        pods, deployments = scene.app_pods(target), scene.app_deployments(target)
        look.see(*map(describe, pods))
        for deployment in deployments:
            _failing(scene, look, deployment)
        if (
            look.unsettled
            or any(pod.all_ready for pod in pods)
            or any(_by_webhook(scene, each) for each in deployments)
        ):
            continue
        if not pods:
            told = [f"{each.namespace}/{each.name} spec.replicas: {each.replicas}" for each in deployments]
            if target.service:
                told.insert(0, f"spec.selector: {json.dumps(dict(target.service.selector))}")
            look.suffer("none", f"{target.ref} leads to no pod", target.ref, *told, remedy=_scaled(scene, target))
        else:
            _not_ready(scene, look, target, pods)


def _not_ready(scene: Scene, look: Look, target: Target, pods: tuple[Pod, ...]) -> None:
    unready = [(pod, part) for pod in pods for part in pod.containers if not part.ready]
    if all(part.name == SIDECAR for _, part in unready):
        return  # that is told where sidecars are
    told = [f"{pod.name} {part.name}: {part.state or 'not created'}, not ready" for pod, part in unready]
    sentence = f"No pod of {target.ref} is ready"
    look.suffer("not-ready", sentence, target.ref, *told, remedy=_undone(scene, target, pods))


def _undone(scene: Scene, target: Target, pods: tuple[Pod, ...]) -> str:
    """Commands that take the app's last change back, where it was one of late and no pod is ready since."""
    [deployment, *others] = [*scene.app_deployments(target), None]
    recent = all(scene.age_s(pod.created) < RECENT_S for pod in pods)
    if deployment is None or others != [None] or deployment.revision < 2 or not recent:
        return ""
    where = (f"deployment/{deployment.name}", "-n", deployment.namespace)
    return "\n".join(scene.typed("rollout", verb, *where) for verb in ("undo", "status"))


def _scaled(scene: Scene, target: Target) -> str:
    empty = [each for each in scene.app_deployments(target) if each.replicas == 0]
    if len(empty) != 1:
        return ""
    return scene.typed("scale", f"deployment/{empty[0].name}", "-n", empty[0].namespace, "--replicas=1")


def _failing(scene: Scene, look: Look, deployment: Deployment) -> None:
    """A Deployment whose pods are refused when they are made; where Istio's webhook is why, injection tells it."""
    said, told_later = _refused(deployment), _by_webhook(scene, deployment)
    if said and not told_later:
        ref = Ref(DEPLOYMENT, deployment.namespace, deployment.name)
        look.suffer("none", f"A pod of {ref} cannot be made", ref, f"status: {said[0]}")


def _refused(deployment: Deployment) -> list[Condition]:
    return [each for each in deployment.conditions if each.type == "ReplicaFailure" and each.status == "True"]


def _by_webhook(scene: Scene, deployment: Deployment) -> bool:
    """Whether it is a webhook of Istio's that its pods are refused by."""
    hooks = [hook for hooks in scene.need(around.INJECTORS) for hook in hooks]
    return any(hook.name in said.message for said in _refused(deployment) for hook in hooks)


def sidecar(scene: Scene, look: Look) -> None:
    """The sidecars of the app's pods."""
    pods = scene.all_app_pods
    look.object = f"container {SIDECAR} of {', '.join(pod.name for pod in pods) or 'no pod'}"
    if look.waits(scene.unsettled.get("endpoints")):
        return
    for pod in pods:
        _one(scene, look, pod)


def _one(scene: Scene, look: Look, pod: Pod) -> None:
    ref, owner = Ref(POD, pod.namespace, pod.name), owner_of(pod)
    its = [part for part in pod.containers if part.name == SIDECAR]
    if not its:
        if MARK in pod.labels:
            look.find(
                "mark-only",
                f"{ref} is labelled as one of the mesh and has no sidecar: the gateway speaks TLS to a plain port",
                ref,
                f'metadata.labels["{MARK}"]: {pod.labels[MARK]}',
                f"spec.containers: {', '.join(names(pod))}",
                remedy=scene.typed("label", "pod", pod.name, "-n", pod.namespace, f"{MARK}-"),
            )
        return
    if not its[0].ready:
        told = f"{its[0].state or 'not created'}, not ready, {its[0].restarts} restarts"
        look.suffer("not-ready", f"The sidecar of {ref} is not ready", ref, f"{SIDECAR}: {told}")
    if MARK not in pod.labels:
        look.find(
            "no-mark",
            f"{ref} has a sidecar, and its label {MARK} is gone: the gateway speaks plaintext to it",
            ref,
            f'metadata.labels["{MARK}"]: (none)',
            remedy=scene.typed("label", "pod", pod.name, "-n", pod.namespace, f"{MARK}=istio"),
        )
    hides = _hides(pod.annotations.get(PROXY_CONFIG, ""))
    if hides:
        look.find(
            "hides",
            f"{owner} has its sidecar not pass on the client certificate: forwardedClientCert is {hides}",
            owner,
            f'spec.template.metadata.annotations["{PROXY_CONFIG}"] proxyHeaders.forwardedClientCert: {hides}',
        )
    if its[0].ready and not hides and MARK in pod.labels:
        look.see(f"{pod.name}: ready, {MARK}={pod.labels[MARK]}")


def _hides(config: str) -> str:
    """How a sidecar's own configuration has it treat the header, where that does not set it; else empty."""
    try:
        [document, *_] = [*yamls.load(config, PROXY_CONFIG), {}]
        mode = Raw(document, PROXY_CONFIG).get("proxyHeaders.forwardedClientCert", "")
    except (BadInput, Malformed):
        return ""
    return mode if mode in HIDES else ""
