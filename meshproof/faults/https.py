"""An app that speaks HTTPS outside the mesh, behind a policy that says so: what the TLS fault is made of."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from meshproof.faults.fault import deployed, document
from meshproof.faults.injection import OPT
from meshproof.kube.kinds import CONFIG_MAP, POD, Kind, Ref
from meshproof.steps.setting import Setting

SECRET = Kind("Secret", "secrets")
TLS_POLICY = Kind("BackendTLSPolicy", "backendtlspolicies", "gateway.networking.k8s.io")
NAME, HOST = "https", "https.example"
_FOLDER = "/etc/https"


@dataclass(frozen=True)
class Https:
    """The manifests, and the pod that must be ready."""

    pod: Ref
    app: str
    policy: str


def https(setting: Setting) -> Https:
    """The app's first container with a certificate of its own, and a BackendTLSPolicy of the app's Service for it."""
    names = setting.names
    namespace = names.app.namespace
    certificate, key = _self_signed()
    pod, secret, roots = (Ref(kind, namespace, NAME) for kind in (POD, SECRET, CONFIG_MAP))
    serving, *_ = deployed(setting)["template"]["spec"]["containers"]
    files = ("-https-cert-file", f"{_FOLDER}/tls.crt", "-https-key-file", f"{_FOLDER}/tls.key")
    container = {
        **serving,
        "command": [*serving["command"], *files],
        "volumeMounts": [{"name": NAME, "mountPath": _FOLDER}],
    }
    spec = {"containers": [container], "volumes": [{"name": NAME, "secret": {"secretName": NAME}}]}
    policy = {
        "targetRefs": [{"group": "", "kind": "Service", "name": names.service.name}],
        "validation": {"hostname": HOST, "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": NAME}]},
    }
    return Https(
        pod,
        "---\n".join(
            (
                document(secret, type="kubernetes.io/tls", stringData={"tls.crt": certificate, "tls.key": key}),
                document(roots, data={"ca.crt": certificate}),
                document(pod, labels={"app": NAME, OPT: "false"}, spec=spec),
            )
        ),
        document(Ref(TLS_POLICY, namespace, NAME), spec=policy),
    )


@cache
def _self_signed() -> tuple[str, str]:
    """A certificate for the host and its key, for a day, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()
