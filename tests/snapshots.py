"""Small frozen snapshots: what a cluster shows where the page works. Tests change one thing in them at a time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from meshproof.choices import Choices
from meshproof.formats.answer import Response
from meshproof.formats.certificate import leaf_sha256
from meshproof.images import Parts
from meshproof.kube.conditions import Condition
from meshproof.kube.objects import Gateway, Namespace
from meshproof.kube.routes import HTTPRoute, RouteParent
from meshproof.kube.workloads import Container, Deployment, Pod
from meshproof.path.ask import Answer, Answers, Ask
from meshproof.releases import cells
from meshproof.steps import Setting

CHARTS = ("istio-base", "istiod", "kgateway-crds", "kgateway")
IMAGES = ("pilot", "proxyv2", "kgateway", "envoy-wrapper", "sds", "httpbin", "curl", "hey")
PARTS = Parts(
    form="source",
    versions={"kgateway": "2.4.0", "kubernetes": "1.35.4"},
    node_image="node:1",
    kind_config={},
    tools=Path("/tools"),
    charts={name: f"/charts/{name}.tgz" for name in CHARTS},
    chart_versions=dict.fromkeys(CHARTS, ""),
    gateway_api_crds="/crds",
    istiod_values={"hub": "registry.example"},
    kgateway_values={"image": {"registry": "registry.example"}},
    images={name: f"registry.example/mesh/{name}:1.2" for name in IMAGES},
    bom=Path("/bom.json"),
)
SETTING = Setting.of(cells()[0], PARTS, Choices())
TRUST_DOMAIN = "cluster.local"
GATEWAY_POD = "http-1"
T = TypeVar("T")


def always(value: T) -> Callable[..., T]:
    """A function that gives this, whatever it is asked."""

    def give(*_: object, **__: object) -> T:
        return value

    return give


def pod(
    *containers: str,
    namespace: str = "httpbin",
    account: str = "httpbin",
    name: str = "pod-1",
    env: Mapping[str, str] | None = None,
    terminating: bool = False,
    injected_by: str = "default",
) -> Pod:
    """A pod at 10.244.0.7 whose containers are all ready and all have the same environment."""
    variables = tuple((env or {}).items())
    return Pod(
        namespace=namespace,
        name=name,
        labels={},
        phase="Running",
        containers=tuple(Container(each, "image", True, 0, False, variables) for each in containers),
        node="node",
        ip="10.244.0.7",
        owner="ReplicaSet/it",
        service_account=account,
        terminating=terminating,
        injected_by=injected_by if "istio-proxy" in containers else "",
    )


def gateway_pod(*containers: str, account: str = "http", env: Mapping[str, str] | None = None) -> Pod:
    """A pod of the gateway."""
    return pod(*containers, namespace="kgateway-system", account=account, name=GATEWAY_POD, env=env)


MESHED_GATEWAY = (gateway_pod("kgateway-proxy", "sds"),)


def deployment(*, generation: int = 1, observed: int = 1, replicas: int = 1, available: int = 1) -> Deployment:
    """A deployment whose rollout is over, unless told otherwise."""
    return Deployment("ns", "it", generation, observed, replicas, replicas, replicas, available, available, ())


def conditions(*kinds: str, generation: int = 2) -> tuple[Condition, ...]:
    """Conditions that are all True of a generation."""
    return tuple(Condition(kind, "True", kind, "", generation) for kind in kinds)


def gateway(parameters: str = "", *kinds: str, seen: int = 2) -> Gateway:
    """The gateway at generation 2, Accepted and Programmed unless told otherwise."""
    said = conditions(*(kinds or ("Accepted", "Programmed")), generation=seen)
    return Gateway("kgateway-system", "http", 2, said, parameters)


def route(name: str, *kinds: str) -> HTTPRoute:
    """A route at generation 2, Accepted with ResolvedRefs unless told otherwise."""
    said = conditions(*(kinds or ("Accepted", "ResolvedRefs")))
    return HTTPRoute("httpbin", name, 2, ("x.example",), (RouteParent("kgateway-system/http", "it", said),))


def namespace(**labels: str) -> Namespace:
    """The app's namespace; underscores in a label's name stand for dashes."""
    return Namespace("httpbin", {name.replace("_", "-"): value for name, value in labels.items()})


def response(xfcc: str | None = None, *, status: int = 200, host: str = "www.example.com") -> Response:
    """An answer of httpbin."""
    headers = {"host": (host,)}
    return Response(host, status, headers if xfcc is None else {**headers, "x-forwarded-client-cert": (xfcc,)})


def stranger(status: int = 200) -> Response:
    """An answer that httpbin did not give."""
    return Response("www.example.com", status, None)


BY = "spiffe://cluster.local/ns/httpbin/sa/httpbin"
URI = "spiffe://cluster.local/ns/kgateway-system/sa/http"


@dataclass(frozen=True)
class Certificate:
    """A certificate with what it takes to issue others by it."""

    pem: str
    name: x509.Name
    key: ec.EllipticCurvePrivateKey


def issue(
    common_name: str = "", *uris: str, by: Certificate | None = None, ca: bool | None = False, start: int = 2026
) -> Certificate:
    """A certificate of ten years, signed by itself or another; as Istio's, it has an empty subject unless told."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
    begin, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (start, start + 10))
    issuer = by.name if by else subject
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), 1, begin, end)
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=True)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    signed = builder.sign(by.key if by else key, hashes.SHA256())
    return Certificate(signed.public_bytes(Encoding.PEM).decode(), subject, key)


AUTHORITY = issue("root", ca=True)
ROOT = AUTHORITY.pem
CERTIFICATE = issue("", URI, by=AUTHORITY).pem
OTHER_CERTIFICATE = issue("other").pem
CHAINS = {GATEWAY_POD: CERTIFICATE}
OTHER_CHAINS = {GATEWAY_POD: OTHER_CERTIFICATE}


def xfcc(by: str = BY, uri: str = URI, digest: str = leaf_sha256(CERTIFICATE), subject: str | None = "") -> str:
    """The header as Istio's sidecar writes it; a subject of None is left out."""
    return f"By={by};Hash={digest};" + ("" if subject is None else f'Subject="{subject}";') + f"URI={uri}"


ENDPOINT = "10.244.0.7:8080"
UPSTREAM = "kube_httpbin_httpbin_8000"


def answer(
    given: Response,
    *,
    handshakes: int | None = None,
    endpoint: str = ENDPOINT,
    marked: bool = True,
    gateway: str = GATEWAY_POD,
) -> Answer:
    """An answer of one endpoint; over TLS where the app was told of a client certificate, unless said otherwise."""
    took = int(given.xfcc is not None) if handshakes is None else handshakes
    return Answer(given, marked, gateway, "", UPSTREAM if endpoint else "", endpoint, took)


def answers(xfcc: str | None = None, *, status: int = 200, host: str = "www.example.com") -> Answers:
    """What the only pod of the app answered."""
    return Answers(Ask(host), (answer(response(xfcc, status=status, host=host)),))


def stranger_answers(status: int = 200) -> Answers:
    """What was answered in the app's place, over its own endpoint."""
    return Answers(Ask("www.example.com"), (answer(stranger(status)),))
