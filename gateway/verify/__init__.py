"""What is true: bytes, trust, policy and an instant in, a `Verdict` out.

Pure: no clock, file, socket or thread. A bad message is a value, never an exception.

`Verifier` verifies the messages of one partner, and owns what it remembers of how they are written; `verify` is for one
message, and remembers nothing. Whoever needs a document of another kind read or written finds the one hardened parser
here as well (`parse_document`), which says with a `Rejection` what it does not read. Other packages import this module,
and `gateway.verify.parts` for a judge of their own, and nothing further in.
"""

from gateway.verify.advice import ADVICE, advice_on
from gateway.verify.attachment_content import as_signed
from gateway.verify.content_type import may_be_multipart
from gateway.verify.document_limits import longest_namespace_name
from gateway.verify.envelope import actor_attribute
from gateway.verify.explain import Explanation, Step, StepState
from gateway.verify.grammar import MAX_SIGNATURES
from gateway.verify.key_trial import refusal_of
from gateway.verify.message_parts import (
    MAX_PIECE,
    NO_ATTACHMENTS,
    Attachment,
    Attachments,
    base64_pieces,
    base64_size,
    content_id_of,
    decoded_content_id,
)
from gateway.verify.parsing import parse_document, parse_without_remarks, serialize_document
from gateway.verify.policy import Policy, canonical_actor
from gateway.verify.printable_text import printable, shown_operation
from gateway.verify.reason import Reason, Rejection
from gateway.verify.receipt_check import CheckedReceipt, check_receipt
from gateway.verify.request import Expectation
from gateway.verify.verdict import (
    UNBOUND,
    AttachmentReport,
    CheckResult,
    EmbeddedCertificate,
    HintReport,
    KeyCheck,
    Outcome,
    SignatureReceipt,
    SignatureReport,
    SignedPart,
    Signer,
    TimestampReport,
    Verdict,
    VerifiedBy,
)
from gateway.verify.verifier import Verifier, explain_message, verify

__all__ = [
    "ADVICE",
    "MAX_PIECE",
    "MAX_SIGNATURES",
    "NO_ATTACHMENTS",
    "UNBOUND",
    "Attachment",
    "AttachmentReport",
    "Attachments",
    "CheckResult",
    "CheckedReceipt",
    "EmbeddedCertificate",
    "Expectation",
    "Explanation",
    "HintReport",
    "KeyCheck",
    "Outcome",
    "Policy",
    "Reason",
    "Rejection",
    "SignatureReceipt",
    "SignatureReport",
    "SignedPart",
    "Signer",
    "Step",
    "StepState",
    "TimestampReport",
    "Verdict",
    "VerifiedBy",
    "Verifier",
    "actor_attribute",
    "advice_on",
    "as_signed",
    "base64_pieces",
    "base64_size",
    "canonical_actor",
    "check_receipt",
    "content_id_of",
    "decoded_content_id",
    "explain_message",
    "longest_namespace_name",
    "may_be_multipart",
    "parse_document",
    "parse_without_remarks",
    "printable",
    "refusal_of",
    "serialize_document",
    "shown_operation",
    "verify",
]
