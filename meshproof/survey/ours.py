"""By what the run's own things are known in somebody else's cluster."""

from __future__ import annotations

from dataclasses import replace

from meshproof.kube.kinds import Ref
from meshproof.names import Names

GATEWAY_NAMESPACE, APP_NAMESPACE = "meshproof-gateway", "meshproof-app"
# On every namespace that a run makes, and on what it makes outside of one.
OURS = ("app.kubernetes.io/created-by", "meshproof")


def our_names() -> Names:
    """What things are called in namespaces of our own."""

    def there(ref: Ref) -> Ref:
        return replace(ref, namespace=GATEWAY_NAMESPACE)

    def here(ref: Ref) -> Ref:
        return replace(ref, namespace=APP_NAMESPACE)

    page = Names()
    return replace(
        page,
        gateway=there(page.gateway),
        parameters=there(page.parameters),
        backend=there(page.backend),
        backend_route=there(page.backend_route),
        controller=there(page.controller),
        app=here(page.app),
        service=here(page.service),
        excluded=here(page.excluded),
        route=here(page.route),
        service_route=here(page.service_route),
    )
