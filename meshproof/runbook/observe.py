"""What the runbook's pictures are drawn from: looks of the suite, taken when a cell asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from meshproof.checks import requests
from meshproof.checks.containers import names
from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.formats.certificate import leaf_sha256, leaf_subject, leaf_uris
from meshproof.formats.xfcc import Header
from meshproof.kube.workloads import Pod
from meshproof.path.ask import Answer
from meshproof.steps import looks


@dataclass(frozen=True)
class Path:
    """A request and who handled it: `gateway` and `app` are names of the containers in their pods."""

    host: str
    url: str
    answer: Answer
    gateway: tuple[str, ...]
    app: tuple[str, ...]


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


def pods(cluster: Cluster) -> tuple[Pod, ...]:
    """The pods of control planes, gateway and app that are not on their way out."""
    all_pods = (looks.CONTROLLER_PODS, looks.ISTIOD_PODS, looks.GATEWAY_PODS, looks.HTTPBIN_PODS)
    found = [pod for look in all_pods for pod in look.take(cluster)]
    return tuple(pod for pod in found if pod.living)


def path(cluster: Cluster, host: str) -> Path:
    """Send one request and see who handled it.

    Raises:
        NotReady: The gateway does not answer, or gateway or app have no pod.
    """
    return Path(
        host=host,
        url=f"http://localhost:{cluster.gateway.port}/headers",
        answer=looks.answers(host).take(cluster).each[0],
        gateway=_containers(looks.GATEWAY_PODS.take(cluster), "gateway"),
        app=_containers(looks.HTTPBIN_PODS.take(cluster), "httpbin"),
    )


def certificate(cluster: Cluster, host: str) -> Certificate:
    """Send one request and hold its header against the mesh and the gateway's certificate.

    Raises:
        Refuted: The header is not there or malformed.
        NotReady: Something cannot be looked at.
    """
    answers, app = looks.answers(host).take(cluster), looks.HTTPBIN_PODS.take(cluster)
    header = requests.header_of(answers.each[0])
    chains = looks.GATEWAY_CERTIFICATES.take(cluster)
    chain = chains[answers.each[0].gateway]
    trust = looks.TRUST_DOMAIN.take(cluster)
    leaf = x509.load_pem_x509_certificate(chain.encode())
    return Certificate(
        text=answers.each[0].response.xfcc or "",
        header=header,
        findings=(
            ("By", requests.names_server(answers, app, trust)),
            ("Hash", requests.hashes_certificate(answers, app, chains)),
            ("Subject", requests.names_subject(answers, app, chains)),
            ("URI", requests.names_client(answers, app, looks.GATEWAY_PODS.take(cluster), trust)),
        ),
        subject=leaf_subject(chain),
        uris=leaf_uris(chain),
        sha256=leaf_sha256(chain),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )


def _containers(found: tuple[Pod, ...], what: str) -> tuple[str, ...]:
    living = [pod for pod in found if pod.living]
    if not living:
        raise NotReady(f"{what}: no pod of it runs")
    return names(living[-1])
