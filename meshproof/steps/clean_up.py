"""The page's clean-up, and the proof that it leaves nothing but what is named here."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meshproof.checks import requests
from meshproof.checks.containers import has_exactly
from meshproof.checks.control_plane import accepted, is_rolled_out
from meshproof.checks.finding import Finding, both
from meshproof.errors import NotReady
from meshproof.kube import inventory
from meshproof.kube.everything import Object, everything
from meshproof.kube.inventory import Inventory, content, inventory_of
from meshproof.kube.kinds import NAMESPACE, POD
from meshproof.kube.routes import HTTPRoute
from meshproof.names import Names
from meshproof.path.ask import Answers
from meshproof.path.link import Link, Site
from meshproof.steps.install_istio import inventory_name, istiod_ready
from meshproof.steps.left_behind import left_behind
from meshproof.steps.model import Command, Ready, Step, Together, claim, where
from meshproof.steps.remains import is_left_on_purpose, remains
from meshproof.steps.setting import Setting
from meshproof.steps.traces import Traces, traces

NOTHING = "there was nothing to clean up"


def clean_up(setting: Setting, back: Sequence[Command | Together]) -> Step:
    """Take back the page's sections; `back` are the commands for it, those of the last one first."""
    proxy = (setting.dialect.proxy_container,)
    names, on = setting.names, setting.links
    there, objects = traces(setting, when="start"), every_object()
    makes = setting.makes
    return Step(
        slug="cleanup",
        section="Clean up",
        commands=tuple(back),
        ready=(
            Ready(on.app, is_rolled_out),
            Ready(on.app_pods, lambda pods: has_exactly(pods, names.app_containers)),
            Ready(on.gateway_pods, lambda pods: has_exactly(pods, proxy)),
            *where(makes.istio, Ready(what_remains(setting), _none)),
        ),
        claims=(
            claim(
                "cleanup.route-gone",
                "The routes of the exclusion are gone, and the gateway knows their hosts no more",
                (
                    there,
                    on.routes(*names.excluded_routes),
                    on.answers(names.backend_host),
                    on.answers(names.service_host),
                ),
                lambda there, routes, backend, service: _of("exclude", there, _unrouted(routes, backend, service)),
            ),
            claim(
                "cleanup.httpbin-containers",
                "The app's pod has its own containers alone again",
                (there, on.app_pods),
                lambda there, pods: _of("route", there, has_exactly(pods, names.app_containers)),
            ),
            claim(
                "cleanup.gateway-containers",
                "The gateway, accepted without parameters, runs Envoy alone again, READY 1/1",
                (there, on.gateway_pods, on.gateway),
                lambda there, pods, gateway: _of(
                    "enable", there, both(has_exactly(pods, proxy), accepted(gateway, ""))
                ),
            ),
            claim(
                "cleanup.response",
                "The app answers through the gateway, without a client certificate",
                (there, on.answers(names.host), on.app_pods),
                lambda there, answers, pods: _of("route", there, requests.has_no_client_cert(answers, pods)),
            ),
            claim(
                "cleanup.istio-gone",
                "Nothing of Istio runs, listens or is defined, but for the classes and certificates that it leaves",
                (there, objects),
                lambda there, objects: _of("istio", there, _none_but_left(objects, names)),
            )
            if makes.istio
            else claim(
                "cleanup.istio-stays",
                "Istio, which was there before, still runs",
                (on.istiod, on.istiod_pods),
                istiod_ready,
            ),
            claim(
                "cleanup.inventory",
                "Every object of the cluster is as it was before Istio, but for what is known to be left behind"
                if makes.istio
                else "Every object is as it was before the integration, but for what others changed meanwhile",
                (there, objects, baseline(setting)),
                lambda there, objects, before: _of(
                    "istio" if makes.istio else "enable", there, as_before(objects, before, setting)
                ),
            ),
        ),
        departures=(
            f"The page deletes the route and the Backend in gloo-system; they are in {names.gateway.namespace}.",
            "The page removes Helm values that were never set; the controller's variable is what is taken out.",
            "The page's helm upgrade has a Markdown link inside the command and lacks the v of the version.",
            "The page leaves the GatewayParameters and the gateway's reference to them; both are removed, in that "
            "order reversed.",
            *where(
                makes.istio,
                "The page only links to Istio's uninstall guide; the charts, the CRDs that Helm keeps and the "
                "namespace are removed.",
            ),
        ),
    )


@dataclass(frozen=True)
class Baseline:
    """The inventory of the cluster before Istio first came to it, and when that was."""

    objects: Inventory
    taken: str


def every_object() -> Link[tuple[Object, ...]]:
    """Every object of the cluster."""
    return Link("every object of the cluster", "all", lambda site: everything(site.api))


def what_remains(setting: Setting) -> Link[tuple[Object, ...]]:
    """What remains of Istio."""
    namespace = setting.names.istio_namespace
    watch = (NAMESPACE.within(), POD.within())
    return Link("what remains of Istio", namespace, lambda site: remains(everything(site.api), namespace), watch)


def baseline(setting: Setting) -> Link[Baseline]:
    """The inventory from before Istio."""
    why = "it is taken when the section that installs Istio is run, and nothing of Istio is there yet"
    return noted_inventory(inventory_name(setting), "inventory from before Istio", why)


def noted_inventory(name: str, what: str, why: str = "it is taken when a run begins") -> Link[Baseline]:
    """An inventory that was noted in the work folder; `why` says when that is done."""

    def read(site: Site) -> Baseline:
        noted = site.work / name
        if not noted.exists():
            raise NotReady(f"inventory {noted}: not there; {why}")
        taken = datetime.datetime.fromtimestamp(noted.stat().st_mtime)
        return Baseline(inventory.load(noted), f"{taken:%Y-%m-%d %H:%M:%S}")

    return Link(what, name, read, when="once")


def _of(slug: str, there: Traces, finding: Finding) -> Finding:
    return only_where(there[slug], finding)


def only_where(there: Sequence[str], finding: Finding) -> Finding:
    """What is gone proves a clean-up only where it was there when the clean-up began."""
    return finding if there or not finding.holds else replace(finding, skip=NOTHING)


def _none(remains: Sequence[Object]) -> Finding:
    return Finding(not remains, "nothing of Istio", ", ".join(map(str, remains)) or "nothing of Istio")


def _none_but_left(objects: Sequence[Object], names: Names) -> Finding:
    left = {f"{each.kind.partition('.')[0]} {each.name}" for each in objects if _is_left(each)}
    finding = _none(remains(objects, names.istio_namespace))
    told = f"nothing but {', '.join(sorted(left))}" if left and finding.holds else finding.observed
    return Finding(finding.holds, "nothing of Istio but what istiod leaves on purpose", told)


def _is_left(each: Object) -> bool:
    return is_left_on_purpose(each.kind, each.ref, content(each))


def as_before(objects: Sequence[Object], baseline: Baseline, setting: Setting) -> Finding:
    """Every object is as in an inventory, but for what is known to differ."""
    left = left_behind(baseline.objects, inventory_of(objects), baseline.taken, setting)
    expected = (
        "no difference that is not explained, in all objects but events and what is made again from one of the others"
    )
    return Finding(not left.unexpected, expected, str(left))


def _unrouted(routes: Sequence[HTTPRoute], *hosts: Answers) -> Finding:
    """No such route is stored, and the gateway itself answers for their hosts."""
    named = ", ".join(f"{route.namespace}/{route.name}" for route in routes) or "no such route"
    return both(Finding(not routes, "no such route", named), requests.not_routed(*hosts))
