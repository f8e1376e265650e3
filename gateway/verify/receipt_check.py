"""A receipt, checked: with a certificate alone anybody can tell whether its key signed (XMLDSIG 3.2.2).

Nothing is asked about trust, policy or freshness: only which key made the value, over which digests.
"""

import binascii
from dataclasses import dataclass

from lxml import etree

from gateway.verify.grammar import read_what_was_signed
from gateway.verify.parsing import parse_document
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.signature_value import SignedValue, applicable
from gateway.verify.signers import signature_id_under
from gateway.verify.verdict import SignatureReceipt
from gateway.verify.xml_names import SIGNATURE, SIGNATURE_VALUE, SIGNED_INFO
from keystore import KeyId, SigningKey


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """What a receipt says under one key."""

    is_good: bool
    """The key made this value over this SignedInfo."""
    algorithm: str
    """The URI of the SignatureMethod."""
    signature_id: str | None
    """As in `gateway.verify.Signer`; None where it is not good."""
    references: tuple[tuple[str, str], ...]
    """URI and digest (hexadecimal) of each Reference that can be read."""


def check_receipt(receipt: SignatureReceipt, key: SigningKey, key_id: KeyId) -> CheckedReceipt:
    """Check `receipt` under `key`, whose id is `key_id`.

    Raises:
        Rejection: It holds no SignedInfo that says by which algorithm it was signed.
    """
    signed_info = parse_document(receipt.signed_info, Policy())
    if signed_info.tag != SIGNED_INFO:
        raise Rejection(Reason.STRUCTURE, "the receipt holds no SignedInfo")
    signature = etree.Element(SIGNATURE)
    signature.append(signed_info)
    etree.SubElement(signature, SIGNATURE_VALUE).text = binascii.b2a_base64(receipt.value, newline=False).decode()
    grammar = read_what_was_signed(signature)
    algorithm = grammar.algorithm
    signed = SignedValue(receipt.value, receipt.signed_info, algorithm)
    is_good = applicable(algorithm, key, receipt.value) and signed.is_signed_by(key)
    return CheckedReceipt(
        is_good=is_good,
        algorithm=algorithm.uri,
        signature_id=signature_id_under(key, key_id, receipt.value) if is_good else None,
        references=tuple((one.uri, one.digest.hex()) for one in grammar.references),
    )
