"""Controllers of somebody else's that look away from the run's namespaces meanwhile, and are put back as they were.

Whoever changes a field becomes its manager, also who changes it back; the next `helm upgrade` of its owner is then
refused. So who manages what is put back as well.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.kube.everything import Object
from meshproof.kube.raw import Raw
from meshproof.steps.model import Command, shell, write
from meshproof.steps.setting import Aside, Setting

MANAGER = "meshproof"  # as which the run changes a field
ROLLOUT_TIMEOUT_S = 100
_KIND = "Deployment.apps"


def turn_away(setting: Setting) -> tuple[Command, ...]:
    """They look away before there is a Gateway of ours, which both would serve."""
    return tuple(each for aside in setting.makes.asides for each in _look_at(aside, aside.now, setting))


def turn_back(setting: Setting) -> tuple[Command, ...]:
    """They look at what they did before, and those who managed their fields do so again.

    What somebody has changed meanwhile is not the run's to put back.
    """
    return tuple(each for aside in setting.makes.asides for each in _back(aside, setting))


def managed(aside: Aside, objects: Sequence[Object]) -> Finding:
    """The same manage the same fields of a controller as before it looked away; its status is its own."""
    ref = f"{aside.deployment.namespace}/{aside.deployment.name}"
    now = [_managers(each.raw["metadata"]) for each in objects if (each.kind, each.ref) == (_KIND, ref)]
    then, [found] = _managers({"managedFields": json.loads(aside.fields)}), [*now, None][:1]
    told = f"managed by {', '.join(sorted(then))}"
    seen = "not there" if found is None else f"managed by {', '.join(sorted(found))}"
    return Finding(found == then, f"{ref} {told}", f"{ref} {seen}")


def _look_at(aside: Aside, namespaces: str | None, setting: Setting, unless: Unless | None = None) -> Commands:
    """Tell a controller which namespaces to look at, whatever its chart and values; its release's history stays."""
    variable, container = setting.dialect.selectors_env, setting.dialect.controller_container
    word = f"{variable}-" if namespaces is None else f"{variable}={namespaces}"
    how = (f"--containers={container}", f"--field-manager={MANAGER}")
    return (
        shell("kubectl", "set", "env", *aside.deployment.typed, *how, word, unless=unless),
        shell("kubectl", "rollout", "status", *aside.deployment.typed, f"--timeout={ROLLOUT_TIMEOUT_S}s"),
    )


def _back(aside: Aside, setting: Setting) -> Commands:
    file = f"managers-of-{aside.deployment.namespace}-{aside.deployment.name}.json"
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": json.loads(aside.fields)}]
    typed = ("--type", "json", "--patch-file", file)

    def changed(cluster: Cluster) -> bool:
        return _value(cluster, aside, setting) != aside.now

    def others_changed(cluster: Cluster) -> bool:
        found = _managers((cluster.api.find(aside.deployment.path) or {"metadata": {}})["metadata"])
        ours = {name for name in found if name.startswith(f"{MANAGER} ")}
        return not ours or set(found) - ours != set(_managers({"managedFields": json.loads(aside.fields)}))

    return (
        *_look_at(aside, aside.was, setting, changed),
        write(file, json.dumps(patch)),
        shell("kubectl", "patch", *aside.deployment.typed, *typed, unless=others_changed),
    )


def _value(cluster: Cluster, aside: Aside, setting: Setting) -> str | None:
    """The namespaces that a controller looks at now, as its variable has it."""
    deployment = Raw.of("Deployment", cluster.api.find(aside.deployment.path) or {})
    entries = [entry for part in deployment.parts("spec.template.spec.containers") for entry in part.parts("env")]
    values = {entry.need("name", str): entry.get("value", "") for entry in entries}
    return values.get(setting.dialect.selectors_env)


def _managers(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of an object that each manages, by how and who."""
    own = [each for each in metadata.get("managedFields", []) if "subresource" not in each]
    return {f"{each['manager']} ({each['operation']})": each["fieldsV1"] for each in own}


Unless = Callable[[Cluster], bool]
Commands = tuple[Command, ...]
