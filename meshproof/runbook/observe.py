"""What the runbook's pictures are drawn from: looks of the suite, taken when a cell asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from meshproof.checks import requests
from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.formats.certificate import leaf_sha256, leaf_subject, leaf_uris, leaf_validity
from meshproof.formats.xfcc import Header
from meshproof.kube.workloads import Pod
from meshproof.path.link import look_at
from meshproof.path.links import Links
from meshproof.path.way import Way, ways_of


@dataclass(frozen=True)
class Certificate:
    """The header that arrived, as text and decoded, and the certificate that the gateway holds.

    `findings` are the suite's own judgements: the server's identity, the client's, the hash, the subject.
    """

    text: str
    header: Header
    findings: tuple[tuple[str, Finding], ...]
    subject: str
    uris: tuple[str, ...]
    sha256: str
    not_before: datetime
    not_after: datetime


def pods(cluster: Cluster, on: Links) -> tuple[Pod, ...]:
    """The pods of control planes, gateway and app that are not on their way out."""
    all_pods = (on.controller_pods, on.istiod_pods, on.gateway_pods, on.app_pods)
    found = [pod for link in all_pods for pod in link.read(cluster)]
    return tuple(pod for pod in found if pod.living)


def way(cluster: Cluster, on: Links, host: str) -> Way:
    """Send a request and see who handled it.

    Raises:
        Unseen: The gateway does not answer.
    """
    links = (on.answers(host), on.gateway_pods, on.app_pods)
    seen = look_at(links, cluster)
    seen.need(links)
    return ways_of(seen)[0]


def certificate(cluster: Cluster, on: Links, host: str) -> Certificate:
    """Send one request and hold its header against the mesh and the gateway's certificate.

    Raises:
        Refuted: The header is not there or malformed.
        NotReady: Something cannot be looked at.
    """
    answers, app = on.answers(host).read(cluster), on.app_pods.read(cluster)
    header = requests.header_of(answers.each[0])
    chains = on.certificates.read(cluster)
    chain = chains[answers.each[0].gateway]
    trust = on.trust_domain.read(cluster)
    not_before, not_after = leaf_validity(chain)
    return Certificate(
        text=answers.each[0].response.xfcc or "",
        header=header,
        findings=(
            ("By", requests.names_server(answers, app, trust)),
            ("Hash", requests.hashes_certificate(answers, app, chains)),
            ("Subject", requests.names_subject(answers, app, chains)),
            ("URI", requests.names_client(answers, app, on.gateway_pods.read(cluster), trust)),
        ),
        subject=leaf_subject(chain),
        uris=leaf_uris(chain),
        sha256=leaf_sha256(chain),
        not_before=not_before,
        not_after=not_after,
    )
