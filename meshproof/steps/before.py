"""Before the page begins: kgateway as its quickstart installs it, the sample app, the gateway, a route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from meshproof import yamls
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import is_rolled_out
from meshproof.checks.requests import has_no_client_cert
from meshproof.cluster import Cluster
from meshproof.kube.kinds import GATEWAY_CLASS, Ref
from meshproof.manifests import manifest
from meshproof.steps import load_balancer
from meshproof.steps.asides import turn_away, turn_back
from meshproof.steps.helm import install, uninstall
from meshproof.steps.model import Command, Ready, Step, Together, apply, claim, delete, shell, where, write
from meshproof.steps.setting import Setting
from meshproof.steps.values import merged

KGATEWAY_VALUES = "kgateway.yaml"
KGATEWAY = "kgateway"  # the chart
CRDS = "kgateway-crds"  # the chart, and behind the release's name that of its release
MAKES = "meshproof/makes"  # the annotation that says in somebody else's cluster what a run makes there
NAMES_ARE_SERVED = shell("kubectl", "rollout", "status", "deployment", "coredns", "--namespace", "kube-system")


def before_you_begin(setting: Setting) -> Step:
    """The state in which the page's reader starts."""
    parts, names, on = setting.parts, setting.names, setting.links
    proxy = (setting.dialect.proxy_container,)
    makes, balanced = setting.makes, setting.choices.balanced
    # Its values, its chart, the wait for its CRD, its pool: each beside what takes its time meanwhile.
    balancer = load_balancer.commands(setting) if balanced and makes.cluster else ()
    return Step(
        slug="before",
        section="Before you begin",
        commands=(
            *balancer[:1],
            *where(not makes.cluster, apply(namespace(setting, names.gateway_namespace))),
            *turn_away(setting),
            Together(
                (
                    *where(makes.gateway_api, shell("kubectl", "apply", "--server-side", "-f", parts.gateway_api_crds)),
                    *where(makes.kgateway_crds, helm(setting, CRDS, "--create-namespace")),
                    *balancer[1:2],
                    apply(sample_app(setting)),
                )
            ),
            write(KGATEWAY_VALUES, yamls.dump(kgateway_values(setting))),
            *where(makes.gateway_api and makes.labels, _label_gateway_api(setting)),
            *balancer[2:3],
            Together(
                (
                    helm(setting, KGATEWAY, "--values", KGATEWAY_VALUES),
                    apply(manifest("app-route.yaml", names.marks())),
                )
            ),
            # A gateway that starts before names can be looked up tries again only after many seconds.
            *where(makes.cluster, NAMES_ARE_SERVED),
            *balancer[3:],
            apply(manifest("gateway.yaml", names.marks())),
        ),
        ready=(
            Ready(on.controller, is_rolled_out),
            Ready(on.app, is_rolled_out),
            Ready(on.app_pods, lambda pods: has_exactly(pods, names.app_containers)),
            Ready(on.gateway_pods, lambda pods: has_exactly(pods, proxy)),
            *where(balanced, Ready(load_balancer.address(setting), load_balancer.has_address)),
        ),
        then=where(balanced, load_balancer.find_address(setting)),
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
            # Before the controller, which takes away what it has made for it.
            _delete_if_defined(names.gateway),
            Together((delete(names.app_namespace), uninstall(names.release, names.controller.namespace))),
            *where(makes.kgateway_crds, uninstall(names.crds_release, names.controller.namespace)),
            # kgateway never takes its class back; in a cluster of the run's own it goes with its definition.
            *where(
                makes.gateway_class and not makes.cluster,
                _delete_if_defined(Ref(GATEWAY_CLASS, "", setting.dialect.gateway_class)),
            ),
            *where(makes.gateway_api, shell("kubectl", "delete", "-f", parts.gateway_api_crds, "--ignore-not-found")),
            *turn_back(setting),
            # Last, since in somebody else's cluster it has the note of all this.
            delete(names.gateway_namespace),
        ),
    )


def _delete_if_defined(ref: Ref) -> Command:
    """A run may end before its kind is defined, which kubectl takes for a mistake whatever it is told to ignore."""

    def is_gone(cluster: Cluster) -> bool:
        return cluster.api.find(ref.path) is None

    return replace(delete(ref), unless=is_gone)


def namespace(setting: Setting, ref: Ref) -> str:
    """The manifest of a namespace that the run makes; in somebody else's cluster it says so, and what else is made."""
    [document] = yamls.load(manifest("namespace.yaml", {"name": ref.name}))
    if setting.makes.labels:
        document["metadata"]["labels"] = dict(setting.makes.labels)
        if ref == setting.names.gateway_namespace:
            document["metadata"]["annotations"] = {MAKES: msgspec.json.encode(setting.makes).decode()}
    return yamls.dump(document)


def sample_app(setting: Setting) -> str:
    """The sample app's manifest with the images of this setting, its namespace first."""
    images = {f"{name}_image": image for name, image in setting.parts.images.items()}
    app = manifest("app.yaml", setting.names.marks() | images)
    return f"{namespace(setting, setting.names.app_namespace)}---\n{app}"


def _label_gateway_api(setting: Setting) -> Command:
    """What says in somebody else's cluster that these definitions are the run's."""
    labels = [f"{name}={value}" for name, value in setting.makes.labels.items()]
    return shell("kubectl", "label", "-f", setting.parts.gateway_api_crds, *labels)


def helm(setting: Setting, chart: str, *args: str) -> Command:
    """`helm upgrade --install` of one of kgateway's charts."""
    names = setting.names
    release = names.crds_release if chart == CRDS else names.release
    return install(setting.parts, chart, release, names.controller.namespace, *args)


def kgateway_values(setting: Setting) -> Mapping[str, object]:
    """Helm values with which kgateway is installed.

    One replica needs no leader election: with it, a restarted controller waits 15 s for the old lease before it
    touches a gateway. The old one must then be gone before the new one starts. In a cluster that is not the run's own
    it looks at the run's namespaces only.
    """
    controller = {"strategy": {"type": "Recreate"}, "extraEnv": {"KGW_DISABLE_LEADER_ELECTION": "true"}}
    labels = dict(setting.makes.labels)
    alone = {"discoveryNamespaceSelectors": [{"matchLabels": labels}], "commonLabels": labels} if labels else {}
    return merged(setting.parts.kgateway_values, {"controller": controller}, alone, setting.makes.class_values)
