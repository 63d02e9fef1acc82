"""Links of the wire: the policies that hold for it, and the answers themselves, each on a new connection."""

from __future__ import annotations

from meshproof.checks.hops import SIDECAR
from meshproof.checks.requests import answered, header_of
from meshproof.diagnose.apps import MARK
from meshproof.diagnose.look import Look
from meshproof.diagnose.remedies import patched
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import Target
from meshproof.errors import Refuted
from meshproof.formats.spiffe import SpiffeId
from meshproof.kube.kinds import AUTHORIZATION_POLICY, DESTINATION_RULE, NETWORK_POLICY, PEER_AUTHENTICATION, POD, Ref
from meshproof.kube.policies import AuthorizationPolicy, in_effect
from meshproof.kube.workloads import Pod
from meshproof.path import around
from meshproof.path.ask import Answer
from meshproof.path.link import NotSeen, Unseen

DENIED = "RBAC: access denied"


def policies(scene: Scene, look: Look) -> None:
    """Policies of the mesh that bear on the hop into the app's pods."""
    look.object = f"policies for {', '.join(str(target.ref) for target in scene.served) or 'no Service'}"
    peers = scene.need(around.PEER_AUTHENTICATIONS)
    root = scene.istiod.namespace if scene.istiod else ""
    told: set[str] = set()
    for target in scene.served:
        for pod in scene.app_pods(target):
            if SIDECAR not in [part.name for part in pod.containers]:
                continue
            port = _port_of(scene, target, pod)
            mode, field, policy = in_effect(peers, pod.namespace, pod.labels, port, root)
            ref = Ref(PEER_AUTHENTICATION, policy.namespace, policy.name) if policy else None
            told.add(f"{mode} for {pod.name}{f' by {ref}' if ref else ', which is the default'}")
            if ref and mode == "DISABLE" and speaks_tls(scene, target, pod):
                look.find(
                    "disable",
                    f"{ref} has the sidecar take plaintext alone; the gateway does not read it and speaks TLS: 503",
                    ref,
                    f"{field}: DISABLE",
                    remedy=_permissive(scene, ref, field),
                )
            elif ref and mode == "STRICT" and not speaks_tls(scene, target, pod):
                look.find(
                    "strict",
                    f"{ref} has the sidecar take TLS alone, and the gateway speaks plaintext to it: 503",
                    ref,
                    f"{field}: STRICT",
                    remedy=_permissive(scene, ref, field),
                )
            if look.causes:
                break
    look.see(*sorted(told))
    for answer in () if isinstance(scene.came_back, NotSeen) else scene.came_back.each:
        if is_denied(answer):
            _denied(scene, look, answer)
            break
    _destination_rules(scene, look)


def speaks_tls(scene: Scene, target: Target, pod: Pod) -> bool:
    """Whether the gateway is to speak TLS to a pod."""
    return scene.on and not target.excluded and target.to.kind == "Service" and MARK in pod.labels


def _permissive(scene: Scene, ref: Ref, field: str) -> str:
    mtls: dict[str, object] = {"mode": "PERMISSIVE"}
    port = field.removeprefix("spec.portLevelMtls.").removesuffix(".mode")
    spec: dict[str, object] = {"mtls": mtls} if field == "spec.mtls.mode" else {"portLevelMtls": {port: mtls}}
    return patched(scene, ref, {"spec": spec})


def _port_of(scene: Scene, target: Target, pod: Pod) -> int:
    """The port of a pod that requests go to, as the gateway's Envoy holds it; the Service's where that is not seen."""
    if isinstance(scene.held, NotSeen):
        return target.to.port
    found = [
        address.rpartition(":")[2]
        for proxy in scene.held.values()
        for held in proxy.clusters.values()
        if held.name.startswith(f"kube_{target.ref.namespace}_{target.ref.name}_")
        for address in held.marks
        if address.rpartition(":")[0] == pod.ip
    ]
    return int(found[0]) if found else target.to.port


def _destination_rules(scene: Scene, look: Look) -> None:
    hosts = {f"{target.ref.name}.{target.ref.namespace}.svc.cluster.local" for target in scene.served}
    for rule in scene.need(around.DESTINATION_RULES):
        full = rule.host if "." in rule.host else f"{rule.host}.{rule.namespace}.svc.cluster.local"
        if rule.mode and full in hosts:
            ref = Ref(DESTINATION_RULE, rule.namespace, rule.name)
            told = f"kgateway does not read the TLS mode of {ref}: it is for clients that have a sidecar"
            look.find("destination-rule", told, ref, f"spec.trafficPolicy.tls.mode: {rule.mode}")


def answers(scene: Scene, look: Look) -> None:
    """What came back, from each endpoint on a new connection."""
    look.object = f"GET {scene.host}/headers"
    if look.waits(scene.unsettled.get("gateway") or scene.unsettled.get("endpoints")):
        return
    found = scene.answers
    for answer in found.each:
        if is_mutual(answer):
            look.see(f"{_endpoint(scene, answer)}: {answer.response.status} over mutual TLS")
            _header(scene, look, answer)
        else:
            _wrong(scene, look, answer)
    for pod, _, endpoint in found.missing:
        look.unexplained(
            f"No answer of endpoint {endpoint} on a new connection through {pod}",
            look.object,
            "asked as often as may be",
        )


def is_mutual(answer: Answer) -> bool:
    """Whether an answer came from the app over mutual TLS; of an app that does not say what it received, over TLS."""
    response = answer.response
    if response.received is None:
        return (
            bool(answer.endpoint)
            and answer.handshakes > 0
            and 0 < response.status < 500
            and DENIED not in response.body
        )
    return answered(answer) and response.xfcc is not None and answer.handshakes > 0


def is_denied(answer: Answer) -> bool:
    """Whether the sidecar refused the request by a policy."""
    return bool(answer.endpoint) and answer.response.status == 403 and DENIED in answer.response.body


def _header(scene: Scene, look: Look, answer: Answer) -> None:
    """What the header says, beside what it should."""
    if answer.response.received is None:
        look.see("the app does not say what it received: whether it had the header is not seen")
        return
    try:
        header = header_of(answer)
    except Refuted as problem:
        look.suffer("unreadable", "The header that the app received cannot be read", look.object, str(problem))
        return
    identity = str(SpiffeId(scene.trust_domain, scene.gateway.namespace, scene.gateway.name))
    if not header.sole:
        told = "The app received an element before the sidecar's own, which the mesh does not vouch for"
        look.find("several-elements", told, look.object, header.standing)
    if header.last.uri != (identity,):
        told = f"The client in the header is {', '.join(header.last.uri) or '(absent)'}, expected {identity}"
        look.unexplained(told, look.object, f"X-Forwarded-Client-Cert: {answer.response.xfcc}")


def _endpoint(scene: Scene, answer: Answer) -> str:
    pods = {pod.ip: pod.name for pod in scene.all_app_pods}
    return pods.get(answer.host, answer.endpoint)


def _wrong(scene: Scene, look: Look, answer: Answer) -> None:
    """An answer that is not as it should be: how far the request came, and what was said."""
    response, where = answer.response, _endpoint(scene, answer)
    said = str(answer)[:400]
    handshakes = f"Envoy's cluster.{answer.upstream}.ssl.handshake grew by {answer.handshakes}"
    if is_denied(answer):
        look.see(f"{where}: {response.status}, {DENIED}")
    elif not answer.endpoint:
        told = f"between the listener and {_backends(scene)}: the gateway itself answers {response.status}"
        look.unexplained(_bounded(told), look.object, said)
    elif response.status >= 500 and not answer.handshakes:
        told = f"between the gateway's Envoy and {where}{_what(scene, answer)}: {response.status}, no TLS handshake"
        look.unexplained(_bounded(told), look.object, said, handshakes, *_walls(scene))
    elif not answer.handshakes:
        told = f"between the gateway's Envoy and {where}: reached in plaintext, {response.status}"
        look.unexplained(_bounded(told), look.object, said, handshakes)
    elif response.status != 200:
        told = f"behind the sidecar of {where}: mutual TLS was made, and {response.status} came back"
        look.unexplained(_bounded(told), look.object, said, handshakes)
    else:
        told = f"in the sidecar of {where}: mutual TLS was made, and the app received no client certificate header"
        look.unexplained(_bounded(told), look.object, said, handshakes)


def _bounded(told: str) -> str:
    return f"{told[0].upper()}{told[1:]}; nothing wrong is seen before, nothing after"


def _backends(scene: Scene) -> str:
    return ", ".join(str(target.ref) for target in scene.targets)


def _what(scene: Scene, answer: Answer) -> str:
    pods = {pod.ip: pod for pod in scene.all_app_pods}
    pod = pods.get(answer.host)
    return "'s sidecar" if pod and SIDECAR in [part.name for part in pod.containers] else ""


def _denied(scene: Scene, look: Look, answer: Answer) -> None:
    try:
        every = scene.need(around.AUTHORIZATION_POLICIES)
    except Unseen:
        every = ()
    root = scene.istiod.namespace if scene.istiod else ""
    pods = {pod.ip: pod for pod in scene.all_app_pods}
    pod = pods.get(answer.host)
    near = [
        each
        for each in every
        if each.action in ("ALLOW", "DENY", "CUSTOM")
        and each.namespace in (root, pod.namespace if pod else "")
        and (each.selects is None or (pod is not None and each.selects.matches(pod.labels)))
    ]
    refs = [Ref(AUTHORIZATION_POLICY, each.namespace, each.name) for each in near]
    named = ", ".join(map(str, refs)) or "an AuthorizationPolicy that is not seen"
    identity = SpiffeId(scene.trust_domain, scene.gateway.namespace, scene.gateway.name)
    look.find(
        "denied",
        f"The sidecar of {_endpoint(scene, answer)} denies the gateway, {identity}, by {named}",
        refs[0] if refs else look.object,
        f"{answer.response.status}: {DENIED}",
        *(f"{ref} spec.action: {each.action}, {each.rules} rules" for ref, each in zip(refs, near, strict=True)),
        remedy=_let_in(scene, near[0], identity) if len(near) == 1 else "",
    )


def _let_in(scene: Scene, policy: AuthorizationPolicy, identity: SpiffeId) -> str:
    """A command that adds the gateway to those whom a policy allows."""
    if policy.action != "ALLOW":
        return ""
    rule = {"from": [{"source": {"principals": [str(identity).removeprefix("spiffe://")]}}]}
    ref = Ref(AUTHORIZATION_POLICY, policy.namespace, policy.name)
    added = [{"op": "add", "path": "/spec/rules/-", "value": rule}]
    return patched(scene, ref, added if policy.rules else {"spec": {"rules": [rule]}})


def _walls(scene: Scene) -> list[str]:
    """Policies of the network that select the app's pods: a hint, no proof."""
    try:
        every = scene.network_policies
    except Unseen:
        return []
    return [
        f"{Ref(NETWORK_POLICY, each.namespace, each.name)} selects {Ref(POD, pod.namespace, pod.name)}"
        for each in every
        for pod in scene.all_app_pods
        if each.ingress and each.namespace == pod.namespace and each.selects.matches(pod.labels)
    ]
