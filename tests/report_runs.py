"""Runs as the suite would leave them, for the tests of the report."""

from __future__ import annotations

from dataclasses import replace

from meshproof.results import CheckResult, Moment, Resumption, RunResult, StepResult

STARTED = 1_767_225_600.25  # 2026-01-01 00:00:00.25 UTC
GATEWAY_ID = "spiffe://cluster.local/ns/kgateway-system/sa/http"
HTTPBIN_ID = "spiffe://cluster.local/ns/httpbin/sa/httpbin"
HASH = "7f1a9be2c4d05e8f63a1b0c29d4e5f60718293a4b5c6d7e8f9010a2b3c4d5e6f"
NO_HEADER = "200, X-Forwarded-Client-Cert absent"
SHORT = "200, no XFCC"
INSTALL_CRDS = "helm upgrade -i --namespace kgateway-system \\\n    kgateway-crds kgateway-crds-v2.4.0.tgz"

UPGRADE = (
    "helm upgrade -i -n kgateway-system kgateway kgateway-v2.4.0.tgz \\\n"
    "    --reuse-values --set controller.extraEnv.KGW_ENABLE_ISTIO_AUTO_MTLS=true"
)


def check(check_id: str, claim: str, expected: str, observed: str = "", seconds: float = 0.8) -> CheckResult:
    return CheckResult(check_id, claim, expected, observed or expected, "proven", seconds)


def a_run() -> RunResult:
    """A fixed example, which need not be the page as it is: all proven, 52 seconds."""
    steps = tuple(map(_tied, (_before(), _istio(), _enable(), _route(), _exclude(), _cleanup())))
    return RunResult(
        versions={
            "kgateway": "2.4.0",
            "istio": "1.31-dev",
            "kubernetes": "1.35.4",
            "gateway-api": "1.6.1",
            "kind": "0.33.0",
        },
        choices={"revision": "", "access": "port-forward", "images": "source", "cluster": "kind"},
        started=STARTED,
        steps=steps,
    )


def _tied(step: StepResult) -> StepResult:
    """The step with each command's moment tied to it, as when it was run; here no two commands are equal."""
    places = {command: place for place, command in enumerate(step.commands)}
    return replace(step, moments=tuple(replace(each, command=places.get(each.label)) for each in step.moments))


def a_refuted_run() -> RunResult:
    """The same with a forged header that got through, a wait that ran out, and a skipped check."""
    run = a_run()
    route, exclude = run.steps[3], run.steps[4]
    checks = tuple(
        replace(
            one,
            status="refuted",
            observed=f"By=spiffe://forged;URI=spiffe://forged,By={HTTPBIN_ID};Hash={HASH};URI={GATEWAY_ID}",
            reason="2 elements in the header, 1 expected: the first is the one that the client sent",
        )
        if one.id == "route.forged-xfcc-dropped"
        else one
        for one in route.checks
    )
    skipped = tuple(
        replace(one, status="skipped", observed="", reason="the route was not accepted") for one in exclude.checks
    )
    error = "the route exclude-service: not ready after 60 s\n  last state: Accepted=False (InvalidKind)"
    steps = (
        *run.steps[:3],
        replace(route, checks=checks),
        replace(exclude, checks=skipped, error=error),
        run.steps[5],
    )
    return replace(run, steps=steps)


def _before() -> StepResult:
    at = STARTED + 0.5
    return StepResult(
        "before",
        "Before you begin",
        (
            "kubectl apply --server-side -f standard-install.yaml",
            INSTALL_CRDS,
            "helm upgrade -i -n kgateway-system kgateway kgateway-v2.4.0.tgz",
            "kubectl apply -f httpbin.yaml",
        ),
        at,
        17.4,
        (
            check("before.gateway-containers", "The gateway's pod runs Envoy alone", "kgateway-proxy, READY 1/1"),
            check("before.response", "httpbin answers without a client certificate", SHORT, NO_HEADER),
        ),
        moments=(
            Moment(
                "kubectl apply --server-side -f standard-install.yaml", "command", at, 1.2, "gatewayclasses created\n"
            ),
            Moment(
                INSTALL_CRDS,
                "command",
                at + 1.2,
                2.1,
                'Release "kgateway-crds" does not exist. Installing it now.\nSTATUS: deployed\n',
            ),
            Moment("helm upgrade -i -n kgateway-system kgateway kgateway-v2.4.0.tgz", "command", at + 3.4, 1.9, "ok\n"),
            Moment("kubectl apply -f httpbin.yaml", "command", at + 1.3, 0.7, "namespace/httpbin created\n"),
            Moment("kgateway's deployment", "wait", at + 5.3, 4.6),
            Moment("the Gateway http is programmed", "wait", at + 9.9, 6.4),
            Moment("GET /headers", "observe", at + 16.4, 0.9, "200\nHost: www.example.com\n"),
        ),
    )


def _istio() -> StepResult:
    at = STARTED + 1.9
    return StepResult(
        "istio",
        "Install Istio",
        (
            "helm upgrade -i istio-base base-1.31-dev.tgz -n istio-system --create-namespace",
            "helm upgrade -i istiod istiod-1.31-dev.tgz -n istio-system",
        ),
        at,
        12.2,
        (check("istio.istiod-ready", "istiod is ready", "1 of 1 replicas ready", seconds=0.1),),
        moments=(
            Moment(
                "helm upgrade -i istio-base base-1.31-dev.tgz -n istio-system --create-namespace",
                "command",
                at,
                2.4,
                "ok",
            ),
            Moment(
                "helm upgrade -i istiod istiod-1.31-dev.tgz -n istio-system",
                "command",
                at + 2.4,
                2.0,
                "STATUS: deployed",
            ),
            Moment("istiod's deployment", "wait", at + 4.4, 7.7, "0 of 1\n1 of 1\n"),
        ),
    )


def _enable() -> StepResult:
    at = STARTED + 18.2
    return StepResult(
        "enable",
        "Enable the Istio integration",
        (
            UPGRADE,
            "kubectl apply -f gateway-parameters.yaml",
            "kubectl apply -f gateway.yaml",
        ),
        at,
        15.1,
        (
            check("enable.controller-env", "The controller is told to integrate", "KGW_ENABLE_ISTIO_AUTO_MTLS=true"),
            check(
                "enable.values-have-no-effect", "The page's values render the same", "no difference", "0 lines differ"
            ),
            check("enable.istiod-address", "istiod's address is the one found", "istiod.istio-system.svc:15012"),
            check("enable.parameters-accepted", "The parameters are accepted", "Accepted=True"),
            check("enable.gateway-accepted", "The Gateway is accepted", "Accepted=True, Programmed=True"),
            check(
                "enable.gateway-containers",
                "The gateway's pod holds Envoy, SDS and Istio's proxy",
                "exactly kgateway-proxy, sds, istio-proxy; READY 3/3",
                "kgateway-proxy, sds, istio-proxy; READY 3/3",
            ),
            check(
                "enable.plaintext-until-injected", "Traffic is plain until httpbin is injected", SHORT, NO_HEADER, 2.3
            ),
        ),
        departures=(
            "The Helm values istio.enabled and istio.istiod have no effect in 2.4.0; the environment variable does.",
        ),
        moments=(
            Moment(UPGRADE, "command", at, 1.8, 'Release "kgateway" has been upgraded.\nREVISION: 2\n'),
            Moment("kubectl apply -f gateway-parameters.yaml", "command", at + 1.8, 0.4, "gatewayparameters created\n"),
            Moment("kubectl apply -f gateway.yaml", "command", at + 2.2, 0.3, "gateway configured\n"),
            Moment("the gateway's pod is 3/3", "wait", at + 2.5, 9.9),
            Moment("answers of the gateway", "observe", at + 12.4, 2.6),
        ),
    )


def _route() -> StepResult:
    at = STARTED + 33.4
    xfcc = f'By={HTTPBIN_ID};Hash={HASH};Subject="";URI={GATEWAY_ID}'
    return StepResult(
        "route",
        "Route to a service in the mesh",
        (
            "kubectl label namespace httpbin istio-injection=enabled --overwrite",
            "kubectl rollout restart deployment/httpbin -n httpbin",
            'curl -v http://localhost:8080/headers -H "host: www.example.com:8080"',
        ),
        at,
        6.9,
        (
            check(
                "route.namespace-labelled", "The namespace asks for injection", "istio-injection=enabled", seconds=0.1
            ),
            check(
                "route.httpbin-containers", "httpbin has a sidecar", "go-httpbin, curl, hey, istio-proxy; 4/4, from 3/3"
            ),
            check("route.status", "httpbin answers", "200", "200, 3 times in a row"),
            check("route.xfcc-by", "The certificate was shown to httpbin", HTTPBIN_ID),
            check("route.xfcc-uri", "It is the gateway's identity", GATEWAY_ID),
            check("route.xfcc-hash", "It is the certificate that the gateway holds", f"SHA-256 {HASH}", HASH),
            check("route.xfcc-subject", "It names nobody but the identity", 'Subject=""'),
            check("route.forged-xfcc-dropped", "A header sent by the client is dropped", "1 element, ours", xfcc, 1.4),
            check("route.handshakes", "Envoy counted handshakes", "ssl.handshake grew", "12, was 7", 1.9),
        ),
        moments=(
            Moment(
                "kubectl label namespace httpbin istio-injection=enabled --overwrite", "command", at, 0.2, "labeled"
            ),
            Moment("kubectl rollout restart deployment/httpbin -n httpbin", "command", at + 0.2, 0.2, "restarted"),
            Moment("httpbin is 4/4", "wait", at + 0.4, 3.9),
            Moment(
                'curl -v http://localhost:8080/headers -H "host: www.example.com:8080"', "command", at + 4.4, 0.1, xfcc
            ),
            Moment("XFCC, certificate and counters", "observe", at + 4.5, 2.4, xfcc),
        ),
    )


def _exclude() -> StepResult:
    at = STARTED + 40.4
    return StepResult(
        "exclude",
        "Exclude a service from mTLS",
        ("kubectl apply -f excluded-backend.yaml", "kubectl apply -f excluded-service.yaml"),
        at,
        3.1,
        (
            check("exclude.route-accepted", "Both routes are accepted", "Accepted=True, ResolvedRefs=True"),
            check("exclude.backend-no-xfcc", "The excluded Backend gets no certificate", SHORT, NO_HEADER),
            check("exclude.service-no-xfcc", "The excluded Service gets none either", SHORT, NO_HEADER),
            check("exclude.others-keep-xfcc", "Other hosts keep theirs", GATEWAY_ID),
            check("exclude.same-pods", "Both are served by the same pods", "10.244.0.14", "10.244.0.14"),
        ),
        departures=("A static Backend proves nothing by itself; an annotated Service over the same pods does.",),
        moments=(
            Moment("kubectl apply -f excluded-backend.yaml", "command", at, 0.3, "backend created"),
            Moment("kubectl apply -f excluded-service.yaml", "command", at + 0.3, 0.3, "service created"),
            Moment("the routes have reached Envoy", "wait", at + 0.6, 0.9),
            Moment("both hosts, three times", "observe", at + 1.5, 1.6),
        ),
    )


def _cleanup() -> StepResult:
    at = STARTED + 43.6
    return StepResult(
        "cleanup",
        "Clean up",
        (
            "kubectl delete -f routes.yaml",
            "helm uninstall istiod -n istio-system",
            "kubectl delete namespace istio-system",
        ),
        at,
        8.2,
        (
            check("cleanup.route-gone", "The routes are gone", "404"),
            check("cleanup.httpbin-containers", "httpbin has no sidecar", "go-httpbin, curl, hey; READY 3/3"),
            check("cleanup.gateway-containers", "The gateway's pod runs Envoy alone", "kgateway-proxy, READY 1/1"),
            check("cleanup.response", "httpbin answers without a client certificate", SHORT, NO_HEADER),
            check("cleanup.istio-gone", "Nothing of Istio's is left", "0 objects", "0 objects"),
            check(
                "cleanup.inventory", "The cluster is as it was", "the inventory of before", "412 objects, 0 differ", 2.2
            ),
            check("cleanup.crds-gone", "Istio's definitions are gone", "0 definitions", "0 definitions", 2.2),
        ),
        moments=(
            Moment("kubectl delete -f routes.yaml", "command", at, 0.4, "deleted"),
            Moment("helm uninstall istiod -n istio-system", "command", at + 0.4, 0.8, "uninstalled"),
            Moment("kubectl delete namespace istio-system", "command", at + 1.2, 3.6, "deleted"),
            Moment("httpbin is 3/3, the gateway 1/1", "wait", at + 4.8, 1.2),
            Moment("inventory", "observe", at + 6.0, 2.2),
        ),
    )


def a_resumed_run(pause_s: float = 3600.0) -> RunResult:
    """The proven run, its last section an hour later: taken up there, on a cluster that somebody had changed."""
    run = a_run()
    *earlier, last = run.steps
    at = last.started + pause_s
    last = replace(last, started=at, moments=tuple(replace(m, started=m.started + pause_s) for m in last.moments))
    resumed = Resumption(5, at - 2, ("added Deployment.apps ns/new",))
    return replace(run, started=at - 1, steps=(*earlier, last), resumed=(resumed,))
