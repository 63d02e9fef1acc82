"""What a dialect says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
        destination_rule_env: Variable that is often taken for it; it has the controller read DestinationRules alone.
        integration_values: Helm values that set it.
        unproven: Why nothing here was ever proved in this dialect; empty where it was.
    """

    gateway_class: str
    proxy_container: str
    controller_container: str
    selectors_env: str
    class_parameters_env: str
    waypoint_env: str
    integration_env: str
    destination_rule_env: str
    integration_values: Mapping[str, object]
    unproven: str = ""
