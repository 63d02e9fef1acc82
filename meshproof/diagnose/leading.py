"""Links that lead to the app: listener, route, backend."""

from __future__ import annotations

from meshproof.checks.control_plane import accepted
from meshproof.diagnose.backends import condition_told, refused_by
from meshproof.diagnose.look import Look
from meshproof.diagnose.remedies import patched
from meshproof.diagnose.scene import Scene
from meshproof.dialects import CONTROLLER_NAME
from meshproof.kube.kinds import GATEWAY, HTTP_ROUTE, Ref


def listener(scene: Scene, look: Look) -> None:
    """The Gateway and its listeners."""
    gateway = scene.gateway
    ref = Ref(GATEWAY, gateway.namespace, gateway.name)
    ports = ", ".join(f"{each.name}:{each.port}" for each in gateway.listeners)
    look.object = f"{ports} of {ref}"
    found = accepted(gateway, gateway.parameters_ref)
    refused = [each for each in gateway.conditions if refused_by(each, gateway.generation)]
    if refused and refused[0].reason == "InvalidParameters" and scene.parameters_ref:
        look.see(*map(condition_told, refused))  # that is told where the parameters are
    elif refused:
        look.find("not-accepted", f"{ref} is not accepted or not programmed", ref, *map(condition_told, refused))
    elif not found.holds:
        look.unsettled = f"{ref}: {found.observed}, expected {found.expected}"
    else:
        look.see(f"accepted and programmed, generation {gateway.generation}")


def route(scene: Scene, look: Look) -> None:
    """The route that wins for the host."""
    its = scene.route
    ref = Ref(HTTP_ROUTE, its.namespace, its.name)
    look.object = f"{ref} wins for {scene.host}"
    parent = f"{scene.gateway.namespace}/{scene.gateway.name}"
    spoken = [
        condition
        for each in its.parents
        if each.parent == parent and each.controller == CONTROLLER_NAME
        for condition in each.conditions
    ]
    refused = [each for each in spoken if each.type == "Accepted" and refused_by(each, its.generation)]
    current = [each for each in spoken if each.observed_generation >= its.generation]
    if refused:
        named = [f"spec.parentRefs[{number}].sectionName: {section}" for number, section in its.sections]
        told = f"{ref} is not accepted by {parent}"
        look.find("not-accepted", told, ref, *map(condition_told, refused), *named, remedy=_any_listener(scene))
    elif not current and scene.age_s(its.created) < 10:
        look.unsettled = f"{ref}: kgateway has not yet spoken of generation {its.generation}"
    elif not current:
        look.suffer(
            "not-accepted", f"kgateway says nothing of {ref}", ref, "status.parents: no condition of kgateway's"
        )
    else:
        number = f"rule {scene.winner.rule}, {scene.winner.match.path_type} {scene.winner.match.path}"
        look.see(f"accepted, generation {its.generation}; {number}")
    for at in [at for header, at in scene.winner.its.sets if header == "x-forwarded-client-cert"]:
        path = f"/spec/rules/{scene.winner.rule}/{at}"
        look.find(
            "sets-header",
            "A filter of the route sets the header itself: what stands before the sidecar's element is not the mesh's",
            ref,
            path,
            remedy=patched(scene, ref, [{"op": "remove", "path": path}]),
        )
    for rival in scene.rivals:
        other = Ref(HTTP_ROUTE, rival.route.namespace, rival.route.name)
        look.find(
            "another-wins",
            f"{other} has the host and the path as well; {ref} is older or comes first by name, and gets the requests",
            other,
            f"{other} spec.rules[{rival.rule}].matches: {rival.match.path_type} {rival.match.path}",
        )
    if not scene.winner.its.backends:
        filters = ", ".join(scene.winner.its.filters) or "none"
        look.find("no-backend", "The rule sends requests to no backend", ref, f"filters: {filters}")


def _any_listener(scene: Scene) -> str:
    """A command that has the route name no listener, where it names one that the Gateway does not have."""
    there = [each.name for each in scene.gateway.listeners]
    wrong = [number for number, section in scene.route.sections if section not in there]
    if not wrong:
        return ""
    ref = Ref(HTTP_ROUTE, scene.route.namespace, scene.route.name)
    removed = [{"op": "remove", "path": f"/spec/parentRefs/{number}/sectionName"} for number in wrong]
    return patched(scene, ref, removed)
