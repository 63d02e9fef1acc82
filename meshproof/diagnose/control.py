"""Links that the way hangs on: the controller and its switch, GatewayParameters, istiod."""

from __future__ import annotations

import json
from collections.abc import Mapping

from meshproof.diagnose.look import Look
from meshproof.diagnose.parameters import suffers
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import is_on
from meshproof.kube.kinds import CONFIG_MAP, NAMESPACE, Ref
from meshproof.kube.selectors import Selector


def controller(scene: Scene, look: Look) -> None:
    """kgateway and the switch of its integration."""
    its, dialect = scene.controller, scene.dialect
    switch = f"{dialect.integration_env}={its.env.get(dialect.integration_env, '(unset)')}"
    look.object = f"{its.ref}, {switch}"
    at = "spec.template.spec.containers[].env"
    if its.deployment.available == 0 and its.deployment.replicas == 0:
        look.find(
            "not-ready",
            f"{its.ref} has no pod: nothing that is applied reaches the gateway",
            its.ref,
            "spec.replicas: 0",
            remedy=_then_ready(scene, its.ref, "scale", "--replicas=1"),
        )
    elif its.deployment.available == 0:
        look.find(
            "not-ready",
            f"{its.ref} has no ready pod: nothing that is applied reaches the gateway",
            its.ref,
            f"status.availableReplicas: {its.deployment.available} of {its.deployment.replicas}",
        )
    for namespace in {scene.gateway.namespace, scene.route.namespace, *(each.to.namespace for each in scene.targets)}:
        labels = scene.labels_of(namespace)
        if not its.sees(labels):
            selectors = " or ".join(map(str, its.selectors))
            look.find(
                "looks-away",
                f"kgateway does not look at namespace {namespace}: what is in it has no effect",
                its.ref,
                f"{at} {dialect.selectors_env}: {selectors}",
                f"Namespace {namespace} metadata.labels: {_labels(labels)}",
                remedy=_labelled(scene, namespace, its.selectors),
            )
    if scene.on:
        look.see(f"{switch}; {its.deployment.available} of {its.deployment.replicas} available")
        return
    other = is_on(its.env.get(dialect.destination_rule_env, ""))
    told = (
        f"{dialect.destination_rule_env} is on, which has kgateway read DestinationRules and no more; the switch is "
        if other
        else "The integration is not switched on: the switch is "
    )
    look.find(
        "other-switch" if other else "switch-off",
        f"{told}{dialect.integration_env}",
        its.ref,
        f"{at} {switch}",
        *([f"{at} {dialect.destination_rule_env}=true"] if other else []),
        "of Helm, its values are controller.extraEnv; set there as well, or the next upgrade takes it back",
        remedy=_then_ready(scene, its.ref, "set", "env", f"{dialect.integration_env}=true"),
    )


def _then_ready(scene: Scene, ref: Ref, *verb: str) -> str:
    """A command on a Deployment, and the wait for it; what follows the verb stands last."""
    words = verb[:2] if verb[0] == "set" else verb[:1]
    target = (f"deployment/{ref.name}", "-n", ref.namespace)
    return "\n".join((scene.typed(*words, *target, *verb[len(words) :]), scene.typed("rollout", "status", *target)))


def istiod(scene: Scene, look: Look) -> None:
    """istiod, from which gateway and sidecars have their certificates."""
    its = scene.istiod
    if its is None:
        look.object = "none"
        look.find("not-ready", "There is no istiod", "Service app=istiod")
        return
    look.object = f"{its.deployment}, revision {its.revision}, {its.version}"
    deployment = scene.deployments[its.namespace, its.deployment.name]
    if deployment.available == 0:
        scaled = deployment.replicas == 0
        look.find(
            "not-ready",
            f"{its.deployment} has no ready pod: no certificate is issued and no pod is injected",
            its.deployment,
            f"status.availableReplicas: 0 of {deployment.replicas}",
            remedy=_then_ready(scene, its.deployment, "scale", "--replicas=1") if scaled else "",
        )
    look.see(f"cluster id {its.cluster_id}, trust domain {its.trust_domain}, {deployment.available} available")
    suffering = {scene.gateway.namespace: suffers(scene)}
    for target in scene.served:
        pods = scene.app_pods(target)
        suffering[target.to.namespace] = not pods or any(not pod.all_ready for pod in pods)
    for namespace, its_pods in suffering.items():
        labels = scene.labels_of(namespace)
        if not its.serves(labels):
            config = Ref(CONFIG_MAP, its.namespace, "istio" if its.chosen == "" else f"istio-{its.chosen}")
            look.find(
                "leaves-out",
                f"istiod leaves namespace {namespace} out: it has no root certificate, and its pods no configuration",
                config,
                f"data.mesh discoverySelectors: {' or '.join(map(str, its.selectors))}",
                f"Namespace {namespace} metadata.labels: {_labels(labels)}",
                remedy=_labelled(scene, namespace, its.selectors),
                severity="error" if its_pods else "warning",
            )


def _labelled(scene: Scene, namespace: str, selectors: tuple[Selector, ...]) -> str:
    """A command that has a namespace met by one of some selectors, where labels alone do that."""
    plain = [each for each in selectors if each.labels and not each.expressions]
    if not plain:
        return ""
    labels = [f"{name}={value}" for name, value in plain[0].labels]
    return scene.typed("label", NAMESPACE.typed, namespace, *labels, "--overwrite")


def _labels(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(labels), sort_keys=True)
