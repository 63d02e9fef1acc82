"""Frozen snapshots of mutating webhooks, which Istio puts sidecars into pods with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshproof.kube.raw import Raw
from meshproof.kube.selectors import Selector


@dataclass(frozen=True)
class Webhook:
    """One webhook of a configuration.

    Attributes:
        configuration: The name of its MutatingWebhookConfiguration.
        name: Its own name.
        revision: The revision that its configuration is labelled with; empty where it is not.
        namespaces: The namespaces that it is for.
        objects: The objects that it is for.
        service: The Service that answers it, as `NAMESPACE/NAME`; empty where it has a URL.
        required: Whether what it is for is refused when it does not answer.
        created: When its configuration was made, as the API writes it.
    """

    configuration: str
    name: str
    revision: str
    namespaces: Selector
    objects: Selector
    service: str
    required: bool
    created: str

    def selects(self, namespace: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        """Whether it is called for an object with these labels, in a namespace with those."""
        return self.namespaces.matches(namespace) and self.objects.matches(labels)


def injectors_of(raw: Mapping[str, Any]) -> tuple[Webhook, ...]:
    """The webhooks of a MutatingWebhookConfiguration that are called when a pod is made and are Istio's.

    Source: the chart of istiod labels its configurations `app: sidecar-injector`, and calls each of their webhooks
    `….sidecar-injector.istio.io`.
    """
    configuration = Raw.of("MutatingWebhookConfiguration", raw)
    labels, service = configuration.texts("metadata.labels"), "clientConfig.service"
    return tuple(
        Webhook(
            configuration=configuration.need("metadata.name", str),
            name=part.need("name", str),
            revision=labels.get("istio.io/rev", ""),
            namespaces=Selector.from_dict(part.get("namespaceSelector", dict[str, Any]())),
            objects=Selector.from_dict(part.get("objectSelector", dict[str, Any]())),
            service="/".join(part.get(f"{service}.{each}", "") for each in ("namespace", "name"))
            if part.has(service)
            else "",
            required=part.get("failurePolicy", "Fail") == "Fail",
            created=configuration.get("metadata.creationTimestamp", ""),
        )
        for part in configuration.parts("webhooks")
        if labels.get("app") == "sidecar-injector" or part.need("name", str).endswith("sidecar-injector.istio.io")
    )
