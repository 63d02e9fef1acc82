"""What we may do in a cluster, asked of the API server itself: access reviews change nothing.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from meshproof.kube.api import Api
from meshproof.kube.raw import Raw

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SIDE_BY_SIDE = 8


@dataclass(frozen=True)
class Right:
    """To do something with a kind of object: in a namespace, or in all of the cluster where that is empty."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    @property
    def kind(self) -> str:
        """What it is about, as RESOURCE.GROUP."""
        return "everything" if self.resource == "*" else f"{self.resource}{f'.{self.group}' if self.group else ''}"


def listed(rights: Sequence[Right]) -> tuple[str, ...]:
    """Rights in lines: what may be done alike, where, together."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.kind, right.namespace), []).append(right.verb)
    alike: dict[tuple[str, str], list[str]] = {}
    for (kind, namespace), its in verbs.items():
        alike.setdefault((", ".join(its), namespace), []).append(kind)
    return tuple(
        f"{verb} in {namespace or 'all namespaces'}: {', '.join(kinds)}" for (verb, namespace), kinds in alike.items()
    )


def missing(rights: Sequence[Right], api: Api) -> tuple[Right, ...]:
    """Those of some rights that we do not have.

    Raises:
        MachineCannot: The server cannot be reached, or does not say.
    """
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        allowed = list(pool.map(_allowed, rights, repeat(api)))
    return tuple(right for right, has in zip(rights, allowed, strict=True) if not has)


def _allowed(right: Right, api: Api) -> bool:
    resource, _, part = right.resource.partition("/")
    attributes = {"verb": right.verb, "resource": resource, "subresource": part, "group": right.group}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**attributes, "namespace": right.namespace}},
    }
    return Raw.of("SelfSubjectAccessReview", api.review(REVIEWS, review)).get("status.allowed", False)
