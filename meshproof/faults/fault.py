"""A seeded fault, as a small value, and the commands that such values are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from meshproof import yamls
from meshproof.kube.kinds import Kind, Ref
from meshproof.steps.before import sample_app
from meshproof.steps.model import Command, Together, apply, shell
from meshproof.steps.setting import Setting

ROLLOUT_TIMEOUT_S = 110  # an Envoy that starts while the controller does is begun anew after 60
PEER_AUTHENTICATION = Kind("PeerAuthentication", "peerauthentications", "security.istio.io")
AUTHORIZATION_POLICY = Kind("AuthorizationPolicy", "authorizationpolicies", "security.istio.io")
WEBHOOKS = Kind("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", "admissionregistration.k8s.io")
NETWORK_POLICY = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io")
BINDING = Kind("ClusterRoleBinding", "clusterrolebindings", "rbac.authorization.k8s.io")
DEFINITION = Kind("CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io")

Commands = tuple[Command | Together, ...]


def as_it_is(setting: Setting) -> Setting:
    """The setting as it is: most faults are in the cluster."""
    return setting


@dataclass(frozen=True, eq=False)
class Fault:
    """Something that people get wrong, which the proof must see and the diagnosis must name.

    Attributes:
        name: A short name, as it is typed.
        does: What it does, in a sentence.
        seed: Commands that break it.
        mend: Commands that put back what was there, also where a remedy has done so already.
        refutes: Ids of the claims that it must refute; others may fall with them.
        cause: The code that the diagnosis must give; empty where there is nothing of the way that it could name.
        first: Whether that must be the first error, not one among others.
        after: Slug of the section after which it is seeded.
        host: The host that is diagnosed; empty is the page's.
        then: What the remedy leads to: all `green`; a state without that cause, which is not the page's; or `nothing`,
            where no command could know what was meant.
        given: What is looked at instead of the setting, where the fault is in what the proof was given.
    """

    name: str
    does: str
    seed: Commands
    mend: Commands
    refutes: tuple[str, ...]
    cause: str = ""
    first: bool = True
    after: str = "exclude"
    host: str = ""
    then: Literal["green", "cause gone", "nothing"] = "green"
    given: Callable[[Setting], Setting] = as_it_is


def made(ref: Ref, *, labels: Mapping[str, str] | None = None, **content: Any) -> Command:
    """`kubectl apply` of one object."""
    return apply(document(ref, labels=labels, **content))


def document(ref: Ref, *, labels: Mapping[str, str] | None = None, **content: Any) -> str:
    """The manifest of one object."""
    kind = ref.kind
    metadata: dict[str, Any] = {"name": ref.name}
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    if labels:
        metadata["labels"] = dict(labels)
    version = f"{kind.group}/{kind.version}" if kind.group else kind.version
    return yamls.dump({"apiVersion": version, "kind": kind.name, "metadata": metadata, **content})


def patched(
    ref: Ref, body: Mapping[str, Any] | Sequence[Any], how: Literal["json", "merge", "strategic"] = "merge"
) -> Command:
    """`kubectl patch` of one object. Its kind is typed whole: Istio has Gateways as well."""
    whole = ".".join(filter(None, (ref.kind.plural, ref.kind.group)))
    where = ("--namespace", ref.namespace) if ref.namespace else ()
    return shell("kubectl", "patch", whole, ref.name, *where, "--type", how, "--patch", json.dumps(body))


def replaced(text: str) -> Command:
    """One object made anew. A change of a Service that is routed to takes 15 s to reach the traffic, a new one none."""
    return shell("kubectl", "replace", "--force", "--filename", "-", stdin=text)


def changed(text: str, change: Callable[[dict[str, Any]], None]) -> str:
    """The manifest of one object with something else in it."""
    [given] = yamls.load(text)
    change(given)
    return yamls.dump(given)


def deployed(setting: Setting) -> dict[str, Any]:
    """The spec of the app's Deployment, as the page applies it."""
    [spec] = [each["spec"] for each in yamls.load(sample_app(setting)) if each["kind"] == "Deployment"]
    return spec


def rolled_out(deployment: Ref) -> Command:
    """Wait for a rollout that comes to its end."""
    return shell("kubectl", "rollout", "status", *deployment.typed, f"--timeout={ROLLOUT_TIMEOUT_S}s")


def restarted(deployment: Ref) -> tuple[Command, Command]:
    """New pods of a Deployment, awaited."""
    return shell("kubectl", "rollout", "restart", *deployment.typed), rolled_out(deployment)


def ready(pod: Ref) -> Command:
    """Wait for a pod."""
    return shell("kubectl", "wait", "--for=condition=Ready", *pod.typed, f"--timeout={ROLLOUT_TIMEOUT_S}s")


def gone(text: str) -> Command:
    """`kubectl delete` of the objects of a manifest, which may be gone."""
    return shell("kubectl", "delete", "--ignore-not-found", "--filename", "-", stdin=text)
