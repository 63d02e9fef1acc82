"""The request goes astray: its route, its backend, the app, what policies let through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshproof.faults.fault import (
    AUTHORIZATION_POLICY,
    PEER_AUTHENTICATION,
    Fault,
    changed,
    deployed,
    gone,
    made,
    patched,
    ready,
    replaced,
    rolled_out,
)
from meshproof.faults.https import https
from meshproof.faults.injection import CERTIFICATE
from meshproof.kube.kinds import Ref
from meshproof.manifests import manifest
from meshproof.steps.model import Command, apply, delete, shell
from meshproof.steps.setting import Setting

EXCLUDES = "kgateway.dev/disable-istio-auto-mtls"
HEADER = "X-Forwarded-Client-Cert"
PLAINTEXT = ("exclude.service-no-xfcc", "exclude.same-pods")
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}  # the default
REFUSED = ("route.status", "route.handshakes", *CERTIFICATE)


def of_requests(setting: Setting) -> tuple[Fault, ...]:
    """The faults by which a request is not routed, not let through, or arrives in another way."""
    return (*_of_routes(setting), *_of_policies(setting), *_of_the_app(setting))


def _of_routes(setting: Setting) -> tuple[Fault, ...]:
    names = setting.names
    route = manifest("app-route.yaml", names.marks())
    excluded = manifest("excluded-service.yaml", names.marks())
    json_path = "/spec/parentRefs/0/sectionName"

    def nowhere(route: dict[str, Any]) -> None:
        route["spec"]["rules"][0]["backendRefs"][0]["name"] = "httpbim"

    def speaking(route: dict[str, Any]) -> None:
        said = {"name": HEADER, "value": "By=spiffe://cluster.local/ns/default/sa/route"}
        route["spec"]["rules"][0]["filters"] = [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [said]}}
        ]

    def yes(service: dict[str, Any]) -> None:
        service["metadata"]["annotations"] = dict.fromkeys(service["metadata"]["annotations"], "yes")

    return (
        Fault(
            name="backend-not-resolved",
            does="The route of the page's host leads to a Service that does not exist.",
            seed=(apply(changed(route, nowhere)),),
            mend=(apply(route),),
            refutes=("before.response",),
            cause="backend.not-resolved",
            after="istio",
        ),
        Fault(
            name="route-not-accepted",
            does="The excluded Service's route names a listener that the Gateway does not have.",
            seed=(patched(names.service_route, [{"op": "add", "path": json_path, "value": "https"}], "json"),),
            mend=(apply(manifest("excluded-routes.yaml", names.marks())),),
            refutes=("exclude.route-accepted", *PLAINTEXT),
            cause="route.not-accepted",
            host=names.service_host,
        ),
        Fault(
            name="route-sets-header",
            does=f"A filter of the route sets {HEADER} itself, before the sidecar's own element.",
            seed=(apply(changed(route, speaking)),),
            mend=(apply(route),),
            refutes=("route.xfcc-sole",),
            cause="route.sets-header",
            first=False,
        ),
        Fault(
            name="annotation-no-boolean",
            does="The annotation that excludes a Service says yes, which is no boolean.",
            seed=(replaced(changed(excluded, yes)),),
            mend=(replaced(excluded),),
            refutes=PLAINTEXT,
            cause="backend.annotation-no-boolean",
            host=names.service_host,
            then="cause gone",  # the Service that is then not excluded
        ),
    )


def _of_policies(setting: Setting) -> tuple[Fault, ...]:
    names = setting.names
    mode = Ref(PEER_AUTHENTICATION, names.app.namespace, "mode")
    nobody = Ref(AUTHORIZATION_POLICY, names.app.namespace, "nobody")
    return (
        Fault(
            name="peer-authentication-disable",
            does="PeerAuthentication DISABLE: the sidecar takes plaintext only, and the gateway speaks mutual TLS.",
            seed=(made(mode, spec={"mtls": {"mode": "DISABLE"}}),),
            mend=(delete(mode),),
            refutes=REFUSED,
            cause="policies.disable",
        ),
        Fault(
            name="strict-with-excluded-service",
            does="PeerAuthentication STRICT: the sidecar refuses the excluded Service, which is reached in plaintext.",
            seed=(made(mode, spec={"mtls": {"mode": "STRICT"}}),),
            mend=(delete(mode),),
            refutes=("exclude.backend-no-xfcc", *PLAINTEXT),
            cause="policies.strict",
            first=False,  # what comes first is why it is plaintext
            host=names.service_host,
        ),
        Fault(
            name="authorization-denies",
            does="An AuthorizationPolicy that allows nobody: the sidecar answers 403.",
            seed=(made(nobody, spec={}),),
            mend=(delete(nobody),),
            refutes=REFUSED,
            cause="policies.denied",
            then="cause gone",  # the gateway alone is then allowed, and it has no name where it speaks plaintext
        ),
    )


def _of_the_app(setting: Setting) -> tuple[Fault, ...]:
    names = setting.names
    services = (names.service, names.excluded)
    image = deployed(setting)["template"]["spec"]["containers"][0]["image"]
    speaking = https(setting)
    return (
        Fault(
            name="app-not-ready",
            does="No pod of the app is ready, since its image is misspelt, so that nobody answers.",
            seed=(_app_with(setting, {"type": "Recreate", "rollingUpdate": None}, f"{image}-misspelt"),),
            mend=(_app_with(setting, _ROLLING, image), rolled_out(names.app)),
            refutes=("route.httpbin-containers", *REFUSED),
            cause="endpoints.not-ready",
        ),
        Fault(
            name="port-not-named-http",
            does="The port of the app's Services is not called http: the sidecar reads no requests and adds no header.",
            seed=tuple(_port_named(service, "tcp-web") for service in services),
            mend=tuple(_port_named(service, "http") for service in services),
            refutes=CERTIFICATE,
            cause="backend.port-no-http",
        ),
        Fault(
            name="tls-policy-overridden",
            does="The Service's pods speak HTTPS outside the mesh; auto-mTLS takes the policy's TLS away.",
            seed=(
                apply(f"{speaking.app}---\n{speaking.policy}"),
                ready(speaking.pod),
                patched(names.service, {"spec": {"selector": {"app": speaking.pod.name}}}),
            ),
            mend=(
                patched(names.service, {"spec": {"selector": {"app": names.app.name}}}),
                shell("kubectl", "annotate", *names.service.typed, f"{EXCLUDES}-"),
                gone(f"{speaking.app}---\n{speaking.policy}"),
            ),
            refutes=REFUSED,
            cause="backend.tls-overridden",
            then="cause gone",  # the remedy is the exclusion: the app then answers over the policy's own TLS
        ),
    )


def _port_named(service: Ref, name: str) -> Command:
    return patched(service, [{"op": "replace", "path": "/spec/ports/0/name", "value": name}], "json")


def _app_with(setting: Setting, strategy: Mapping[str, object], image: str) -> Command:
    """The app rolled out by a strategy, with an image of its first container."""
    app = setting.names.app
    container = {"name": setting.names.app_containers[0], "image": image}
    spec = {"strategy": strategy, "template": {"spec": {"containers": [container]}}}
    return patched(app, {"spec": spec}, "strategic")
