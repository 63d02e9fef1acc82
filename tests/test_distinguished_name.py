"""Distinguished names: what Envoy wrote for home-made subjects is each one's name, and nobody else's."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshproof.formats.distinguished_name import difference, text_of

COUNTRY, ORGANIZATION, UNIT, COMMON = (
    NameOID.COUNTRY_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.COMMON_NAME,
)
SERIAL, EMAIL, DOMAIN = NameOID.SERIAL_NUMBER, NameOID.EMAIL_ADDRESS, NameOID.DOMAIN_COMPONENT
PRIVATE = ObjectIdentifier("1.2.3.4.5")
Attribute = tuple[ObjectIdentifier, str]

# A busy machine is no reason to fail.
AT_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def name(*rdns: Attribute | list[Attribute]) -> x509.Name:
    """A name, its RDNs in a certificate's order."""
    sets = [rdn if isinstance(rdn, list) else [rdn] for rdn in rdns]
    return x509.Name(
        x509.RelativeDistinguishedName(x509.NameAttribute(oid, value) for oid, value in attributes)
        for attributes in sets
    )


APP = name((COUNTRY, "ZZ"), (ORGANIZATION, "Org"), (UNIT, "Unit"), (COMMON, "app"))


# Envoy 1.38.3 wrote the text for a certificate of that subject.
@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("", name()),
        ("CN=app,OU=Unit,O=Org,C=ZZ", APP),
        (r"CN=\",O=The \"Mesh\"", name((ORGANIZATION, 'The "Mesh"'), (COMMON, '"'))),
        (r"CN=a\+b,O=Mesh\, Inc\; \<x\> = y", name((ORGANIZATION, "Mesh, Inc; <x> = y"), (COMMON, "a+b"))),
        (r"CN=\#tag", name((COMMON, "#tag"))),
        (r"CN=\ lead", name((COMMON, " lead"))),
        (r"CN=trail\ ", name((COMMON, "trail "))),
        (r"CN=\ ", name((COMMON, " "))),
        (r"CN=\  \ ", name((COMMON, "   "))),
        ("CN=a  b # c", name((COMMON, "a  b # c"))),
        (r"O=M\C3\BCller & S\C3\B6hne", name((ORGANIZATION, "Müller & Söhne"))),
        (r"CN=\E6\97\A5\E6\9C\AC \F0\9F\98\80", name((COMMON, "日本 😀"))),
        ("serialNumber=42,emailAddress=a@mesh.test,CN=x", name((COMMON, "x"), (EMAIL, "a@mesh.test"), (SERIAL, "42"))),
        ("CN=app+OU=u+serialNumber=7,C=ZZ", name((COUNTRY, "ZZ"), [(COMMON, "app"), (SERIAL, "7"), (UNIT, "u")])),
        ("DC=mesh,DC=test,OU=b+OU=a", name([(UNIT, "a"), (UNIT, "b")], (DOMAIN, "test"), (DOMAIN, "mesh"))),
        (r"CN=a\\b\\", name((COMMON, "a\\b\\"))),
        (r"CN=x\\\,y", name((COMMON, r"x\,y"))),
        (r"CN=a\0Ab\09c\7F\01", name((COMMON, "a\nb\tc\x7f\x01"))),
        (r"CN=a\00b", name((COMMON, "a\0b"))),
        ("CN=x,1.2.3.4.5=#0C08C39C6E6B6E6F776E", name((PRIVATE, "Ünknown"), (COMMON, "x"))),
        ("1.3.6.1.4.1.311.60.2.1.3=#13025A5A", name((NameOID.JURISDICTION_COUNTRY_NAME, "ZZ"))),
        (r"O=x\"\;Cert=FORGED\,By=evil\;Hash=00", name((ORGANIZATION, 'x";Cert=FORGED,By=evil;Hash=00'))),
        (r"CN=\,By=evil\;Hash=00\;Subject=\"\"\;URI=x", name((COMMON, ',By=evil;Hash=00;Subject="";URI=x'))),
    ],
)  # fmt: skip
def test_what_envoy_wrote_is_that_subject_and_no_other(written: str, subject: x509.Name) -> None:
    assert difference(written, subject) is None
    assert difference(written, name((COMMON, "other"))) is not None


# Envoy 1.38.3 named these types so.
@pytest.mark.parametrize(
    ("kind", "oid"),
    [
        ("CN", "2.5.4.3"),
        ("SN", "2.5.4.4"),
        ("serialNumber", "2.5.4.5"),
        ("C", "2.5.4.6"),
        ("L", "2.5.4.7"),
        ("ST", "2.5.4.8"),
        ("street", "2.5.4.9"),
        ("O", "2.5.4.10"),
        ("OU", "2.5.4.11"),
        ("title", "2.5.4.12"),
        ("description", "2.5.4.13"),
        ("businessCategory", "2.5.4.15"),
        ("postalAddress", "2.5.4.16"),
        ("postalCode", "2.5.4.17"),
        ("name", "2.5.4.41"),
        ("GN", "2.5.4.42"),
        ("initials", "2.5.4.43"),
        ("generationQualifier", "2.5.4.44"),
        ("dnQualifier", "2.5.4.46"),
        ("pseudonym", "2.5.4.65"),
        ("UID", "0.9.2342.19200300.100.1.1"),
        ("DC", "0.9.2342.19200300.100.1.25"),
        ("emailAddress", "1.2.840.113549.1.9.1"),
        ("unstructuredName", "1.2.840.113549.1.9.2"),
    ],
)
def test_types_are_named_as_envoy_names_them(kind: str, oid: str) -> None:
    subject = name((ObjectIdentifier(oid), "ZZ"))
    assert text_of(subject) == f"{kind}=ZZ"
    for spelling in (kind, kind.upper(), oid):
        assert difference(f"{spelling}=ZZ", subject) is None


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        (r"CN=\61pp,OU=Unit,O=Org,C=ZZ", APP),
        ("cn=app,ou=#0C04556E6974,o=#1E004F00720067,C=ZZ".replace("1E00", "1E0600"), APP),
        ("serialNumber=7+CN=x", name([(COMMON, "x"), (SERIAL, "7")])),
        ("O=Müller", name((ORGANIZATION, "Müller"))),
        ("1.2.3.4.5=#0C820100" + "61" * 256, name((PRIVATE, "a" * 256))),
    ],
)
def test_names_are_compared_not_spellings(written: str, subject: x509.Name) -> None:
    assert difference(written, subject) is None


@pytest.mark.parametrize(
    ("written", "subject", "told"),
    [
        ("CN=app,OU=Unit,O=Other,C=ZZ", APP, "'O=Other' is 'O=Org' in the certificate"),
        ("CN=App,OU=Unit,O=Org,C=ZZ", APP, "'CN=App' is 'CN=app' in the certificate"),
        ("C=ZZ,O=Org,OU=Unit,CN=app", APP, "'C=ZZ' is 'CN=app' in the certificate"),
        ("CN=app,OU=Unit,O=Org", APP, "'C=ZZ' is missing"),
        ("CN=app,OU=Unit,O=Org,C=ZZ,L=x", APP, "'L=x' is not in the certificate"),
        ("", APP, "'CN=app' is missing"),
        ("CN=eve", name(), "'CN=eve' is not in the certificate"),
        ("CN=app+OU=Unit,O=Org,C=ZZ", APP, "'CN=app+OU=Unit' is 'CN=app' in the certificate"),
        ("CN=x+CN=x", name((COMMON, "x")), "'CN=x+CN=x' is 'CN=x' in the certificate"),
        (r"O=x\,C=ZZ", name((COUNTRY, "ZZ"), (ORGANIZATION, "x\\")), r"'O=x\\,C=ZZ' is 'O=x\\\\' in the certificate"),
        ('CN=a"b', name((COMMON, 'a"b')), "'CN=a\"b' is no distinguished name"),
        ("CN=x,", name((COMMON, "x")), "'CN=x,' is no distinguished name"),
        ("app", name((COMMON, "app")), "'app' is no distinguished name"),
        ("CN=#zz", name((COMMON, "#zz")), "'CN=#zz' is no distinguished name"),
        ("CN=x\\", name((COMMON, "x")), "'CN=x\\\\' is no distinguished name"),
    ],
)  # fmt: skip
def test_the_rdn_that_differs_is_told(written: str, subject: x509.Name, told: str) -> None:
    assert difference(written, subject) == told


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("role=x", "the type 'role' is not known here"),
        (r"CN=\FF", "the value of 'CN' is not text"),
        ("CN=#0C01FF", "the value of 'CN' is not text"),
        ("CN=#0201", "the value 0201 is not text in DER"),
        ("CN=#020101", "the value 020101 is not text in DER"),
        ("CN=#0C016161", "the value 0c016161 is not text in DER"),
        ("CN=#0C0261", "the value 0c0261 is not text in DER"),
        ("CN=#0C83FFFFFF61", "the value 0c83ffffff61 is not text in DER"),
    ],
)
def test_what_cannot_be_compared_is_told(written: str, why: str) -> None:
    told = difference(f"O=Org,{written}", name((COMMON, "x"), (ORGANIZATION, "Org")))
    assert told == f"{written!r} cannot be compared with 'CN=x': {why}"


SIGNS = st.one_of(st.sampled_from('",;=+\\ #<>\n\x7f'), st.characters(exclude_categories=["Cs"]))
TYPES = st.sampled_from([COMMON, ORGANIZATION, UNIT, PRIVATE])
RDNS = st.dictionaries(TYPES, st.text(SIGNS, min_size=1, max_size=12), min_size=1, max_size=3)
NAMES = st.lists(RDNS, max_size=3).map(lambda rdns: name(*(list(rdn.items()) for rdn in rdns)))


@AT_ANY_SPEED
@given(NAMES, NAMES)
def test_a_name_is_its_own_and_nobody_elses(one: x509.Name, other: x509.Name) -> None:
    assert difference(text_of(one), one) is None
    assert (difference(text_of(one), other) is None) == (one == other)
