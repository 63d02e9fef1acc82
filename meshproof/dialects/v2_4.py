"""kgateway 2.4. Source: v2.4.0, api/settings/settings.go and pkg/kgateway/helm/envoy/templates/deployment.yaml."""

from __future__ import annotations

from meshproof.dialects.dialect import Dialect

DIALECT = Dialect(
    gateway_class="kgateway",
    proxy_container="kgateway-proxy",
    controller_container="controller",
    selectors_env="KGW_DISCOVERY_NAMESPACE_SELECTORS",
    class_parameters_env="KGW_GATEWAY_CLASS_PARAMETERS_REFS",
    waypoint_env="KGW_ENABLE_WAYPOINT",
    integration_env="KGW_ENABLE_ISTIO_AUTO_MTLS",
    destination_rule_env="KGW_ENABLE_ISTIO_INTEGRATION",
    integration_values={"controller": {"extraEnv": {"KGW_ENABLE_ISTIO_AUTO_MTLS": "true"}}},
)
