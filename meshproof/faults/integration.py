"""The gateway is not asked into the mesh: its parameters, and the controller's switch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from meshproof import yamls
from meshproof.cluster import Cluster
from meshproof.faults.fault import Commands, Fault, changed, patched, rolled_out
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.manifests import manifest
from meshproof.path.mesh import XDS_PORT
from meshproof.steps.before import KGATEWAY, KGATEWAY_VALUES, helm
from meshproof.steps.enable_integration import (
    CURRENT_VALUES,
    INTEGRATION_VALUES,
    PAGE_VALUES,
    parameters,
)
from meshproof.steps.model import Command, apply, delete, shell, write
from meshproof.steps.setting import Setting

PAGE_VALUES_FILE = "values-of-the-page.yaml"
OTHER_SWITCH = "KGW_ENABLE_ISTIO_INTEGRATION"
OLD_ANNOTATION = "gateway.kgateway.dev/gateway-parameters-name"
DISCOVERED = "istio-discovery"
BROKEN_POD = ("enable.gateway-containers",)
UNATTACHED = ("enable.gateway-accepted", "enable.parameters-accepted")
WITHOUT_SWITCH = ("enable.controller-env", "enable.gateway-containers", "route.handshakes", "route.xfcc-by")


def of_integration(setting: Setting) -> tuple[Fault, ...]:
    """The faults by which the gateway's pod is not made as it should be."""
    return (*_of_the_parameters(setting), *_of_the_switch(setting))


def _of_the_parameters(setting: Setting) -> tuple[Fault, ...]:
    names = setting.names
    attached = apply(manifest("gateway-with-parameters.yaml", names.marks()))
    plain = manifest("gateway.yaml", names.marks())
    stored = (apply(parameters(setting)),)
    wrong = ("enable.parameters-accepted", *BROKEN_POD)
    misspelt = replace(names.parameters, name="http-isto")
    elsewhere = replace(names.parameters, namespace=names.app.namespace, name="elsewhere")

    def of_proxy(field: str, value: str) -> Command:
        return patched(names.parameters, {"spec": {"kube": {"istio": {"istioProxyContainer": {field: value}}}}})

    def referring(name: str) -> Command:
        def refer(gateway: dict[str, Any]) -> None:
            gateway["spec"]["infrastructure"]["parametersRef"]["name"] = name

        return apply(changed(manifest("gateway-with-parameters.yaml", names.marks()), refer))

    def annotate(gateway: dict[str, Any]) -> None:
        gateway["metadata"]["annotations"] = {OLD_ANNOTATION: names.parameters.name}

    def move(given: dict[str, Any]) -> None:
        given["metadata"] = {"name": elsewhere.name, "namespace": elsewhere.namespace}

    return (
        Fault(
            name="wrong-istiod-address",
            does="The parameters name an istiod that is not there.",
            seed=(of_proxy("istioDiscoveryAddress", f"istiod-canary.{names.istio_namespace}.svc:{XDS_PORT}"),),
            mend=stored,
            refutes=("enable.istiod-address", *wrong),
            cause="parameters.istiod-address",
        ),
        Fault(
            name="wrong-cluster-id",
            does="The parameters give a cluster id that is not istiod's, which refuses the certificate.",
            seed=(of_proxy("istioMetaClusterId", "my-cluster"),),
            mend=stored,
            refutes=wrong,
            cause="parameters.cluster-id",
        ),
        Fault(
            name="parameters-not-attached",
            does="The parameters are there, and the Gateway does not refer to them.",
            seed=(apply(plain),),
            mend=(attached,),
            refutes=UNATTACHED,
            cause="parameters.not-attached",
        ),
        Fault(
            name="attached-by-annotation",
            does="The Gateway names its parameters by the old annotation, which is ignored.",
            seed=(apply(changed(plain, annotate)),),
            mend=(attached,),
            refutes=UNATTACHED,
            cause="parameters.annotation",
        ),
        Fault(
            name="dangling-reference",
            does="The Gateway refers to parameters that do not exist.",
            seed=(referring(misspelt.name),),
            mend=(attached, delete(misspelt)),
            refutes=("enable.gateway-accepted",),
            cause="parameters.missing",
            then="cause gone",  # by others than the page's
        ),
        Fault(
            name="reference-to-another-namespace",
            does="The parameters that the Gateway refers to are in another namespace.",
            seed=(apply(changed(parameters(setting), move)), referring(elsewhere.name)),
            mend=(attached, delete(elsewhere), delete(replace(elsewhere, namespace=names.gateway.namespace))),
            refutes=("enable.gateway-accepted",),
            cause="parameters.other-namespace",
            then="cause gone",
        ),
        Fault(
            name="sds-not-ready",
            does="The gateway's secret server may not run as the user that it is told to be.",
            seed=(
                patched(
                    names.parameters,
                    {"spec": {"kube": {"sdsContainer": {"securityContext": {"runAsUser": 0, "runAsNonRoot": True}}}}},
                ),
            ),
            mend=(patched(names.parameters, {"spec": {"kube": {"sdsContainer": None}}}),),
            refutes=wrong,
            cause="sds.not-ready",
            then="cause gone",  # what is left is an empty part of the parameters, which the page's have not
        ),
    )


def _of_the_switch(setting: Setting) -> tuple[Fault, ...]:
    on = (
        _not_by_hand(setting),
        *_controlled(setting, "--values", CURRENT_VALUES, "--values", INTEGRATION_VALUES),
    )
    return (
        Fault(
            name="switch-off",
            does="The controller runs without the integration switched on.",
            seed=_controlled(setting, "--values", KGATEWAY_VALUES),
            mend=on,
            refutes=WITHOUT_SWITCH,
            cause="controller.switch-off",
        ),
        Fault(
            name="only-the-other-switch",
            does=f"{OTHER_SWITCH} is set in place of {setting.dialect.integration_env}.",
            seed=_controlled(
                setting, "--values", KGATEWAY_VALUES, "--set-string", f"controller.extraEnv.{OTHER_SWITCH}=true"
            ),
            mend=on,
            refutes=WITHOUT_SWITCH,
            cause="controller.other-switch",
        ),
        Fault(
            name="helm-values-of-the-page",
            does="The integration is asked for by the page's Helm values alone, which the chart does not read.",
            seed=(
                write(PAGE_VALUES_FILE, yamls.dump(PAGE_VALUES)),
                *_controlled(setting, "--values", KGATEWAY_VALUES, "--values", PAGE_VALUES_FILE),
            ),
            mend=on,
            refutes=WITHOUT_SWITCH,
            cause="controller.switch-off",
        ),
    )


def _controlled(setting: Setting, *args: str) -> Commands:
    """The controller with other values, and the gateway that it then makes."""
    names = setting.names
    gateway = Ref(DEPLOYMENT, names.gateway.namespace, names.gateway.name)
    return helm(setting, KGATEWAY, *args), rolled_out(names.controller), rolled_out(gateway)


def _not_by_hand(setting: Setting) -> Command:
    """Take the switch out where a remedy set it: what Helm did not set, it does not take back."""
    dialect, controller = setting.dialect, setting.names.controller

    def by_helm_alone(cluster: Cluster) -> bool:
        managers = (cluster.api.find(controller.path) or {"metadata": {}})["metadata"].get("managedFields", [])
        return "kubectl-set" not in [each.get("manager") for each in managers]

    container = f"--containers={dialect.controller_container}"
    word = f"{dialect.integration_env}-"
    return shell("kubectl", "set", "env", *controller.typed, container, word, unless=by_helm_alone)
