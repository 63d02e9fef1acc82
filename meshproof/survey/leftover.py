"""What a run has made in somebody else's cluster, noted there, so that whoever comes next can undo it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from meshproof.dialects import Dialect
from meshproof.kube.kinds import Ref
from meshproof.kube.raw import Raw
from meshproof.steps.before import MAKES
from meshproof.steps.setting import Makes
from meshproof.survey.found import Controller, Found, selectors_of
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE, OURS


def leftover(namespaces: Iterable[Mapping[str, Any]]) -> Makes | None:
    """What the namespaces of ours that are there say was made; None where there is none of them.

    One without the note, which is not ours to read more into, is all that was made.
    """
    left: Makes | None = None
    for raw in namespaces:
        namespace = Raw.of("Namespace", raw)
        if namespace.need("metadata.name", str) not in (GATEWAY_NAMESPACE, APP_NAMESPACE):
            continue
        if namespace.texts("metadata.labels").get(OURS[0]) != OURS[1]:
            continue
        left = left or Makes(False, False, False, False, labels=dict([OURS]))
        if note := namespace.texts("metadata.annotations").get(MAKES, ""):
            left = msgspec.json.decode(note, type=Makes)
    return left


def without_ours(found: Found, left: Makes | None, dialect: Dialect) -> Found:
    """What was found, as it is once what is left of ours is gone."""
    if left is None:
        return found
    ours = (GATEWAY_NAMESPACE, APP_NAMESPACE)
    looked_at = {aside.deployment: aside.was for aside in left.asides}
    there = [each for each in found.controllers if each.deployment.namespace not in ours]
    return replace(
        found,
        left=left,
        controllers=tuple(_as_before(each, looked_at) for each in there),
        gateways=tuple(each for each in found.gateways if each.ref.namespace not in ours),
        gateway_api=None if left.gateway_api else found.gateway_api,
        kgateway_crds=found.kgateway_crds and not left.kgateway_crds,
        classes=found.classes - ({dialect.gateway_class} if left.gateway_class else set()),
    )


def _as_before(controller: Controller, looked_at: Mapping[Ref, str | None]) -> Controller:
    if controller.deployment not in looked_at:
        return controller
    was = looked_at[controller.deployment]
    return replace(controller, looks_at=was, selectors=selectors_of(was, str(controller.deployment)))
