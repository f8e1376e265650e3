"""Independent judges of a signature: libxmlsec and signxml.

Both are asked for one Signature and its references alone, the one at a position among those of all Security headers;
what is signed, and where it stands, is not their business. Ids are registered for libxmlsec by us, on the elements that
the references name; which key to use is told to both. Neither is shown a Reference to anything outside of the message:
libxmlsec would open it.
"""

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Final

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from fixtures.manifest import Case
from gateway.verify.parsing import parse_document
from gateway.verify.xml_names import REFERENCE, SECURITY, SIGNATURE, SIGNED_INFO, local_name
from keystore import TrustedCertificate

_ID_NAMES: Final = ("Id", "ID", "id", "AssertionID")


def read(case: Case, message: bytes) -> etree._Element:
    """The message, read as the verifier reads it.

    Raises:
        Rejection: It cannot be read: there is nothing to judge.
    """
    return parse_document(message, case.policy, case.content_type)


def signatures(root: etree._Element) -> list[etree._Element]:
    """Every Signature that stands in a Security header, ours or not."""
    return [
        node for node in root.iter(SIGNATURE) if (parent := node.getparent()) is not None and parent.tag == SECURITY
    ]


def points_outside(root: etree._Element) -> bool:
    """Whether some Reference of a Signature names something else than an element of the message."""
    references = (reference for node in signatures(root) for reference in node.iter(REFERENCE))
    return any(not (reference.get("URI") or "").startswith("#") for reference in references)


def libxmlsec_accepts(case: Case, root: etree._Element, position: int, certificate: TrustedCertificate) -> bool:
    """Whether libxmlsec finds the Signature good under the certificate's key; it leaves its marks on the tree."""
    if certificate.public_key is None:
        return False
    node = signatures(root)[position]
    context = xmlsec.SignatureContext()
    try:
        # The context takes a copy.
        context.key = _key(certificate.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        for element, name in _referenced(root, node):
            qualified = etree.QName(name)
            context.register_id(element, qualified.localname, qualified.namespace)
        context.verify(node)
    except xmlsec.Error:
        return False
    return True


@cache
def _key(pem: bytes) -> xmlsec.Key:
    return xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)


def _referenced(root: etree._Element, signature: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The elements that the signature refers to, each with the attribute that names it."""
    values = {(reference.get("URI") or "").removeprefix("#") for reference in signature.iter(REFERENCE)}
    for element in root.iter(etree.Element):
        names = [str(name) for name, value in element.items() if value in values and local_name(str(name)) in _ID_NAMES]
        if names:
            yield element, names[0]


class _SignxmlVerifier(XMLVerifier):
    """signxml by itself looks at the first Signature of a document only."""

    def __init__(self, position: int) -> None:
        """Look at the Signature at that position instead."""
        self._position = position

    def _get_signature(self, root: etree._Element) -> etree._Element:
        return signatures(root)[self._position]


def signxml_accepts(case: Case, root: etree._Element, position: int, certificate: TrustedCertificate) -> bool:
    """Whether signxml finds the Signature good under the certificate, with every Reference of its SignedInfo."""
    configuration = SignatureConfiguration(
        expect_references=True,
        signature_methods=frozenset(SignatureMethod),
        digest_algorithms=frozenset(DigestAlgorithm),
        ignore_ambiguous_key_info=True,
        verification_time=case.at,
        # XMLDSIG 4.4.3.2: where no canonicalization is named.
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It reads subjects of certificates that `cryptography` warns of.
        try:
            found = _SignxmlVerifier(position).verify(
                root,
                x509_cert=load_der_x509_certificate(certificate.der),
                expect_config=configuration,
                validate_schema=False,  # It would object to what WS-Security permits, and to a KeyInfo, before judging.
            )
        except Exception:  # noqa: BLE001 - whatever it stumbles over in a hostile message, it has not accepted it
            return False
    references = signatures(root)[position].findall(f"{SIGNED_INFO}/{REFERENCE}")
    return isinstance(found, list) and len(found) == len(references) > 0
