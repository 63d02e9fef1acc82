"""What a run has made in somebody else's cluster, noted there, so that whoever comes next can undo it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from meshproof.dialects import Dialect
from meshproof.errors import BadInput
from meshproof.kube.raw import Raw
from meshproof.path.controllers import selectors_of
from meshproof.steps.before import MAKES
from meshproof.steps.setting import Aside, Makes
from meshproof.survey.found import Controller, Found
from meshproof.survey.ours import APP_NAMESPACE, GATEWAY_NAMESPACE, OURS


def leftover(namespaces: Iterable[Mapping[str, Any]]) -> Makes | None:
    """What a run has made there, as the note on our namespace says; None where there is no such note.

    A label alone, which anybody may set, makes no namespace ours.

    Raises:
        BadInput: The note cannot be read.
    """
    for raw in namespaces:
        namespace = Raw.of("Namespace", raw)
        labelled = namespace.texts("metadata.labels").get(OURS[0]) == OURS[1]
        note = namespace.texts("metadata.annotations").get(MAKES, "")
        if namespace.need("metadata.name", str) == GATEWAY_NAMESPACE and labelled and note:
            return _read(note, f"{namespace.name}, annotation {MAKES}")
    return None


def _read(note: str, what: str) -> Makes:
    """A note; what it does not say was not made, so that nothing more is taken away than it says."""
    unsaid = dict.fromkeys(("gateway_api", "kgateway_crds", "gateway_class", "istio"), False)
    try:
        return msgspec.convert(unsaid | json.loads(note), Makes)
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"{what}: expected what a run of meshproof made, found something else: {error}. Take away by hand what is "
            "left, the namespaces last"
        ) from error


def without_ours(found: Found, left: Makes | None, dialect: Dialect) -> Found:
    """What was found, as it is once what is left of ours is gone.

    What has changed since in a controller that a run told to look away is not ours to put back.
    """
    if left is None:
        return found
    ours = (GATEWAY_NAMESPACE, APP_NAMESPACE)
    told = {each.deployment: each.looks_at for each in found.controllers}
    asides = tuple(aside for aside in left.asides if told.get(aside.deployment) == aside.now)
    there = [each for each in found.controllers if each.deployment.namespace not in ours]
    return replace(
        found,
        left=replace(left, asides=asides),
        controllers=tuple(_as_before(each, asides) for each in there),
        gateways=tuple(each for each in found.gateways if each.ref.namespace not in ours),
        gateway_api=None if left.gateway_api else found.gateway_api,
        kgateway_crds=found.kgateway_crds and not left.kgateway_crds,
        classes={
            name: by for name, by in found.classes.items() if not (left.gateway_class and name == dialect.gateway_class)
        },
    )


def _as_before(controller: Controller, asides: Iterable[Aside]) -> Controller:
    for aside in asides:
        if aside.deployment == controller.deployment:
            selectors = selectors_of(aside.was, str(controller.deployment))
            return replace(controller, looks_at=aside.was, selectors=selectors)
    return controller
