"""The verifier and its peers, each as a call that takes nothing and raises where the message does not verify.

Keys and certificates are loaded once for everybody; parsing the message is part of every call. The peers get parsers
that admit huge documents: libxml2 refuses ten megabytes otherwise.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.exceptions import InvalidInput
from signxml.verifier import SignatureConfiguration, XMLVerifier
from zeep.wsse import signature as zeep_signature

from bench.measuring import Call
from bench.verification.messages import AT, SIZES, signed_message
from gateway.verify import Policy, Verdict, Verifier, verify
from keystore import TrustedCertificate, TrustSnapshot

_DS = "http://www.w3.org/2000/09/xmldsig#"
_SIGNATURE = f".//{{{_DS}}}Signature"
_HUGE = etree.XMLParser(resolve_entities=False, huge_tree=True)


_CONTENT_TYPE = "text/xml; charset=utf-8"


def wssgate(message: bytes, *trusted: TrustedCertificate) -> Call:
    """A `gateway.verify.Verifier` with the entries given trusted: the steady state of a gateway, which knows how its
    partner writes messages."""
    return wssgate_in_turn([message], *trusted)


def wssgate_in_turn(messages: Sequence[bytes], *trusted: TrustedCertificate) -> Call:
    """The same for one message after the other, over and over."""
    trust, verifier, following = TrustSnapshot.of(*trusted), Verifier(Policy()), cycle(messages)
    return lambda: _accepted(verifier.verify(next(following), trust, AT, content_type=_CONTENT_TYPE))


def wssgate_anew(message: bytes, *trusted: TrustedCertificate) -> Call:
    """`gateway.verify.verify`: the whole procedure, and nothing remembered of other messages, as its peers."""
    trust, policy = TrustSnapshot.of(*trusted), Policy()
    return lambda: _accepted(verify(message, trust, policy, AT, content_type=_CONTENT_TYPE))


def _accepted(verdict: Verdict) -> Verdict:
    if not verdict.accepted:
        raise AssertionError(verdict.detail)
    return verdict


def libxmlsec(message: bytes, signer: TrustedCertificate) -> Call:
    """python-xmlsec: parse, register the ids, verify. It checks one key, and nothing of SOAP or WS-Security."""
    key = _xmlsec_key(signer)

    def call() -> object:
        root = etree.fromstring(message, _HUGE)
        xmlsec.tree.add_ids(root, ["Id"])
        context = xmlsec.SignatureContext()
        context.key = key
        node = root.find(_SIGNATURE)
        assert node is not None
        context.verify(node)
        return root

    return call


def zeep(message: bytes, signer: TrustedCertificate) -> Call:
    """zeep's own response verification, key loaded beforehand."""
    key = _xmlsec_key(signer)
    # Its public entry reads the certificate file for every message, which would not be fair.
    verify_envelope: Any = zeep_signature._verify_envelope_with_key  # noqa: SLF001 - see above

    def call() -> object:
        root = etree.fromstring(message, _HUGE)
        verify_envelope(root, key)
        return root

    return call


def signxml(message: bytes, signer: TrustedCertificate) -> Call:
    """signxml, told which certificate to expect and that there are two references."""
    expected = SignatureConfiguration(require_x509=False, expect_references=2, location=".//")
    verifier = XMLVerifier()

    def verified(data: bytes) -> object:
        return verifier.verify(
            data, x509_cert=signer.certificate, expect_config=expected, id_attribute="Id", parser=_HUGE
        )

    try:
        verified(signed_message(SIZES["5 KB"]))
    except InvalidInput:
        # Versions differ in how they want to be told where the signature is.
        expected = SignatureConfiguration(require_x509=False, expect_references=2)
    return lambda: verified(message)


def _xmlsec_key(signer: TrustedCertificate) -> xmlsec.Key:
    pem = signer.certificate.public_bytes(Encoding.PEM)
    return xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
