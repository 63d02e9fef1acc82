"""What a kubeconfig's user shows to the API server: a token, a password, a certificate, or what a plugin gives.

All of it is looked at before any request, so that a request never goes out anonymous where a user is named.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from meshproof.errors import BadInput
from meshproof.kube.exec_plugin import run_plugin
from meshproof.kube.kubeconfig import Context, Entry

TOKEN_FILE_S = 60  # a file's token is renewed under way; kubectl keeps what it read as long
_RENEWED_BY = {"gcp": "gcloud container clusters get-credentials", "azure": "az aks get-credentials"}


@dataclass(frozen=True)
class Credential:
    """What is shown: an Authorization header, a client certificate with its key in PEM, both or neither.

    It is to be had anew from `until` on; never where that is None.
    """

    authorization: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    until: datetime | None = None

    def ended(self) -> bool:
        """Whether it is to be had anew."""
        return self.until is not None and datetime.now(UTC) >= self.until


def credential_of(context: Context) -> Credential:
    """The credential of a context's user, valid now.

    As with kubectl, a plugin is only asked where the user has nothing else.

    Raises:
        BadInput: It is not there, not readable, has ended, or is of a kind that clients no longer have.
        MachineCannot: The plugin gives none.
        Malformed: A field is of the wrong type.
    """
    user = context.user
    if user is None:
        return Credential()
    if user.raw.get("as", ""):
        raise BadInput(f"{user}: acts as another user (`as`), which is not supported; name a user that acts as itself")
    if user.raw.has("auth-provider"):
        return Credential(_bearer(user, _provided(user)))
    pair = _pair(user)
    if path := user.path("tokenFile"):
        token = _bearer(user, _read(user, path))
        return Credential(token, *pair, until=datetime.now(UTC) + timedelta(seconds=TOKEN_FILE_S))
    if token := user.raw.get("token", ""):
        return Credential(_bearer(user, token), *pair)
    if name := user.raw.get("username", ""):
        secret = base64.b64encode(f"{name}:{user.raw.get('password', '')}".encode()).decode()
        return Credential(f"Basic {secret}", *pair)
    if any(pair) or not user.raw.has("exec"):
        return Credential(certificate=pair[0], key=pair[1])
    given = run_plugin(context, user)
    token = _bearer(user, given.token) if given.token else ""
    certificate, key = given.certificate.encode(), given.key.encode()
    if certificate:
        _check_certificate(user, certificate)
    return Credential(token, certificate, key, given.until)


def _pair(user: Entry) -> tuple[bytes, bytes]:
    """The client certificate and its key; both empty where there is none."""
    certificate, key = user.content("client-certificate"), user.content("client-key")
    if certificate is None:
        return b"", b""
    if key is None:
        raise BadInput(f"{user}: has a client-certificate and no client-key; give both")
    _check_certificate(user, certificate)
    return certificate, key


def _check_certificate(user: Entry, pem: bytes) -> None:
    try:
        leaf = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise BadInput(f"{user}: expected the client certificate in PEM: {error}") from error
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc < now:
        raise BadInput(f"{user}: its certificate ended on {_told(leaf.not_valid_after_utc)}; renew the kubeconfig")
    if leaf.not_valid_before_utc > now:
        begins = _told(leaf.not_valid_before_utc)
        raise BadInput(f"{user}: its certificate begins on {begins}; look whether this machine's clock is right")


def _provided(user: Entry) -> str:
    """The id-token of an `oidc` provider, the only kind that clients still have. Renewing it is left to kubectl."""
    name = user.raw.need("auth-provider.name", str)
    if name != "oidc":
        by = f", `{_RENEWED_BY[name]}` writes one" if name in _RENEWED_BY else ""
        raise BadInput(f"{user}: auth-provider {name} is removed from clients; renew the kubeconfig{by}")
    return user.raw.need("auth-provider.config.id-token", str)


def _bearer(user: Entry, token: str) -> str:
    token = token.strip()
    if not token or not all("!" <= letter <= "~" for letter in token):
        raise BadInput(f"{user}: expected a token that is one word of ASCII, found {len(token)} characters")
    if (end := _end_of(token)) and end < datetime.now(UTC):
        raise BadInput(f"{user}: its token ended on {_told(end)}; renew it, by a login or a new kubeconfig")
    return f"Bearer {token}"


def _end_of(token: str) -> datetime | None:
    """When a token ends, where it is a JWT that says so; others only their server can read."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, OSError, OverflowError, TypeError, ValueError):
        return None


def _read(user: Entry, path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{user}: tokenFile {path} cannot be read: {error}") from error


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
