"""The page as steps: its claims are those of the issue, and each is false for the fault that it exists to find."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api_stand_in import a_pod, objects, thing
from snapshots import (
    AUTHORITY,
    BY,
    CERTIFICATE,
    CHAINS,
    ENDPOINT,
    OTHER_CERTIFICATE,
    OTHER_CHAINS,
    ROOT,
    SETTING,
    TRUST_DOMAIN,
    URI,
    answer,
    answers,
    deployment,
    gateway,
    gateway_pod,
    issue,
    namespace,
    pod,
    route,
    stranger,
    stranger_answers,
    xfcc,
)

from meshproof import yamls
from meshproof.kube.inventory import inventory_of
from meshproof.kube.objects import Parameters
from meshproof.kube.routes import HTTPRoute
from meshproof.kube.workloads import Pod
from meshproof.path.ask import Answers
from meshproof.path.link import Seen
from meshproof.proof import position
from meshproof.run import run
from meshproof.steps import PAGE, sections
from meshproof.steps.clean_up import NOTHING, Baseline
from meshproof.steps.enable_integration import parameters
from meshproof.steps.exclude_service import Swapped
from meshproof.steps.judging import judge
from meshproof.steps.model import Claim, Command, flatten, shell
from meshproof.steps.setting import Makes

E2E = Path(__file__).parent.parent / "e2e"
README = (E2E.parent / "README.md").read_text()
DOCS = {page.name: page.read_text() for page in (E2E.parent / "docs").glob("*.md")}
CLAIMS = {claim.id: claim for make in PAGE.values() for claim in make(SETTING).claims}
# Those of a cluster that is somebody else's.
SOMEBODY_ELSES = replace(SETTING, makes=Makes(istio=False))
THEIR_CLAIMS = {
    claim.id: claim for make in sections(SOMEBODY_ELSES.makes).values() for claim in make(SOMEBODY_ELSES).claims
}
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def with_image(pods: tuple[Pod, ...], image: str) -> tuple[Pod, ...]:
    """The same pods, all from one image."""
    return tuple(replace(pod, containers=tuple(replace(part, image=image) for part in pod.containers)) for pod in pods)


ENVOY = (gateway_pod("kgateway-proxy"),)
MESHED = (gateway_pod("kgateway-proxy", "sds", "istio-proxy"),)
APP = (pod("go-httpbin", "curl", "hey"),)
INJECTED = (pod("go-httpbin", "curl", "hey", "istio-proxy"),)
ISTIOD = (pod("discovery", namespace="istio-system", account="istiod", name="istiod-1"),)
SWITCH = "KGW_ENABLE_ISTIO_AUTO_MTLS"
CONTROLLER = (pod("controller", env={SWITCH: "true"}),)
ADDRESS, MESH_ID = "istiod.istio-system.svc:15012", "cluster.local"
[APPLIED] = yamls.load(parameters(SETTING))
PROXY = SETTING.parts.images["proxyv2"]
EVE = "spiffe://cluster.local/ns/default/sa/eve"
STORED = Parameters.from_dict(APPLIED)
SPENT, TO_COME, EVES = (
    {"http-1": issue("", uri, by=AUTHORITY, start=start).pem} for uri, start in ((URI, 2000), (URI, 9000), (EVE, 2026))
)
PROXY_ENV = {"CA_ADDR": ADDRESS, "ISTIO_META_CLUSTER_ID": "Kubernetes", "ISTIO_META_MESH_ID": MESH_ID}
RUNNING = with_image(
    (gateway_pod("kgateway-proxy", "sds", "istio-proxy", env=PROXY_ENV),), SETTING.parts.images["proxyv2"]
)
ROUTES = (route("exclude-automtls"), route("exclude-service"))
MTLS, PLAIN = answers(xfcc()), answers()
UNMARKED = Answers(PLAIN.ask, (replace(PLAIN.each[0], marked=False),))
BY_GATEWAY = Answers(PLAIN.ask, (answer(stranger(404), endpoint=""),))
OVER_TLS = Answers(PLAIN.ask, (replace(PLAIN.each[0], handshakes=1),))
NO_HANDSHAKE = Answers(MTLS.ask, (replace(MTLS.each[0], handshakes=0),))
TWO = (*INJECTED, replace(INJECTED[0], name="pod-2", ip="10.244.0.8"))
HALF = Answers(MTLS.ask, (MTLS.each[0], replace(PLAIN.each[0], endpoint="10.244.0.8:8080")))
ELSEWHERE = replace(MTLS.each[0], endpoint="9.9.9.9:80")
OLDER_GATEWAY = Answers(MTLS.ask, (*MTLS.each, replace(PLAIN.each[0], gateway="http-2")))
SERVICE = answers(host="plain.example")
THROUGH_SERVICE = Answers(SERVICE.ask, (replace(SERVICE.each[0], upstream="kube_httpbin_httpbin-plaintext_8000"),))
SWAPPED = Swapped(MTLS, PLAIN)
FORGED = "spiffe://forged/ns/attacker/sa/attacker"
HTTPBIN = thing("Service", "httpbin/httpbin", spec={"ports": [1]})
LEFT = thing("GatewayClass", "istio", spec={"controllerName": "istio.io/gateway-controller"})
CLUSTER = objects(HTTPBIN, LEFT)
BASELINE = Baseline(inventory_of(objects(HTTPBIN)), "2026-01-01 00:00:00")
# What names an owner that does not make such things: a gateway of Istio's, a lease, and a way to another app.
NODE = thing("Node", "node")
EDGE = a_pod("default/edge", "edge", image="meshproof.local/istio/proxyv2:1.31-dev", owners=[NODE])
LEADER = thing("Lease", "default/istio-leader", owners=[NODE])
ALIKE = thing("EndpointSlice", "httpbin/httpbin-alike", owners=[HTTPBIN])
WITH_NODE = Baseline(inventory_of(objects(HTTPBIN, NODE)), BASELINE.taken)
THERE = dict.fromkeys(("istio", "enable", "route", "exclude"), ("it",))
GOING = a_pod("kgateway-system/http-1", "kgateway-proxy", "istio-proxy", meta={"deletionTimestamp": "now"})
# Of which section there must have been something, for a claim of the clean-up to prove that it was taken back.
TAKEN_BACK = {
    "cleanup.route-gone": "exclude",
    "cleanup.httpbin-containers": "route",
    "cleanup.gateway-containers": "enable",
    "cleanup.response": "route",
    "cleanup.istio-gone": "istio",
    "cleanup.inventory": "istio",
}

SIDECARS = with_image(INJECTED, PROXY)
GOOD: dict[str, tuple[Any, ...]] = {
    "before.gateway-containers": (ENVOY,),
    "before.response": (PLAIN, APP),
    "istio.istiod-ready": (deployment(), ISTIOD),
    "enable.controller-env": (deployment(), CONTROLLER),
    "enable.values-have-no-effect": ("a: 1\n", "a: 1\n", "a: 2\n"),
    "enable.istiod-address": (ADDRESS, STORED, CHAINS, ROOT, TRUST_DOMAIN),
    "enable.parameters-accepted": (STORED, RUNNING),
    "enable.gateway-accepted": (gateway("GatewayParameters/http-istio"),),
    "enable.gateway-containers": (MESHED,),
    "enable.plaintext-until-injected": (PLAIN, APP),
    "route.namespace-labelled": (namespace(istio_injection="enabled"), SIDECARS),
    "route.httpbin-containers": (INJECTED,),
    "route.status": (MTLS, INJECTED),
    "route.xfcc-by": (MTLS, INJECTED, TRUST_DOMAIN),
    "route.xfcc-uri": (MTLS, INJECTED, MESHED, TRUST_DOMAIN),
    "route.xfcc-hash": (MTLS, INJECTED, CHAINS),
    "route.xfcc-subject": (MTLS, INJECTED, CHAINS),
    "route.xfcc-sole": (MTLS, INJECTED),
    "route.forged-xfcc-dropped": (MTLS, INJECTED),
    "route.handshakes": (MTLS, INJECTED),
    "exclude.route-accepted": (ROUTES,),
    "exclude.backend-no-xfcc": (PLAIN,),
    "exclude.service-no-xfcc": (PLAIN, INJECTED),
    "exclude.annotation-decides": (SWAPPED, INJECTED),
    "exclude.others-keep-xfcc": (MTLS, INJECTED, MESHED, TRUST_DOMAIN),
    "exclude.same-pods": (THROUGH_SERVICE, MTLS, INJECTED),
    "cleanup.route-gone": (THERE, (), BY_GATEWAY, BY_GATEWAY),
    "cleanup.httpbin-containers": (THERE, APP),
    "cleanup.gateway-containers": (THERE, ENVOY, gateway()),
    "cleanup.response": (THERE, PLAIN, APP),
    "cleanup.istio-gone": (THERE, CLUSTER),
    "cleanup.inventory": (THERE, CLUSTER, BASELINE),
}


def old(pods: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same pods, on their way out."""
    return tuple(replace(each, terminating=True) for each in pods)


def not_ready(pods: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same pods, with the last container of each not ready."""
    return tuple(
        replace(each, containers=(*each.containers[:-1], replace(each.containers[-1], ready=False))) for each in pods
    )


def by_hand(old: str, new: str) -> Parameters:
    """The parameters with a part of their text changed by hand."""
    text = parameters(SETTING)
    assert old in text
    [changed] = yamls.load(text.replace(old, new))
    return Parameters.from_dict(changed)


# What is wrong, what is then seen, and words that the check's result must have.
FAULTS: tuple[tuple[str, tuple[Any, ...], str], ...] = (
    ("before.gateway-containers", (MESHED,), "http-1 3/3: kgateway-proxy, sds, istio-proxy"),
    ("before.gateway-containers", ((),), "no pod"),
    ("before.gateway-containers", (not_ready(ENVOY),), "0/1"),
    ("before.response", (UNMARKED, APP), "to another request than ours"),
    ("before.response", (BY_GATEWAY, APP), "by the gateway itself"),
    ("before.response", (OVER_TLS, APP), "1 TLS handshake for its connection"),
    ("before.response", (PLAIN, ()), "no pod of the app is ready"),
    ("before.response", (PLAIN, TWO), "no answer on a new connection from pod-2 (10.244.0.8)"),
    ("before.response", (replace(PLAIN, missing=(("http-1", "", "10.244.0.9:8080"),)), APP), "from 10.244.0.9:8080"),
    ("before.response", (MTLS, APP), f"By={BY}"),
    ("before.response", (answers(status=503), APP), "503"),
    ("before.response", (stranger_answers(), APP), "not an answer of the app"),
    ("before.response", (answers(""), APP), "X-Forwarded-Client-Cert: "),
    ("istio.istiod-ready", (deployment(available=0), ISTIOD), "0 available of 1"),
    ("istio.istiod-ready", (deployment(observed=0), ISTIOD), "generation 0 of 1"),
    ("istio.istiod-ready", (deployment(replicas=0, available=0), ()), "pods: none"),
    ("istio.istiod-ready", (deployment(replicas=0, available=0), ISTIOD), "0 available of 0"),
    ("istio.istiod-ready", (deployment(), not_ready(ISTIOD)), "istiod-1 0/1"),
    ("istio.istiod-ready", (deployment(), old(ISTIOD)), "pods: none"),
    ("enable.controller-env", (deployment(), (pod("controller"),)), f"{SWITCH}=(unset)"),
    ("enable.controller-env", (deployment(), (pod("controller", env={SWITCH: "false"}),)), f"{SWITCH}=false"),
    ("enable.controller-env", (deployment(), (*CONTROLLER, pod("controller", name="old"))), "old"),
    ("enable.controller-env", (deployment(), (pod("other", env={SWITCH: "true"}),)), "no container controller"),
    ("enable.controller-env", (deployment(), (*CONTROLLER, pod("other", name="odd"))), "odd: no container controller"),
    ("enable.controller-env", (deployment(observed=0), CONTROLLER), "generation 0 of 1"),
    ("enable.controller-env", (deployment(), old(CONTROLLER)), "no pod"),
    ("enable.values-have-no-effect", ("a: 1\n", "a: 1\nb: 2\n", "a: 2\n"), "lines: 1 added, 0 removed"),
    ("enable.values-have-no-effect", ("a: 1\n", "a: 1\n", "a: 1\n"), "they change nothing"),
    ("enable.values-have-no-effect", ("", "", "a: 2\n"), "0 lines"),
    ("enable.istiod-address", ("istiod-canary.istio-system.svc:15012", STORED, CHAINS, ROOT, TRUST_DOMAIN), ADDRESS),
    (
        "enable.istiod-address",
        (ADDRESS, STORED, CHAINS, OTHER_CERTIFICATE, TRUST_DOMAIN),
        "not issued by istiod's root",
    ),
    (
        "enable.istiod-address",
        (ADDRESS, STORED, SPENT, ROOT, TRUST_DOMAIN),
        "valid from 2000-01-01 00:00 to 2010-01-01",
    ),
    ("enable.istiod-address", (ADDRESS, STORED, TO_COME, ROOT, TRUST_DOMAIN), "valid from 9000-01-01 00:00 to 9010"),
    ("enable.istiod-address", (ADDRESS, STORED, EVES, ROOT, TRUST_DOMAIN), f"{EVE}, not of the gateway's service acc"),
    ("enable.istiod-address", (ADDRESS, STORED, CHAINS, ROOT, "other.domain"), "not of the gateway's service account"),
    ("enable.istiod-address", (ADDRESS, STORED, {}, ROOT, TRUST_DOMAIN), "no certificate"),
    ("enable.parameters-accepted", (by_hand('tag: "1.2"', "tag: x"), RUNNING), 'image.tag is "x", applied was "1.2"'),
    ("enable.parameters-accepted", (by_hand(ADDRESS, "''"), RUNNING), f'Address is "", applied was "{ADDRESS}"'),
    ("enable.parameters-accepted", (by_hand("istioMetaMeshId: cluster.local", ""), RUNNING), "MeshId is (unset), app"),
    ("enable.parameters-accepted", (by_hand("tag:", "digest: x\n          tag:"), RUNNING), '"x", applied was (unset)'),
    ("enable.parameters-accepted", (by_hand("kube:", "selfManaged: {}\n  kube:"), RUNNING), "selfManaged is {}, app"),
    ("enable.parameters-accepted", (by_hand("Seconds: 1", "Seconds: 5"), RUNNING), "Seconds is 5, applied was 1"),
    ("enable.parameters-accepted", (by_hand("Seconds: 1", "Seconds: true"), RUNNING), "Seconds is true, applied was 1"),
    ("enable.parameters-accepted", (STORED, with_image(RUNNING, "elsewhere:1")), "istio-proxy from elsewhere:1"),
    ("enable.parameters-accepted", (STORED, MESHED), "CA_ADDR=(unset)"),
    ("enable.parameters-accepted", (STORED, ENVOY), "no container istio-proxy"),
    ("enable.gateway-accepted", (gateway(),), "parameters none"),
    ("enable.gateway-accepted", (gateway("GatewayParameters/http-istio", "Accepted"),), "Accepted=True"),
    ("enable.gateway-accepted", (gateway("GatewayParameters/http-istio", seen=1),), "at generation 1"),
    ("enable.gateway-containers", (ENVOY,), "http-1 1/1: kgateway-proxy"),
    ("enable.gateway-containers", (not_ready(MESHED),), "2/3"),
    ("enable.gateway-containers", ((*MESHED, *ENVOY),), "1/1"),
    ("enable.plaintext-until-injected", (MTLS, APP), f"By={BY}"),
    ("enable.plaintext-until-injected", (answers(status=503), APP), "503"),
    ("enable.plaintext-until-injected", (PLAIN, INJECTED), "4/4"),
    ("route.namespace-labelled", (namespace(), SIDECARS), "no label"),
    ("route.namespace-labelled", (namespace(istio_injection="disabled"), SIDECARS), "istio-injection=disabled"),
    (
        "route.namespace-labelled",
        (replace(namespace(), labels={"istio-injection": "enabled", "istio.io/rev": "x"}), SIDECARS),
        "istio.io/rev=x",
    ),
    ("route.namespace-labelled", (namespace(istio_injection="enabled"), APP), "pod-1: not injected"),
    ("route.namespace-labelled", (namespace(istio_injection="enabled"), (*SIDECARS, *APP)), "pod-1: not injected"),
    (
        "route.namespace-labelled",
        (namespace(istio_injection="enabled"), (replace(SIDECARS[0], injected_by="canary"),)),
        "injected by revision canary",
    ),
    ("route.namespace-labelled", (namespace(istio_injection="enabled"), ()), "no pod"),
    ("route.namespace-labelled", (namespace(istio_injection="enabled"), INJECTED), "istio-proxy from image"),
    ("route.httpbin-containers", (APP,), "3/3"),
    ("route.httpbin-containers", ((*INJECTED, *APP),), "pod-1 3/3"),
    ("route.status", (UNMARKED, INJECTED), "to another request than ours"),
    ("route.status", (answers(xfcc(), status=503), INJECTED), "503"),
    ("route.status", (stranger_answers(), INJECTED), "not an answer of the app"),
    ("route.xfcc-by", (answers(xfcc(by=EVE)), INJECTED, TRUST_DOMAIN), EVE),
    ("route.xfcc-by", (HALF, TWO, TRUST_DOMAIN), "pod-2: www.example.com: 200, no XFCC; 1 of 2 as expected"),
    ("route.xfcc-by", (MTLS, TWO, TRUST_DOMAIN), "no answer on a new connection from pod-2"),
    ("route.xfcc-by", (PLAIN, INJECTED, TRUST_DOMAIN), "no XFCC"),
    ("route.xfcc-by", (MTLS, INJECTED, "other.domain"), BY),
    ("route.xfcc-by", (answers(f"By={BY};{xfcc()}"), INJECTED, TRUST_DOMAIN), f"{BY}, {BY}"),
    ("route.xfcc-by", (answers("By"), INJECTED, TRUST_DOMAIN), "expected key=value"),
    ("route.xfcc-by", (MTLS, (), TRUST_DOMAIN), "no pod"),
    ("route.xfcc-by", (MTLS, (*INJECTED, pod("x", account="other")), TRUST_DOMAIN), "other"),
    ("route.xfcc-uri", (answers(xfcc(uri=EVE)), INJECTED, MESHED, TRUST_DOMAIN), EVE),
    ("route.xfcc-uri", (answers(f"{xfcc()},{xfcc(uri=EVE)}"), INJECTED, MESHED, TRUST_DOMAIN), EVE),
    ("route.xfcc-uri", (answers(f"By={BY}"), INJECTED, MESHED, TRUST_DOMAIN), "(absent)"),
    ("route.xfcc-uri", (PLAIN, INJECTED, MESHED, TRUST_DOMAIN), "no XFCC"),
    ("route.xfcc-hash", (MTLS, INJECTED, OTHER_CHAINS), "Hash="),
    ("route.xfcc-hash", (answers(f"By={BY};URI={URI}"), INJECTED, CHAINS), "(absent)"),
    ("route.xfcc-hash", (MTLS, INJECTED, {"http-1": "no PEM"}), "expected PEM"),
    ("route.xfcc-subject", (answers(xfcc(subject=None)), INJECTED, CHAINS), "(absent)"),
    ("route.xfcc-subject", (answers(xfcc(subject="CN=eve")), INJECTED, CHAINS), 'Subject="CN=eve"'),
    ("route.xfcc-subject", (MTLS, INJECTED, OTHER_CHAINS), 'Subject=""'),
    ("route.xfcc-hash", (OLDER_GATEWAY, INJECTED, {**CHAINS, "http-2": CERTIFICATE}), "through http-2"),
    ("route.xfcc-hash", (MTLS, INJECTED, {"http-2": CERTIFICATE}), "none of http-1"),
    (
        "route.status",
        (Answers(MTLS.ask, MTLS.each, (("http-2", "", ENDPOINT),)), INJECTED),
        "10.244.0.7) through http-2",
    ),
    ("route.status", (Answers(MTLS.ask, MTLS.each, (("http-1", "lb", ENDPOINT),)), INJECTED), "by load balancer lb"),
    ("route.status", (replace(MTLS, strays=("kube_a_b_80",)), INJECTED), "to kube_a_b_80 as well"),
    ("route.status", (Answers(MTLS.ask, (*MTLS.each, ELSEWHERE)), INJECTED), "9.9.9.9:80, which is no pod of the app"),
    ("exclude.backend-no-xfcc", (replace(PLAIN, strays=("kube_a_b_80",)),), "to kube_a_b_80 as well"),
    ("exclude.annotation-decides", (Swapped(MTLS, replace(PLAIN, strays=("kube_a_b_80",))), INJECTED), "as well"),
    ("exclude.same-pods", (OLDER_GATEWAY, MTLS, INJECTED), "10.244.0.7:8080"),
    ("route.xfcc-sole", (answers(f"{xfcc(uri=EVE)},{xfcc()}"), INJECTED), "2 elements, the first is not the sidecar's"),
    ("route.xfcc-sole", (answers(f'Subject="open,{xfcc()}'), INJECTED), "before it what cannot be read"),
    ("route.xfcc-sole", (PLAIN, INJECTED), "no XFCC"),
    ("route.xfcc-sole", (HALF, TWO), "pod-2: www.example.com: 200, no XFCC"),
    ("route.forged-xfcc-dropped", (answers(f"{xfcc(uri=FORGED)},{xfcc()}"), INJECTED), FORGED),
    ("route.forged-xfcc-dropped", (answers(f"{xfcc()},{xfcc()}"), INJECTED), f",By={BY}"),
    ("route.forged-xfcc-dropped", (answers(xfcc(uri=FORGED)), INJECTED), FORGED),
    ("route.forged-xfcc-dropped", (answers(xfcc(digest="0" * 64)), INJECTED), "0" * 64),
    ("route.forged-xfcc-dropped", (PLAIN, INJECTED), "no XFCC"),
    ("route.forged-xfcc-dropped", (answers(xfcc(), status=503), INJECTED), "503"),
    ("route.handshakes", (NO_HANDSHAKE, INJECTED), "0 TLS handshakes"),
    (
        "route.handshakes",
        (Answers(MTLS.ask, (), (("http-1", "", "10.244.0.7:8080"),)), INJECTED),
        "no answer on a new connection",
    ),
    ("exclude.route-accepted", (ROUTES[:1],), "exclude-automtls"),
    ("exclude.route-accepted", ((ROUTES[0], route("exclude-service", "Accepted")),), "exclude-service"),
    ("exclude.route-accepted", ((ROUTES[0], replace(ROUTES[1], generation=3)),), "at generation 2"),
    ("exclude.route-accepted", ((ROUTES[0], HTTPRoute("httpbin", "mute", 2, (), ())),), "exclude-automtls"),
    ("exclude.route-accepted", ((),), "no route"),
    ("exclude.backend-no-xfcc", (MTLS,), f"By={BY}"),
    ("exclude.backend-no-xfcc", (answers(status=404),), "404"),
    ("exclude.service-no-xfcc", (MTLS, INJECTED), f"By={BY}"),
    ("exclude.service-no-xfcc", (stranger_answers(), INJECTED), "not an answer of the app"),
    ("exclude.others-keep-xfcc", (PLAIN, INJECTED, MESHED, TRUST_DOMAIN), "no XFCC"),
    ("exclude.others-keep-xfcc", (answers(xfcc(by=EVE)), INJECTED, MESHED, TRUST_DOMAIN), EVE),
    ("exclude.others-keep-xfcc", (answers(xfcc(uri=EVE)), INJECTED, MESHED, TRUST_DOMAIN), EVE),
    ("exclude.others-keep-xfcc", (answers(xfcc(), status=503), INJECTED, MESHED, TRUST_DOMAIN), "503"),
    ("exclude.same-pods", (THROUGH_SERVICE, BY_GATEWAY, INJECTED), "www.example.com: no answer of a pod"),
    (
        "exclude.same-pods",
        (Answers(SERVICE.ask, (replace(THROUGH_SERVICE.each[0], response=stranger(503)),)), MTLS, INJECTED),
        "httpbin-plaintext_8000: www.example.com: 503",
    ),
    ("exclude.same-pods", (PLAIN, MTLS, INJECTED), "10.244.0.7:8080 through kube_httpbin_httpbin_8000"),
    ("exclude.same-pods", (THROUGH_SERVICE, MTLS, TWO), "plain.example: 10.244.0.7:8080"),
    ("exclude.same-pods", (THROUGH_SERVICE, MTLS, ()), "10.244.0.7:8080"),
    ("exclude.same-pods", (THROUGH_SERVICE, MTLS, old(INJECTED)), "10.244.0.7:8080"),
    ("exclude.annotation-decides", (Swapped(PLAIN, PLAIN), INJECTED), "without: www.example.com: 200, no XFCC"),
    ("exclude.annotation-decides", (Swapped(MTLS, MTLS), INJECTED), "with: www.example.com: 200, X-Forwarded"),
    ("exclude.annotation-decides", (Swapped(BY_GATEWAY, PLAIN), INJECTED), "without: www.example.com: 404"),
    ("exclude.annotation-decides", (Swapped(HALF, PLAIN), TWO), "without: pod-2: www.example.com: 200, no XFCC"),
    ("cleanup.route-gone", (THERE, ROUTES[:1], BY_GATEWAY, BY_GATEWAY), "httpbin/exclude-automtls"),
    ("cleanup.route-gone", (THERE, (), BY_GATEWAY, PLAIN), "www.example.com: 200"),
    ("cleanup.route-gone", (THERE, (), answers(status=404), BY_GATEWAY), "www.example.com: 404, no XFCC"),
    ("cleanup.httpbin-containers", (THERE, INJECTED), "4/4"),
    ("cleanup.httpbin-containers", (THERE, ()), "no pod"),
    ("cleanup.gateway-containers", (THERE, MESHED, gateway()), "3/3"),
    (
        "cleanup.gateway-containers",
        (THERE, ENVOY, gateway("GatewayParameters/http-istio")),
        "GatewayParameters/http-istio",
    ),
    ("cleanup.response", (THERE, MTLS, APP), f"By={BY}"),
    ("cleanup.response", (THERE, answers(status=503), APP), "503"),
    ("cleanup.istio-gone", (THERE, objects(thing("Namespace", "istio-system"))), "Namespace istio-system"),
    ("cleanup.istio-gone", (THERE, objects(GOING)), "Pod kgateway-system/http-1"),
    ("cleanup.inventory", (THERE, objects({**HTTPBIN, "spec": {}}), BASELINE), "changed Service httpbin/httpbin"),
    ("cleanup.inventory", (THERE, (), BASELINE), "removed Service httpbin/httpbin"),
    ("cleanup.istio-gone", (THERE, (*CLUSTER, *objects(NODE, EDGE))), "Pod default/edge"),
    ("cleanup.inventory", (THERE, (*CLUSTER, *objects(NODE, EDGE)), WITH_NODE), "added Pod default/edge"),
    (
        "cleanup.inventory",
        (THERE, (*CLUSTER, *objects(NODE, LEADER)), WITH_NODE),
        "added Lease.coordination.k8s.io default/",
    ),
    ("cleanup.inventory", (THERE, (*CLUSTER, *objects(NODE, ALIKE)), WITH_NODE), "k8s.io httpbin/httpbin-alike"),
)


def seen(claim: Claim, snapshots: tuple[Any, ...]) -> Seen:
    return Seen(dict(zip(claim.links, snapshots, strict=True)))


def test_every_claim_has_a_case_that_holds_and_a_fault_that_it_finds_under_an_id_of_its_own() -> None:
    assert [claim.id for make in PAGE.values() for claim in make(SETTING).claims] == list(GOOD)
    assert {id_ for id_, _, _ in FAULTS} == set(GOOD)


@pytest.mark.parametrize("id_", GOOD)
def test_a_claim_holds_where_the_page_works(id_: str) -> None:
    finding = judge(CLAIMS[id_], seen(CLAIMS[id_], GOOD[id_]))
    assert finding.holds, finding
    assert not finding.skip
    assert finding.expected
    assert finding.observed


@pytest.mark.parametrize(("id_", "snapshots", "words"), FAULTS)
def test_a_claim_is_false_for_the_fault_that_it_exists_to_find(
    id_: str, snapshots: tuple[Any, ...], words: str
) -> None:
    finding = judge(CLAIMS[id_], seen(CLAIMS[id_], snapshots))
    assert not finding.holds, finding
    assert words in finding.observed
    assert finding.expected


@pytest.mark.parametrize("id_", TAKEN_BACK)
def test_what_is_gone_proves_nothing_where_it_was_not_there(id_: str) -> None:
    there, *now = GOOD[id_]
    finding = judge(CLAIMS[id_], seen(CLAIMS[id_], ({**there, TAKEN_BACK[id_]: ()}, *now)))
    assert (finding.holds, finding.skip) == (True, NOTHING)
    assert CLAIMS[id_].links[0].when == "start"


def test_what_is_wrong_after_a_clean_up_is_wrong_whether_or_not_something_was_there() -> None:
    nothing = dict.fromkeys(THERE, ())
    for id_, (_, *now), _ in (fault for fault in FAULTS if fault[0] in TAKEN_BACK):
        finding = judge(CLAIMS[id_], seen(CLAIMS[id_], (nothing, *now)))
        assert (finding.holds, finding.skip) == (False, "")


def test_a_pod_that_is_not_ready_need_not_answer() -> None:
    starting = not_ready((replace(INJECTED[0], name="pod-2", ip="10.244.0.8"),))
    same = CLAIMS["exclude.same-pods"]
    assert judge(same, seen(same, (THROUGH_SERVICE, MTLS, (*INJECTED, *starting)))).holds


def test_the_claims_are_listed_as_they_are() -> None:
    listed = re.findall(r"^\|.*\| `([a-z]+\.[a-z-]+)` \| (.*) \|$", DOCS["checks.md"], re.MULTILINE)
    assert listed == [(claim.id, claim.sentence) for claim in CLAIMS.values()]


def test_the_readme_counts_what_there_is() -> None:
    for text in (README, DOCS["checks.md"]):
        assert set(re.findall(r"holds (\d+) claims", text)) == {str(len(CLAIMS))}
    assert set(re.findall(r"the (\d+) claims", README)) == {str(len(CLAIMS))}
    assert set(re.findall(r"PROVEN  \d+ of (\d+) checks", README)) == {str(len(CLAIMS))}
    theirs = DOCS["your-own-cluster.md"]
    assert set(re.findall(r"PROVEN  \d+ of (\d+) checks|^(\d+) claims", theirs, re.MULTILINE)) == {
        (str(len(THEIR_CLAIMS)), ""),
        ("", str(len(THEIR_CLAIMS))),
    }
    assert re.findall(r"(\w+) notebooks in ", DOCS["runbook.md"]) == [NUMBERS[1 + len(PAGE)].capitalize()], (
        "and an index"
    )


def test_each_claim_is_asserted_by_exactly_one_test_of_the_suite() -> None:
    asserted: Counter[str] = Counter()
    kinds: dict[str, set[str]] = {}
    for module in sorted(E2E.glob("test_*.py")):
        for function in ast.parse(module.read_text()).body:
            if isinstance(function, ast.FunctionDef):
                assert function.name.startswith("test_"), f"{module.name}: pytest does not run {function.name}"
                ids = [proven_id(node) for node in ast.walk(function) if isinstance(node, ast.Assert)]
                assert len(ids) == 1, f"{module.name}: {function.name} asserts {ids}"
                assert ids[0].startswith(f"{function.args.args[0].arg}."), f"{function.name} asks for another section"
                asserted.update(ids)
                kinds[ids[0]] = marked(module, function)
    assert [id_ for id_ in asserted if "kind" in kinds[id_]] == list(CLAIMS)
    assert [id_ for id_ in asserted if "existing" in kinds[id_]] == list(THEIR_CLAIMS)
    assert set(asserted.values()) == {1}


def marked(module: Path, function: ast.FunctionDef) -> set[str]:
    """The kinds of clusters of which a test claims something: all, unless it or its module is marked."""
    marks = [ast.unparse(mark) for mark in function.decorator_list]
    marks += [line for line in module.read_text().splitlines() if line.startswith("pytestmark = ")]
    return {name for mark in marks for name in re.findall(r"mark\.cluster\([\"'](\w+)", mark)} or {"kind", "existing"}


def proven_id(statement: ast.Assert) -> str:
    """The id in `assert section.proven("id")`; empty for any other assertion."""
    match statement.test:
        case ast.Call(func=ast.Attribute(attr="proven"), args=[ast.Constant(value=str(id_))]):
            return id_
        case _:
            return ""


def test_a_section_carries_its_claims_under_its_own_slug() -> None:
    for slug, make in PAGE.items():
        step = make(SETTING)
        assert step.slug == slug
        assert all(claim.id.startswith(f"{slug}.") for claim in step.claims)


def test_the_clean_up_takes_back_what_the_sections_did_last_first() -> None:
    _, *walked, back = PAGE.values()
    undone = [command.text for section in reversed(walked) for command in flatten(section(SETTING).undo)]
    assert [command.text for command in back(SETTING).documented] == undone


@pytest.mark.parametrize("slug", list(PAGE)[:-1])
def test_a_section_can_be_taken_back_unless_it_only_looks(slug: str) -> None:
    only_looks = all(map(looks, PAGE[slug](SETTING).documented))
    assert position.stood_on(slug, SETTING) is not only_looks


def looks(command: Command) -> bool:
    """Whether a command leaves the cluster as it is."""
    return not command.argv or command.argv[:2] in {("kubectl", "get"), ("helm", "get"), ("helm", "list")}


def test_the_parameters_name_the_proxy_and_the_mesh_as_found() -> None:
    mesh = replace(SETTING.mesh, address="istiod-x.istio-system.svc:15012", cluster_id="c", mesh_id="m")
    typed = [c.stdin for c in PAGE["enable"](replace(SETTING, mesh=mesh)).documented if "GatewayParameters" in c.stdin]
    [parameters] = yamls.load(typed[0])
    container = parameters["spec"]["kube"]["istio"]["istioProxyContainer"]
    assert container["image"] == {
        "registry": "registry.example/mesh",
        "repository": "proxyv2",
        "tag": "1.2",
        "pullPolicy": "IfNotPresent",
    }
    assert container["istioDiscoveryAddress"] == mesh.address
    assert (container["istioMetaClusterId"], container["istioMetaMeshId"]) == ("c", "m")


def test_the_second_service_differs_in_the_annotation_alone() -> None:
    objects = {
        (each["kind"], each["metadata"]["name"]): each
        for make in PAGE.values()
        for command in make(SETTING).documented
        if command.argv[:2] == ("kubectl", "apply") and command.stdin
        for each in yamls.load(command.stdin)
    }
    plain, mtls = objects["Service", "httpbin-plaintext"], objects["Service", "httpbin"]
    assert plain["metadata"].pop("annotations") == {"kgateway.dev/disable-istio-auto-mtls": "true"}
    plain["metadata"]["name"] = "httpbin"
    assert plain == mtls


def test_kgateway_gets_the_values_of_its_parts_and_those_of_the_run() -> None:
    [written] = [c for c in PAGE["before"](SETTING).documented if c.save_as == "kgateway.yaml"]
    [values] = yamls.load(written.stdin)
    assert values["image"] == SETTING.parts.kgateway_values["image"]
    assert values["controller"]["strategy"] == {"type": "Recreate"}
    assert any("--values kgateway.yaml" in c.text for c in PAGE["before"](SETTING).documented)


def test_a_chart_version_is_given_where_the_chart_does_not_say_it() -> None:
    versioned = replace(SETTING.parts, chart_versions=dict.fromkeys(SETTING.parts.charts, "1.2.3"))
    for slug, count in (("before", 2), ("istio", 2), ("enable", 1)):
        typed = [c.text for c in PAGE[slug](replace(SETTING, parts=versioned)).documented if "upgrade" in c.text]
        assert sum("--version 1.2.3" in text for text in typed) == len(typed) == count
        assert not any("--version" in c.text for c in PAGE[slug](SETTING).documented)


WORDS = {
    "plain": "plain",
    "--set=a.b=c,d": "--set=a.b=c,d",
    "a b": "'a b'",
    "$HOME": "'$HOME'",
    "*": "'*'",
    "": "''",
    "it's": """'it'"'"'s'""",
    "~/not-home": "'~/not-home'",
    "/home/me/charts/a.tgz": "~/charts/a.tgz",
    "/home/me/my charts/$a.tgz": "~/'my charts/$a.tgz'",
    "/home/me": "/home/me",
    "/home/meow/a": "/home/meow/a",
    "/srv/home/me/a": "/srv/home/me/a",
    "--file=/home/me/a": "--file=/home/me/a",  # where a shell would not expand it
}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_quoted_where_the_shell_needs_it_and_a_path_below_home_is_short(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert shell("tool", word, "end").text == f"tool {WORDS[word]} end"


def test_a_shell_reads_what_is_typed_as_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert run("sh", "-c", shell("printf", "%s|", *WORDS).text).stdout == "".join(f"{word}|" for word in WORDS)
