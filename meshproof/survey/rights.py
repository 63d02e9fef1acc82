"""The rights that a survey and a run need."""

from __future__ import annotations

from collections.abc import Iterator

from meshproof.kube.kinds import (
    AUTHORIZATION_POLICY,
    BACKEND,
    CONFIG_MAP,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_CLASS,
    GATEWAY_PARAMETERS,
    HTTP_ROUTE,
    NAMESPACE,
    NETWORK_POLICY,
    PEER_AUTHENTICATION,
    SERVICE,
    Kind,
)
from meshproof.kube.rights import Right
from meshproof.steps.setting import Makes
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE

NODE = Kind("Node", "nodes")
DAEMON_SET = Kind("DaemonSet", "daemonsets", "apps")
DEFINITION = Kind("CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io")
LISTED = (
    *(NODE, NAMESPACE, SERVICE, CONFIG_MAP, DEPLOYMENT, DAEMON_SET, NETWORK_POLICY),
    *(DEFINITION, GATEWAY_CLASS, GATEWAY, GATEWAY_PARAMETERS),
    *(PEER_AUTHENTICATION, AUTHORIZATION_POLICY),
)
_WITHIN = (
    *(SERVICE, Kind("Secret", "secrets"), Kind("ServiceAccount", "serviceaccounts"), DEPLOYMENT),
    *(GATEWAY, HTTP_ROUTE, GATEWAY_PARAMETERS, BACKEND),
)
_ROLES = (
    Kind("ClusterRole", "clusterroles", "rbac.authorization.k8s.io"),
    Kind("ClusterRoleBinding", "clusterrolebindings", "rbac.authorization.k8s.io"),
)


def _to(verb: str, kind: Kind, namespace: str = "") -> Right:
    return Right(verb, kind.plural, kind.group, namespace)


LOOKING = tuple(_to("list", kind) for kind in LISTED)


def rights(makes: Makes | None = None) -> tuple[Right, ...]:
    """What a run needs: for what it makes or, where that is not known yet, for all that it may have to make."""
    return tuple(_of(makes or Makes()))


def _of(makes: Makes) -> Iterator[Right]:
    # The inventories of before and after, and what kubectl and helm look at and wait for.
    yield from (Right(verb, "*", "*") for verb in ("get", "list", "watch"))
    for verb in ("create", "patch", "delete"):
        yield _to(verb, NAMESPACE)
        for namespace in (GATEWAY_NAMESPACE, APP_NAMESPACE):
            yield from (_to(verb, kind, namespace) for kind in _WITHIN)
    yield Right("create", "pods/portforward", "", GATEWAY_NAMESPACE)
    yield from (_to(verb, kind) for kind in _ROLES for verb in ("create", "delete"))
    # The controller may do more than most who install it.
    yield from (_to(verb, _ROLES[0]) for verb in ("escalate", "bind"))
    if makes.kgateway_crds or makes.gateway_api:
        yield from (_to(verb, DEFINITION) for verb in ("create", "patch", "delete"))
    if makes.gateway_class:
        yield _to("delete", GATEWAY_CLASS)
    yield from (_to("patch", DEPLOYMENT, aside.deployment.namespace) for aside in makes.asides)
