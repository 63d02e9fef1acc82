"""Before the page begins: kgateway as its quickstart installs it, the sample app, the gateway, a route."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof import yamls
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import is_rolled_out
from meshproof.checks.requests import has_no_client_cert
from meshproof.manifests import manifest
from meshproof.steps import looks
from meshproof.steps.model import Command, Ready, Step, Together, apply, claim, shell, write
from meshproof.steps.setting import Setting
from meshproof.steps.values import merged

KGATEWAY_VALUES = "kgateway.yaml"
APP_CONTAINERS = ("go-httpbin", "curl", "hey")


def before_you_begin(setting: Setting) -> Step:
    """The state in which the page's reader starts."""
    parts = setting.parts
    proxy = (setting.dialect.proxy_container,)
    return Step(
        slug="before",
        section="Before you begin",
        commands=(
            Together(
                (
                    shell("kubectl", "apply", "--server-side", "-f", parts.gateway_api_crds),
                    helm(setting, "kgateway-crds", "--create-namespace"),
                    apply(sample_app(setting)),
                )
            ),
            write(KGATEWAY_VALUES, yamls.dump(kgateway_values(setting))),
            Together(
                (
                    helm(setting, "kgateway", "--values", KGATEWAY_VALUES),
                    apply(manifest("httpbin-route.yaml")),
                )
            ),
            # A gateway that starts before names can be looked up tries again only after many seconds.
            shell("kubectl", "rollout", "status", "deployment", "coredns", "--namespace", "kube-system"),
            apply(manifest("gateway.yaml")),
        ),
        ready=(
            Ready(
                looks.deployment("kgateway-system", "kgateway"),
                is_rolled_out,
                (looks.deployments_path("kgateway-system"),),
            ),
            Ready(looks.deployment("httpbin", "httpbin"), is_rolled_out, (looks.deployments_path("httpbin"),)),
            Ready(looks.HTTPBIN_PODS, lambda pods: has_exactly(pods, APP_CONTAINERS), (looks.pods_path("httpbin"),)),
            Ready(looks.GATEWAY_PODS, lambda pods: has_exactly(pods, proxy), (looks.pods_path("kgateway-system"),)),
        ),
        claims=(
            claim(
                "before.gateway-containers",
                "The gateway's pod runs Envoy alone, READY 1/1",
                (looks.GATEWAY_PODS,),
                lambda pods: has_exactly(pods, proxy),
            ),
            claim(
                "before.response",
                "httpbin answers through the gateway, without a client certificate",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                has_no_client_cert,
            ),
        ),
        undo=(
            shell("kubectl", "delete", "gateway", "http", "--namespace", "kgateway-system", "--ignore-not-found"),
            shell("kubectl", "delete", "namespace", "httpbin", "--ignore-not-found"),
            shell("helm", "uninstall", "kgateway", "--namespace", "kgateway-system", "--ignore-not-found"),
            shell("helm", "uninstall", "kgateway-crds", "--namespace", "kgateway-system", "--ignore-not-found"),
            shell("kubectl", "delete", "namespace", "kgateway-system", "--ignore-not-found"),
            shell("kubectl", "delete", "-f", parts.gateway_api_crds, "--ignore-not-found"),
        ),
    )


def sample_app(setting: Setting) -> str:
    """The sample app's manifest with the images of this setting."""
    images = setting.parts.images
    return manifest("httpbin.yaml", **{f"{name}_image": images[name] for name in ("httpbin", "curl", "hey")})


def helm(setting: Setting, chart: str, *args: str) -> Command:
    """`helm upgrade --install` of one of kgateway's charts into kgateway-system."""
    parts = setting.parts
    version = parts.chart_versions[chart]
    argv = ["helm", "upgrade", "--install", chart, parts.charts[chart], "--namespace", "kgateway-system"]
    return shell(*argv, *(["--version", version] if version else []), *args)


def kgateway_values(setting: Setting) -> Mapping[str, object]:
    """Helm values with which kgateway is installed.

    One replica needs no leader election: with it, a restarted controller waits 15 s for the old lease before it
    touches a gateway. The old one must then be gone before the new one starts.
    """
    controller = {"strategy": {"type": "Recreate"}, "extraEnv": {"KGW_DISABLE_LEADER_ELECTION": "true"}}
    return merged(setting.parts.kgateway_values, {"controller": controller})
