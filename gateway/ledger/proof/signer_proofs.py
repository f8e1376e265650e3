"""Whether a record's receipts prove what it says of its signers, to whoever has their certificates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.ledger.record import MessageRecord
from gateway.ledger.record_rows import stored_text
from gateway.verify import Rejection, SignatureReceipt, SignatureReport, Signer, check_receipt
from keystore import SigningKey, Thumbprint, TrustedCertificate


class ProofState(StrEnum):
    """What a receipt proves."""

    GOOD = "good"
    """The key of the certificate made this signature, over the digests that the record tells."""
    BAD = "bad"
    """It did not, or over other digests: the record, the receipt or the certificate was altered."""
    NO_RECEIPT = "no-receipt"
    """There is nothing to check."""
    NO_CERTIFICATE = "no-certificate"
    """There is nothing to check it with."""


@dataclass(frozen=True, slots=True)
class SignerProof:
    """One signer of a record, and what its receipt proves."""

    signer: Signer
    state: ProofState
    detail: str
    """Half a sentence."""


def prove_signers(
    record: MessageRecord,
    receipts: Mapping[int, SignatureReceipt],
    certificates: Callable[[Thumbprint], TrustedCertificate | None],
) -> tuple[SignerProof, ...]:
    """Check the receipts of `record` for each of its signers; `certificates` gives the one of a thumbprint."""
    return tuple(
        _proof(signer, record, receipts.get(signer.signature), certificates(signer.entry.thumbprint))
        for signer in record.signers or ()
    )


def _proof(
    signer: Signer, record: MessageRecord, receipt: SignatureReceipt | None, certificate: TrustedCertificate | None
) -> SignerProof:
    if receipt is None:
        return SignerProof(signer, ProofState.NO_RECEIPT, "no receipt was kept")
    if certificate is None or certificate.public_key is None:
        return SignerProof(signer, ProofState.NO_CERTIFICATE, "its certificate is not there")
    wrong = _what_is_wrong(signer, record, receipt, certificate, certificate.public_key)
    if wrong is not None:
        return SignerProof(signer, ProofState.BAD, wrong)
    return SignerProof(signer, ProofState.GOOD, f"checked: good under {signer.entry.alias}")


def _what_is_wrong(
    signer: Signer,
    record: MessageRecord,
    receipt: SignatureReceipt,
    certificate: TrustedCertificate,
    key: SigningKey,
) -> str | None:
    if certificate.thumbprint != signer.entry.thumbprint or certificate.key_id != signer.entry.key_id:
        return "the certificate is not the one that the record names"
    try:
        checked = check_receipt(receipt, key, certificate.key_id)
    except Rejection as error:
        return f"the receipt cannot be read: {error}"
    if not checked.is_good:
        return f"the signature is NOT good under {signer.entry.alias}"
    if checked.signature_id != signer.signature_id:
        return "the signature is another one than the record names"
    if not 0 <= signer.signature < len(record.signatures):
        return "the record tells nothing of this signature"
    report = record.signatures[signer.signature]
    if not _are_covered(report, checked.references):
        return "the digests that were signed are not those of the record"
    if not set(signer.covers) <= {part.covered_as for part in report.parts if part.intact}:
        return "the record says that it covers parts that its signature does not"
    return None


def _are_covered(report: SignatureReport, references: tuple[tuple[str, str], ...]) -> bool:
    """Whether every part that the record calls intact has its digest in what was signed."""
    signed = {(stored_text(uri), digest) for uri, digest in references}
    return all((part.uri, part.digest) in signed for part in report.parts if part.intact)
