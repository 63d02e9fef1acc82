"""Section 2 of the page: enable the Istio integration in kgateway."""

from __future__ import annotations

from dataclasses import dataclass

from meshproof import yamls
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import accepted, from_root, has_env, is_rolled_out, same_rendering
from meshproof.checks.finding import Finding, both
from meshproof.checks.requests import has_no_client_cert
from meshproof.cluster import Cluster
from meshproof.kube.raw import Raw
from meshproof.kube.workloads import Deployment, Pod
from meshproof.manifests import manifest
from meshproof.steps import looks
from meshproof.steps.before import APP_CONTAINERS, KGATEWAY_VALUES, helm, kgateway_values
from meshproof.steps.model import Command, Look, Ready, Step, Together, apply, claim, shell, write
from meshproof.steps.setting import Mesh, Setting, istiod_address
from meshproof.steps.values import merged

CURRENT_VALUES = "current-values.yaml"
INTEGRATION_VALUES = "istio-integration.yaml"
PAGE_VALUES = {"global": {"istioIntegration": {"enableAutoMtls": True, "enabled": True}, "istioSDS": {"enabled": True}}}
PARAMETERS = "/apis/gateway.kgateway.dev/v1alpha1/namespaces/kgateway-system/gatewayparameters/http-istio"
CONTROLLER = looks.deployment("kgateway-system", "kgateway")
ISTIOD_ADDRESS: Look[str] = Look("istiod's address", istiod_address)


def gateway_containers(setting: Setting) -> tuple[str, ...]:
    """The containers of a gateway's pod with the integration on."""
    return (setting.dialect.proxy_container, "sds", "istio-proxy")


def enable_integration(setting: Setting) -> Step:
    """The controller's switch, the GatewayParameters, and the gateway that refers to them."""
    dialect, mesh = setting.dialect, setting.mesh
    containers = gateway_containers(setting)
    values = kgateway_values(setting)
    return Step(
        slug="enable",
        section="Enable the Istio integration in kgateway",
        commands=(
            Together(
                (
                    get_values(CURRENT_VALUES),
                    shell("kubectl", "get", "services", "--namespace", "istio-system", "--selector", "app=istiod"),
                    apply(parameters(setting)),
                )
            ),
            write(INTEGRATION_VALUES, yamls.dump(dialect.integration_values)),
            Together(
                (
                    helm(setting, "kgateway", "--values", CURRENT_VALUES, "--values", INTEGRATION_VALUES),
                    apply(manifest("gateway-with-parameters.yaml")),
                )
            ),
        ),
        ready=(
            Ready(CONTROLLER, is_rolled_out, (looks.deployments_path("kgateway-system"),)),
            Ready(
                looks.GATEWAY_PODS, lambda pods: has_exactly(pods, containers), (looks.pods_path("kgateway-system"),)
            ),
        ),
        claims=(
            claim(
                "enable.controller-env",
                "The controller runs with the integration switched on",
                (CONTROLLER, looks.CONTROLLER_PODS),
                lambda deployment, pods: _switched_on(setting, deployment, pods),
            ),
            claim(
                "enable.values-have-no-effect",
                "The page's Helm values change nothing that the chart renders",
                (
                    looks.rendering(values, "the values it was installed with"),
                    looks.rendering(merged(values, PAGE_VALUES), "the page's values"),
                    looks.rendering(merged(values, dialect.integration_values), "the integration's values"),
                ),
                lambda plain, page, control: same_rendering(plain, page, control, "the page's values"),
            ),
            claim(
                "enable.istiod-address",
                "The gateway's parameters name istiod where it was found, and the gateway got a certificate from it",
                (ISTIOD_ADDRESS, STORED_PARAMETERS, looks.GATEWAY_CERTIFICATES, looks.ROOT_CERTIFICATES),
                lambda found, stored, chains, roots: both(
                    Finding(stored.address == found, found, stored.address), from_root(chains, roots)
                ),
            ),
            claim(
                "enable.parameters-accepted",
                "The API server stored the parameters, and the gateway's pod runs with them",
                (STORED_PARAMETERS, looks.GATEWAY_PODS),
                lambda stored, pods: _in_effect(mesh, stored, pods),
            ),
            claim(
                "enable.gateway-accepted",
                "The gateway is accepted and programmed with its parameters",
                (looks.GATEWAY,),
                lambda gateway: accepted(gateway, "GatewayParameters/http-istio"),
            ),
            claim(
                "enable.gateway-containers",
                "The gateway's pod has Envoy, the secret server and Istio's agent, READY 3/3",
                (looks.GATEWAY_PODS,),
                lambda pods: has_exactly(pods, containers),
            ),
            claim(
                "enable.plaintext-until-injected",
                "httpbin, its three containers not yet in the mesh, still answers without a client certificate",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                lambda answers, pods: both(has_no_client_cert(answers, pods), has_exactly(pods, APP_CONTAINERS)),
            ),
        ),
        undo=(
            # The controller comes first and is awaited: one that still has the switch on would make a gateway without
            # parameters from its own defaults, whose proxy is a fixed release.
            helm(setting, "kgateway", "--values", KGATEWAY_VALUES),
            shell("kubectl", "rollout", "status", "deployment", "kgateway", "--namespace", "kgateway-system"),
            apply(manifest("gateway.yaml")),
            shell(
                *("kubectl", "delete", "gatewayparameters", "http-istio", "--namespace", "kgateway-system"),
                "--ignore-not-found",
            ),
        ),
        departures=(
            "The page's values global.istioIntegration and global.istioSDS are not values of this chart and have no "
            f"effect; the controller's variable {dialect.integration_env} switches the integration on.",
            "The page attaches the parameters with an annotation, which is ignored; "
            "spec.infrastructure.parametersRef attaches them.",
            "The page asks for the cluster's name as istioMetaClusterId; istiod refuses any other name than its own "
            f"cluster id, here {mesh.cluster_id}.",
            f"The page calls Envoy's container gateway-proxy; it is {dialect.proxy_container}.",
            "The page does not say that istioProxyContainer.image must be the proxy that istiod runs; its default is "
            "a fixed release.",
        ),
    )


def get_values(file: str) -> Command:
    """The values of the installed release, saved to a file."""
    argv = ("helm", "get", "values", "kgateway", "--namespace", "kgateway-system", "--output", "yaml")
    return Command(argv, save_as=file)


@dataclass(frozen=True)
class StoredParameters:
    """The part of GatewayParameters that concerns Istio, as the API server stored it."""

    address: str
    cluster_id: str
    mesh_id: str

    def __str__(self) -> str:
        return f"address {self.address or '(none)'}, cluster {self.cluster_id}, mesh {self.mesh_id}"


def _stored(cluster: Cluster) -> StoredParameters:
    parameters = Raw.of("GatewayParameters", cluster.api.get(PARAMETERS))
    keys = ("istioDiscoveryAddress", "istioMetaClusterId", "istioMetaMeshId")
    return StoredParameters(*(parameters.get(f"spec.kube.istio.istioProxyContainer.{key}", "") for key in keys))


STORED_PARAMETERS: Look[StoredParameters] = Look("GatewayParameters kgateway-system/http-istio", _stored)


def parameters(setting: Setting) -> str:
    """The GatewayParameters for the proxy and the mesh of this setting."""
    image = setting.parts.images["proxyv2"]
    name, _, tag = image.rpartition(":")
    registry, _, repository = name.rpartition("/")
    return manifest(
        "gateway-parameters.yaml",
        proxyv2_registry=registry,
        proxyv2_repository=repository,
        proxyv2_tag=tag,
        istiod_address=setting.mesh.address,
        cluster_id=setting.mesh.cluster_id,
        mesh_id=setting.mesh.mesh_id,
    )


def _switched_on(setting: Setting, deployment: Deployment, pods: tuple[Pod, ...]) -> Finding:
    rollout = is_rolled_out(deployment)
    env = has_env(pods, setting.dialect.controller_container, setting.dialect.integration_env, "true")
    return Finding(rollout.holds and env.holds, env.expected, f"{env.observed}; {rollout.observed}")


def _in_effect(mesh: Mesh, stored: StoredParameters, pods: tuple[Pod, ...]) -> Finding:
    wanted = StoredParameters(mesh.address, mesh.cluster_id, mesh.mesh_id)
    variables = {"CA_ADDR": mesh.address, "ISTIO_META_CLUSTER_ID": mesh.cluster_id, "ISTIO_META_MESH_ID": mesh.mesh_id}
    running = [has_env(pods, "istio-proxy", name, value) for name, value in variables.items()]
    return Finding(
        stored == wanted and all(finding.holds for finding in running),
        f"{wanted}, and the same in istio-proxy",
        f"{stored}; {'; '.join(finding.observed for finding in running)}",
    )
