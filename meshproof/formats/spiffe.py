"""SPIFFE ids as Istio forms them: trust domain, namespace, service account."""

from __future__ import annotations

import re
from dataclasses import dataclass

from meshproof.errors import Refuted

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_ID = re.compile(rf"spiffe://(?P<td>[a-z0-9._-]+)/ns/(?P<ns>{_LABEL})/sa/(?P<sa>{_LABEL}(\.{_LABEL})*)")


class MalformedSpiffeId(Refuted):
    """A text that is not the SPIFFE id of a Kubernetes service account."""


@dataclass(frozen=True)
class SpiffeId:
    """The identity of a workload; `str()` gives the form that certificates carry."""

    trust_domain: str
    namespace: str
    service_account: str

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"

    @classmethod
    def parse(cls, text: str) -> SpiffeId:
        """Read the form that certificates carry.

        Raises:
            MalformedSpiffeId: It has another form.
        """
        match = _ID.fullmatch(text)
        if match is None:
            raise MalformedSpiffeId(
                f"SPIFFE id {text!r}: expected spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT\n"
                "  next: see whether the certificate comes from istiod"
            )
        return cls(match["td"], match["ns"], match["sa"])
