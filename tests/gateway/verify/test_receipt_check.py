"""A receipt proves who signed, to whoever has the certificate."""

import pytest

from gateway.verify import Rejection, SignatureReceipt, check_receipt
from keystore import KeyId
from tests.gateway.ledger.receipt_samples import certificate, verdict_on


def key_of(name: str) -> tuple[object, KeyId]:
    key = certificate(name).public_key()
    return key, KeyId.of(key)


SIGNED = [
    ("timestamp-signed", "old"),
    ("rsa-pss-sha256", "old"),
    ("ecdsa-p256-sha256", "p256"),
    ("ecdsa-p521-sha512", "p521"),
    ("ed25519", "ed25519"),
    ("timestamp-expired", "old"),
    ("body-altered", "old"),
]


@pytest.mark.parametrize(("message", "name"), SIGNED)
def test_what_a_key_signed_is_good_under_it_and_no_other(message: str, name: str) -> None:
    verdict = verdict_on(message, name)
    receipt = verdict.signatures[0].receipt
    assert receipt is not None
    key, key_id = key_of(name)
    checked = check_receipt(receipt, key, key_id)  # type: ignore[arg-type]
    assert checked.is_good
    assert checked.signature_id == verdict.signers[0].signature_id
    assert checked.algorithm == verdict.signatures[0].signature_algorithm
    signed = set(checked.references)
    assert {(part.uri, part.digest) for part in verdict.signatures[0].parts if part.intact} <= signed
    for other in ("new", "p384"):
        assert not check_receipt(receipt, *key_of(other)).is_good  # type: ignore[arg-type]
    altered = SignatureReceipt(receipt.signed_info.replace(b"URI=", b"URI= ", 1), receipt.value)
    assert not check_receipt(altered, key, key_id).is_good  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "signed_info",
    [
        b"",
        b"<SignedInfo/>",
        b'<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#"/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"\xff\xfe",
    ],
)
def test_what_holds_no_signed_info_is_refused(signed_info: bytes) -> None:
    with pytest.raises(Rejection):
        check_receipt(SignatureReceipt(signed_info, b"value"), *key_of("old"))  # type: ignore[arg-type]
