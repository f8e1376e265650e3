"""Independent judges: what we accept, libxmlsec and signxml find good, too; where they do not, it is known why.

Both are asked for the signature and its references alone. Ids are registered for libxmlsec by us, on the elements that
the references name; which certificate to use is told to both.
"""

import re
from collections.abc import Callable, Iterator

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from fixtures.manifest import Case, entry, interop_cases, own_cases, public_cases
from gateway.verify import Reason
from gateway.verify.envelope import find_security_header, read_envelope
from gateway.verify.names import DIGEST_VALUE, REFERENCE, SIGNATURE, local_name
from gateway.verify.parsing import parse_document
from keystore import SigningKey, TrustedCertificate

CASES = {case.id: case for case in (*own_cases(), *interop_cases(), *public_cases())}
ACCEPTED = [identifier for identifier, case in CASES.items() if case.accepted]
BROKEN = [
    identifier
    for identifier, case in CASES.items()
    # Of a multipart message, not even the envelope is looked at.
    if case.reason in {Reason.SIGNATURE_INVALID, Reason.DIGEST_MISMATCH}
    and not (case.content_type or "").startswith("multipart/")
]
ACCEPTED_AT_LEAST = 70
BROKEN_AT_LEAST = 10
ID_NAMES = ("Id", "ID", "id", "AssertionID")

Divergences = dict[str, Callable[[Case], bool]]


def holds(pattern: str) -> Callable[[Case], bool]:
    """Whether the message holds something of that pattern."""
    compiled = re.compile(pattern.encode(), re.DOTALL)
    return lambda case: compiled.search(case.message) is not None


XMLSEC_DIVERGENCES: Divergences = {
    "libxmlsec knows no STR-Transform": holds("#STR-Transform"),
    "libxmlsec, as its wheel is built, knows no Ed25519": holds("#eddsa-ed25519"),
}
"""Why libxmlsec does not find good what we accept -> in which messages. Nowhere else it may differ; there it must."""

_INCLUSIVE = {
    "c14n10",
    "c14n11",
    "c14n11-xml-base-and-id",
    "no-transform",
    "signed-info-c14n10",
    "signed-info-c14n11",
    "xml-attributes-on-ancestors-c14n10",
    "xml-attributes-on-ancestors-c14n11",
    "wss4j/bst-c14n10-rich",
    "wss4j/bst-c14n11-rich",
    "wss4j_debian/issuer-serial-c14n10-timestamp-rich",
    "wss4j_debian/issuer-serial-c14n11-timestamp-rich",
    "xml_crypto/bst-c14n10-namespaces",
    "xml_crypto/bst-c14n10-soap12-timestamp-default-namespace",
    "xml_crypto/bst-c14n10-soap12-timestamp-fault",
    "xml_crypto/bst-c14n10-soap12-timestamp-pretty",
    "xmlsec1/bst-rich-no-transforms",
    "xmlsec1/thumbprint-c14n10-rich",
    "xmlsec1/thumbprint-c14n11-rich",
}
XMLSEC_TOLERATES: Divergences = {
    "libxmlsec fills up an ECDSA value that is too short; XMLDSIG 6.4.3 knows one length": lambda case: (
        case.id == "wss4j_debian/bst-p521-ecdsa-sha512-cut-value"
    ),
}
"""Why libxmlsec finds good what we reject as broken -> in which messages."""
SIGNXML_DIVERGENCES: Divergences = {
    "signxml knows no STR-Transform": holds("#STR-Transform"),
    "signxml knows no Ed25519": holds("#eddsa-ed25519"),
    "signxml's schema admits no PrefixList in a CanonicalizationMethod": holds(
        r"CanonicalizationMethod[^>]*[^/]>\s*<[^>]*InclusiveNamespaces"
    ),
    "signxml's schema admits no empty KeyInfo": lambda case: case.id == "empty-key-info",
    "signxml keeps the empty prefix for an empty PrefixList": lambda case: case.id == "exclusive-prefix-list-empty",
    "signxml canonicalizes subtrees inclusively as lxml does, with what is wrong there": lambda case: (
        case.id in _INCLUSIVE
    ),
    "signxml writes elements in ASCII on the way, which has no way to write other names": lambda case: (
        case.id.startswith(("names-beyond-ascii-", "attributes-sorted-by-code-point-"))
    ),
    "signxml accepts no certificate out of its validity": lambda case: case.policy.expired_certificate == "accept",
}


def divergence(case: Case, table: Divergences) -> str | None:
    return next((why for why, applies in table.items() if applies(case)), None)


# libxmlsec


def public_pem(key: SigningKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def libxmlsec_accepts(case: Case, position: int, key: SigningKey) -> bool:
    """Whether libxmlsec finds the signature at that position of our Security header good under `key`."""
    root = parse_document(case.message, case.policy, case.content_type)
    node = find_security_header(read_envelope(root), case.policy.actor)[0].signatures[position]
    context = xmlsec.SignatureContext()
    try:
        context.key = xmlsec.Key.from_memory(public_pem(key), xmlsec.constants.KeyDataFormatPem)
        for element, name in _referenced(root, node):
            qualified = etree.QName(name)
            context.register_id(element, qualified.localname, qualified.namespace)
        context.verify(node)
    except xmlsec.Error:
        return False
    return True


def _referenced(root: etree._Element, signature: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The elements that the signature refers to, each with the attribute that names it."""
    values = {(reference.get("URI") or "").removeprefix("#") for reference in signature.iter(REFERENCE)}
    for element in root.iter(etree.Element):
        names = [str(name) for name, value in element.items() if value in values and local_name(str(name)) in ID_NAMES]
        if names:
            yield element, names[0]


def usable(entries: tuple[TrustedCertificate, ...]) -> Iterator[SigningKey]:
    yield from (found.public_key for found in entries if found.public_key is not None)


@pytest.mark.parametrize("identifier", ACCEPTED)
def test_libxmlsec_agrees(identifier: str) -> None:
    case = CASES[identifier]
    keys = {found.alias: found.public_key for found in case.trust}
    why = divergence(case, XMLSEC_DIVERGENCES)
    found = []

    for position, report in enumerate(case.verdict().signatures):
        for by in report.verified_by:
            key = keys[by.alias]
            assert key is not None
            found.append(libxmlsec_accepts(case, position, key))
    assert found
    assert all(found) if why is None else not all(found), why


@pytest.mark.parametrize("identifier", ACCEPTED)
def test_libxmlsec_accepts_no_other_key(identifier: str) -> None:
    """The control: it is the key that was told to it that counts."""
    case = CASES[identifier]
    other = entry("foreign").public_key
    assert other is not None

    ours = [position for position, report in enumerate(case.verdict().signatures) if report.verified_by]
    assert not any(libxmlsec_accepts(case, position, other) for position in ours)


@pytest.mark.parametrize("identifier", BROKEN)
def test_libxmlsec_rejects_what_is_broken(identifier: str) -> None:
    case = CASES[identifier]
    signatures = case.verdict().signatures
    broken = [position for position, report in enumerate(signatures) if report.reason is not None]
    why = divergence(case, XMLSEC_TOLERATES)

    assert broken
    for position in broken:
        accepted = any(libxmlsec_accepts(case, position, key) for key in usable(case.trust))
        assert accepted is (why is not None), why


# signxml


def signxml_accepts(case: Case, certificate: TrustedCertificate, at_least: int) -> bool:
    """Whether signxml finds the only signature of the message good under the certificate."""
    configuration = SignatureConfiguration(
        expect_references=True,
        signature_methods=frozenset(SignatureMethod),
        digest_algorithms=frozenset(DigestAlgorithm),
        ignore_ambiguous_key_info=True,
        verification_time=case.at,
        # XMLDSIG 4.4.3.2: where no canonicalization is named.
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )
    root = parse_document(case.message, case.policy, case.content_type)
    try:
        found = XMLVerifier().verify(
            root, x509_cert=load_der_x509_certificate(certificate.der), expect_config=configuration
        )
    except (SignXMLException, etree.DocumentInvalid, etree.XMLSyntaxError):
        return False
    return isinstance(found, list) and len(found) >= at_least


@pytest.mark.filterwarnings("ignore")  # signxml reads subjects that `cryptography` warns of
@pytest.mark.parametrize("identifier", ACCEPTED)
def test_signxml_agrees(identifier: str) -> None:
    case = CASES[identifier]
    root = parse_document(case.message, case.policy, case.content_type)
    if len(list(root.iter(SIGNATURE))) != 1:
        pytest.skip("signxml verifies the first signature of a message, and this one holds several")
    entries = {found.alias: found for found in case.trust}
    why = divergence(case, SIGNXML_DIVERGENCES)

    for by in case.verdict().verified_by:
        accepted = signxml_accepts(case, entries[by.alias], len(list(root.iter(DIGEST_VALUE))))
        assert accepted is (why is None), why


# The tables


def test_there_is_enough_to_compare() -> None:
    own = {case.id for case in own_cases()}

    assert len(own & set(ACCEPTED)) >= ACCEPTED_AT_LEAST
    assert len(own & set(BROKEN)) >= BROKEN_AT_LEAST


@pytest.mark.parametrize("table", [XMLSEC_DIVERGENCES, SIGNXML_DIVERGENCES], ids=["libxmlsec", "signxml"])
def test_every_divergence_is_shown_by_a_message(table: Divergences) -> None:
    accepted = [CASES[identifier] for identifier in ACCEPTED]
    without = {why for why, applies in table.items() if not any(applies(case) for case in accepted)}

    # The message with a certificate out of its validity is in the public corpus, which may not be at hand.
    assert without == set() or not public_cases()
