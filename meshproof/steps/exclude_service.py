"""Section 4 of the page: exclude a service from mutual TLS, in the page's form and in the one that proves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshproof import yamls
from meshproof.checks import requests
from meshproof.checks.control_plane import routes_accepted
from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube.workloads import Pod
from meshproof.manifests import manifest
from meshproof.path.ask import Answer, Answers, Ask, ask
from meshproof.steps import looks
from meshproof.steps.model import Command, Look, Ready, Step, Together, apply, claim, shell
from meshproof.steps.setting import Setting
from meshproof.wait import wait_for

BACKEND_HOST = "disable-automtls.example"
SERVICE_HOST = "plain.example"
SWAP_TIMEOUT_S = 10.0
BACKEND_ANSWERS = looks.answers(BACKEND_HOST)
SERVICE_ANSWERS = looks.answers(SERVICE_HOST)
ROUTES = looks.routes(("kgateway-system", "exclude-automtls"), ("httpbin", "exclude-service"))


def exclude_service(setting: Setting) -> Step:
    """Two routes to httpbin without mutual TLS, beside the one that keeps it."""
    return Step(
        slug="exclude",
        section="Exclude a service from mTLS",
        commands=(
            Together((apply(manifest("excluded-backend.yaml")), apply(manifest("excluded-service.yaml")))),
            apply(manifest("excluded-routes.yaml")),
        ),
        ready=(
            Ready(
                ROUTES,
                lambda routes: routes_accepted(routes, 2),
                (looks.routes_path("kgateway-system"), looks.routes_path("httpbin")),
            ),
        ),
        claims=(
            claim(
                "exclude.route-accepted",
                "Both routes are accepted and their backends resolved",
                (ROUTES,),
                lambda routes: routes_accepted(routes, 2),
            ),
            claim(
                "exclude.backend-no-xfcc",
                "The page's static Backend is reached without a client certificate (which proves nothing by itself)",
                (BACKEND_ANSWERS,),
                lambda answers: requests.each_answer(answers, requests.in_plaintext),
            ),
            claim(
                "exclude.service-no-xfcc",
                "The annotated Service is reached without a client certificate",
                (SERVICE_ANSWERS, looks.HTTPBIN_PODS),
                requests.has_no_client_cert,
            ),
            claim(
                "exclude.annotation-decides",
                "The same Service without the annotation is reached over mutual TLS, and with it again in plaintext",
                (SWAPPED, looks.HTTPBIN_PODS),
                _annotation_decides,
            ),
            claim(
                "exclude.others-keep-xfcc",
                "www.example.com still arrives with both identities",
                (looks.PAGE_ANSWERS, looks.HTTPBIN_PODS, looks.GATEWAY_PODS, looks.TRUST_DOMAIN),
                requests.keeps_client_cert,
            ),
            claim(
                "exclude.same-pods",
                "Both Services answer from the same pods",
                (SERVICE_ANSWERS, looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                _same_pods,
            ),
        ),
        undo=(
            Together(
                (
                    _delete("httproute", "exclude-automtls", "kgateway-system"),
                    _delete("backend.gateway.kgateway.dev", "httpbin", "kgateway-system"),
                    _delete("httproute", "exclude-service", "httpbin"),
                    _delete("service", "httpbin-plaintext", "httpbin"),
                )
            ),
        ),
        departures=(
            "The page's fields disableIstioAutoMtls and kube of Backend do not exist; the annotation "
            "kgateway.dev/disable-istio-auto-mtls excludes a Backend or a Service.",
            "A Backend with a static host is never offered mTLS, annotated or not, so the page's demonstration proves "
            "nothing by itself; a second, annotated Service over the same pods does.",
            "The page's requests in this section lack a line continuation, so their Host header is never sent.",
        ),
    )


def _delete(kind: str, name: str, namespace: str) -> Command:
    return shell("kubectl", "delete", kind, name, "--namespace", namespace, "--ignore-not-found")


def _same_pods(plaintext: Answers, mtls: Answers, pods: Sequence[Pod]) -> Finding:
    expected = sorted(f"{pod.ip}:8080" for pod in pods if pod.living and pod.all_ready)
    both = (plaintext, mtls)
    served = [
        sorted(each.endpoint for each in answers.each if requests.answered(each) and each.gateway == gateway)
        for answers in both
        for gateway in answers.gateways
    ]
    upstreams = {each.upstream for answers in both for each in answers.each}
    return Finding(
        bool(expected) and all(addresses == expected for addresses in served) and len(upstreams) == len(both),
        f"answers from {', '.join(expected) or 'a pod of httpbin'}, through a cluster of Envoy for each Service",
        "; ".join(f"{answers.ask.host}: {_through(answers)}" for answers in both),
    )


def _through(answers: Answers) -> str:
    told = [
        f"{each.endpoint} through {each.upstream}" + ("" if requests.answered(each) else f": {each.response}")
        for each in answers.each
        if each.endpoint
    ]
    return ", ".join(told) or "no answer of a pod"


@dataclass(frozen=True)
class Swapped:
    """What was answered for the second Service while its annotation was away, and once it was back."""

    without: Answers
    again: Answers


def _swap(cluster: Cluster) -> Swapped:
    """Take the annotation away and put it back, and ask each time until the answers are as they should be.

    The Service is replaced: a change of one that is routed to takes 15 s to reach the traffic, since Envoy warms the
    changed cluster until its fetch of endpoints times out; a new one is there at once.
    """
    annotated = manifest("excluded-service.yaml")
    [service] = yamls.load(annotated)
    del service["metadata"]["annotations"]
    try:
        _replace(cluster, yamls.dump(service))
        without = _until(cluster, requests.over_mtls)
    finally:
        _replace(cluster, annotated)
    return Swapped(without, _until(cluster, requests.in_plaintext))


SWAPPED: Look[Swapped] = Look("annotation taken away and put back", _swap, when="once")


def _replace(cluster: Cluster, text: str) -> None:
    cluster.run("kubectl", "replace", "--force", "--filename", "-", stdin=text)


def _until(cluster: Cluster, judge: Callable[[Answer], Finding]) -> Answers:
    """The answers as soon as they are so, or the last ones of `SWAP_TIMEOUT_S`."""
    last: list[Answers] = []

    def look() -> Answers:
        last[:] = [ask(cluster.gateway.senders(), Ask(SERVICE_HOST))]
        return last[0]

    try:
        wait_for(
            look,
            lambda answers: requests.each_answer(answers, judge).holds,
            what=f"GET {SERVICE_HOST}/headers",
            timeout_s=SWAP_TIMEOUT_S,
            every_s=0.1,
        )
    except NotReady:
        if not last:
            raise
    return last[0]


def _annotation_decides(swapped: Swapped, pods: Sequence[Pod]) -> Finding:
    without = requests.each_pod(swapped.without, pods, requests.over_mtls)
    again = requests.each_pod(swapped.again, pods, requests.in_plaintext)
    return Finding(
        without.holds and again.holds,
        f"without: {without.expected}; with: {again.expected}",
        f"without: {without.observed}; with: {again.observed}",
    )
