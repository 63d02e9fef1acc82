"""The gateway's own pod, and the istiod that it depends on."""

from __future__ import annotations

import json
from dataclasses import replace

from meshproof.faults.fault import NETWORK_POLICY, Fault, patched, rolled_out
from meshproof.faults.integration import BROKEN_POD
from meshproof.kube.kinds import DEPLOYMENT, NAMESPACE, Ref
from meshproof.names import INJECTION_LABEL, REVISION_LABEL
from meshproof.steps.helm import install
from meshproof.steps.install_istio import ISTIOD, ISTIOD_VALUES, install_istio
from meshproof.steps.model import Command, delete, shell
from meshproof.steps.setting import Setting

DISCOVERED = "istio-discovery"


def of_gateway(setting: Setting) -> tuple[Fault, ...]:
    """The faults by which the gateway's pod cannot come up, or gives more than it should."""
    names = setting.names
    label, value = names.injection
    discovered = (names.app.namespace, names.istio_namespace)
    remedied = replace(names.parameters, name=f"{names.gateway.name}-not-injected")
    unreferring = patched(names.gateway, {"spec": {"infrastructure": None}})
    unlabelled = patched(names.parameters, {"spec": {"kube": {"podTemplate": {"extraLabels": None}}}})

    def labelling(namespace: str) -> tuple[str, ...]:
        return ("kubectl", "label", *Ref(NAMESPACE, "", namespace).typed, "--overwrite")

    injecting = shell(*labelling(names.gateway.namespace), f"{label}={value}")
    plain = shell(*labelling(names.gateway.namespace), f"{INJECTION_LABEL}-", f"{REVISION_LABEL}-")
    remade = _remade(setting)
    awaited = rolled_out(Ref(DEPLOYMENT, names.gateway.namespace, names.gateway.name))
    return (
        Fault(
            name="gateway-injected-before",
            does="The gateway's namespace is labelled for injection before the integration: a sidecar takes its calls.",
            seed=(injecting, remade, awaited),
            mend=(plain, unreferring, delete(remedied), remade, awaited),
            refutes=("before.gateway-containers",),
            cause="gateway.injected",
            first=False,  # the integration is not switched on yet, which comes before it
            after="istio",
            then="cause gone",  # by parameters of its own
        ),
        Fault(
            name="gateway-injected",
            does="The gateway's namespace is labelled for injection with the integration on: two agents in one pod.",
            seed=(injecting, remade),
            mend=(plain, unlabelled, remade, awaited),
            refutes=BROKEN_POD,
            cause="gateway.injected",
            then="cause gone",  # by its parameters, which then say more than the page's
        ),
        Fault(
            name="discovery-selectors",
            does="istiod's discoverySelectors leave the gateway's namespace out, which gets no root certificate.",
            seed=(
                *(shell(*labelling(name), f"{DISCOVERED}=yes") for name in discovered),
                _selecting(setting),
                delete(names.root_certificate),
                remade,
            ),
            mend=(
                *install_istio(setting).commands,
                *(shell(*labelling(name), f"{DISCOVERED}-") for name in (*discovered, names.gateway.namespace)),
                awaited,
            ),
            refutes=("enable.istiod-address", *BROKEN_POD),
            cause="istiod.leaves-out",
        ),
        Fault(
            name="istiod-down",
            does="istiod has no pod: what runs goes on, and nothing new joins the mesh.",
            seed=(shell("kubectl", "scale", *names.istiod.typed, "--replicas=0"),),
            mend=(shell("kubectl", "scale", *names.istiod.typed, "--replicas=1"), rolled_out(names.istiod)),
            refutes=("istio.istiod-ready",),
            cause="istiod.not-ready",
        ),
        Fault(
            name="sds-port-open",
            does="The gateway's secret server answers on all interfaces, with the key; a release of kgateway does so.",
            seed=(),
            mend=(delete(Ref(NETWORK_POLICY, names.gateway.namespace, f"{names.gateway.name}-sds-closed")),),
            refutes=(),
            cause="sds.open",
            first=False,
            then="cause gone",
        ),
    )


def _remade(setting: Setting) -> Command:
    """Delete the gateway's pod, so that another is made."""
    pods = setting.names.gateway_pods
    return shell(
        "kubectl", "delete", "pods", "--namespace", pods.namespace, "--selector", pods.selector, "--wait=false"
    )


def _selecting(setting: Setting) -> Command:
    """istiod with a selector of namespaces."""
    names = setting.names
    chosen = [{"matchLabels": {DISCOVERED: "yes"}}]
    values = ("--values", ISTIOD_VALUES, "--set-json", f"meshConfig.discoverySelectors={json.dumps(chosen)}")
    return install(setting.parts, ISTIOD, names.istiod.name, names.istio_namespace, *values)
