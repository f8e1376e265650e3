"""A record's receipts prove what it says of its signers, or it is told what they do not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gateway.ledger import MessageRecord, ProofState, prove_signers
from gateway.verify import SignatureReceipt
from keystore import Alias, KeyId, State, Thumbprint, TrustedCertificate
from tests.gateway.ledger.receipt_samples import certificate, record_of_message

RECORD = record_of_message("timestamp-signed")
OLD = TrustedCertificate(alias=Alias("old"), certificate=certificate("old"), state=State.TRUSTED)
NEW = TrustedCertificate(alias=Alias("new"), certificate=certificate("new"), state=State.TRUSTED)
ENTRY = (RECORD.signers or ())[0].entry
RECEIPTS = {n: one.receipt for n, one in enumerate(RECORD.signatures) if one.receipt is not None}


def proof(
    record: MessageRecord = RECORD,
    receipts: Mapping[int, SignatureReceipt] = RECEIPTS,
    given: TrustedCertificate | None = OLD,
) -> tuple[ProofState, str]:
    (one,) = prove_signers(record, receipts, lambda _: given)
    return one.state, one.detail


def with_signer(**fields: Any) -> MessageRecord:
    assert RECORD.signers
    return replace(RECORD, signers=(replace(RECORD.signers[0], **fields),))


def with_parts(**fields: Any) -> MessageRecord:
    report = RECORD.signatures[0]
    return replace(RECORD, signatures=(replace(report, parts=tuple(replace(one, **fields) for one in report.parts)),))


def test_what_is_as_it_was_is_good() -> None:
    assert proof() == (ProofState.GOOD, "checked: good under old")
    assert proof(with_parts(intact=False, digest="0" * 64), RECEIPTS)[0] is ProofState.BAD, "covers nothing intact"


def test_a_signed_attachment_is_covered_by_its_address() -> None:
    attached = with_parts(name="Attachment", path="cid:a@example")
    signer = (attached.signers or ())[0]
    assert proof(replace(attached, signers=(replace(signer, covers=("cid:a@example",)),)))[0] is ProofState.GOOD
    for other in ("cid:b@example", "Attachment"):
        assert proof(replace(attached, signers=(replace(signer, covers=(other,)),)))[0] is ProofState.BAD


def test_what_is_not_there_cannot_be_checked() -> None:
    assert proof(receipts={})[0] is ProofState.NO_RECEIPT
    assert proof(given=None)[0] is ProofState.NO_CERTIFICATE
    assert prove_signers(replace(RECORD, signers=None), RECEIPTS, lambda _: OLD) == ()


OTHER_RECEIPT = SignatureReceipt(RECEIPTS[0].signed_info.replace(b"#body", b"#b0dy"), RECEIPTS[0].value)


@pytest.mark.parametrize(
    ("record", "receipts", "given", "sentence"),
    [
        (RECORD, RECEIPTS, NEW, "not the one that the record names"),
        (
            with_signer(entry=replace(ENTRY, key_id=KeyId("0" * 64))),
            RECEIPTS,
            OLD,
            "not the one that",
        ),
        (
            with_signer(entry=replace(ENTRY, thumbprint=Thumbprint("0" * 64))),
            RECEIPTS,
            OLD,
            "not the one that",
        ),
        (RECORD, {0: SignatureReceipt(b"none", b"")}, OLD, "cannot be read"),
        (RECORD, {0: OTHER_RECEIPT}, OLD, "NOT good under old"),
        (with_signer(signature_id="0" * 64), RECEIPTS, OLD, "another one than the record names"),
        (with_signer(signature=1), {1: RECEIPTS[0]}, OLD, "tells nothing of this signature"),
        (with_signer(signature=-1), {-1: RECEIPTS[0]}, OLD, "tells nothing of this signature"),
        (with_parts(digest="0" * 64), RECEIPTS, OLD, "not those of the record"),
        (with_parts(uri="#elsewhere"), RECEIPTS, OLD, "not those of the record"),
        (
            with_signer(covers=("Body", "Timestamp", "Header")),
            RECEIPTS,
            OLD,
            "covers parts that its signature does not",
        ),
    ],
)
def test_what_was_altered_is_told(
    record: MessageRecord, receipts: Mapping[int, SignatureReceipt], given: TrustedCertificate, sentence: str
) -> None:
    state, detail = proof(record, receipts, given)
    assert state is ProofState.BAD
    assert sentence in detail
