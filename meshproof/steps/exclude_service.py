"""Exclude a service from mutual TLS, in the page's form and in the one that proves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshproof import yamls
from meshproof.checks import requests
from meshproof.checks.control_plane import routes_accepted
from meshproof.checks.finding import Finding
from meshproof.errors import NotReady
from meshproof.kube.workloads import Pod
from meshproof.manifests import manifest
from meshproof.path.ask import Answer, Answers
from meshproof.path.link import Link, Site
from meshproof.steps.judging import SUCCESSES
from meshproof.steps.model import Command, Ready, Step, Together, apply, claim, delete
from meshproof.steps.setting import Setting
from meshproof.wait import wait_for

SWAP_TIMEOUT_S = 10.0


def exclude_service(setting: Setting) -> Step:
    """Two routes to the app without mutual TLS, beside the one that keeps it."""
    names, on = setting.names, setting.links
    routes = on.routes(*names.excluded_routes)
    by_host, by_service = on.answers(names.host), on.answers(names.service_host)

    def given(name: str) -> Command:
        return apply(manifest(name, names.marks()))

    return Step(
        slug="exclude",
        section="Exclude a service from mTLS",
        commands=(
            Together((given("excluded-backend.yaml"), given("excluded-service.yaml"))),
            given("excluded-routes.yaml"),
        ),
        ready=(Ready(routes, lambda routes: routes_accepted(routes, 2)),),
        claims=(
            claim(
                "exclude.route-accepted",
                "Both routes are accepted and their backends resolved",
                (routes,),
                lambda routes: routes_accepted(routes, 2),
            ),
            claim(
                "exclude.backend-no-xfcc",
                "The page's static Backend is reached without a client certificate (which proves nothing by itself)",
                (on.answers(names.backend_host),),
                lambda answers: requests.each_answer(answers, requests.in_plaintext),
            ),
            claim(
                "exclude.service-no-xfcc",
                "The annotated Service is reached without a client certificate",
                (by_service, on.app_pods),
                requests.has_no_client_cert,
            ),
            claim(
                "exclude.annotation-decides",
                "The same Service without the annotation is reached over mutual TLS, and with it again in plaintext",
                (swapped(setting), on.app_pods),
                _annotation_decides,
            ),
            claim(
                "exclude.others-keep-xfcc",
                "The host that keeps mutual TLS still arrives with both identities",
                (by_host, on.app_pods, on.gateway_pods, on.trust_domain),
                requests.keeps_client_cert,
            ),
            claim(
                "exclude.same-pods",
                "Both Services answer from the same pods",
                (by_service, by_host, on.app_pods),
                _same_pods,
            ),
        ),
        undo=(
            Together(
                (
                    delete(names.backend_route),
                    delete(names.backend),
                    delete(names.service_route),
                    delete(names.excluded),
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


def _same_pods(plaintext: Answers, mtls: Answers, pods: Sequence[Pod]) -> Finding:
    expected = sorted(pod.ip for pod in pods if pod.living and pod.all_ready)
    both = (plaintext, mtls)
    served = [
        sorted(
            each.host for each in answers.each if requests.answered(each) and (each.gateway, each.way) == (gateway, way)
        )
        for answers in both
        for gateway, way in answers.ways
    ]
    upstreams = {each.upstream for answers in both for each in answers.each}
    return Finding(
        bool(expected) and all(addresses == expected for addresses in served) and len(upstreams) == len(both),
        f"answers from {', '.join(expected) or 'a pod of the app'}, through a cluster of Envoy for each Service",
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


def swapped(setting: Setting) -> Link[Swapped]:
    """Take the annotation away and put it back, and ask each time until the answers are as they should be.

    The Service is replaced: a change of one that is routed to takes 15 s to reach the traffic, since Envoy warms the
    changed cluster until its fetch of endpoints times out; a new one is there at once.
    """
    names = setting.names
    answers = setting.links.answers(names.service_host)
    annotated = manifest("excluded-service.yaml", names.marks())
    [service] = yamls.load(annotated)
    del service["metadata"]["annotations"]

    def read(site: Site) -> Swapped:
        try:
            _replace(site, yamls.dump(service))
            without = _until(answers, site, requests.over_mtls)
        finally:
            _replace(site, annotated)
        return Swapped(without, _until(answers, site, requests.in_plaintext))

    return Link("annotation taken away and put back", names.excluded, read, when="once", sends=True)


def _replace(site: Site, text: str) -> None:
    site.run("kubectl", "replace", "--force", "--filename", "-", stdin=text)


def _until(answers: Link[Answers], site: Site, judge: Callable[[Answer], Finding]) -> Answers:
    """The answers as soon as they are so, or the last ones of `SWAP_TIMEOUT_S`."""
    last: list[Answers] = []

    def look() -> Answers:
        last[:] = [answers.read(site)]
        return last[0]

    try:
        wait_for(
            look,
            lambda answers: requests.each_answer(answers, judge).holds,
            what=answers.what,
            timeout_s=SWAP_TIMEOUT_S,
            every_s=0.1,
            successes=SUCCESSES,
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
