"""What KeyInfo claims: read where it can be, kept as unresolved where it cannot, refused where it asks to fetch."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures.generator import uris
from fixtures.generator.keys import der
from fixtures.generator.soap import (
    direct,
    encode,
    issuer_serial,
    key_identifier,
    key_info,
    key_value,
    pkcs7_bag,
    pki_path,
    ski,
    str_reference,
    thumbprint,
    token,
    x509_data,
)
from fixtures.manifest import entry
from gateway.verify.keyinfo import KeyInfo, read_key_info, read_token_reference, referenced_token
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import DS, KEY_INFO, SECURITY_TOKEN_REFERENCE, WSSE, WSU
from keystore import NO_HINT, HintKind, KeyHint, Thumbprint
from tests.gateway.verify.documents import document, indexed

DSIG11 = "http://www.w3.org/2009/xmldsig11#"
DECLARATIONS = f'xmlns:ds="{DS}" xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" xmlns:k="{DSIG11}"'


def read(content: str, *before: str) -> KeyInfo:
    """The first KeyInfo of a document that holds `before`, and then `content`."""
    found = document(f"<r {DECLARATIONS}>{''.join(before)}{content}</r>")
    return read_key_info(next(found.root.iter(KEY_INFO)), indexed(found))


def rejected(content: str, *before: str) -> Reason:
    with pytest.raises(Rejection) as caught:
        read(content, *before)
    return caught.value.reason


def children(content: str) -> str:
    """A KeyInfo with a SecurityTokenReference around `content`."""
    return str_reference(content)


OLD = entry("old")
CERTIFICATE = {"certificates": (der("old"),), "thumbprints": frozenset({OLD.thumbprint})}


SAML2_ID = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLID"
BARE = key_value("old").removeprefix("<ds:KeyInfo>").removesuffix("</ds:KeyInfo>")
UNREADABLE = "<ds:X509Data><ds:X509Certificate>*</ds:X509Certificate></ds:X509Data>"


def saml2(key: str = "") -> str:
    """A SAML assertion whose subject is confirmed by `key`."""
    return (
        '<a:Assertion xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="a-1"><a:Subject><a:SubjectConfirmation>'
        f"<a:SubjectConfirmationData>{key}</a:SubjectConfirmationData></a:SubjectConfirmation></a:Subject></a:Assertion>"
    )


@pytest.mark.parametrize(
    ("content", "before", "kind", "fields"),
    [
        (direct(), token("old"), HintKind.BINARY_SECURITY_TOKEN, CERTIFICATE),
        (direct(), token("old", value_type="x"), HintKind.BINARY_SECURITY_TOKEN, CERTIFICATE),
        (
            direct(),
            token(content=pki_path("ca", "leaf"), value_type=uris.PKIPATH),
            HintKind.PKI_PATH,
            {"certificates": (der("leaf"), der("ca"))},
        ),
        (
            direct(),
            token(content=pkcs7_bag("old"), value_type=uris.PKCS7),
            HintKind.PKI_PATH,
            CERTIFICATE,
        ),
        (key_identifier(uris.X509V3, der("old")), "", HintKind.EMBEDDED_CERTIFICATE, CERTIFICATE),
        (
            key_identifier(uris.THUMBPRINT, thumbprint("old")),
            "",
            HintKind.THUMBPRINT_SHA1,
            {"thumbprint_sha1": OLD.thumbprint_sha1},
        ),
        (
            key_identifier(uris.SKI, ski("old")),
            "",
            HintKind.SUBJECT_KEY_IDENTIFIER,
            {"subject_key_identifier": OLD.subject_key_identifier},
        ),
        (key_info(x509_data("old")), "", HintKind.X509_DATA, CERTIFICATE),
        (children(x509_data("old")), "", HintKind.X509_DATA, CERTIFICATE),
        (issuer_serial("old"), "", HintKind.ISSUER_SERIAL, {"serial": OLD.serial}),
        (
            key_info(f"<ds:X509Data><ds:X509SKI>{encode(b'12345')}</ds:X509SKI></ds:X509Data>"),
            "",
            HintKind.SUBJECT_KEY_IDENTIFIER,
            {"subject_key_identifier": b"12345"},
        ),
        (
            key_info("<ds:X509Data><ds:X509SubjectName> CN=a </ds:X509SubjectName></ds:X509Data>"),
            "",
            HintKind.SUBJECT_NAME,
            {"subject": "CN=a"},
        ),
        (key_info("<ds:KeyName>acme</ds:KeyName>"), "", HintKind.KEY_NAME, {"name": "acme"}),
        (children("<ds:KeyName>acme</ds:KeyName>"), "", HintKind.KEY_NAME, {"name": "acme"}),
        (key_value("old"), "", HintKind.KEY_VALUE, {"key_id": OLD.key_id}),
        (key_value("p521"), "", HintKind.KEY_VALUE, {"key_id": entry("p521").key_id}),
        (key_value("bp384"), "", HintKind.KEY_VALUE, {"key_id": entry("bp384").key_id}),
        # The key by which the subject of an assertion is confirmed: the first that can be read.
        (direct(uri="#a-1"), saml2(x509_data("old")), HintKind.SAML_ASSERTION, CERTIFICATE),
        (direct(uri="#a-1"), saml2(UNREADABLE + x509_data("old")), HintKind.SAML_ASSERTION, CERTIFICATE),
        (direct(uri="#a-1"), saml2("<ds:X509Data/>" + x509_data("old")), HintKind.SAML_ASSERTION, CERTIFICATE),
        (direct(uri="#a-1"), saml2(UNREADABLE * 15 + x509_data("old")), HintKind.SAML_ASSERTION, CERTIFICATE),
        (direct(uri="#a-1"), saml2(BARE), HintKind.SAML_ASSERTION, {"key_id": OLD.key_id}),
        (
            children(f'<wsse:KeyIdentifier ValueType="{SAML2_ID}"> a-1 </wsse:KeyIdentifier>'),
            saml2(x509_data("old")),
            HintKind.SAML_ASSERTION,
            CERTIFICATE,
        ),
        # Everything in an X509Data describes one key.
        (
            key_info(
                x509_data("old").replace(
                    "</ds:X509Data>",
                    f"<ds:X509SKI>{encode(b'1')}</ds:X509SKI><ds:X509SubjectName>CN=a</ds:X509SubjectName></ds:X509Data>",
                )
            ),
            "",
            HintKind.X509_DATA,
            CERTIFICATE | {"subject_key_identifier": b"1", "subject": "CN=a"},
        ),
        # The first form that names something counts.
        (
            key_info(
                '<wsse:SecurityTokenReference><wsse:Reference URI="#gone"/></wsse:SecurityTokenReference>'
                "<ds:KeyName>acme</ds:KeyName><ds:KeyName>other</ds:KeyName>"
            ),
            "",
            HintKind.KEY_NAME,
            {"name": "acme"},
        ),
    ],
)
def test_what_is_named(content: str, before: str, kind: HintKind, fields: dict[str, object]) -> None:
    hint = read(content, before).hint

    assert hint.kind is kind
    assert {name: getattr(hint, name) for name in fields} == fields
    assert hint.named.isprintable()


@pytest.mark.parametrize(
    ("content", "before"),
    [
        (key_info(""), ""),
        (key_info('<f:f xmlns:f="urn:f"/>'), ""),
        (key_info("<ds:X509Data/>"), ""),
        (key_info('<ds:X509Data><f:f xmlns:f="urn:f"/></ds:X509Data>'), ""),
        (key_info("<ds:X509Data><ds:X509Certificate>*</ds:X509Certificate></ds:X509Data>"), ""),
        (key_info("<ds:KeyName>a<!-- -->b</ds:KeyName>"), ""),
        (children(""), ""),
        (children('<f:f xmlns:f="urn:f"/>'), ""),
        (direct(), ""),
        (direct(), '<x Id="token-1"/>'),
        (direct(), token(content=b"", value_type=uris.PKIPATH)),
        (direct(), token(content=b"not a path", value_type=uris.PKIPATH)),
        (direct(), token(content=b"not PKCS#7", value_type=uris.PKCS7)),
        (key_identifier("", b"12345"), ""),
        (key_identifier("urn:unknown", b"12345"), ""),
        (direct(uri="http://127.0.0.1:9/token"), ""),
        (direct(uri="token-1"), token("old")),
        (children("<wsse:Reference/>"), ""),
        (direct(), token("old").replace("</", "<x/></")),
        (direct(), token("old").replace("</", "*</")),
        (children("<?p?>"), ""),
        (children(f'<wsse:KeyIdentifier ValueType="{uris.THUMBPRINT}">epy</wsse:KeyIdentifier>'), ""),
        (children(f'<wsse:KeyIdentifier ValueType="{SAML2_ID}">gone</wsse:KeyIdentifier>'), ""),
        (children(f'<wsse:KeyIdentifier ValueType="{SAML2_ID}">token-1</wsse:KeyIdentifier>'), token("old")),
        (children(f'<wsse:KeyIdentifier ValueType="{SAML2_ID}">a<x/></wsse:KeyIdentifier>'), ""),
        (direct(uri="#a-1"), saml2()),
        (direct(uri="#a-1"), saml2("<ds:KeyName>a</ds:KeyName>")),
        (direct(uri="#a-1"), saml2(UNREADABLE * 2)),
        (direct(uri="#a-1"), saml2(UNREADABLE * 16 + x509_data("old"))),
    ],
)
def test_what_names_nothing_is_unresolved(content: str, before: str) -> None:
    info = read(content, before)

    assert info.hint.kind is HintKind.UNRESOLVED
    assert info.hint.named
    assert info.public_key is None


def test_no_key_info_is_no_hint() -> None:
    assert read_key_info(None, indexed(document("<r/>"))) == KeyInfo(NO_HINT)


@pytest.mark.parametrize(
    ("content", "before", "reason"),
    [
        (key_info('<ds:RetrievalMethod URI="#x"/>'), "", Reason.STRUCTURE),
        (key_info('<k:KeyInfoReference URI="#x"/>'), "", Reason.STRUCTURE),
        (key_info("<ds:KeyName>a</ds:KeyName><ds:RetrievalMethod/>"), "", Reason.STRUCTURE),
        (key_info("<?p?>"), "", Reason.STRUCTURE),
        (direct(), token("old") + '<x Id="token-1"/>', Reason.DUPLICATE_ID),
        (direct(uri="#a-1"), saml2() * 2, Reason.DUPLICATE_ID),
        (
            children(f'<wsse:KeyIdentifier ValueType="{SAML2_ID}">a-1</wsse:KeyIdentifier>'),
            saml2() * 2,
            Reason.DUPLICATE_ID,
        ),
    ],
)
def test_what_is_refused(content: str, before: str, reason: Reason) -> None:
    assert rejected(content, before) is reason


def test_an_ambiguous_token_is_refused_wherever_it_is_named() -> None:
    """A form that can be read stands beside it; what is ambiguous is still refused."""
    reference = direct().removeprefix("<ds:KeyInfo>").removesuffix("</ds:KeyInfo>")

    content = key_info(f"<ds:KeyName>a</ds:KeyName>{reference}")
    assert rejected(content, token("old"), token("old")) is Reason.DUPLICATE_ID


# Paths


def sequence(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return b"\x30" + length(len(content)) + content


def length(value: int) -> bytes:
    if value < 0x80:
        return bytes([value])
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


SHORT = b"\x30\x03\x02\x01\x07"


@pytest.mark.parametrize(
    ("octets", "count"),
    [
        (sequence(SHORT), 1),
        (sequence(SHORT, SHORT), 2),
        (sequence(*[SHORT] * 16), 16),
        (sequence(*[SHORT] * 40), 16),
        (sequence(sequence(bytes(200))), 1),
        (sequence(sequence(bytes(70_000))), 1),
        (sequence(), 0),
        (b"\x30", 0),
        (b"\x31" + sequence(SHORT)[1:], 0),
        (sequence(SHORT) + b"\0", 0),
        (sequence(SHORT)[:-1], 0),
        (sequence(SHORT, b"\x30"), 0),
        (sequence(SHORT, b"\x30\x05\0"), 0),
        (b"\x30\x80" + SHORT + b"\0\0", 0),
        (b"\x30\x85\0\0\0\0\5" + SHORT, 0),
        (b"\x30\x82\0", 0),
        (b"\x30\x84\xff\xff\xff\xff" + SHORT, 0),
    ],
)
def test_paths(octets: bytes, count: int) -> None:
    hint = read(direct(), token(content=octets, value_type=uris.PKIPATH)).hint

    assert len(hint.certificates) == count
    assert hint.kind is (HintKind.PKI_PATH if count else HintKind.UNRESOLVED)


def test_the_end_entity_of_a_path_stands_first() -> None:
    one, two = sequence(b"\x02\x01\x01"), sequence(b"\x02\x01\x02")

    hint = read(direct(), token(content=sequence(one, two), value_type=uris.PKIPATH)).hint

    assert hint.certificates == (two, one)
    assert hint.thumbprints == {Thumbprint.of(one), Thumbprint.of(two)}


@pytest.mark.parametrize("size", [10, 20_000])
def test_a_token_of_any_size_is_read_the_same_each_time(size: int) -> None:
    content = token(content=bytes(size))

    first, second = (read(direct(), content).hint for _ in range(2))

    assert first == second
    assert first.certificates == (bytes(size),)


# Issuer and serial number


def serial_data(issuer: str | None, serial: str | None) -> str:
    name = "" if issuer is None else f"<ds:X509IssuerName>{issuer}</ds:X509IssuerName>"
    number = "" if serial is None else f"<ds:X509SerialNumber>{serial}</ds:X509SerialNumber>"
    extra = '<f:f xmlns:f="urn:f"/>'
    return key_info(f"<ds:X509Data><ds:X509IssuerSerial>{name}{number}{extra}</ds:X509IssuerSerial></ds:X509Data>")


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), (" 4711\n", 4711), ("-5", -5), ("007", 7), ("9" * 100, int("9" * 100))]
)
def test_serial_numbers(text: str, number: int) -> None:
    hint = read(serial_data("CN=a", text)).hint

    assert (hint.kind, hint.issuer, hint.serial) == (HintKind.ISSUER_SERIAL, "CN=a", number)
    assert str(number)[:40] in hint.named


@pytest.mark.parametrize(
    ("issuer", "serial"),
    [
        ("CN=a", ""),
        ("CN=a", "-"),
        ("CN=a", "--5"),
        ("CN=a", "+5"),
        ("CN=a", "0x10"),
        ("CN=a", "1_0"),
        ("CN=a", "1 0"),
        ("CN=a", "\u0661"),
        ("CN=a", "\u00b2"),
        ("CN=a", "9" * 101),
        ("CN=a", None),
        (None, "5"),
        (None, None),
    ],
)
def test_half_an_issuer_serial_names_nothing(issuer: str | None, serial: str | None) -> None:
    hint = read(serial_data(issuer, serial)).hint

    assert (hint.kind, hint.issuer, hint.serial) == (HintKind.UNRESOLVED, None, None)


# Key values


def rsa_value(modulus: bytes, exponent: bytes) -> str:
    return key_info(
        f"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{encode(modulus)}</ds:Modulus>"
        f"<ds:Exponent>{encode(exponent)}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
    )


def ec_value(curve: str, point: bytes) -> str:
    return key_info(
        f'<ds:KeyValue><k:ECKeyValue><k:NamedCurve URI="{curve}"/>'
        f"<k:PublicKey>{encode(point)}</k:PublicKey></k:ECKeyValue></ds:KeyValue>"
    )


@pytest.mark.parametrize(
    "content",
    [
        key_info("<ds:KeyValue/>"),
        key_info("<ds:KeyValue><ds:DSAKeyValue><ds:P>AQ==</ds:P></ds:DSAKeyValue></ds:KeyValue>"),
        key_info("<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQ==</ds:Modulus></ds:RSAKeyValue></ds:KeyValue>"),
        key_info("<ds:KeyValue><k:ECKeyValue><k:NamedCurve/></k:ECKeyValue></ds:KeyValue>"),
        rsa_value(b"", b""),
        rsa_value(b"\x01", b"\x03"),
        rsa_value(b"\xff" * 256, b"\x02"),
        ec_value("urn:oid:1.2.840.10045.3.1.7", b""),
        ec_value("urn:oid:1.2.840.10045.3.1.7", b"\x04" + bytes(64)),
        ec_value("urn:oid:1.3.132.0.34", b"\x04" + b"\1" * 64),
        ec_value("urn:oid:1.3.132.0.10", b"\x04" + bytes(64)),
        ec_value("", b"\x04" + bytes(64)),
    ],
)
def test_key_values_that_no_key_has_are_unresolved(content: str) -> None:
    info = read(content)

    assert info.hint.kind is HintKind.UNRESOLVED
    assert info.public_key is None


def test_a_modulus_beyond_any_key_is_cut_short() -> None:
    """Whoever sends a megabyte for a modulus must not make us compute with it."""
    public_key = read(rsa_value(b"\xff" * 5000, b"\x01\0\x01")).public_key

    assert isinstance(public_key, rsa.RSAPublicKey)
    assert public_key.key_size < 5000 * 8 / 2


def test_a_key_value_carries_its_key() -> None:
    for alias in ("old", "p256", "p384", "p521", "bp256", "bp384", "bp512"):
        assert read(key_value(alias)).public_key == entry(alias).public_key


# Token references on their own, as the STR-Transform reads them


def reference(content: str, before: str = "") -> tuple[KeyHint, bool]:
    """The hint, and whether it refers to a token of the message."""
    found = document(
        f"<r {DECLARATIONS}>{before}<wsse:SecurityTokenReference>{content}</wsse:SecurityTokenReference></r>"
    )
    node = next(found.root.iter(SECURITY_TOKEN_REFERENCE))
    return read_token_reference(node, indexed(found)), referenced_token(node, indexed(found)) is not None


def test_a_token_reference_points_at_a_token_or_describes_one() -> None:
    assert reference('<wsse:Reference URI="#token-1"/>', token("old")) == (
        KeyHint(HintKind.BINARY_SECURITY_TOKEN, f"certificate with SHA-256 {OLD.thumbprint}", **CERTIFICATE),  # type: ignore[arg-type] # fields by name
        True,
    )
    assert reference('<x/><wsse:Reference URI="#token-1"/>', token("old"))[1]
    hint, points = reference(x509_data("old"))
    assert hint.kind is HintKind.X509_DATA
    assert not points
    hint, points = reference('<wsse:Reference URI="#token-1"/>', '<x Id="token-1"/>')
    assert hint.kind is HintKind.UNRESOLVED
    assert not points


def test_a_thumbprint_is_that_of_the_standard() -> None:
    assert hashlib.sha1(der("old"), usedforsecurity=False).digest() == OLD.thumbprint_sha1
    assert base64.b64decode(encode(thumbprint("old"))) == OLD.thumbprint_sha1
