"""What differs from a cluster before Istio, and which of that is known to differ, each to the letter and with why."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meshproof.formats import helm
from meshproof.kube.inventory import Content, Difference, Inventory, Name, compare
from meshproof.names import Names
from meshproof.steps import load_balancer
from meshproof.steps.others import is_of_others
from meshproof.steps.remains import is_class, is_root_of_trust
from meshproof.steps.setting import Setting

FEW = 12
RESTARTED_AT = "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt"
# What Helm changes in the record of a release when the next one takes its place.
_SUPERSEDED = frozenset({"data.release", "metadata.labels.modifiedAt", "metadata.labels.status"})
_TOKEN = re.compile(r"kube-system/bootstrap-token-[a-z0-9]{6}")
_SIGNATURE = re.compile(r"data\.(jws-kubeconfig-[a-z0-9]{6})")
_SIGNERS = ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving")
_KUBELETS = ("system:node:", "system:bootstrap:")


def _sides(d: Difference) -> Sequence[Content]:
    return [side for side in (d.then, d.now) if side]


def _by_istiod(d: Difference, _: Names) -> bool:
    return d.change != "removed" and all(is_root_of_trust(d.kind, d.ref, side) for side in _sides(d))


def _class(d: Difference, _: Names) -> bool:
    return d.change == "added" and is_class(d.kind, d.ref, d.now)


def _record(d: Difference, names: Names) -> bool:
    return all(_is_record(d.kind, d.ref, side, names) for side in _sides(d)) and set(d.paths) <= _SUPERSEDED


def _is_record(kind: str, ref: str, content: Content, names: Names) -> bool:
    """Whether it is Helm's own record of a release of this page: kgateway's two, and the load balancer's."""
    if kind != "Secret" or content.get("type") != helm.SECRET_TYPE:
        return False
    labels: Mapping[str, str] = content["metadata"].get("labels", {})
    name, version = labels.get("name", ""), labels.get("version", "")
    kgateways = dict.fromkeys((names.release, names.crds_release), names.controller.namespace)
    namespace = (kgateways | {load_balancer.RELEASE: load_balancer.NAMESPACE}).get(name)
    named = version.isdecimal() and ref == f"{namespace}/sh.helm.release.v1.{name}.v{version}"
    return named and labels.get("owner") == "helm"


def _restart(d: Difference, names: Names) -> bool:
    app = f"{names.app.namespace}/{names.app.name}"
    return (d.change, d.kind, d.ref, d.paths) == ("changed", "Deployment.apps", app, (RESTARTED_AT,))


def _token(d: Difference, _: Names) -> bool:
    """A token with which nodes join has an end, after which the cluster deletes it.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
    """
    known = d.change == "removed" and d.kind == "Secret" and _TOKEN.fullmatch(d.ref)
    if not known or d.then.get("type") != "bootstrap.kubernetes.io/token":
        return False
    with contextlib.suppress(
        ValueError, TypeError
    ):  # without an end that can be compared it is not the cluster that deleted it
        end = datetime.datetime.fromisoformat(base64.b64decode(d.then.get("data", {}).get("expiration", "")).decode())
        return end <= datetime.datetime.now(datetime.UTC)
    return False


def _signature(d: Difference, _: Names) -> bool:
    """The cluster signs `cluster-info` with each such token, and takes the signature out when the token is gone."""
    if (d.change, d.kind, d.ref) != ("changed", "ConfigMap", "kube-public/cluster-info"):
        return False
    keys = [match[1] for match in map(_SIGNATURE.fullmatch, d.paths) if match]
    return len(keys) == len(d.paths) and not any(key in d.now.get("data", {}) for key in keys)


def _request(d: Difference, _: Names) -> bool:
    """A request for a certificate is deleted an hour after it was granted, a day after it was made.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
    """
    if d.change != "removed" or d.kind != "CertificateSigningRequest.certificates.k8s.io":
        return False
    asked = d.then["spec"]  # the API server writes down who asked
    return asked["signerName"] in _SIGNERS and asked.get("username", "").startswith(_KUBELETS)


ALLOWED: tuple[tuple[Callable[[Difference, Names], bool], str], ...] = (
    (_by_istiod, "istiod puts its root certificate and revocation list into every namespace and never takes them back"),
    (_class, "istiod registers its classes and leaves them"),
    (_record, "Helm keeps the history of its releases"),
    (_restart, "a rollout restart is recorded in the pod template"),
    (_token, "the token with which nodes join was over, and the cluster deletes it then"),
    (_signature, "the cluster takes the signature of such a token out of its own description"),
    (_request, "the cluster deletes a kubelet's request for a certificate after a while"),
)


@dataclass(frozen=True)
class LeftBehind:
    """Differences from the inventory: those that are known, with the reason, and those that are not.

    Attributes:
        others: Those that are not the run's, in a cluster of somebody else's: who changed them is not known.
        compared: How many objects there are now.
        taken: When the inventory was taken.
    """

    explained: tuple[tuple[Difference, str], ...]
    unexpected: tuple[Difference, ...]
    others: tuple[Difference, ...] = ()
    compared: int = 0
    taken: str = ""

    def __str__(self) -> str:
        if self.unexpected:
            return f"different since {self.taken}: {'; '.join(map(str, self.unexpected))}"
        reasons = list(dict.fromkeys(reason for _, reason in self.explained))
        told = f"{len(self.explained)} explained: {'; '.join(reasons)}" if reasons else "no difference"
        more = f" and {len(self.others) - FEW} more" if len(self.others) > FEW else ""
        by_others = f"; not this run's: {'; '.join(map(str, self.others[:FEW]))}{more}" if self.others else ""
        return f"{self.compared} objects, compared with those of {self.taken}: {told}{by_others}"


def left_behind(then: Inventory, now: Inventory, taken: str, setting: Setting) -> LeftBehind:
    """What differs between two inventories, the values that Helm keeps for its releases among it."""
    names = setting.names
    differences = (*compare(then, now), *compare(_releases(then, names), _releases(now, names)))
    reasons = [(difference, _reason(difference, names)) for difference in differences]
    unexplained = tuple(difference for difference, reason in reasons if not reason)
    others = tuple(each for each in unexplained if is_of_others(each, setting))
    return LeftBehind(
        tuple((difference, reason) for difference, reason in reasons if reason),
        tuple(each for each in unexplained if each not in others),
        others,
        len(now),
        taken,
    )


def _reason(difference: Difference, names: Names) -> str:
    return next((reason for explains, reason in ALLOWED if explains(difference, names)), "")


def _releases(inventory: Inventory, names: Names) -> Inventory:
    """Each of kgateway's releases as an object of its own: the chart, and the values that it was given last."""
    newest: dict[str, tuple[int, str]] = {}
    for (kind, ref), text in inventory.items():
        content: Content = json.loads(text) if kind == "Secret" else {}
        if content and _is_record(kind, ref, content, names):
            labels = content["metadata"]["labels"]
            record = (int(labels["version"]), content["data"]["release"])
            newest[labels["name"]] = max(newest.get(labels["name"], (0, "")), record)
    releases = {name: helm.release(data) for name, (_, data) in newest.items()}
    return {
        Name("HelmRelease", f"{names.controller.namespace}/{name}"): json.dumps(
            {"chart": each.chart, "values": each.values}, sort_keys=True
        )
        for name, each in releases.items()
    }
