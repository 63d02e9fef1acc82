"""What only a section itself can find: a chart that is another one, and what is left behind when all is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from meshproof import yamls
from meshproof.checks.hops import SIDECAR
from meshproof.faults.fault import BINDING, DEFINITION, Fault, gone, made, patched, rolled_out
from meshproof.kube.kinds import Ref
from meshproof.manifests import manifest
from meshproof.steps.before import KGATEWAY
from meshproof.steps.enable_integration import parameters
from meshproof.steps.model import apply, delete, shell, write
from meshproof.steps.remains import DOMAIN
from meshproof.steps.setting import Makes, Setting

CHART = "chart-that-reads-them"
_TEMPLATE = """integration: {{ dig "istioIntegration" "enabled" false (.Values.global | default dict) }}
environment: {{ toJson .Values.controller.extraEnv }}
"""
_DEFINED = {
    "group": DOMAIN,
    "names": {"plural": "leftovers", "singular": "leftover", "kind": "Leftover"},
    "scope": "Namespaced",
    "versions": [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}},
    ],
}


def of_sections(setting: Setting) -> tuple[Fault, ...]:
    """The faults that the claims of single sections are there for."""
    return (_of_the_chart(setting), *_left_behind(setting), *_of_somebody_elses(setting))


def somebody_elses(setting: Setting) -> Setting:
    """The setting of a run in a cluster where Istio is somebody else's."""
    return replace(setting, makes=Makes(istio=False))


def _of_the_chart(setting: Setting) -> Fault:
    return Fault(
        name="chart-reads-the-values",
        does="A chart of kgateway that does read the page's Helm values, which are said to have no effect.",
        seed=(
            shell("mkdir", "-p", f"{CHART}/templates"),
            write(f"{CHART}/Chart.yaml", yamls.dump({"apiVersion": "v2", "name": KGATEWAY, "version": "0.0.1"})),
            write(f"{CHART}/templates/values.yaml", _TEMPLATE),
        ),
        mend=(),
        refutes=("enable.values-have-no-effect",),
        after="enable",
        given=_with_the_chart,
    )


def _with_the_chart(setting: Setting) -> Setting:
    parts = setting.parts
    charts, versions = {**parts.charts, KGATEWAY: f"./{CHART}"}, {**parts.chart_versions, KGATEWAY: ""}
    return replace(setting, parts=replace(parts, charts=charts, chart_versions=versions))


def _left_behind(setting: Setting) -> tuple[Fault, ...]:
    names = setting.names
    route = manifest("app-route.yaml", names.marks())
    excluded = "---\n".join(
        manifest(f"excluded-{name}.yaml", names.marks()) for name in ("backend", "service", "routes")
    )
    sidecar = {"name": SIDECAR, "image": setting.parts.images["curl"], "command": ["tail", "-f", "/dev/null"]}
    definition = Ref(DEFINITION, "", f"leftovers.{DOMAIN}")
    return (
        Fault(
            name="exclusion-left-behind",
            does="The excluded routes and their backends stay when the page is cleaned up.",
            seed=(apply(excluded),),
            mend=(gone(excluded),),
            refutes=("cleanup.route-gone", "cleanup.inventory"),
            after="cleanup",
        ),
        Fault(
            name="sidecar-left-behind",
            does="The app's pod still has a container more when the page is cleaned up.",
            seed=(patched(names.app, _with_containers(sidecar), "strategic"), rolled_out(names.app)),
            mend=(
                patched(names.app, _with_containers({"name": SIDECAR, "$patch": "delete"}), "strategic"),
                rolled_out(names.app),
            ),
            refutes=("cleanup.httpbin-containers", "cleanup.istio-gone", "cleanup.inventory"),
            after="cleanup",
        ),
        Fault(
            name="parameters-left-behind",
            does="The Gateway keeps its parameters, as on the page.",
            seed=(apply(parameters(setting)), apply(manifest("gateway-with-parameters.yaml", names.marks()))),
            mend=(apply(manifest("gateway.yaml", names.marks())), delete(names.parameters)),
            refutes=("cleanup.gateway-containers", "cleanup.inventory"),
            after="cleanup",
        ),
        Fault(
            name="route-taken-away",
            does="The clean-up takes the app's own route with it.",
            seed=(delete(names.route),),
            mend=(apply(route),),
            refutes=("cleanup.response", "cleanup.inventory"),
            after="cleanup",
        ),
        Fault(
            name="definition-left-behind",
            does="A definition of Istio's stays when Istio is taken away.",
            seed=(made(definition, spec=_DEFINED),),
            mend=(delete(definition),),
            refutes=("cleanup.istio-gone", "cleanup.inventory"),
            after="cleanup",
        ),
    )


def _of_somebody_elses(setting: Setting) -> tuple[Fault, ...]:
    """What a run in a cluster of somebody else's must find in the end."""
    names = setting.names
    binding = Ref(BINDING, "", "left-behind")
    subject = {"kind": "ServiceAccount", "namespace": names.gateway.namespace, "name": names.gateway.name}
    role = {"apiGroup": BINDING.group, "kind": "ClusterRole", "name": "view"}
    return (
        Fault(
            name="istio-taken-away",
            does="The clean-up has taken Istio away, which was there before.",
            seed=(),  # that is what it did here, where Istio is the run's own
            mend=(),
            refutes=("cleanup.istio-stays",),
            after="cleanup",
            given=somebody_elses,
        ),
        Fault(
            name="namespace-left-behind",
            does="A namespace of the run's is there when the cluster has been given back.",
            seed=(made(names.gateway_namespace),),
            mend=(delete(names.gateway_namespace),),
            refutes=("restore.nothing-of-ours",),
            after="restore",
        ),
        Fault(
            name="binding-left-behind",
            does="A right that was given to the gateway is there when the cluster has been given back.",
            seed=(made(binding, subjects=[subject], roleRef=role),),
            mend=(delete(binding),),
            refutes=("restore.as-found",),
            after="restore",
        ),
    )


def _with_containers(container: Mapping[str, object]) -> Mapping[str, object]:
    return {"spec": {"template": {"spec": {"containers": [container]}}}}
