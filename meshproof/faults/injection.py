"""The app is not in the mesh, or only by half: labels, revisions, webhooks, single pods."""

from __future__ import annotations

from dataclasses import replace

from meshproof.faults.fault import (
    WEBHOOKS,
    Commands,
    Fault,
    deployed,
    document,
    made,
    patched,
    restarted,
    rolled_out,
)
from meshproof.kube.kinds import Ref
from meshproof.names import DEFAULT_REVISION, INJECTION_LABEL, REVISION_LABEL
from meshproof.steps.install_istio import install_istio
from meshproof.steps.model import Command, apply, delete, shell
from meshproof.steps.route import route_over_mtls
from meshproof.steps.setting import Setting

ELSEWHERE = "canary"  # a revision that no istiod has
OPT = "sidecar.istio.io/inject"
MARK = "security.istio.io/tlsMode"  # by this label of a pod kgateway and Istio know that it takes mutual TLS
# What falls with the client certificate.
CERTIFICATE = (
    "route.xfcc-by",
    "route.xfcc-uri",
    "route.xfcc-hash",
    "route.xfcc-subject",
    "route.xfcc-sole",
    "route.forged-xfcc-dropped",
    "exclude.others-keep-xfcc",
)
WITHOUT_SIDECAR = ("route.httpbin-containers", "route.handshakes", *CERTIFICATE)


def of_injection(setting: Setting) -> tuple[Fault, ...]:
    """The faults by which pods have no sidecar, one of another istiod, or one that nobody speaks to."""
    names = setting.names
    label, value = names.injection
    other = INJECTION_LABEL if label == REVISION_LABEL else REVISION_LABEL
    labelling = ("kubectl", "label", *names.app_namespace.typed, "--overwrite")
    unlabelled = shell(*labelling, f"{label}-", f"{other}-")
    labelled = shell(*labelling, f"{label}={value}", f"{other}-")
    by_label = ("route.namespace-labelled", *WITHOUT_SIDECAR)
    joined = mesh_again(setting)
    webhook = Ref(WEBHOOKS, "", "-".join(filter(None, ("istio-sidecar-injector", names.revision))))
    stale = Ref(WEBHOOKS, "", f"istio-sidecar-injector-{ELSEWHERE}")
    outside = outsider_ref(setting)
    return (
        Fault(
            name="namespace-not-labelled",
            does="The app's namespace has no injection label, and its pods were made anew.",
            seed=(unlabelled, *restarted(names.app)),
            mend=joined,
            refutes=by_label,
            cause="injection.not-labelled",
        ),
        Fault(
            name="labelled-not-restarted",
            does="The namespace was labelled when the app's pods were there, and nobody restarted them.",
            seed=(unlabelled, *restarted(names.app), labelled),
            mend=joined,
            refutes=by_label,
            cause="injection.not-restarted",
        ),
        Fault(
            name="wrong-revision",
            does="The namespace asks for a revision that no istiod has.",
            seed=(shell(*labelling, f"{REVISION_LABEL}={ELSEWHERE}", f"{INJECTION_LABEL}-"), *restarted(names.app)),
            mend=joined,
            refutes=by_label,
            cause="injection.no-revision",
        ),
        Fault(
            name="both-labels",
            does="The namespace has both injection labels, and no webhook takes the two together.",
            seed=(
                shell(*labelling, f"{INJECTION_LABEL}=true", f"{REVISION_LABEL}={names.revision or DEFAULT_REVISION}"),
                *restarted(names.app),
            ),
            mend=joined,
            refutes=by_label,
            cause="injection.both-labels",
        ),
        Fault(
            name="no-webhook",
            does="istiod runs, the webhook of its revision is gone, and the app's pods were made anew.",
            seed=(delete(webhook), *restarted(names.app)),
            # Helm takes over none that it did not make.
            mend=(delete(webhook), *install_istio(setting).commands, *joined),
            refutes=by_label,
            cause="injection.no-webhook",
        ),
        Fault(
            name="annotation-instead-of-label",
            does="The pods ask for a sidecar by annotation, which can only opt out; the namespace has no label.",
            seed=(unlabelled, annotated(setting, "true"), *restarted(names.app)[1:]),
            mend=(labelled, annotated(setting, None), *joined),
            refutes=by_label,
            cause="injection.annotation-only",
        ),
        Fault(
            name="one-pod-outside",
            does="One of two pods behind the Service opted out, so that half of the answers have no certificate.",
            seed=(apply(outsider(setting)), rolled_out(outside)),
            mend=(delete(outside),),
            refutes=by_label,
            cause="injection.opted-out",
        ),
        Fault(
            name="webhook-left-behind",
            does="The webhook of an istiod that was removed is still there, so that no pod of the app can be made.",
            seed=(made(stale, webhooks=[calls_nobody(setting)]), remade(setting)),
            mend=(delete(stale), *joined),
            refutes=("route.httpbin-containers", "route.status", *CERTIFICATE),
            cause="injection.stale-webhook",
        ),
        Fault(
            name="mark-taken-off",
            does=f"The label {MARK} is off a running pod: it takes mutual TLS, and nobody offers it.",
            seed=(shell("kubectl", "label", *of_app(setting), f"{MARK}-"),),
            mend=(shell("kubectl", "label", "--overwrite", *of_app(setting), f"{MARK}=istio"),),
            refutes=("route.handshakes", "exclude.annotation-decides", *CERTIFICATE),
            cause="sidecar.no-mark",
        ),
        Fault(
            name="injected-too-early",
            does="The app is in the mesh before the page's section that brings it there.",
            seed=joined,
            mend=(unlabelled, *restarted(names.app)),
            refutes=("enable.plaintext-until-injected",),
            after="enable",  # nothing is wrong on the way, so there is no cause
        ),
    )


def mesh_again(setting: Setting) -> Commands:
    """The page's own commands that bring the app into the mesh; its pods are made anew where they lack a sidecar."""
    label, restart, _ = route_over_mtls(setting).commands
    return label, restart, restarted(setting.names.app)[1]


def annotated(setting: Setting, value: str | None) -> Command:
    """The annotation on the app's pods by which somebody asks for a sidecar; None takes it off."""
    return patched(setting.names.app, {"spec": {"template": {"metadata": {"annotations": {OPT: value}}}}})


def of_app(setting: Setting) -> tuple[str, ...]:
    """What is typed for the app's pods after kubectl's verb."""
    pods = setting.names.app_pods
    return ("pods", "--namespace", pods.namespace, "--selector", pods.selector)


def remade(setting: Setting) -> Command:
    """Delete the app's pods, so that others have to be made."""
    return shell("kubectl", "delete", *of_app(setting), "--wait=false")


def outsider_ref(setting: Setting) -> Ref:
    """A second Deployment of the app's pods."""
    app = setting.names.app
    return replace(app, name=f"{app.name}-outside")


def outsider(setting: Setting) -> str:
    """The app a second time, behind the same Service, with pods that opted out of the mesh."""
    ref = outsider_ref(setting)
    spec = deployed(setting)
    labels = {**spec["template"]["metadata"]["labels"], "copy": ref.name}
    pods = {**spec["template"], "metadata": {"labels": {**labels, OPT: "false"}}}
    return document(ref, spec={**spec, "selector": {"matchLabels": labels}, "template": pods})


def calls_nobody(setting: Setting) -> dict[str, object]:
    """A webhook for the pods of the app's namespace whose Service is not there."""
    names = setting.names
    return {
        "name": f"{ELSEWHERE}.sidecar-injector.istio.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {
            "service": {"name": f"istiod-{ELSEWHERE}", "namespace": names.istio_namespace, "path": "/inject"}
        },
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": names.app.namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }
