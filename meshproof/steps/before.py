"""Before the page begins: kgateway as its quickstart installs it, the sample app, the gateway, a route."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof import yamls
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import is_rolled_out
from meshproof.checks.requests import has_no_client_cert
from meshproof.manifests import manifest
from meshproof.steps import load_balancer
from meshproof.steps.helm import install, uninstall
from meshproof.steps.model import Command, Ready, Step, Together, apply, claim, delete, shell, write
from meshproof.steps.setting import Setting
from meshproof.steps.values import merged

KGATEWAY_VALUES = "kgateway.yaml"
KGATEWAY = "kgateway"  # the chart
CRDS = "kgateway-crds"  # the chart, and behind the release's name that of its release


def before_you_begin(setting: Setting) -> Step:
    """The state in which the page's reader starts."""
    parts, names, on = setting.parts, setting.names, setting.links
    proxy = (setting.dialect.proxy_container,)
    # Its values, its chart, the wait for its CRD, its pool: each beside what takes its time meanwhile.
    balancer = load_balancer.commands(setting) if setting.choices.balanced else ()
    return Step(
        slug="before",
        section="Before you begin",
        commands=(
            *balancer[:1],
            Together(
                (
                    shell("kubectl", "apply", "--server-side", "-f", parts.gateway_api_crds),
                    helm(setting, CRDS, "--create-namespace"),
                    *balancer[1:2],
                    apply(sample_app(setting)),
                )
            ),
            write(KGATEWAY_VALUES, yamls.dump(kgateway_values(setting))),
            *balancer[2:3],
            Together(
                (
                    helm(setting, KGATEWAY, "--values", KGATEWAY_VALUES),
                    apply(manifest("app-route.yaml", names.marks())),
                )
            ),
            # A gateway that starts before names can be looked up tries again only after many seconds.
            shell("kubectl", "rollout", "status", "deployment", "coredns", "--namespace", "kube-system"),
            *balancer[3:],
            apply(manifest("gateway.yaml", names.marks())),
        ),
        ready=(
            Ready(on.controller, is_rolled_out),
            Ready(on.app, is_rolled_out),
            Ready(on.app_pods, lambda pods: has_exactly(pods, names.app_containers)),
            Ready(on.gateway_pods, lambda pods: has_exactly(pods, proxy)),
            *((Ready(load_balancer.address(setting), load_balancer.has_address),) if balancer else ()),
        ),
        then=(load_balancer.find_address(setting),) if balancer else (),
        claims=(
            claim(
                "before.gateway-containers",
                "The gateway's pod runs Envoy alone, READY 1/1",
                (on.gateway_pods,),
                lambda pods: has_exactly(pods, proxy),
                until="enable",
            ),
            claim(
                "before.response",
                "The app answers through the gateway, without a client certificate",
                (on.answers(names.host), on.app_pods),
                has_no_client_cert,
                until="route",
            ),
        ),
        undo=(
            *(load_balancer.undo(setting) if balancer else ()),
            delete(names.gateway),
            delete(names.app_namespace),
            uninstall(names.release, names.gateway.namespace),
            uninstall(names.crds_release, names.gateway.namespace),
            delete(names.gateway_namespace),
            shell("kubectl", "delete", "-f", parts.gateway_api_crds, "--ignore-not-found"),
        ),
    )


def sample_app(setting: Setting) -> str:
    """The sample app's manifest with the images of this setting."""
    images = {f"{name}_image": image for name, image in setting.parts.images.items()}
    return manifest("app.yaml", setting.names.marks() | images)


def helm(setting: Setting, chart: str, *args: str) -> Command:
    """`helm upgrade --install` of one of kgateway's charts."""
    names = setting.names
    release = names.crds_release if chart == CRDS else names.release
    return install(setting.parts, chart, release, names.gateway.namespace, *args)


def kgateway_values(setting: Setting) -> Mapping[str, object]:
    """Helm values with which kgateway is installed.

    One replica needs no leader election: with it, a restarted controller waits 15 s for the old lease before it
    touches a gateway. The old one must then be gone before the new one starts.
    """
    controller = {"strategy": {"type": "Recreate"}, "extraEnv": {"KGW_DISABLE_LEADER_ELECTION": "true"}}
    return merged(setting.parts.kgateway_values, {"controller": controller})
