"""One thing is broken in a healthy cluster, and the diagnosis names it: first broken link, cause, remedy."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from api_servers import DAY, NOW
from api_stand_in import thing
from diagnose_objects import (
    AUTHORITY,
    OLD,
    OTHER_AUTHORITY,
    XFCC,
    Break,
    World,
    answer,
    answers,
    app_pod,
    condition,
    gateway_pod,
    injected,
    parameters,
    proxies,
    route,
    webhooks,
    world,
)
from survey_objects import deployment as a_deployment

from meshproof.diagnose.codes import CODES
from meshproof.diagnose.judging import LINKS, WOULD_TELL
from meshproof.path.link import NotSeen

EXCLUDED = "kgateway.dev/disable-istio-auto-mtls"
PLAIN = {"handshakes": 0, "header": False}
FAILED = ("warn\tfailed to get certificate: failed to generate workload certificate",)


def test_a_healthy_way_has_nothing_above_a_note() -> None:
    found = world().diagnosed()
    assert (found.verdict, found.settled, found.exit_code) == ("healthy", True, 0)
    assert [hop.state for hop in found.hops] == ["ok"] * len(LINKS)
    assert [(each.code, each.severity) for each in found.findings] == [("sds.open", "note")]


def gateway_fails(made: World, logs: tuple[str, ...] = (), **unready: str) -> None:
    """A new pod of the gateway that does not get ready, beside the old one that serves on."""
    waits = {name.replace("_", "-"): why for name, why in (unready or {"sds": "CrashLoopBackOff"}).items()}
    made.add(gateway_pod("http-new", unready=waits, ip="10.0.0.10"))
    made.of("Deployment", "http")["status"]["availableReplicas"] = 0
    made.logs = {("http-new", "istio-proxy"): logs}


def listener(made: World) -> None:
    made.of("Gateway")["status"]["conditions"][0] = condition("Accepted", "False", "Invalid", "no")


def refused_route(made: World) -> None:
    said = condition("Accepted", "False", "NoMatchingParent", "no listener https")
    made.of("HTTPRoute")["status"]["parents"][0]["conditions"][0] = said


def no_word(made: World) -> None:
    made.of("HTTPRoute")["status"] = {}


def no_backend(made: World) -> None:
    made.of("HTTPRoute")["spec"]["rules"] = [{"filters": [{"type": "RequestRedirect"}]}]


def unresolved(made: World, **to: Any) -> None:
    made.of("HTTPRoute")["spec"]["rules"][0]["backendRefs"][0].update(to)
    said = condition("ResolvedRefs", "False", "BackendNotFound", "not found")
    made.of("HTTPRoute")["status"]["parents"][0]["conditions"][1] = said
    made.came_back = answers(answer("", 500, header=False))


def not_granted(made: World) -> None:
    made.add(thing("Service", "other/httpbin", spec={"ports": [{"name": "http", "port": 8000}]}))
    made.of("HTTPRoute")["spec"]["rules"][0]["backendRefs"][0]["namespace"] = "other"
    said = condition("ResolvedRefs", "False", "RefNotPermitted", "no grant")
    made.of("HTTPRoute")["status"]["parents"][0]["conditions"][1] = said


def annotated(made: World, value: str) -> None:
    made.of("Service", "httpbin")["metadata"]["annotations"] = {EXCLUDED: value}
    made.held = proxies(matches=())
    made.came_back = answers(**PLAIN)


def static(made: World) -> None:
    made.of("HTTPRoute")["spec"]["rules"][0]["backendRefs"] = [
        {"group": "gateway.kgateway.dev", "kind": "Backend", "name": "b"}
    ]
    made.add(thing("Backend", "httpbin/b", spec={"static": {"hosts": [{"host": "httpbin.httpbin.svc", "port": 8000}]}}))
    made.came_back = answers(**PLAIN)


def unnamed(made: World) -> None:
    made.of("Service", "httpbin")["spec"]["ports"][0].pop("name")
    made.came_back = answers(header=False)


def tls_policy(made: World) -> None:
    targets = [{"group": "", "kind": "Service", "name": "httpbin"}]
    made.add(thing("BackendTLSPolicy", "httpbin/tls", spec={"targetRefs": targets}))
    made.came_back = answers(answer(status=503, handshakes=0, header=False))


def env(made: World, **values: str | None) -> None:
    container = made.of("Deployment", "kgateway")["spec"]["template"]["spec"]["containers"][0]
    now = {each["name"]: each["value"] for each in container["env"]} | values
    container["env"] = [{"name": name, "value": value} for name, value in now.items() if value is not None]


def off(made: World, **more: str) -> None:
    env(made, KGW_ENABLE_ISTIO_AUTO_MTLS=None, **more)
    made.objects.remove(made.of("Pod", "http-def"))
    made.add(gateway_pod(containers=("kgateway-proxy",)))
    made.held = proxies(pem="", matches=())
    made.came_back = answers(**PLAIN)


def down(made: World, deployment: str, replicas: int = 1) -> None:
    made.of("Deployment", deployment)["status"].update(availableReplicas=0)
    made.of("Deployment", deployment)["spec"]["replicas"] = replicas
    made.of("Deployment", deployment)["metadata"]["generation"] = 1


def detached(made: World, annotation: bool = False) -> None:
    made.of("Gateway")["spec"].pop("infrastructure")
    if annotation:
        key = "gateway.kgateway.dev/gateway-parameters-name"
        made.of("Gateway")["metadata"]["annotations"] = {key: "http-istio"}
    gateway_fails(made, istio_proxy="ImagePullBackOff")


def dangling(made: World, elsewhere: str = "") -> None:
    made.remove("GatewayParameters")
    if elsewhere:
        made.add(parameters(f"{elsewhere}/http-istio"))
    made.of("Gateway")["status"]["conditions"][0] = condition("Accepted", "False", "InvalidParameters", "not found")


def wrong(made: World, **values: str) -> None:
    made.remove("GatewayParameters")
    made.add(parameters(**values))
    gateway_fails(made, FAILED)


def left_out(made: World) -> None:
    made.of("ConfigMap", "istio")["data"]["mesh"] = "discoverySelectors: [{matchLabels: {mesh: 'yes'}}]"
    made.remove("ConfigMap", "istio-ca-root-cert")
    made.of("Namespace", "httpbin")["metadata"]["labels"]["mesh"] = "yes"
    made.objects.remove(made.of("Pod", "http-def"))
    made.add(gateway_pod(unready=dict.fromkeys(("kgateway-proxy", "sds", "istio-proxy"), "ContainerCreating")))


def also_injected(made: World) -> None:
    made.of("Pod", "http-def")["metadata"]["annotations"] = injected()


def not_pulled(made: World) -> None:
    gateway_fails(made, sds="ErrImagePull")


def no_root(made: World) -> None:
    made.remove("ConfigMap", "istio-ca-root-cert")
    made.objects.remove(made.of("Pod", "http-def"))
    made.add(gateway_pod(unready=dict.fromkeys(("kgateway-proxy", "sds", "istio-proxy"), "ContainerCreating")))


def one_container(made: World) -> None:
    made.objects.remove(made.of("Pod", "http-def"))
    made.add(gateway_pod(containers=("kgateway-proxy",)))


def no_gateway_pod(made: World) -> None:
    made.objects.remove(made.of("Pod", "http-def"))
    made.held = NotSeen("no pod of the gateway runs")
    made.came_back = NotSeen("no pod of the gateway runs")


def certificate(made: World, identity: str = "", pem: str | None = None, **more: Any) -> None:
    named = identity or "spiffe://corp.example/ns/kgateway-system/sa/http"
    made.held = proxies(pem=AUTHORITY.issue_workload(named, **more) if pem is None else pem)
    made.came_back = answers(answer(status=503, handshakes=0, header=False))


def other_root(made: World) -> None:
    certificate(made)
    made.of("ConfigMap", "istio-ca-root-cert")["data"]["root-cert.pem"] = OTHER_AUTHORITY.pem


def stale(made: World) -> None:
    made.add(webhooks("default", "istiod-old", "istio-sidecar-injector-old"))
    message = 'Internal error: failed calling webhook "namespace.sidecar-injector.istio.io": service not found'
    made.of("Deployment", "httpbin")["status"]["conditions"] = [
        condition("ReplicaFailure", "True", "FailedCreate", message)
    ]


def labelled(made: World, **labels: str | None) -> None:
    made.bare()
    made.label(**labels)


def labelled_late(made: World) -> None:
    labelled(made, istio_injection="enabled")


def no_webhook(made: World) -> None:
    made.bare()
    made.remove("MutatingWebhookConfiguration")


def annotation_only(made: World) -> None:
    labelled(made, istio_injection=None)
    made.of("Pod", "httpbin-abc")["metadata"]["annotations"] = {"sidecar.istio.io/inject": "true"}


def opted_out(made: World) -> None:
    made.bare()
    made.of("Pod", "httpbin-abc")["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"


def other_revision(made: World) -> None:
    made.objects.remove(made.of("Pod", "httpbin-abc"))
    made.add(app_pod(revision="old"))


def sidecar_waits(made: World) -> None:
    made.objects.remove(made.of("Pod", "httpbin-abc"))
    made.add(app_pod(unready={"istio-proxy": "running"}))
    made.came_back = answers(answer("", 503, header=False))


def unmarked(made: World) -> None:
    made.objects.remove(made.of("Pod", "httpbin-abc"))
    made.add(app_pod(mark=False))
    made.held, made.came_back = proxies(mark=""), answers(**PLAIN)


def mark_only(made: World) -> None:
    made.of("MutatingWebhookConfiguration")["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    made.objects.remove(made.of("Pod", "httpbin-abc"))
    pod = app_pod(sidecar=False, labels={"security.istio.io/tlsMode": "istio", "sidecar.istio.io/inject": "true"})
    made.add(pod)
    made.came_back = answers(answer(status=503, handshakes=0, header=False))


def hides(made: World) -> None:
    made.objects.remove(made.of("Pod", "httpbin-abc"))
    made.add(app_pod(annotations={"proxy.istio.io/config": "proxyHeaders: {forwardedClientCert: SANITIZE}"}))
    made.came_back = answers(header=False)


def peers(made: World, mode: str, **more: Any) -> None:
    made.add(thing("PeerAuthentication", "httpbin/default", spec={"mtls": {"mode": mode}, **more}))
    made.came_back = answers(answer(status=503, handshakes=0, header=False))


def denied(made: World) -> None:
    made.add(thing("AuthorizationPolicy", "httpbin/nobody", spec={"action": "ALLOW"}))
    made.came_back = answers(answer(status=403, body="RBAC: access denied"))


def waiting(made: World) -> None:
    made.objects.remove(made.of("Pod", "httpbin-abc"))
    made.add(app_pod(unready={"app": "CrashLoopBackOff"}))


def no_app(made: World) -> None:
    made.objects.remove(made.of("Pod", "httpbin-abc"))
    made.of("Deployment", "httpbin")["spec"]["replicas"] = 0


EXPECTED: list[tuple[str, Break, str]] = [
    ("listener.not-accepted", listener, ""),
    ("route.not-accepted", refused_route, ""),
    ("route.not-accepted", no_word, ""),
    ("route.no-backend", no_backend, ""),
    ("backend.not-resolved", lambda made: unresolved(made, name="httpbi"), '"value": "httpbin"'),
    ("backend.not-resolved", lambda made: unresolved(made, port=80), '"value": 8000'),
    ("backend.not-resolved", not_granted, "kind: ReferenceGrant"),
    ("backend.annotation-no-boolean", lambda made: annotated(made, "yes"), f"{EXCLUDED}-"),
    ("backend.excluded", lambda made: annotated(made, "true"), f"{EXCLUDED}-"),
    ("backend.static", static, '"name": "httpbin"'),
    ("backend.port-no-http", unnamed, '"value": "http"'),
    ("backend.tls-overridden", tls_policy, f"{EXCLUDED}=true"),
    ("controller.not-ready", lambda made: down(made, "kgateway"), ""),
    ("controller.not-ready", lambda made: down(made, "kgateway", 0), "scale deployment/kgateway"),
    (
        "controller.looks-away",
        lambda made: env(made, KGW_DISCOVERY_NAMESPACE_SELECTORS='[{"matchLabels":{"name":"kgateway-system"}}]'),
        "label namespace httpbin name=kgateway-system",
    ),
    ("controller.switch-off", off, "KGW_ENABLE_ISTIO_AUTO_MTLS=true"),
    (
        "controller.other-switch",
        lambda made: off(made, KGW_ENABLE_ISTIO_INTEGRATION="true"),
        "KGW_ENABLE_ISTIO_AUTO_MTLS=true",
    ),
    ("parameters.missing", dangling, "kind: GatewayParameters"),
    ("parameters.other-namespace", lambda made: dangling(made, "httpbin"), "namespace: kgateway-system"),
    ("parameters.annotation", lambda made: detached(made, annotation=True), '"name": "http-istio"'),
    ("parameters.not-attached", detached, '"name": "http-istio"'),
    ("parameters.empty-value", lambda made: wrong(made, istioMetaClusterId=""), '"istioMetaClusterId": "corp-1"'),
    (
        "parameters.istiod-address",
        lambda made: wrong(made, istioDiscoveryAddress="istiod-canary.istio-system.svc:15012"),
        '"istioDiscoveryAddress": "istiod.istio-system.svc:15012"',
    ),
    ("parameters.cluster-id", lambda made: wrong(made, istioMetaClusterId="mine"), '"istioMetaClusterId": "corp-1"'),
    ("istiod.not-ready", lambda made: down(made, "istiod"), ""),
    ("istiod.leaves-out", left_out, "label namespace kgateway-system mesh=yes"),
    ("gateway.none", no_gateway_pod, ""),
    ("gateway.injected", also_injected, '"sidecar.istio.io/inject": "false"'),
    ("gateway.no-image", not_pulled, ""),
    ("gateway.no-root-certificate", no_root, ""),
    ("gateway.containers", one_container, ""),
    ("gateway.not-ready", lambda made: gateway_fails(made, istio_proxy="CrashLoopBackOff"), ""),
    ("sds.not-ready", gateway_fails, ""),
    ("sds.not-ready", lambda made: gateway_fails(made, sds="CrashLoopBackOff", kgateway_proxy="running"), ""),
    ("certificate.none", lambda made: certificate(made, pem=""), ""),
    ("certificate.ended", lambda made: certificate(made, begins=NOW - 4 * DAY, lasts=DAY), ""),
    ("certificate.other-root", other_root, ""),
    ("certificate.other-identity", lambda made: certificate(made, "spiffe://corp.example/ns/x/sa/y"), ""),
    ("cluster.not-received", lambda made: setattr(made, "held", proxies(led_to=())), ""),
    ("cluster.not-received", lambda made: setattr(made, "held", proxies(matches=())), ""),
    ("endpoints.none", no_app, "scale deployment/httpbin"),
    ("endpoints.not-ready", waiting, ""),
    ("injection.stale-webhook", stale, "delete mutatingwebhookconfiguration istio-sidecar-injector-old"),
    ("injection.disabled", lambda made: labelled(made, istio_injection="disabled"), "istio-injection=enabled"),
    ("injection.not-labelled", lambda made: labelled(made, istio_injection=None), "istio-injection=enabled"),
    ("injection.annotation-only", annotation_only, "istio-injection=enabled"),
    (
        "injection.both-labels",
        lambda made: labelled(made, istio_injection="off", istio_io__rev="default"),
        "istio-injection=enabled istio.io/rev-",
    ),
    (
        "injection.no-revision",
        lambda made: labelled(made, istio_injection=None, istio_io__rev="canary"),
        "istio-injection=enabled istio.io/rev-",
    ),
    ("injection.no-webhook", no_webhook, "kind: MutatingWebhookConfiguration"),
    ("injection.opted-out", opted_out, '"sidecar.istio.io/inject": null'),
    ("injection.not-restarted", labelled_late, "rollout restart deployment/httpbin"),
    ("sidecar.not-ready", sidecar_waits, ""),
    ("sidecar.no-mark", unmarked, "security.istio.io/tlsMode=istio"),
    ("sidecar.hides", hides, ""),
    ("policies.disable", lambda made: peers(made, "DISABLE"), '"mode": "PERMISSIVE"'),
    (
        "policies.disable",
        lambda made: peers(
            made, "STRICT", portLevelMtls={"8080": {"mode": "DISABLE"}}, selector={"matchLabels": {"app": "httpbin"}}
        ),
        '"8080": {"mode": "PERMISSIVE"}',
    ),
    ("answers.unreadable", lambda made: setattr(made, "came_back", answers(header="nonsense")), ""),
]


@pytest.mark.parametrize(("code", "break_it", "remedy"), EXPECTED)
def test_the_first_error_is_the_cause(code: str, break_it: Break, remedy: str) -> None:
    made = world()
    break_it(made)
    found = made.diagnosed()
    assert found.first is not None, found
    assert found.first.code == code, found.findings
    assert (found.verdict, found.exit_code) == ("broken", 1)
    assert remedy in found.first.remedy
    assert found.first.evidence
    broken = next(hop for hop in found.hops if hop.state == "broken")
    assert broken.link == found.first.link, "the first broken link is the one of the first error"
    errors = [each.code for each in found.findings if each.severity == "error"]
    assert errors == [code], "what follows from it is told as that, and not as a cause of its own"


def destination_rule(made: World) -> None:
    spec = {"host": "httpbin", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    made.add(thing("DestinationRule", "httpbin/r", spec=spec))


def annotated_gateway(made: World) -> None:
    made.of("Gateway")["spec"].pop("infrastructure")
    key = "gateway.kgateway.dev/gateway-parameters-name"
    made.of("Gateway")["metadata"]["annotations"] = {key: "http-istio"}


def two_elements(made: World) -> None:
    made.came_back = answers(header=f"By=x;URI=y,{XFCC}")


def sets_header(made: World) -> None:
    adds = {"set": [{"name": "X-Forwarded-Client-Cert", "value": "mine"}]}
    modifier = {"type": "RequestHeaderModifier", "requestHeaderModifier": adds}
    made.of("HTTPRoute")["spec"]["rules"][0]["filters"] = [modifier]


def nobody_answers(made: World) -> None:
    message = 'failed calling webhook "namespace.sidecar-injector.istio.io": connection refused'
    said = condition("ReplicaFailure", "True", "FailedCreate", message)
    made.of("Deployment", "httpbin")["status"]["conditions"] = [said]
    made.add(thing("Service", "istio-system/istiod-b", spec={"ports": []}))
    made.of("MutatingWebhookConfiguration")["webhooks"][1]["clientConfig"]["service"]["name"] = "istiod-b"
    made.add(a_deployment("istio-system/istiod-b", {"name": "discovery", "image": "x"}, available=0))


FURTHER: list[tuple[str, str, Break]] = [
    ("policies.denied", "error", denied),
    ("injection.no-answer", "error", nobody_answers),
    ("injection.other-revision", "warning", other_revision),
    ("policies.destination-rule", "note", destination_rule),
    ("route.another-wins", "warning", lambda made: made.add(route("httpbin/z", created="2026-02-01T00:00:00Z"))),
    ("route.sets-header", "warning", sets_header),
    ("answers.several-elements", "warning", two_elements),
    ("parameters.annotation", "warning", annotated_gateway),
    ("sidecar.mark-only", "error", mark_only),
]


@pytest.mark.parametrize(("code", "severity", "break_it"), FURTHER)
def test_what_else_is_worth_knowing_is_told(code: str, severity: str, break_it: Break) -> None:
    made = world()
    break_it(made)
    found = made.diagnosed()
    assert (code, severity) in [(each.code, each.severity) for each in found.findings]
    assert found.exit_code == (1 if severity == "error" else 0)


def test_strict_with_an_excluded_service_is_told_after_why_it_is_plaintext() -> None:
    made = world()
    annotated(made, "true")
    peers(made, "STRICT")
    errors = [each.code for each in made.diagnosed().findings if each.severity == "error"]
    assert errors == ["backend.excluded", "policies.strict"]


def test_one_endpoint_of_two_is_told_with_its_share() -> None:
    made = world()
    made.add(app_pod("other-xyz", sidecar=False, ip="10.0.0.8", labels={"sidecar.istio.io/inject": "false"}))
    made.came_back = answers(answer(), answer("10.0.0.8", handshakes=0, header=False))
    found = made.diagnosed()
    assert found.first is not None
    assert found.first.code == "injection.opted-out"
    assert "1 of 2 endpoints is outside the mesh, so that about 50 %" in found.first.sentence


@pytest.mark.parametrize(
    ("came", "between"),
    [
        (
            answer("", 404, header=False),
            "Between the listener and Service httpbin/httpbin: the gateway itself answers 404",
        ),
        (
            answer(status=503, handshakes=0, header=False),
            "Between the gateway's Envoy and httpbin-abc's sidecar: 503, no TLS handshake",
        ),
        (answer(handshakes=0, header=False), "Between the gateway's Envoy and httpbin-abc: reached in plaintext, 200"),
        (answer(status=502, header=False), "Behind the sidecar of httpbin-abc: mutual TLS was made, and 502 came back"),
        (answer(header=False), "In the sidecar of httpbin-abc: mutual TLS was made, and the app received no client"),
    ],
)
def test_what_is_not_in_the_catalogue_is_bounded(came: Any, between: str) -> None:
    made = world()
    made.came_back = answers(came)
    found = made.diagnosed()
    assert found.first is not None
    assert found.first.code == "unexplained"
    assert found.first.sentence.startswith(between)
    assert found.first.remedy == ""
    assert [hop.link for hop in found.hops if hop.state == "broken"] == ["answers"]


def test_a_pod_that_is_newer_than_what_selects_it_is_not_told_to_be_restarted() -> None:
    made = world()
    made.bare()
    made.label(istio_injection="enabled")
    made.of("Pod", "httpbin-abc")["metadata"]["creationTimestamp"] = "2126-01-01T00:00:00Z"
    found = made.diagnosed()
    assert found.first is not None
    assert (found.first.code, found.first.link) == ("unexplained", "injection")


@pytest.mark.parametrize("age", [timedelta(seconds=5), timedelta(minutes=5)])
def test_a_gateway_that_rolls_out_is_not_settled_until_it_takes_too_long(age: timedelta) -> None:
    made = world()
    made.add(gateway_pod("http-new", unready={"sds": "running"}, age=age, ip="10.0.0.10"))
    made.of("Deployment", "http")["status"].update(updatedReplicas=0)
    found = made.diagnosed()
    young = age < OLD / 60
    assert found.settled is not young
    assert found.verdict == ("unsure" if young else "broken")
    assert [each.code for each in found.findings if each.severity == "error"] == ([] if young else ["sds.not-ready"])


def test_an_app_that_rolls_out_is_not_settled() -> None:
    made = world()
    made.bare()
    made.add(app_pod("httpbin-new", unready={"istio-proxy": "running"}, age=timedelta(seconds=3), ip="10.0.0.8"))
    made.of("Deployment", "httpbin")["status"].update(updatedReplicas=0)
    found = made.diagnosed()
    assert (found.settled, found.verdict, found.exit_code) == (False, "unsure", 1)
    assert not [each for each in found.findings if each.severity == "error"]


@pytest.mark.parametrize(
    ("plural", "links"),
    [
        ("mutatingwebhookconfigurations", {"endpoints", "injection"}),
        ("peerauthentications", {"policies"}),
        ("networkpolicies", {"sds"}),
        ("gatewayparameters", {"parameters", "istiod", "certificate"}),
        ("backendtlspolicies", {"backend"}),
    ],
)
def test_what_may_not_be_read_is_not_seen_and_never_green(plural: str, links: set[str]) -> None:
    made = world()
    made.denied = (plural,)
    found = made.diagnosed()
    assert (found.verdict, found.exit_code) == ("unsure", 1)
    unseen = {hop.link for hop in found.hops if hop.state == "not seen"}
    assert links <= unseen
    told = {each.link: each for each in found.findings if each.code == "not-seen"}
    assert told.keys() == unseen, "each is told, and no other"
    for link, each in told.items():
        assert each.severity == "unknown"
        assert WOULD_TELL[link] in each.sentence


def test_without_a_request_the_wire_is_not_seen() -> None:
    made = world()
    made.came_back = NotSeen("ASK=0: no request was sent")
    found = made.diagnosed()
    assert found.verdict == "unsure"
    [unseen] = [each for each in found.findings if each.code == "not-seen"]
    assert unseen.evidence == ("answers: ASK=0: no request was sent",)


def test_a_wrong_parameter_with_which_every_pod_is_ready_is_no_cause() -> None:
    made = world()
    made.remove("GatewayParameters")
    made.add(parameters(istioMetaClusterId="an-alias"))
    assert made.diagnosed().verdict == "healthy"


def test_findings_are_left_out_by_code_and_object() -> None:
    made = world()
    annotated(made, "true")
    assert made.diagnosed("backend.excluded:Service other/*").verdict == "broken"
    found = made.diagnosed("backend.excluded:Service httpbin/*")
    assert found.skipped == ("backend.excluded:Service httpbin/httpbin",)
    assert "backend.excluded" not in [each.code for each in found.findings]


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    page = (Path(__file__).parent.parent / "docs" / "causes.md").read_text()
    sections = re.findall(r"^## (\S+)$", page, re.M)
    assert sections == list(CODES), "in the same order"
    assert len(page.splitlines()) < 400
    each = re.split(r"^## \S+$", page, flags=re.M)[1:]
    assert all(len(text.strip().splitlines()) >= 2 for text in each)


def test_every_code_is_seen_in_a_test() -> None:
    text = Path(__file__).read_text()
    assert [code for code in CODES if f'"{code}"' not in text] == []
