"""The kgateways of a cluster, by the settings that only they have, whatever they are called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meshproof.dialects import Dialect
from meshproof.kube.raw import Malformed, Raw
from meshproof.kube.selectors import Selector
from meshproof.path.deployed import env

_XDS_SERVICE = "KGW_XDS_SERVICE_NAME"  # which every chart of kgateway sets


def controllers(deployments: Iterable[Mapping[str, Any]], dialect: Dialect) -> Iterator[tuple[Mapping[str, Any], Raw]]:
    """Those Deployments with a container that has settings which only a kgateway has, and that container."""
    known = {_XDS_SERVICE, dialect.selectors_env, dialect.integration_env}
    for raw in deployments:
        for container in Raw.of("Deployment", raw).parts("spec.template.spec.containers"):
            if known & env(container).keys():
                yield raw, container


def selectors_of(looks_at: str | None, what: str) -> tuple[Selector, ...]:
    """The selectors of a controller's variable; none, which is all namespaces, where it has none.

    Raises:
        Malformed: It is not a JSON list of selectors.
    """
    try:
        listed: object = json.loads(looks_at or "[]")
    except ValueError as error:
        raise Malformed(f"{what}: expected JSON, found {looks_at}") from error
    parts = Raw({"selectors": listed}, what).parts("selectors")
    return tuple(Selector.from_dict(part.data, part.name) for part in parts)
