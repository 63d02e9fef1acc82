"""The page's clean-up, and the proof that it leaves nothing but what is named here."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meshproof.checks import requests
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import accepted, is_rolled_out
from meshproof.checks.finding import Finding, both
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube import inventory
from meshproof.kube.everything import Object, everything
from meshproof.kube.inventory import Inventory, content, inventory_of
from meshproof.kube.objects import HTTPRoute
from meshproof.path.ask import Answers
from meshproof.steps import looks
from meshproof.steps.before import APP_CONTAINERS
from meshproof.steps.enable_integration import enable_integration
from meshproof.steps.exclude_service import BACKEND_ANSWERS, ROUTES, SERVICE_ANSWERS, exclude_service
from meshproof.steps.install_istio import INVENTORY, install_istio
from meshproof.steps.left_behind import left_behind
from meshproof.steps.model import Look, Ready, Step, claim
from meshproof.steps.remains import is_left_on_purpose, remains
from meshproof.steps.route import HTTPBIN, route_over_mtls
from meshproof.steps.setting import Setting
from meshproof.steps.traces import Traces, traces

NOTHING = "there was nothing to clean up"


def clean_up(setting: Setting) -> Step:
    """Take back the page's sections, last one first."""
    proxy = (setting.dialect.proxy_container,)
    back = [make(setting).undo for make in (exclude_service, route_over_mtls, enable_integration, install_istio)]
    there = traces(setting, when="start")
    return Step(
        slug="cleanup",
        section="Clean up",
        commands=(*back[0], *back[1], *back[2], *back[3]),
        ready=(
            Ready(HTTPBIN, is_rolled_out, (looks.deployments_path("httpbin"),)),
            Ready(looks.HTTPBIN_PODS, lambda pods: has_exactly(pods, APP_CONTAINERS), (looks.pods_path("httpbin"),)),
            Ready(looks.GATEWAY_PODS, lambda pods: has_exactly(pods, proxy), (looks.pods_path("kgateway-system"),)),
            Ready(ISTIO_REMAINS, _none, ("/api/v1/namespaces", "/api/v1/pods")),
        ),
        claims=(
            claim(
                "cleanup.route-gone",
                "The routes of the exclusion are gone, and the gateway knows their hosts no more",
                (there, ROUTES, BACKEND_ANSWERS, SERVICE_ANSWERS),
                lambda there, routes, backend, service: _of("exclude", there, _unrouted(routes, backend, service)),
            ),
            claim(
                "cleanup.httpbin-containers",
                "httpbin's pod has its three containers again, READY 3/3",
                (there, looks.HTTPBIN_PODS),
                lambda there, pods: _of("route", there, has_exactly(pods, APP_CONTAINERS)),
            ),
            claim(
                "cleanup.gateway-containers",
                "The gateway, accepted without parameters, runs Envoy alone again, READY 1/1",
                (there, looks.GATEWAY_PODS, looks.GATEWAY),
                lambda there, pods, gateway: _of(
                    "enable", there, both(has_exactly(pods, proxy), accepted(gateway, ""))
                ),
            ),
            claim(
                "cleanup.response",
                "httpbin answers through the gateway, without a client certificate",
                (there, looks.PAGE_ANSWERS, looks.HTTPBIN_PODS),
                lambda there, answers, pods: _of("route", there, requests.has_no_client_cert(answers, pods)),
            ),
            claim(
                "cleanup.istio-gone",
                "Nothing of Istio runs, listens or is defined, but for the classes and certificates that it leaves",
                (there, OBJECTS),
                lambda there, objects: _of("istio", there, _none_but_left(objects)),
            ),
            claim(
                "cleanup.inventory",
                "Every object of the cluster is as it was before Istio, but for what is known to be left behind",
                (there, OBJECTS, BASELINE),
                lambda there, objects, baseline: _of("istio", there, _as_before(objects, baseline)),
            ),
        ),
        departures=(
            "The page deletes the route and the Backend in gloo-system; they are in kgateway-system.",
            "The page removes Helm values that were never set; the controller's variable is what is taken out.",
            "The page's helm upgrade has a Markdown link inside the command and lacks the v of the version.",
            "The page leaves the GatewayParameters and the gateway's reference to them; both are removed, in that "
            "order reversed.",
            "The page only links to Istio's uninstall guide; the charts, the CRDs that Helm keeps and the namespace "
            "are removed.",
        ),
    )


@dataclass(frozen=True)
class Baseline:
    """The inventory of the cluster before Istio first came to it, and when that was."""

    objects: Inventory
    taken: str


def _baseline(cluster: Cluster) -> Baseline:
    noted = cluster.work / INVENTORY
    if not noted.exists():
        raise NotReady(f"inventory {noted}: not there; it is taken when the section that installs Istio is run")
    taken = datetime.datetime.fromtimestamp(noted.stat().st_mtime)
    return Baseline(inventory.load(noted), f"{taken:%Y-%m-%d %H:%M:%S}")


OBJECTS: Look[tuple[Object, ...]] = Look("every object of the cluster", lambda c: everything(c.api))
ISTIO_REMAINS: Look[tuple[Object, ...]] = Look("what remains of Istio", lambda c: remains(everything(c.api)))
BASELINE: Look[Baseline] = Look("inventory from before Istio", _baseline, when="once")


def _of(slug: str, there: Traces, finding: Finding) -> Finding:
    """What is gone proves a clean-up only where it was there when the clean-up began."""
    return finding if there[slug] or not finding.holds else replace(finding, skip=NOTHING)


def _none(remains: Sequence[Object]) -> Finding:
    return Finding(not remains, "nothing of Istio", ", ".join(map(str, remains)) or "nothing of Istio")


def _none_but_left(objects: Sequence[Object]) -> Finding:
    left = {f"{each.kind.partition('.')[0]} {each.name}" for each in objects if _is_left(each)}
    finding = _none(remains(objects))
    told = f"nothing but {', '.join(sorted(left))}" if left and finding.holds else finding.observed
    return Finding(finding.holds, "nothing of Istio but what istiod leaves on purpose", told)


def _is_left(each: Object) -> bool:
    return is_left_on_purpose(each.kind, each.ref, content(each))


def _as_before(objects: Sequence[Object], baseline: Baseline) -> Finding:
    left = left_behind(baseline.objects, inventory_of(objects), baseline.taken)
    expected = (
        "no difference that is not explained, in all objects but events and what is made again from one of the others"
    )
    return Finding(not left.unexpected, expected, str(left))


def _unrouted(routes: Sequence[HTTPRoute], *hosts: Answers) -> Finding:
    """No such route is stored, and the gateway itself answers for their hosts."""
    named = ", ".join(f"{route.namespace}/{route.name}" for route in routes) or "no such route"
    return both(Finding(not routes, "no such route", named), requests.not_routed(*hosts))
