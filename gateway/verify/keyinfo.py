"""What KeyInfo says about the signing key (XMLDSIG 4.5, WSS-Core 7, WSS-X509 3.2).

An unauthenticated claim: it orders the candidates and explains failures. Nothing read here grants trust, so what
cannot be read, or leads nowhere, is a hint that says nothing, and nothing is fetched. What asks to fetch the key from
elsewhere is an error, and so is an id that two elements have.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from lxml import etree

from gateway.verify.ids import IdIndex
from gateway.verify.names import (
    BINARY_SECURITY_TOKEN,
    DS,
    KEY_IDENTIFIER,
    KEY_NAME,
    KEY_VALUE,
    SAML_ASSERTIONS,
    SECURITY_TOKEN_REFERENCE,
    SUBJECT_CONFIRMATIONS,
    WSSE_REFERENCE,
    X509_CERTIFICATE,
    X509_DATA,
    X509_ISSUER_NAME,
    X509_ISSUER_SERIAL,
    X509_SERIAL_NUMBER,
    X509_SKI,
    X509_SUBJECT_NAME,
)
from gateway.verify.reason import Reason, Rejection
from gateway.verify.text import base64_text, child_elements, decode_base64, printable, sole_text
from keystore import NO_HINT, HintKind, KeyHint, KeyId, SigningKey, Thumbprint, without_warnings

_MODULUS: Final = f"{{{DS}}}Modulus"
_EXPONENT: Final = f"{{{DS}}}Exponent"
_DS11: Final = "http://www.w3.org/2009/xmldsig11#"
_NAMED_CURVE: Final = f"{{{_DS11}}}NamedCurve"
_PUBLIC_KEY: Final = f"{{{_DS11}}}PublicKey"
_FETCHING: Final = {f"{{{DS}}}RetrievalMethod", f"{{{_DS11}}}KeyInfoReference"}
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "urn:oid:1.2.840.10045.3.1.7": ec.SECP256R1(),
    "urn:oid:1.3.132.0.34": ec.SECP384R1(),
    "urn:oid:1.3.132.0.35": ec.SECP521R1(),
    "urn:oid:1.3.36.3.3.2.8.1.1.7": ec.BrainpoolP256R1(),
    "urn:oid:1.3.36.3.3.2.8.1.1.11": ec.BrainpoolP384R1(),
    "urn:oid:1.3.36.3.3.2.8.1.1.13": ec.BrainpoolP512R1(),
}
MAX_FORMS: Final = 64
"""Children of a KeyInfo: ways to name one key."""
_SAML_ID_TYPES: Final = ("#SAMLID", "#SAMLAssertionID")
"""How the ValueType of a KeyIdentifier ends that names a SAML assertion, of SAML 2.0 or 1.1 (WSS-SAML 3.4)."""
_MAX_CONFIRMATIONS: Final = 16
"""KeyInfo children looked at in an assertion."""
_MAX_PATH: Final = 16
"""Certificates taken from a PKIPath or PKCS#7 token."""
_MAX_CACHED_TOKEN: Final = 8192
"""Characters of a token whose reading is remembered: with 256 of them, 2 MB at most, whoever fills them."""
_MAX_MODULUS: Final = 2049
"""Octets read of a modulus: 16,384 bits and a leading zero. Arithmetic on a megabyte would take minutes."""
_MAX_SERIAL_DIGITS: Final = 100
"""A serial number has at most 20 octets (RFC 5280, 4.1.2.2): 49 digits."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A KeyInfo, read."""

    hint: KeyHint
    public_key: SigningKey | None = None
    """From a KeyValue: the bare key that the message carries."""


def read_key_info(key_info: etree._Element | None, ids: IdIndex) -> KeyInfo:
    """Read `key_info`; None stands for a Signature without one.

    Raises:
        Rejection: `structure`, where it asks to fetch the key from elsewhere (threat rule 11); `duplicate-id`, where
            the token that it names is ambiguous; `limits`.
    """
    if key_info is None:
        return KeyInfo(NO_HINT)
    if len(key_info) > MAX_FORMS:
        raise Rejection(Reason.LIMITS, f"a KeyInfo holds more than {MAX_FORMS} elements")
    found: list[KeyInfo] = []
    for child in child_elements(key_info):
        if child.tag in _FETCHING:
            raise Rejection(Reason.STRUCTURE, "KeyInfo asks to retrieve the key from elsewhere")
        try:
            info = _read_child(child, ids)
        except Rejection as rejection:
            if rejection.reason is Reason.DUPLICATE_ID:
                raise
            info = KeyInfo(KeyHint(HintKind.UNRESOLVED, rejection.detail))
        found.append(info)
    # The first form that names something counts; a token reference that leads nowhere may stand before it.
    resolved = [info for info in found if info.hint.kind is not HintKind.UNRESOLVED]
    if resolved:
        return resolved[0]
    return found[0] if found else KeyInfo(KeyHint(HintKind.UNRESOLVED, "an empty KeyInfo"))


def referenced_token(reference: etree._Element, ids: IdIndex) -> etree._Element | None:
    """The token of the message that a SecurityTokenReference points at: a BinarySecurityToken or a SAML assertion.

    By a Reference to its id, or by a KeyIdentifier that holds the id of an assertion (WSS-SAML 3.4). None where it
    points at none: what it says instead may lead elsewhere, and nobody goes there.

    Raises:
        Rejection: `duplicate-id`; `structure`, where its children cannot be told.
    """
    for child in child_elements(reference):
        if child.tag == WSSE_REFERENCE:
            uri = str(child.get("URI") or "")
            token = ids.find(uri[1:]) if uri.startswith("#") else None
            is_token = token is not None and (token.tag == BINARY_SECURITY_TOKEN or token.tag in SAML_ASSERTIONS)
            return token if is_token else None
        if child.tag == KEY_IDENTIFIER and _names_assertion(child):
            token = ids.find(sole_text(child))
            return token if token is not None and token.tag in SAML_ASSERTIONS else None
    return None


def _names_assertion(identifier: etree._Element) -> bool:
    return str(identifier.get("ValueType") or "").endswith(_SAML_ID_TYPES)


def read_token_reference(reference: etree._Element, ids: IdIndex) -> KeyHint:
    """The hint in a wsse:SecurityTokenReference.

    Raises:
        Rejection: `duplicate-id`; `structure`, where what it says cannot be read.
    """
    return _token_reference(reference, ids).hint


def _token_reference(reference: etree._Element, ids: IdIndex) -> KeyInfo:
    for child in child_elements(reference):
        if child.tag == WSSE_REFERENCE or (child.tag == KEY_IDENTIFIER and _names_assertion(child)):
            token = referenced_token(reference, ids)
            if token is None:
                return KeyInfo(KeyHint(HintKind.UNRESOLVED, "a reference to a token that the message does not hold"))
            return _assertion(token) if token.tag in SAML_ASSERTIONS else KeyInfo(_token(token))
        if child.tag == KEY_IDENTIFIER:
            return KeyInfo(_key_identifier(child))
        if child.tag == X509_DATA:
            return KeyInfo(_x509_data(child))
        if child.tag == KEY_NAME:
            return KeyInfo(_key_name(child))
    return KeyInfo(KeyHint(HintKind.UNRESOLVED, "a SecurityTokenReference of a form that is not supported"))


def _assertion(assertion: etree._Element) -> KeyInfo:
    """The key by which the subject of a SAML assertion is confirmed (holder-of-key: SAML 2.0 profiles, 3.1)."""
    for child in islice(_confirmations(assertion), _MAX_CONFIRMATIONS):
        try:
            info = KeyInfo(_x509_data(child)) if child.tag == X509_DATA else _key_value(child)
        except Rejection:
            continue
        if info.hint.kind is not HintKind.UNRESOLVED:
            named = f"a SAML assertion over {info.hint.named}"
            return replace(info, hint=replace(info.hint, kind=HintKind.SAML_ASSERTION, named=named))
    return KeyInfo(KeyHint(HintKind.UNRESOLVED, "a SAML assertion that names no key"))


def _confirmations(assertion: etree._Element) -> Iterator[etree._Element]:
    for confirmation in assertion.iter(*SUBJECT_CONFIRMATIONS):
        yield from confirmation.iter(X509_DATA, KEY_VALUE)


def _read_child(child: etree._Element, ids: IdIndex) -> KeyInfo:
    if child.tag == SECURITY_TOKEN_REFERENCE:
        return _token_reference(child, ids)
    if child.tag == X509_DATA:
        return KeyInfo(_x509_data(child))
    if child.tag == KEY_VALUE:
        return _key_value(child)
    if child.tag == KEY_NAME:
        return KeyInfo(_key_name(child))
    return KeyInfo(KeyHint(HintKind.UNRESOLVED, "a KeyInfo of a form that is not supported"))


@lru_cache(maxsize=256)
def _known_token(value_type: str, text: str) -> KeyHint:
    """A partner sends the same token with every message; see `_MAX_CACHED_TOKEN` for the bound in bytes."""
    return _decoded_token(value_type, decode_base64(text, "BinarySecurityToken"))


def _certificates(kind: HintKind, ders: list[bytes]) -> KeyHint:
    thumbprints = [Thumbprint.of(der) for der in ders]
    return KeyHint(
        kind, f"certificate with SHA-256 {thumbprints[0]}", certificates=tuple(ders), thumbprints=frozenset(thumbprints)
    )


def _token(token: etree._Element) -> KeyHint:
    """A BinarySecurityToken; stacks spell the type in several ways, so only its end is looked at (WSS-X509 3.1)."""
    value_type = str(token.get("ValueType") or "")
    text = sole_text(token)
    if len(text) + len(value_type) <= _MAX_CACHED_TOKEN:
        return _known_token(value_type, text)
    return _decoded_token(value_type, decode_base64(text, "BinarySecurityToken"))


def _decoded_token(value_type: str, octets: bytes) -> KeyHint:
    if value_type.endswith("#X509PKIPathv1"):
        path = _pki_path(octets)
    elif value_type.endswith("#PKCS7"):
        path = _pkcs7(octets)
    else:
        return _certificates(HintKind.BINARY_SECURITY_TOKEN, [octets])
    if not path:
        return KeyHint(HintKind.UNRESOLVED, "a certificate path that cannot be read")
    return _certificates(HintKind.PKI_PATH, path)


def _pki_path(octets: bytes) -> list[bytes]:
    """Certificates of a PkiPath, the end entity first; in the `SEQUENCE OF Certificate` it is last (X.509, 11.2)."""
    outer = _der_element(octets, 0)
    if outer is None or octets[0] != 0x30 or outer[1] != len(octets):
        return []
    path: list[bytes] = []
    position, end = outer
    while position < end and len(path) < _MAX_PATH:
        element = _der_element(octets, position)
        if element is None or element[1] > end:
            return []
        path.append(octets[position : element[1]])
        position = element[1]
    return path[::-1]


def _der_element(octets: bytes, start: int) -> tuple[int, int] | None:
    """Where the content of the DER element at `start` begins and ends; None where there is none (X.690, 8.1.3)."""
    if start + 2 > len(octets):
        return None
    length, content = octets[start + 1], start + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or content + count > len(octets):
            return None
        length = int.from_bytes(octets[content : content + count], "big")
        content += count
    end = content + length
    return (content, end) if end <= len(octets) else None


def _pkcs7(octets: bytes) -> list[bytes]:
    try:
        with without_warnings():
            certificates = load_der_pkcs7_certificates(octets)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return []
    return [certificate.public_bytes(Encoding.DER) for certificate in certificates[:_MAX_PATH]]


def _key_identifier(element: etree._Element) -> KeyHint:
    value_type = str(element.get("ValueType") or "")
    octets = base64_text(element)
    if value_type.endswith("#ThumbprintSHA1"):
        return KeyHint(HintKind.THUMBPRINT_SHA1, f"SHA-1 thumbprint {octets.hex()[:64]}", thumbprint_sha1=octets)
    if value_type.endswith(("#X509SubjectKeyIdentifier", "#X509v3SubjectKeyIdentifier")):
        return KeyHint(
            HintKind.SUBJECT_KEY_IDENTIFIER,
            f"subject key identifier {octets.hex()[:64]}",
            subject_key_identifier=octets,
        )
    if value_type.endswith("#X509v3"):
        return _certificates(HintKind.EMBEDDED_CERTIFICATE, [octets])
    return KeyHint(HintKind.UNRESOLVED, f"a KeyIdentifier of type {printable(value_type) or '(none)'}")


def _x509_data(data: etree._Element) -> KeyHint:
    """ds:X509Data: everything in it describes one key or its path (XMLDSIG 4.5.4)."""
    ders: list[bytes] = []
    issuer = subject = None
    serial: int | None = None
    ski: bytes | None = None
    for child in child_elements(data):
        if child.tag == X509_CERTIFICATE:
            ders.append(base64_text(child))
        elif child.tag == X509_ISSUER_SERIAL:
            issuer, serial = _issuer_serial(child)
        elif child.tag == X509_SKI:
            ski = base64_text(child)
        elif child.tag == X509_SUBJECT_NAME:
            subject = sole_text(child)
    ders = ders[:_MAX_PATH]
    if ders:
        kind, named = HintKind.X509_DATA, f"certificate with SHA-256 {Thumbprint.of(ders[0])}"
    elif serial is not None:
        kind, named = HintKind.ISSUER_SERIAL, f"serial number {serial} of issuer {printable(issuer or '')}"
    elif ski is not None:
        kind, named = HintKind.SUBJECT_KEY_IDENTIFIER, f"subject key identifier {ski.hex()[:64]}"
    elif subject is not None:
        kind, named = HintKind.SUBJECT_NAME, f"subject {printable(subject)}"
    else:
        return KeyHint(HintKind.UNRESOLVED, "an X509Data of a form that is not supported")
    return KeyHint(
        kind,
        named,
        certificates=tuple(ders),
        thumbprints=frozenset(Thumbprint.of(der) for der in ders),
        subject_key_identifier=ski,
        issuer=issuer,
        serial=serial,
        subject=subject,
    )


def _issuer_serial(element: etree._Element) -> tuple[str | None, int | None]:
    issuer = serial = None
    for child in child_elements(element):
        if child.tag == X509_ISSUER_NAME:
            issuer = sole_text(child)
        elif child.tag == X509_SERIAL_NUMBER:
            digits = sole_text(child)
            # isdecimal() alone would admit digits of other scripts, and int() reads them.
            if digits.isascii() and digits.removeprefix("-").isdecimal() and len(digits) <= _MAX_SERIAL_DIGITS:
                serial = int(digits)
    return (issuer, serial) if issuer is not None and serial is not None else (None, None)


def _key_name(element: etree._Element) -> KeyHint:
    name = sole_text(element)
    return KeyHint(HintKind.KEY_NAME, f"key name {printable(name)}", name=name)


def _key_value(element: etree._Element) -> KeyInfo:
    """ds:KeyValue with an RSAKeyValue or ECKeyValue (XMLDSIG 4.5.2)."""
    fields = {str(field.tag): field for value in child_elements(element) for field in child_elements(value)}
    key: SigningKey | None = None
    try:
        if _MODULUS in fields and _EXPONENT in fields:
            modulus = int.from_bytes(base64_text(fields[_MODULUS])[:_MAX_MODULUS], "big")
            exponent = int.from_bytes(base64_text(fields[_EXPONENT])[:_MAX_MODULUS], "big")
            key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        elif _NAMED_CURVE in fields and _PUBLIC_KEY in fields:
            curve = _CURVES[str(fields[_NAMED_CURVE].get("URI"))]
            key = ec.EllipticCurvePublicKey.from_encoded_point(curve, base64_text(fields[_PUBLIC_KEY]))
    except (ValueError, KeyError, UnsupportedAlgorithm):
        key = None
    if key is None:
        return KeyInfo(KeyHint(HintKind.UNRESOLVED, "a KeyValue that cannot be read"))
    key_id = KeyId.of(key)
    return KeyInfo(KeyHint(HintKind.KEY_VALUE, f"public key with SHA-256 {key_id}", key_id=key_id), key)
