"""The kgateways of a cluster, by the settings that only they have, whatever they are called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from meshproof.checks.control_plane import is_rolled_out
from meshproof.dialects import Dialect
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.kube.raw import Malformed, Raw
from meshproof.kube.workloads import Deployment
from meshproof.path.controllers import controllers, selectors_of
from meshproof.path.deployed import ELSEWHERE, env, version
from meshproof.steps.asides import MANAGER
from meshproof.survey.found import Controller


def kgateways(deployments: Iterable[Mapping[str, Any]], dialect: Dialect) -> Iterable[Controller]:
    """Those Deployments with a container that has settings which only a kgateway has."""
    for raw, container in controllers(deployments, dialect):
        yield _controller(raw, container, dialect)


def _controller(raw: Mapping[str, Any], container: Raw, dialect: Dialect) -> Controller:
    deployment, told = Raw.of("Deployment", raw), env(container)
    looks_at, refs = told.get(dialect.selectors_env), told.get(dialect.class_parameters_env) or "{}"
    unread = _unread(container, dialect)
    try:
        selectors = selectors_of(looks_at, dialect.selectors_env)
        Raw({"refs": json.loads(refs)}, dialect.class_parameters_env).need("refs", dict)
    except (Malformed, ValueError) as error:
        selectors, unread = (), unread or f"what it is told cannot be read: {error}"
    return Controller(
        deployment=Ref(DEPLOYMENT, deployment.get("metadata.namespace", ""), deployment.need("metadata.name", str)),
        version=version(deployment, container),
        looks_at=looks_at,
        selectors=selectors,
        on=told.get(dialect.integration_env) == "true",
        parameters_refs=refs,
        waypoint=told.get(dialect.waypoint_env) == "true",
        fields=json.dumps(_managers(deployment)),
        ready=is_rolled_out(Deployment.from_dict(raw)).holds,
        kept_by=_kept_by(deployment),
        unread=unread,
    )


def _kept_by(deployment: Raw) -> str:
    """What keeps it as a repository has it, by the marks that Argo CD and Flux put on what they apply.

    Sources: https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/ and
    https://fluxcd.io/flux/components/helm/helmreleases/
    """
    marks = {**deployment.texts("metadata.labels"), **deployment.texts("metadata.annotations")}
    keepers = {"argocd.argoproj.io": "Argo CD", "toolkit.fluxcd.io": "Flux"}
    return next(
        (keeper for domain, keeper in keepers.items() for mark in marks if domain in mark.partition("/")[0]), ""
    )


def _managers(deployment: Raw) -> list[Mapping[str, Any]]:
    """Who manages its fields; a run of ours that was ended is nobody to be put back."""
    return [part.data for part in deployment.parts("metadata.managedFields") if part.get("manager", "") != MANAGER]


def _unread(container: Raw, dialect: Dialect) -> str:
    """Why what is needed of a controller's variables cannot be read, or not put back as it was."""
    if (name := container.get("name", "")) != dialect.controller_container:
        return f"its container is called {name}, expected {dialect.controller_container}"
    named, told = [entry.need("name", str) for entry in container.parts("env")], env(container)
    for each in (dialect.selectors_env, dialect.class_parameters_env, dialect.waypoint_env):
        if named.count(each) > 1:
            return f"{each} is given {named.count(each)} times"
        if told.get(each) == ELSEWHERE:
            return f"{each} is taken from elsewhere"
    return ""
