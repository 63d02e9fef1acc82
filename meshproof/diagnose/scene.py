"""What a host's way is made of in one cluster: all that was read of it, and what is plain from that."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from meshproof.diagnose.values import EXCLUDED, HOPELESS, Kgateway, Proxy, Target, backend_of, is_on, service_of
from meshproof.dialects import Dialect
from meshproof.kube.conditions import is_true
from meshproof.kube.kinds import GATEWAY, GATEWAY_PARAMETERS, POD, Labelled, Ref
from meshproof.kube.objects import Gateway, Namespace, Parameters, Service
from meshproof.kube.policies import NetworkPolicy, TlsPolicy
from meshproof.kube.routes import HTTPRoute
from meshproof.kube.selectors import Selector
from meshproof.kube.workloads import Deployment, Pod
from meshproof.names import REVISION_LABEL, pods_of_gateway
from meshproof.path import around
from meshproof.path.ask import Answers
from meshproof.path.istiods import Istiod, istiods
from meshproof.path.link import Link, NotSeen, Seen, Unseen
from meshproof.path.links import pods
from meshproof.path.mesh import TRUST_DOMAIN
from meshproof.path.routing import Candidate

T = TypeVar("T")
_NOT_LOOKED, _NOT_ASKED = NotSeen("not looked at"), NotSeen("not asked")
YOUNG_S = 45.0  # a gateway's pod is ready after half a minute; its secret server starts twice, as a rule


@dataclass(frozen=True)
class Scene:
    """All that was read for one host; the methods say what is plain from it, and raise `Unseen` where that was not.

    Attributes:
        host: The host.
        seen: What was read.
        gateway: The Gateway that requests for it come in by.
        winner: The rule that takes them.
        rivals: Rules of other routes that would take them, too.
        dialect: What its kgateway calls things.
        controller: Its kgateway.
        held: What the Envoy of each of its pods holds.
        came_back: The answers.
        logs: The last lines of containers that are not ready, by pod and container.
        now: When it was read.
        kubectl: How kubectl is typed for this cluster.
    """

    host: str
    seen: Seen
    gateway: Gateway
    winner: Candidate
    rivals: tuple[Candidate, ...]
    dialect: Dialect
    controller: Kgateway
    held: Mapping[str, Proxy] | NotSeen = _NOT_LOOKED
    came_back: Answers | NotSeen = _NOT_ASKED
    logs: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict[tuple[str, str], tuple[str, ...]])
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    kubectl: tuple[str, ...] = ("kubectl",)

    def need(self, link: Link[T]) -> T:
        """What was read of a link.

        Raises:
            Unseen: It was not, or is not there.
        """
        return self.seen.one(link)

    def typed(self, *arguments: str) -> str:
        """A command of kubectl's, ready to paste."""
        return shlex.join((*self.kubectl, *arguments))

    def applied(self, document: str) -> str:
        """A command that applies a document."""
        return f"{self.typed('apply', '-f', '-')} <<'EOF'\n{document.rstrip()}\nEOF"

    @property
    def route(self) -> HTTPRoute:
        """The route that wins."""
        return self.winner.route

    @cached_property
    def namespaces(self) -> Mapping[str, Namespace]:
        """Namespaces by name."""
        return {each.name: each for each in self.need(around.NAMESPACES)}

    def labels_of(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace; none where it is not there."""
        return self.namespaces.get(namespace, Namespace(namespace, {})).labels

    @cached_property
    def services(self) -> Mapping[tuple[str, str], Service]:
        """Services by namespace and name."""
        return {(each.namespace, each.name): each for each in self.need(around.SERVICES)}

    @cached_property
    def deployments(self) -> Mapping[tuple[str, str], Deployment]:
        """Deployments by namespace and name."""
        return {around.named(raw): Deployment.from_dict(raw) for raw in self.need(around.DEPLOYMENTS)}

    @cached_property
    def istiods(self) -> tuple[Istiod, ...]:
        """The istiods, with what their ConfigMaps say as far as those may be read."""
        there = self.need(around.DEPLOYMENTS)
        bare = tuple(istiods(self.services.values(), there, ()))
        links = [around.config_maps(each.namespace) for each in bare]
        if not all(isinstance(self.seen.of(link), tuple) for link in links):
            return bare
        return tuple(istiods(self.services.values(), there, [raw for link in links for raw in self.need(link)]))

    @property
    def trust_domain(self) -> str:
        """The mesh's trust domain."""
        istiod = self.istiod
        return istiod.trust_domain if istiod else TRUST_DOMAIN

    @cached_property
    def istiod(self) -> Istiod | None:
        """The istiod of the gateway: the one that its parameters name, or else the first."""
        named = self.at_address(self.parameters.address) if self.parameters else None
        return named or next(iter(self.istiods), None)

    def at_address(self, address: str) -> Istiod | None:
        """The istiod whose Service, or that of a tag of its revision, an address names."""
        service = self.services.get(service_of(address) or ("", ""))
        if service is None:
            return None
        revision = service.labels.get(REVISION_LABEL, "")
        there = [each for each in self.istiods if each.namespace == service.namespace]
        its = [each for each in there if each.deployment.name == service.name]
        alike = [each for each in there if each.revision == revision]
        return next(iter([*its, *alike]), None)

    @property
    def parameters_ref(self) -> Ref | None:
        """The GatewayParameters that the Gateway refers to; None where it refers to none."""
        kind, _, name = self.gateway.parameters_ref.partition("/")
        return Ref(GATEWAY_PARAMETERS, self.gateway.namespace, name) if kind == GATEWAY_PARAMETERS.name else None

    @property
    def parameters(self) -> Parameters | None:
        """Those, where they are there."""
        ref = self.parameters_ref
        return self.need(around.PARAMETERS).get((ref.namespace, ref.name)) if ref else None

    @property
    def on(self) -> bool:
        """Whether the switch of the integration is on."""
        return is_on(self.controller.env.get(self.dialect.integration_env, ""))

    @property
    def gateway_pods(self) -> tuple[Pod, ...]:
        """The gateway's pods that are not on their way out."""
        return tuple(pod for pod in self.need(gateway_pods(self.gateway)) if pod.living)

    @property
    def gateway_deployment(self) -> Deployment | None:
        """The Deployment that kgateway makes for the Gateway: it is called the same."""
        return self.deployments.get((self.gateway.namespace, self.gateway.name))

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The backends that get requests."""
        found: list[Target] = []
        for number, to in enumerate(self.winner.its.backends):
            if to.weight == 0:
                continue
            if to.kind == "Service" and not to.group:
                service = self.services.get((to.namespace, to.name))
                note = service.annotations.get(EXCLUDED) if service else None
                found.append(Target(number, to, service, note))
            elif to.kind == "Backend":
                found.append(backend_of(number, to, self.need(around.BACKENDS)))
            else:
                found.append(Target(number, to, None))
        return tuple(found)

    @property
    def served(self) -> tuple[Target, ...]:
        """Those of them that are Services which are there."""
        return tuple(target for target in self.targets if target.service)

    def app_pods(self, target: Target) -> tuple[Pod, ...]:
        """The pods that a backend's Service selects and that are not on their way out."""
        service = target.service
        found = self.need(app_pods(service)) if service and service.selector else ()
        return tuple(pod for pod in found if pod.living)

    @cached_property
    def all_app_pods(self) -> tuple[Pod, ...]:
        """The pods of all backends."""
        found = {(pod.namespace, pod.name): pod for target in self.served for pod in self.app_pods(target)}
        return tuple(found.values())

    def app_deployments(self, target: Target) -> tuple[Deployment, ...]:
        """The Deployments whose pods a backend's Service selects."""
        service = target.service
        if service is None or not service.selector:
            return ()
        chosen = Selector(tuple(service.selector.items()))
        its = (each for (namespace, _), each in self.deployments.items() if namespace == service.namespace)
        return tuple(each for each in its if chosen.matches(each.pod_labels))

    @property
    def policies(self) -> tuple[TlsPolicy, ...]:
        """Policies by which the gateway is to speak TLS of their own."""
        found = (*self.need(around.TLS_POLICIES), *self.need(around.CONFIG_POLICIES))
        return tuple(policy for policy in found if policy)

    @property
    def network_policies(self) -> tuple[NetworkPolicy, ...]:
        """Policies of the network."""
        return self.need(around.NETWORK_POLICIES)

    @property
    def answers(self) -> Answers:
        """What came back."""
        return _there("answers", self.came_back)

    @property
    def proxies(self) -> Mapping[str, Proxy]:
        """What Envoy holds, by the gateway's pods."""
        return _there("what the gateway's Envoy holds", self.held)

    def age_s(self, created: str) -> float:
        """How long ago something was made, in seconds; very long where that is not told."""
        try:
            return (self.now - datetime.fromisoformat(created.replace("Z", "+00:00"))).total_seconds()
        except ValueError:
            return float("inf")

    def rolling(self, deployment: Deployment | None, its: Sequence[Pod]) -> str:
        """What a Deployment still waits for; empty once it is rolled out, or is not going to be."""
        if deployment is None or deployment.rolled_out or deployment.stalled or is_true(deployment.conditions, FAILING):
            return ""
        hopeless = [pod for pod in its if any(part.state.startswith(HOPELESS) for part in pod.containers)]
        waiting = [pod for pod in its if pod.living and not pod.all_ready]
        if hopeless or any(self.age_s(pod.created) > YOUNG_S for pod in waiting):
            return ""
        return (
            f"Deployment {deployment.namespace}/{deployment.name}: generation {deployment.observed_generation} of "
            f"{deployment.generation} observed; {deployment.updated} updated, {deployment.available} available of "
            f"{deployment.replicas}"
        )

    @cached_property
    def unsettled(self) -> Mapping[str, str]:
        """What still rolls out or was not yet looked at by its controller, by the link that it is of."""
        found: dict[str, str] = {}
        gateway = self.rolling(self.gateway_deployment, self.gateway_pods)
        if gateway:
            found["gateway"] = gateway
        for target in self.served:
            for deployment in self.app_deployments(target):
                if told := self.rolling(deployment, self.app_pods(target)):
                    found["endpoints"] = told
        return found


FAILING = "ReplicaFailure"


def _there(what: str, seen: T | NotSeen) -> T:
    if isinstance(seen, NotSeen):
        raise Unseen(f"{what}: {seen.why}", unclear=seen.unclear)
    return seen


def gateway_pods(gateway: Gateway) -> Link[tuple[Pod, ...]]:
    """The pods of a Gateway."""
    return pods("the gateway's pods", pods_of_gateway(Ref(GATEWAY, gateway.namespace, gateway.name)))


def app_pods(service: Service) -> Link[tuple[Pod, ...]]:
    """The pods that a Service selects."""
    selector = ",".join(f"{name}={value}" for name, value in service.selector.items())
    return pods(f"pods of Service {service.namespace}/{service.name}", Labelled(POD, service.namespace, selector))
