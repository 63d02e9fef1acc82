"""What each line of kgateway calls the things that the page names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshproof.errors import BadInput
from meshproof.kube.kinds import SERVICE, Ref


@dataclass(frozen=True)
class Dialect:
    """The names of one line of kgateway.

    Attributes:
        gateway_class: The GatewayClass that the controller registers.
        proxy_container: Envoy's container in the gateway's pod.
        controller_container: The container of kgateway's own pod.
        selectors_env: Variable of the controller that says which namespaces it looks at.
        class_parameters_env: Variable of the controller with the parameters of its classes.
        waypoint_env: Variable of the controller that has it serve waypoints.
        integration_env: Variable of the controller that switches the integration on.
        integration_values: Helm values that set it.
    """

    gateway_class: str
    proxy_container: str
    controller_container: str
    selectors_env: str
    class_parameters_env: str
    waypoint_env: str
    integration_env: str
    integration_values: Mapping[str, object]


# Source: kgateway v2.4.0, api/settings/settings.go and pkg/kgateway/helm/envoy/templates/deployment.yaml.
_V2_4 = Dialect(
    gateway_class="kgateway",
    proxy_container="kgateway-proxy",
    controller_container="controller",
    selectors_env="KGW_DISCOVERY_NAMESPACE_SELECTORS",
    class_parameters_env="KGW_GATEWAY_CLASS_PARAMETERS_REFS",
    waypoint_env="KGW_ENABLE_WAYPOINT",
    integration_env="KGW_ENABLE_ISTIO_AUTO_MTLS",
    integration_values={"controller": {"extraEnv": {"KGW_ENABLE_ISTIO_AUTO_MTLS": "true"}}},
)
_V2_2 = _V2_4
_DIALECTS: Mapping[str, Dialect] = {"2.4": _V2_4, "2.2": _V2_2}


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
        return _DIALECTS[name]
    except KeyError as error:
        raise BadInput(f"dialect {name}: unknown; known are {', '.join(_DIALECTS)}") from error
