"""Who puts sidecars into the app's pods, and why some have none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from meshproof import yamls
from meshproof.checks.containers import names
from meshproof.checks.hops import SIDECAR
from meshproof.diagnose.look import Look
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.webhook import OPT, configuration
from meshproof.kube.conditions import is_true
from meshproof.kube.kinds import DEPLOYMENT, MUTATING_WEBHOOKS, NAMESPACE, POD, Kind, Ref
from meshproof.kube.webhooks import Webhook
from meshproof.kube.workloads import Deployment, Pod
from meshproof.names import DEFAULT_REVISION, INJECTION_LABEL, REVISION_LABEL
from meshproof.path import around

_WORKLOADS = {name: Kind(name, f"{name.lower()}s", "apps") for name in ("Deployment", "StatefulSet", "DaemonSet")}


@dataclass(frozen=True)
class Why:
    """Why a pod has no sidecar: the words of its code, and what follows for it."""

    words: str
    sentence: str
    of: Ref
    evidence: tuple[str, ...]
    remedy: str = ""


def injection(scene: Scene, look: Look) -> None:
    """Who injects the app's pods, and who does not."""
    pods = scene.all_app_pods
    look.object = ", ".join(f"Namespace {name}" for name in dict.fromkeys(pod.namespace for pod in pods)) or "no pod"
    for target in scene.served:
        for deployment in scene.app_deployments(target):
            _unanswered(scene, look, deployment)
    bare = [pod for pod in pods if SIDECAR not in names(pod)]
    for pod in pods:
        if pod not in bare:
            look.see(f"{pod.name}: injected by revision {pod.injected_by or '(not told)'}")
            _other_revision(scene, look, pod)
    if not bare or any(each.severity == "error" for each in look.causes):
        return
    if look.waits(scene.unsettled.get("endpoints")):
        return
    found: dict[tuple[str, Ref], tuple[Why, list[Pod]]] = {}
    for pod in bare:
        why = _why(scene, pod)
        if why is None:
            told = "has no sidecar, though a webhook selects it that was there before it"
            look.unexplained(f"{pod.name} {told}", Ref(POD, pod.namespace, pod.name), _labels_of(scene, pod.namespace))
        else:
            found.setdefault((why.words, why.of), (why, []))[1].append(pod)
    for why, its in found.values():
        sentence = f"{_share(scene, len(its))}: {why.sentence}"
        look.find(why.words, sentence, why.of, *why.evidence, remedy=why.remedy)


def _share(scene: Scene, outside: int) -> str:
    count = len(scene.all_app_pods)
    told = f"{outside} of {count} endpoints {'is' if outside == 1 else 'are'} outside the mesh"
    part = f", so that about {100 * outside // count} % of the requests go without a client certificate"
    return told + (part if outside < count else "")


def _unanswered(scene: Scene, look: Look, deployment: Deployment) -> None:
    """Webhooks without whose answer no pod of the app is made, and that nobody answers for."""
    failing = is_true(deployment.conditions, "ReplicaFailure")
    said = [f"status: {each}" for each in deployment.conditions if failing and each.type == "ReplicaFailure"]
    for hook in selecting(scene, deployment.namespace, deployment.pod_labels):
        namespace, _, name = hook.service.partition("/")
        if not hook.service or not hook.required:
            continue
        ref = Ref(MUTATING_WEBHOOKS, "", hook.configuration)
        evidence = (f"webhooks[{hook.name}].clientConfig.service: {hook.service}", *said)
        if (namespace, name) not in scene.services:
            deleted = scene.typed("delete", "mutatingwebhookconfiguration", hook.configuration)
            restarted = _restarted(scene, Ref(DEPLOYMENT, deployment.namespace, deployment.name))
            look.find(
                "stale-webhook",
                f"{ref} is left from an istiod that is gone: its Service {hook.service} does not exist, and no pod in "
                f"namespace {deployment.namespace} can be made",
                ref,
                *evidence,
                remedy=f"{deleted}\n{restarted}",
                severity="error" if failing else "warning",
            )
        elif failing and (its := scene.deployments.get((namespace, name))) and its.available == 0:
            look.find(
                "no-answer",
                f"{ref} is asked for each pod, and nobody answers at its Service {hook.service}",
                ref,
                *evidence,
                f"Deployment {hook.service} status.availableReplicas: 0",
            )


def selecting(scene: Scene, namespace: str, labels: Mapping[str, str]) -> list[Webhook]:
    """The webhooks of Istio's that are called for a pod with these labels."""
    hooks = (hook for hooks in scene.need(around.INJECTORS) for hook in hooks)
    return [hook for hook in hooks if hook.selects(scene.labels_of(namespace), labels)]


def _why(scene: Scene, pod: Pod) -> Why | None:
    """Why a pod has no sidecar; None where nothing that is seen says so."""
    labels, namespace, owner = scene.labels_of(pod.namespace), Ref(NAMESPACE, "", pod.namespace), owner_of(pod)
    shown = _labels_of(scene, pod.namespace)
    for field, its in (("labels", pod.labels), ("annotations", pod.annotations)):
        if its.get(OPT) == "false":
            told = f"{owner} keeps its pods out by the {field.removesuffix('s')} {OPT}=false"
            evidence = f'spec.template.metadata.{field}["{OPT}"]: "false"'
            return Why("opted-out", told, owner, (evidence,), _opted_in(scene, owner, field))
    hooks = selecting(scene, pod.namespace, pod.labels)
    if hooks:
        return _not_restarted(scene, pod, hooks[0], shown)
    asked = labels.get(REVISION_LABEL) or pod.labels.get(REVISION_LABEL, "")
    known = sorted({each.revision for each in scene.istiods})
    joined = _joined(scene, pod)
    if labels.get(INJECTION_LABEL) == "disabled":
        told = f"{namespace} is labelled {INJECTION_LABEL}=disabled"
        return Why("disabled", told, namespace, (shown,), joined)
    if {INJECTION_LABEL, REVISION_LABEL} <= labels.keys():
        told = f"{namespace} has both labels, and no webhook selects the two together"
        return Why("both-labels", told, namespace, (shown, *_webhooks(scene)), joined)
    if asked and asked not in known:
        told = f"{namespace} asks for revision {asked}, which no istiod has; there is {', '.join(known)}"
        return Why("no-revision", told, namespace, (shown, *_webhooks(scene)), joined)
    if asked or labels.get(INJECTION_LABEL) == "enabled":
        told = f"{namespace} asks for revision {asked or DEFAULT_REVISION}, and no webhook configuration is for it"
        return Why("no-webhook", told, namespace, (shown, *_webhooks(scene)), _webhook_back(scene, asked, owner))
    if pod.annotations.get(OPT) == "true":
        told = f"the annotation {OPT} can keep a pod out, not bring it in, and {namespace} is not labelled"
        note = f'spec.template.metadata.annotations["{OPT}"]: "true"'
        return Why("annotation-only", told, owner, (note, shown), joined)
    return Why("not-labelled", f"{namespace} asks for no sidecars", namespace, (shown,), joined)


def _not_restarted(scene: Scene, pod: Pod, hook: Webhook, shown: str) -> Why | None:
    """The pod is older than the label or the webhook that selects it; None where it is not."""
    labelled = scene.namespaces[pod.namespace].labelled
    written = [labelled[key] for key in (INJECTION_LABEL, REVISION_LABEL) if key in labelled]
    since = max([hook.created, *written])
    if pod.created > since:
        return None
    owner = owner_of(pod)
    return Why(
        "not-restarted",
        f"the pods are older than what selects them now, and a sidecar comes with a new pod only; restart {owner}",
        owner,
        (
            f"Pod {pod.namespace}/{pod.name} metadata.creationTimestamp: {pod.created}",
            f"{shown}, written {since}",
            f"selected by {hook.configuration} webhooks[{hook.name}]",
        ),
        _restarted(scene, owner),
    )


def _other_revision(scene: Scene, look: Look, pod: Pod) -> None:
    """A sidecar of another istiod than the one that would inject the pod now."""
    hooks = selecting(scene, pod.namespace, pod.labels)
    now = sorted({hook.revision for hook in hooks if hook.revision})
    if not pod.injected_by or not now or pod.injected_by in now:
        return
    owner = owner_of(pod)
    look.find(
        "other-revision",
        f"{pod.name} has a sidecar of revision {pod.injected_by}; a new pod would have one of {', '.join(now)}",
        owner,
        f'Pod {pod.namespace}/{pod.name} metadata.annotations["sidecar.istio.io/status"]: {pod.injected_by}',
        *(f"selected by {hook.configuration} webhooks[{hook.name}]" for hook in hooks),
        remedy=_restarted(scene, owner),
    )


def owner_of(pod: Pod) -> Ref:
    """The workload that a pod is of; the pod itself where it is of none that can be restarted."""
    kind, _, name = pod.owner.partition("/")
    if kind == "ReplicaSet":
        kind, name = "Deployment", name.removesuffix(f"-{pod.labels.get('pod-template-hash', '')}")
    return Ref(_WORKLOADS[kind], pod.namespace, name) if kind in _WORKLOADS else Ref(POD, pod.namespace, pod.name)


def _restarted(scene: Scene, owner: Ref) -> str:
    """Commands that make a workload's pods anew."""
    if owner.kind == POD:
        return ""
    return "\n".join((scene.typed("rollout", "restart", *_of(owner)), _awaited(scene, owner)))


def _awaited(scene: Scene, owner: Ref) -> str:
    return scene.typed("rollout", "status", *_of(owner))


def _of(owner: Ref) -> tuple[str, ...]:
    return (f"{owner.kind.name.lower()}/{owner.name}", "-n", owner.namespace)


def _opted_in(scene: Scene, owner: Ref, field: str) -> str:
    if owner.kind == POD:
        return ""
    patch = json.dumps({"spec": {"template": {"metadata": {field: {OPT: None}}}}})
    return "\n".join((scene.typed("patch", *_of(owner), "--type=merge", "-p", patch), _awaited(scene, owner)))


def _joined(scene: Scene, pod: Pod) -> str:
    """Commands that have the pod's namespace ask for sidecars of the istiod that is there, and make its pods anew."""
    istiod = scene.istiod
    if istiod is None:
        return ""
    labels = (f"{REVISION_LABEL}={istiod.chosen}", f"{INJECTION_LABEL}-")
    labels = labels if istiod.chosen else (f"{INJECTION_LABEL}=enabled", f"{REVISION_LABEL}-")
    label = scene.typed("label", "namespace", pod.namespace, *labels, "--overwrite")
    return "\n".join(filter(None, (label, _restarted(scene, owner_of(pod)))))


def _webhook_back(scene: Scene, asked: str, owner: Ref) -> str:
    """Commands that give istiod the webhook configuration back; it puts its own certificate authority in."""
    revision = asked or DEFAULT_REVISION
    its = next((each for each in scene.istiods if each.revision == revision), None)
    if its is None:
        return ""
    return "\n".join(filter(None, (scene.applied(yamls.dump(configuration(its))), _restarted(scene, owner))))


def _labels_of(scene: Scene, namespace: str) -> str:
    labels = scene.labels_of(namespace)
    shown = [f"{key}={labels[key]}" for key in (INJECTION_LABEL, REVISION_LABEL) if key in labels]
    return f"Namespace {namespace} metadata.labels: {', '.join(shown) or f'no {INJECTION_LABEL}, no {REVISION_LABEL}'}"


def _webhooks(scene: Scene) -> list[str]:
    """The configurations that are there, and the revision of each."""
    hooks = [hook for hooks in scene.need(around.INJECTORS) for hook in hooks]
    named = {hook.configuration: hook.revision for hook in hooks}
    return [f"MutatingWebhookConfiguration {name}: revision {revision}" for name, revision in named.items()] or [
        "no MutatingWebhookConfiguration of an istiod"
    ]
