"""What each line of kgateway calls the things that the page names: a file each."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof.dialects import v2_0, v2_2, v2_4
from meshproof.dialects.dialect import Dialect as Dialect
from meshproof.errors import BadInput
from meshproof.kube.kinds import SERVICE, Ref

# What kgateway registers its classes for; nothing changes it.
# Source: DefaultGatewayControllerName of kgateway-dev/kgateway.
CONTROLLER_NAME = "kgateway.dev/kgateway"
DIALECTS: Mapping[str, Dialect] = {"2.4": v2_4.DIALECT, "2.2": v2_2.DIALECT, "2.0": v2_0.DIALECT}


def upstream_of(backend: Ref) -> str:
    """How the name of the Envoy cluster of a Service or Backend begins; a port follows. The same in every line.

    Source: BackendObjectIR.ClusterName of kgateway-dev/kgateway, and the prefixes of its plugins.
    """
    prefix = "kube" if backend.kind == SERVICE else "backend"
    return f"{prefix}_{backend.namespace}_{backend.name}_"


def pod_port(listener: int) -> int:
    """The port of the gateway's pods that serves a listener: those that only root may open are moved up.

    Source: ports.TranslatePort of kgateway-dev/kgateway.
    """
    return listener if listener >= 1024 else listener + 8000


def dialect(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        BadInput: There is none.
    """
    try:
        return DIALECTS[name]
    except KeyError as error:
        raise BadInput(f"dialect {name}: unknown; known are {', '.join(DIALECTS)}") from error
