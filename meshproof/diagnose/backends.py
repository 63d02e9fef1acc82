"""What the rule sends requests to, and what keeps it from mutual TLS."""

from __future__ import annotations

from difflib import get_close_matches

from meshproof import yamls
from meshproof.diagnose.look import Look
from meshproof.diagnose.remedies import patched, typed_ref
from meshproof.diagnose.scene import Scene
from meshproof.diagnose.values import EXCLUDED, FALSE, TRUE, Target
from meshproof.dialects import CONTROLLER_NAME
from meshproof.kube.conditions import Condition
from meshproof.kube.kinds import GATEWAY, HTTP_ROUTE, SERVICE, Ref
from meshproof.path.link import NotSeen

# Names and protocols of ports whose requests a sidecar reads; a name may go on behind a dash.
# Source: https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
HTTP_NAMES = ("http", "http2", "grpc", "grpc-web")
HTTP_PROTOCOLS = (*HTTP_NAMES, "kubernetes.io/h2c", "kubernetes.io/ws")


def backend(scene: Scene, look: Look) -> None:
    """What the rule sends requests to."""
    look.object = ", ".join(str(target.ref) for target in scene.targets) or "none"
    its = scene.route
    unresolved = [
        condition
        for parent in its.parents
        if parent.controller == CONTROLLER_NAME
        for condition in parent.conditions
        if condition.type == "ResolvedRefs" and refused_by(condition, its.generation)
    ]
    for target in scene.targets:
        _one(scene, look, target, unresolved)
    if unresolved and not look.causes:
        ref = Ref(HTTP_ROUTE, its.namespace, its.name)
        remedy = _grant(scene) if unresolved[0].reason == "RefNotPermitted" else ""
        look.find(
            "not-resolved",
            "A backend of the route is not resolved",
            ref,
            *map(condition_told, unresolved),
            remedy=remedy,
        )


def _one(scene: Scene, look: Look, target: Target, unresolved: list[Condition]) -> None:
    ref, its = target.ref, scene.route
    at = f"HTTPRoute {its.namespace}/{its.name} spec.rules[{scene.winner.rule}].backendRefs[{target.number}]"
    if target.to.kind == "Backend":
        if not target.there:
            look.find("not-resolved", f"{ref} does not exist", ref, at, *map(condition_told, unresolved))
            return
    elif target.service is None:
        look.find(
            "not-resolved",
            f"{ref} does not exist",
            ref,
            at,
            *map(condition_told, unresolved),
            remedy=_other_name(scene, target),
        )
        return
    elif target.to.port not in [port for _, port in target.service.ports]:
        ports = ", ".join(str(port) for _, port in target.service.ports)
        remedy = _replaced(scene, target, "port", target.service.ports[0][1]) if len(target.service.ports) == 1 else ""
        look.find(
            "not-resolved",
            f"{ref} has no port {target.to.port}; it has {ports}",
            ref,
            f"{at}.port: {target.to.port}",
            *map(condition_told, unresolved),
            remedy=remedy,
        )
        return
    _mutual(scene, look, target)


def _mutual(scene: Scene, look: Look, target: Target) -> None:
    """What keeps a backend that is there from mutual TLS."""
    ref, note = target.ref, target.annotation
    unmarked = scene.typed("annotate", *typed_ref(ref), f"{EXCLUDED}-")
    if note is not None and note not in (*TRUE, *FALSE):
        look.find(
            "annotation-no-boolean",
            f"The annotation {EXCLUDED} of {ref} is no boolean, so the routes to it fail",
            ref,
            f'metadata.annotations["{EXCLUDED}"]: {note}',
            remedy=unmarked,
        )
    elif target.to.kind == "Backend":
        _static(scene, look, target)
    elif target.excluded:
        look.find(
            "excluded",
            f"{ref} is excluded from mutual TLS; where that is meant, SKIP=backend.excluded",
            ref,
            f'metadata.annotations["{EXCLUDED}"]: {note}',
            remedy=unmarked,
        )
    else:
        _port(scene, look, target)
        _policies(scene, look, target)


def _static(scene: Scene, look: Look, target: Target) -> None:
    hosts = ", ".join(f"{host}:{port}" for host, port in target.hosts) or "no fixed host"
    marked = [f'metadata.annotations["{EXCLUDED}"]: {target.annotation}'] if target.annotation else []
    look.find(
        "static",
        f"{target.ref} has fixed hosts, whose endpoints are never offered mutual TLS; a Service's are",
        target.ref,
        f"spec.static.hosts: {hosts}",
        *marked,
        remedy=_to_service(scene, target),
    )


def _port(scene: Scene, look: Look, target: Target) -> None:
    service = target.service
    if service is None:
        return
    place, name = next((i, name) for i, (name, port) in enumerate(service.ports) if port == target.to.port)
    protocol = service.protocols.get(target.to.port, "")
    plain = any(name == each or name.startswith(f"{each}-") for each in HTTP_NAMES)
    if protocol.lower() in HTTP_PROTOCOLS or (plain and not protocol):
        look.see(f"{target.ref} port {target.to.port}: {protocol or name}")
        return
    path = f"/spec/ports/{place}/name"
    taken = {each for each, _ in service.ports}
    named = "http" if "http" not in taken else f"http-{target.to.port}"
    patch: list[dict[str, object]] = [{"op": "add", "path": path, "value": named}]
    if protocol:
        patch.append({"op": "replace", "path": f"/spec/ports/{place}/appProtocol", "value": "http"})
    told = f"called {name}" if name else "without a name"
    if has_header(scene):
        look.see(f"{target.ref} port {target.to.port}, {told}; the header arrives all the same")
        return
    look.find(
        "port-no-http",
        f"The port is {told}, so the sidecar does not read what comes over it as HTTP, and sets no header",
        target.ref,
        f"spec.ports[{place}].name: {name or '(none)'}",
        *([f"spec.ports[{place}].appProtocol: {protocol}"] if protocol else []),
        remedy=patched(scene, target.ref, patch),
        severity="warning" if isinstance(scene.came_back, NotSeen) else "error",
    )


def has_header(scene: Scene) -> bool:
    """Whether the header was seen to arrive: another Service of the same pods may have named the port."""
    seen = scene.came_back
    return not isinstance(seen, NotSeen) and any(answer.response.xfcc for answer in seen.each)


def _policies(scene: Scene, look: Look, target: Target) -> None:
    """TLS of a policy's own, which the matches of mutual TLS take precedence over."""
    policies = [each for each in (*scene.policies,) if each.namespace == target.ref.namespace]
    for policy in policies:
        if ("Service", target.ref.name) in policy.targets and scene.on:
            look.find(
                "tls-overridden",
                f"{policy.ref} has the gateway speak TLS to {target.ref}, but mutual TLS is on and takes precedence: "
                "that TLS is never used; the annotation leaves the Service to it",
                target.ref,
                f"{policy.ref} spec.targetRefs: Service {target.ref.name}",
                remedy=scene.typed("annotate", *typed_ref(target.ref), f"{EXCLUDED}=true"),
            )


def _replaced(scene: Scene, target: Target, field: str, value: object) -> str:
    path = f"/spec/rules/{scene.winner.rule}/backendRefs/{target.number}/{field}"
    ref = Ref(HTTP_ROUTE, scene.route.namespace, scene.route.name)
    return patched(scene, ref, [{"op": "replace", "path": path, "value": value}])


def _other_name(scene: Scene, target: Target) -> str:
    """A command that corrects the name, where one Service alone comes near."""
    there = [name for namespace, name in scene.services if namespace == target.to.namespace]
    with_port = [
        name
        for name in there
        if target.to.port in [port for _, port in scene.services[target.to.namespace, name].ports]
    ]
    near = get_close_matches(target.to.name, with_port, n=2, cutoff=0.6)
    return _replaced(scene, target, "name", near[0]) if near else ""


def _to_service(scene: Scene, target: Target) -> str:
    """Commands that have the route lead to the Service whose name the Backend has as a fixed host."""
    found = [
        (scene.services[namespace, name], port)
        for host, port in target.hosts
        for name, namespace in [((*host.split("."), "", "")[0], (*host.split("."), "", "")[1])]
        if (namespace, name) in scene.services
    ]
    if len(found) != 1:
        return ""
    service, port = found[0]
    path = f"/spec/rules/{scene.winner.rule}/backendRefs/{target.number}"
    value = {"name": service.name, "namespace": service.namespace, "port": port}
    ref = Ref(HTTP_ROUTE, scene.route.namespace, scene.route.name)
    command = patched(scene, ref, [{"op": "replace", "path": path, "value": value}])
    grant = _granted(scene, service.namespace) if service.namespace != ref.namespace else ""
    return "\n".join(filter(None, (grant, command)))


def _grant(scene: Scene) -> str:
    abroad = [target.to.namespace for target in scene.targets if target.to.namespace != scene.route.namespace]
    return _granted(scene, abroad[0]) if abroad else ""


def _granted(scene: Scene, namespace: str) -> str:
    """A command that lets the route's namespace refer to Services of another."""
    grant = {
        "apiVersion": f"{GATEWAY.group}/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"name": f"from-{scene.route.namespace}", "namespace": namespace},
        "spec": {
            "from": [{"group": GATEWAY.group, "kind": HTTP_ROUTE.name, "namespace": scene.route.namespace}],
            "to": [{"group": "", "kind": SERVICE.name}],
        },
    }
    return scene.applied(yamls.dump(grant))


def refused_by(condition: Condition, generation: int) -> bool:
    """Whether a condition of those that must be True is not, said of this generation."""
    of_these = condition.type in ("Accepted", "Programmed", "ResolvedRefs", "kgateway.dev/Programmed")
    return of_these and condition.status == "False" and condition.observed_generation >= generation


def condition_told(condition: Condition) -> str:
    """A condition as evidence."""
    return f"status: {condition.type}={condition.status}, {condition.reason}: {condition.message}"
