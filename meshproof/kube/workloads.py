"""Frozen snapshots of what runs: pods with their containers, and deployments.

Each `from_dict` takes the JSON form of the API, ignores fields that it does not know, and raises `Malformed`
for one that must be there and is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from meshproof.kube.conditions import Condition, conditions_of
from meshproof.kube.raw import Raw

INJECTION_STATUS = "sidecar.istio.io/status"


@dataclass(frozen=True)
class Container:
    """A container that lives as long as its pod, with its state.

    Attributes:
        native_sidecar: An init container whose restartPolicy is Always.
        env: Variables with plain values, in order; those taken from elsewhere are left out.
        ended: It does not run any more; unless its pod is terminating it may be started again.
        state: What it does: `running`, or why it waits or has ended, with what was said of that.
    """

    name: str
    image: str
    ready: bool
    restarts: int
    native_sidecar: bool
    env: tuple[tuple[str, str], ...]
    ended: bool = False
    state: str = ""


@dataclass(frozen=True)
class Pod:
    """A pod.

    Attributes:
        containers: The containers that kubectl's READY counts: ordinary ones first, then native sidecars.
        owner: Its controller as `KIND/NAME`, empty where it has none.
        terminating: Its deletion has begun.
        injected_by: The revision of the istiod that put a sidecar into it, from what that wrote; empty where none did.
        annotations: Its annotations.
        created: When it was made, as the API writes it.
        conditions: What is said of it as a whole.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    phase: str
    containers: tuple[Container, ...]
    node: str
    ip: str
    owner: str
    service_account: str
    terminating: bool
    injected_by: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    created: str = ""
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Pod:
        """Read the API's form of a pod."""
        pod = Raw.of("Pod", raw)
        pod.need("spec.containers", list)
        sidecars = [part for part in pod.parts("spec.initContainers") if part.get("restartPolicy", "") == "Always"]
        states = {
            state.need("name", str): state
            for path in ("status.containerStatuses", "status.initContainerStatuses")
            for state in pod.parts(path)
        }
        owners = [part for part in pod.parts("metadata.ownerReferences") if part.get("controller", False)]
        return cls(
            namespace=pod.need("metadata.namespace", str),
            name=pod.need("metadata.name", str),
            labels=pod.texts("metadata.labels"),
            phase=pod.get("status.phase", ""),
            containers=tuple(
                _container(part, states, native_sidecar=native)
                for parts, native in ((pod.parts("spec.containers"), False), (sidecars, True))
                for part in parts
            ),
            node=pod.get("spec.nodeName", ""),
            ip=pod.get("status.podIP", ""),
            owner="".join(f"{owner.need('kind', str)}/{owner.need('name', str)}" for owner in owners[:1]),
            service_account=pod.get("spec.serviceAccountName", "default"),
            terminating=bool(pod.get("metadata.deletionTimestamp", "")),
            injected_by=_revision(pod.texts("metadata.annotations").get(INJECTION_STATUS, "")),
            annotations=pod.texts("metadata.annotations"),
            created=pod.get("metadata.creationTimestamp", ""),
            conditions=conditions_of(pod, "status.conditions"),
        )

    @property
    def living(self) -> bool:
        """Whether it is there to stay: not on its way out, and not over, as an evicted or completed pod is."""
        return not self.terminating and self.phase not in ("Failed", "Succeeded")

    @property
    def ready(self) -> str:
        """Ready and all containers as kubectl's READY column has them: `3/4`."""
        return f"{sum(container.ready for container in self.containers)}/{len(self.containers)}"

    @property
    def ended(self) -> bool:
        """Nothing of it runs any more or will again; that its deletion has begun does not say so."""
        over = self.terminating and all(container.ended for container in self.containers)
        return over or self.phase in ("Succeeded", "Failed")

    @property
    def all_ready(self) -> bool:
        """Every container is ready, and there is one."""
        return bool(self.containers) and all(container.ready for container in self.containers)


def _revision(status: str) -> str:
    """The revision in an injector's note on a pod; empty where the note is missing or not of its form."""
    try:
        return str(cast("dict[str, object]", json.loads(status)).get("revision", ""))
    except (ValueError, AttributeError):
        return ""


def _container(part: Raw, states: Mapping[str, Raw], *, native_sidecar: bool) -> Container:
    name = part.need("name", str)
    # A container that has not been created yet has no status.
    state = states.get(name, Raw({}, part.name))
    return Container(
        name=name,
        image=part.need("image", str),
        # kubectl wants both: a container that has just ended may still be called ready.
        ready=state.get("ready", False) and state.has("state.running"),
        restarts=state.get("restartCount", 0),
        native_sidecar=native_sidecar,
        env=tuple(
            (entry.need("name", str), entry.get("value", ""))
            for entry in part.parts("env")
            if not entry.has("valueFrom")
        ),
        ended=state.has("state.terminated"),
        state=_state(state),
    )


def _state(status: Raw) -> str:
    for state in ("waiting", "terminated"):
        if status.has(f"state.{state}"):
            said = [status.get(f"state.{state}.{each}", "") for each in ("reason", "message")]
            return ": ".join(filter(None, said)) or state
    return "running" if status.has("state.running") else ""


@dataclass(frozen=True)
class Deployment:
    """A deployment and how far its rollout is. Counts are of pods.

    Attributes:
        replicas: How many are asked for.
        current: How many there are, older revisions included.
        updated: How many are of the newest revision.
        pod_labels: The labels that its pods are made with.
        revision: How often its template was changed, the first included.
    """

    namespace: str
    name: str
    generation: int
    observed_generation: int
    replicas: int
    current: int
    updated: int
    ready: int
    available: int
    conditions: tuple[Condition, ...]
    pod_labels: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    revision: int = 1

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Deployment:
        """Read the API's form of a deployment."""
        deployment = Raw.of("Deployment", raw)
        return cls(
            namespace=deployment.need("metadata.namespace", str),
            name=deployment.need("metadata.name", str),
            generation=deployment.need("metadata.generation", int),
            observed_generation=deployment.get("status.observedGeneration", 0),
            replicas=deployment.get("spec.replicas", 1),
            current=deployment.get("status.replicas", 0),
            updated=deployment.get("status.updatedReplicas", 0),
            ready=deployment.get("status.readyReplicas", 0),
            available=deployment.get("status.availableReplicas", 0),
            conditions=conditions_of(deployment, "status.conditions"),
            pod_labels=deployment.texts("spec.template.metadata.labels"),
            revision=int(deployment.texts("metadata.annotations").get("deployment.kubernetes.io/revision", "1")),
        )

    @property
    def rolled_out(self) -> bool:
        """Whether `kubectl rollout status` would call it successfully rolled out."""
        return (
            self.observed_generation >= self.generation
            and not self.stalled
            and self.updated >= self.replicas
            and self.current <= self.updated
            and self.available >= self.updated
        )

    @property
    def stalled(self) -> str:
        """Why `kubectl rollout status` would give up on it; empty while there is hope."""
        return "".join(
            condition.message or condition.reason
            for condition in self.conditions
            if condition.type == "Progressing"
            and condition.reason == "ProgressDeadlineExceeded"
            and self.observed_generation >= self.generation
        )
