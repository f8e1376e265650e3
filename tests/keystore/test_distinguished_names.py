"""Distinguished names in the spellings of the wild."""

import time

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID as N
from hypothesis import given
from hypothesis import strategies as st

from keystore.distinguished_names import (
    MAX_NAME_CHARACTERS,
    distinguished_name_matches,
    values_of_name,
    values_of_text,
)
from tests.keystore.issuing import name


def _name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


ACME = _name((N.COUNTRY_NAME, "DE"), (N.ORGANIZATION_NAME, "Acme, Inc."), (N.COMMON_NAME, "Ärger  Signer"))
MANY = _name(
    (N.COUNTRY_NAME, "DE"),
    (N.STATE_OR_PROVINCE_NAME, "Hessen"),
    (N.LOCALITY_NAME, "Ffm"),
    (N.EMAIL_ADDRESS, "ca@acme.example"),
    (N.SERIAL_NUMBER, "0042"),
    (N.COMMON_NAME, "root"),
)
PERSON = _name((N.SURNAME, "Muster"), (N.GIVEN_NAME, "Eva"), (N.TITLE, "Dr"), (N.COMMON_NAME, "Eva"))
PLACES = _name(
    (N.DOMAIN_COMPONENT, "example"), (N.DOMAIN_COMPONENT, "acme"), (N.USER_ID, "gw"), (N.STREET_ADDRESS, "Weg 1/2")
)
SEAL = _name((N.ORGANIZATION_IDENTIFIER, "VATDE-1"), (N.BUSINESS_CATEGORY, "Private"), (N.COMMON_NAME, "seal"))
SPECIAL = name('a"b\\c+d;e=f#<g>')
HASH = name("#1 signer")
MULTI = x509.Name(
    [
        x509.RelativeDistinguishedName([x509.NameAttribute(N.COUNTRY_NAME, "DE")]),
        x509.RelativeDistinguishedName(
            [x509.NameAttribute(N.COMMON_NAME, "m"), x509.NameAttribute(N.SERIAL_NUMBER, "7")]
        ),
    ]
)
BITS = x509.Name([x509.NameAttribute(N.X500_UNIQUE_IDENTIFIER, b"\x00\x0a", _ASN1Type.BitString)])

MATCHES = [
    ("CN=Ärger  Signer,O=Acme\\, Inc.,C=DE", ACME),
    ("C=DE,O=Acme\\, Inc.,CN=Ärger Signer", ACME),
    ("CN=Ärger Signer, O=Acme\\, Inc., C=DE", ACME),
    ("CN = Ärger Signer , O = Acme\\, Inc. , C = DE", ACME),
    ("CN=ärger signer,O=ACME\\, INC.,C=de", ACME),
    ("cn=Ärger Signer,o=Acme\\, Inc.,c=DE", ACME),
    ('CN=Ärger Signer, O="Acme, Inc.", C=DE', ACME),
    ("CN=Ärger Signer; O=Acme\\, Inc.; C=DE", ACME),
    ("CN=Ärger Signer;O=Acme\\2C Inc.;C=DE", ACME),
    ("CN=\\C3\\84rger Signer,O=Acme\\2c Inc.,C=DE", ACME),
    ("CN=\\C4rger Signer,O=Acme\\, Inc.,C=DE", ACME),
    ("CN=A\u0308rger Signer,O=Acme\\, Inc.,C=DE", ACME),
    ("CN=  Ärger \t\n Signer  ,O=Acme\\, Inc.,C=DE", ACME),
    ("\n  CN=Ärger Signer,\n  O=Acme\\, Inc.,\n  C=DE\n", ACME),
    ("2.5.4.3=Ärger Signer,2.5.4.10=Acme\\, Inc.,2.5.4.6=DE", ACME),
    ("OID.2.5.4.3=Ärger Signer,oid.2.5.4.10=Acme\\, Inc.,C=DE", ACME),
    ("2.5.4.3=#0c0ec38472676572205369676e6572,O=Acme\\, Inc.,C=DE", ACME),
    ("2.5.4.3=#140dc472676572205369676e6572,O=Acme\\, Inc.,C=#13024445", ACME),
    ("2.5.4.3=#1e1a00c400720067006500720020005300690067006e00650072,O=Acme\\, Inc.,C=DE", ACME),
    ("2.5.4.3=#0c810ec38472676572205369676e6572,O=Acme\\, Inc.,C=DE", ACME),
    ("CN=Ärger Signer,O=\uff21cme\\, Inc.,C=DE", ACME),
    ("commonName=Ärger Signer,organizationName=Acme\\, Inc.,countryName=DE", ACME),
    ("/C=DE/O=Acme, Inc./CN=Ärger Signer", ACME),
    ("/CN=Ärger Signer/O=Acme, Inc./C=DE", ACME),
    ("CN=root,SERIALNUMBER=0042,E=ca@acme.example,L=Ffm,S=Hessen,C=DE", MANY),
    ("CN=root,SERIALNUMBER=0042,E=ca@acme.example,L=Ffm,ST=Hessen,C=DE", MANY),
    ("CN=root,SN=0042,EMAIL=ca@acme.example,L=Ffm,ST=Hessen,C=DE", MANY),
    ("CN=root,serialNumber=0042,emailAddress=ca@acme.example,L=Ffm,ST=Hessen,C=DE", MANY),
    (
        "CN=root,2.5.4.5=#130430303432,1.2.840.113549.1.9.1=#160f63614061636d652e6578616d706c65,L=Ffm,ST=Hessen,C=DE",
        MANY,
    ),
    ("C=DE,SP=Hessen,L=Ffm,EMAILADDRESS=CA@acme.example,OID.2.5.4.5=0042,CN=root", MANY),
    ("C=DE,stateOrProvinceName=Hessen,localityName=Ffm,MAIL=ca@acme.example,serialNumber=0042,CN=root", MANY),
    ("SN=Muster,G=Eva,T=Dr,CN=Eva", PERSON),
    ("SURNAME=Muster,GN=Eva,title=Dr,CN=Eva", PERSON),
    ("S=Muster,givenName=Eva,TITLE=Dr,CN=Eva", PERSON),
    ("DC=example,DC=acme,UID=gw,STREET=Weg 1/2", PLACES),
    ("street=Weg 1/2,userId=gw,domainComponent=acme,domainComponent=example", PLACES),
    ("/DC=example/DC=acme/UID=gw/streetAddress=Weg 1/2", PLACES),
    ("0.9.2342.19200300.100.1.25=example,DC=acme,0.9.2342.19200300.100.1.1=gw,2.5.4.9=Weg 1/2", PLACES),
    ("organizationIdentifier=VATDE-1,businessCategory=Private,CN=seal", SEAL),
    ("OID.2.5.4.97=VATDE-1,OID.2.5.4.15=Private,CN=seal", SEAL),
    ("2.5.4.97=#0c0756415444452d31,2.5.4.15=private,CN=seal", SEAL),
    ('CN=a\\"b\\\\c\\+d\\;e\\=f\\#\\<g\\>', SPECIAL),
    ("CN=a\\22b\\5Cc\\2Bd\\3Be=f#<g>", SPECIAL),
    ('CN="a\\"b\\\\c+d;e=f#<g>"', SPECIAL),
    ('CN="a""b\\\\c+d;e=f#<g>" ', SPECIAL),
    ("CN=\\#1 signer", HASH),
    ("CN=#1 signer", HASH),
    ('CN="#1 signer"', HASH),
    ("CN=\\ padded\\ ", name("padded")),
    ("CN=", name(" ")),
    ("CN=m+SERIALNUMBER=7,C=DE", MULTI),
    ("SERIALNUMBER=7+CN=m,C=DE", MULTI),
    ("C=DE, CN=m + SN=7", MULTI),
    ("C=DE, 2.5.4.5=#130137 + 2.5.4.3=#0c016d", MULTI),
    ("x500UniqueIdentifier=#030300000a", BITS),
    ("2.5.4.45=#030300000a", BITS),
]

DIFFERS = [
    ("CN=Ärger Signer,C=DE,O=Acme\\, Inc.", ACME),
    ("CN=Ärger Signer,O=Acme\\, Inc.", ACME),
    ("CN=Ärger Signer,O=Acme\\, Inc.,C=DE,C=DE", ACME),
    ("CN=Arger Signer,O=Acme\\, Inc.,C=DE", ACME),
    ("CN=ÄrgerSigner,O=Acme\\, Inc.,C=DE", ACME),
    ("OU=Ärger Signer,O=Acme\\, Inc.,C=DE", ACME),
    ("CN=m,SERIALNUMBER=7,C=DE", MULTI),
    ("CN=m+SERIALNUMBER=8,C=DE", MULTI),
    ("CN=m+CN=m,C=DE", MULTI),
    ("CN=m,C=DE", MULTI),
    ("SURNAME=0042", name("0042")),
    ("x500UniqueIdentifier=#030300000b", BITS),
]

UNREADABLE = [
    "",
    "  ",
    ",",
    "CN",
    "CN=a,",
    "CN=a,,C=DE",
    "=a",
    "CN=a\\",
    'CN="a',
    'CN="a"b',
    'CN=a"b"',
    "CN=a+",
    "FOO=a",
    "1=a",
    "CN=a, b",
    "/",
    "//CN=a",
    "/CN",
    "/FOO=a",
    "acme-2026",
    "CN=" + "a" * MAX_NAME_CHARACTERS,
    ",".join(["CN=a"] * 65),
    "/CN=a" * 65,
]


@pytest.mark.parametrize(("text", "expected"), MATCHES)
def test_every_spelling_of_a_name_matches_it(text: str, expected: x509.Name) -> None:
    assert distinguished_name_matches(text, expected)
    assert values_of_text(text) == values_of_name(expected), "the dictionary key for a name is the same in any spelling"


@pytest.mark.parametrize(("text", "other"), DIFFERS)
def test_another_name_does_not_match(text: str, other: x509.Name) -> None:
    assert values_of_text(text) is not None, "it is readable, just not the same"
    assert not distinguished_name_matches(text, other)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_matches_nothing(text: str) -> None:
    assert values_of_text(text) is None
    assert not any(distinguished_name_matches(text, other) for other in (ACME, name("a"), x509.Name([])))


@pytest.mark.parametrize("value", ["#", "#0", "#zz", "#0c01", "#0c02ff", "#0c02c328", "#02010a", "#0c8401", "#1c0101"])
def test_a_broken_hexadecimal_value_is_just_another_value(value: str) -> None:
    assert not distinguished_name_matches(f"CN={value}", name("a"))


@given(st.text(alphabet='CN=,;+"\\#/ aäO2.5430cF\x00\n', max_size=60))
def test_no_text_raises(text: str) -> None:
    assert distinguished_name_matches(text, name("a")) in {True, False}


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12), min_size=1, max_size=5)
)
def test_a_name_matches_its_own_rfc_4514_form(values: list[str]) -> None:
    own = _name(*((N.ORGANIZATIONAL_UNIT_NAME, value) for value in values))
    assert distinguished_name_matches(own.rfc4514_string(), own)


@pytest.mark.parametrize("part", ['"', "\\", " ", "a+", '"\\', "A=", "#0", "/", "CN=a,", '\\"', "1.", '""'])
def test_hostile_text_costs_no_more_than_its_length(part: str) -> None:
    start = time.perf_counter()
    for prefix in ("", "CN=", 'CN="', "/", "CN=#"):
        values_of_text((prefix + part * MAX_NAME_CHARACTERS)[:MAX_NAME_CHARACTERS])
    assert time.perf_counter() - start < 5
