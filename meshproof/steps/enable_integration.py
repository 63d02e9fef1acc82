"""Enable the Istio integration in kgateway."""

from __future__ import annotations

import json
from functools import reduce

from meshproof import yamls
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import (
    accepted,
    from_root,
    has_env,
    has_image,
    has_leaves,
    is_rolled_out,
    same_rendering,
)
from meshproof.checks.finding import Finding, both
from meshproof.checks.hops import SIDECAR
from meshproof.checks.requests import has_no_client_cert
from meshproof.formats.spiffe import SpiffeId
from meshproof.kube.objects import Parameters
from meshproof.kube.workloads import Deployment, Pod
from meshproof.manifests import manifest
from meshproof.path.link import Link
from meshproof.steps.before import KGATEWAY, KGATEWAY_VALUES, helm, kgateway_values
from meshproof.steps.helm import chart_of
from meshproof.steps.model import Command, Ready, Step, Together, apply, claim, delete, shell, write
from meshproof.steps.setting import Setting
from meshproof.steps.values import merged

ISTIODS = ("--selector", "app=istiod")
CURRENT_VALUES = "current-values.yaml"
INTEGRATION_VALUES = "istio-integration.yaml"
PAGE_VALUES = {"global": {"istioIntegration": {"enableAutoMtls": True, "enabled": True}, "istioSDS": {"enabled": True}}}


def gateway_containers(setting: Setting) -> tuple[str, ...]:
    """The containers of a gateway's pod with the integration on."""
    return (setting.dialect.proxy_container, "sds", SIDECAR)


def enable_integration(setting: Setting) -> Step:
    """The controller's switch, the GatewayParameters, and the gateway that refers to them."""
    dialect, mesh, names, on = setting.dialect, setting.mesh, setting.names, setting.links
    containers = gateway_containers(setting)
    values = kgateway_values(setting)
    return Step(
        slug="enable",
        section="Enable the Istio integration in kgateway",
        commands=(
            Together(
                (
                    get_values(setting, CURRENT_VALUES),
                    shell("kubectl", "get", "services", "--namespace", names.istio_namespace, *ISTIODS),
                    apply(parameters(setting)),
                )
            ),
            write(INTEGRATION_VALUES, yamls.dump(dialect.integration_values)),
            Together(
                (
                    helm(setting, KGATEWAY, "--values", CURRENT_VALUES, "--values", INTEGRATION_VALUES),
                    apply(manifest("gateway-with-parameters.yaml", names.marks())),
                )
            ),
        ),
        ready=(
            Ready(on.controller, is_rolled_out),
            Ready(on.gateway_pods, lambda pods: has_exactly(pods, containers)),
        ),
        claims=(
            claim(
                "enable.controller-env",
                "The controller runs with the integration switched on",
                (on.controller, on.controller_pods),
                lambda deployment, pods: _switched_on(setting, deployment, pods),
            ),
            claim(
                "enable.values-have-no-effect",
                "The page's Helm values change nothing that the chart renders",
                (
                    rendering(setting, values, "the values it was installed with"),
                    rendering(setting, merged(values, PAGE_VALUES), "the page's values"),
                    rendering(setting, merged(values, dialect.integration_values), "the integration's values"),
                ),
                lambda plain, page, control: same_rendering(plain, page, control, "the page's values"),
            ),
            claim(
                "enable.istiod-address",
                "The gateway's parameters name istiod where it was found, and the gateway got a certificate from it",
                (on.istiod_address, on.parameters, on.certificates, on.root_certificates, on.trust_domain),
                lambda found, stored, chains, roots, trust_domain: both(
                    Finding(stored.address == found, found, stored.address),
                    from_root(chains, roots, SpiffeId(trust_domain, names.gateway.namespace, names.gateway.name)),
                ),
            ),
            claim(
                "enable.parameters-accepted",
                "The API server stored the parameters, and the gateway's pod runs with them",
                (on.parameters, on.gateway_pods),
                lambda stored, pods: _in_effect(setting, stored, pods),
            ),
            claim(
                "enable.gateway-accepted",
                "The gateway is accepted and programmed with its parameters",
                (on.gateway,),
                lambda gateway: accepted(gateway, f"{names.parameters.kind.name}/{names.parameters.name}"),
            ),
            claim(
                "enable.gateway-containers",
                "The gateway's pod has Envoy, the secret server and Istio's agent, READY 3/3",
                (on.gateway_pods,),
                lambda pods: has_exactly(pods, containers),
            ),
            claim(
                "enable.plaintext-until-injected",
                "The app, its own containers not yet in the mesh, still answers without a client certificate",
                (on.answers(names.host), on.app_pods),
                lambda answers, pods: both(has_no_client_cert(answers, pods), has_exactly(pods, names.app_containers)),
                until="route",
            ),
        ),
        undo=(
            # The controller comes first and is awaited: one that still has the switch on would make a gateway without
            # parameters from its own defaults, whose proxy is a fixed release.
            helm(setting, KGATEWAY, "--values", KGATEWAY_VALUES),
            shell("kubectl", "rollout", "status", *names.controller.typed),
            apply(manifest("gateway.yaml", names.marks())),
            delete(names.parameters),
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


def get_values(setting: Setting, file: str) -> Command:
    """The values of the installed release, saved to a file."""
    names = setting.names
    argv = ("helm", "get", "values", names.release, "--namespace", names.controller.namespace, "--output", "yaml")
    return Command(argv, save_as=file)


def rendering(setting: Setting, values: object, what: str) -> Link[str]:
    """What the kgateway chart renders with some values, by `helm template`."""
    names = setting.names
    argv = ("helm", "template", names.release, *chart_of(setting.parts, KGATEWAY))
    argv += ("--namespace", names.controller.namespace, "--values", "-")
    given = json.dumps(values)
    return Link(
        f"kgateway's chart rendered with {what}",
        (argv, given),
        lambda site: site.run(*argv, stdin=given).stdout,
        when="beside",
    )


def parameters(setting: Setting) -> str:
    """The GatewayParameters for the proxy and the mesh of this setting."""
    image = setting.parts.images["proxyv2"]
    name, _, tag = image.rpartition(":")
    registry, _, repository = name.rpartition("/")
    marks = {
        "proxyv2_registry": registry,
        "proxyv2_repository": repository,
        "proxyv2_tag": tag,
        "istiod_address": setting.mesh.address,
        "cluster_id": setting.mesh.cluster_id,
        "mesh_id": setting.mesh.mesh_id,
    }
    return manifest("gateway-parameters.yaml", setting.names.marks() | marks)


def _switched_on(setting: Setting, deployment: Deployment, pods: tuple[Pod, ...]) -> Finding:
    rollout = is_rolled_out(deployment)
    env = has_env(pods, setting.dialect.controller_container, setting.dialect.integration_env, "true")
    return Finding(rollout.holds and env.holds, env.expected, f"{env.observed}; {rollout.observed}")


def _in_effect(setting: Setting, stored: Parameters, pods: tuple[Pod, ...]) -> Finding:
    mesh = setting.mesh
    [applied] = map(Parameters.from_dict, yamls.load(parameters(setting)))
    variables = {"CA_ADDR": mesh.address, "ISTIO_META_CLUSTER_ID": mesh.cluster_id, "ISTIO_META_MESH_ID": mesh.mesh_id}
    running = [has_env(pods, SIDECAR, name, value) for name, value in variables.items()]
    running.append(has_image(pods, SIDECAR, setting.parts.images["proxyv2"]))
    return reduce(both, running, has_leaves(stored, applied))
