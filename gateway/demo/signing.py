"""Signing a response the way the receiver's stack does, and spoiling it the way an attacker does."""

from pathlib import Path

from lxml import etree
from xmlsec import constants
from zeep.wsse.signature import BinarySignature

from gateway.demo.receiver_settings import Attack

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_WSU_ID = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id"


def sign(envelope: etree._Element, key_file: Path, certificate_file: Path) -> None:
    """Sign Body and Timestamp of `envelope`, RSA with SHA-256; the certificate travels as a BinarySecurityToken."""
    signature = BinarySignature(  # type: ignore[no-untyped-call]  # zeep has no types
        str(key_file),
        str(certificate_file),
        signature_method=constants.TransformRsaSha256,
        digest_method=constants.TransformSha256,
    )
    signature.apply(envelope, {})  # type: ignore[no-untyped-call]  # zeep has no types


def spoil(envelope: etree._Element, attack: Attack) -> None:
    """Do to a signed `envelope` what `attack` says."""
    body = envelope[1]
    amount = body[0][1]
    match attack:
        case Attack.NONE:
            return
        case Attack.ALTERED:
            amount.text = "0.01"
        case Attack.WRAPPED:
            forged = etree.fromstring(etree.tostring(body))
            del forged.attrib[_WSU_ID]
            forged[0][1].text = "0.01"
            hiding_place = etree.SubElement(envelope[0], "{urn:acme:audit}Copy")
            hiding_place.append(body)
            envelope.append(forged)
