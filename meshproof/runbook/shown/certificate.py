"""The client certificate as the app was told of it, beside what it should say."""

from __future__ import annotations

from meshproof.runbook.observe import Certificate
from meshproof.runbook.shown import Shown, panel

MEANING = {"By": "who was shown it", "Hash": "which certificate", "Subject": "its subject", "URI": "whose it is"}


def no_certificate(told: str) -> Shown:
    """What there is to say where the app was told of no client certificate."""
    return panel("no_certificate", "X-Forwarded-Client-Cert", told=told)


def certificate_tables(certificate: Certificate) -> Shown:
    """The header field by field beside what it should say, then the certificate that it is about."""
    header, element = certificate.header, certificate.header.last
    form = "JSON" if header.form == "json" else "text"
    return panel(
        "certificate",
        f"X-Forwarded-Client-Cert, decoded from its {form} form",
        text_of_header=certificate.text,
        header=header,
        before=[*map(repr, header.elements[:-1]), *([header.unread.text] if header.unread else [])],
        others=", ".join(f"{key}={value}" for key, value in element.other),
        meaning=MEANING,
        values={
            "By": ", ".join(element.by),
            "Hash": element.hash or "(absent)",
            "Subject": "(absent)" if element.name is None else f'"{element.name}"',
            "URI": ", ".join(element.uri),
        },
        findings=certificate.findings,
        held={
            "subject": certificate.subject or "(empty, as Istio leaves it)",
            "URI names": ", ".join(certificate.uris),
            "valid from": f"{certificate.not_before:%Y-%m-%d %H:%M:%S} UTC",
            "valid until": f"{certificate.not_after:%Y-%m-%d %H:%M:%S} UTC",
            "SHA-256": certificate.sha256,
        },
    )
