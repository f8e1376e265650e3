"""What is true: bytes, trust, policy and an instant in, a `Verdict` out.

Pure: no clock, file, socket or thread. A bad message is a value, never an exception.

`Verifier` verifies the messages of one partner, and owns what it remembers of how they are written; `verify` is for one
message, and remembers nothing. Whoever needs a document of another kind read or written finds the one hardened parser
here as well (`parse_document`), which says with a `Rejection` what it does not read. Other packages import this module,
and `gateway.verify.parts` for a judge of their own, and nothing further in.
"""

from gateway.verify.advice import ADVICE, advice_on
from gateway.verify.explain import Explanation, Step, StepState
from gateway.verify.grammar import MAX_SIGNATURES
from gateway.verify.key_trial import refusal_of
from gateway.verify.parsing import parse_document, parse_without_remarks, serialize_document
from gateway.verify.policy import Policy
from gateway.verify.printable_text import printable, shown_operation
from gateway.verify.reason import Reason, Rejection
from gateway.verify.receipt_check import CheckedReceipt, check_receipt
from gateway.verify.request import Expectation
from gateway.verify.verdict import (
    UNBOUND,
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
    "MAX_SIGNATURES",
    "UNBOUND",
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
    "advice_on",
    "check_receipt",
    "explain_message",
    "parse_document",
    "parse_without_remarks",
    "printable",
    "refusal_of",
    "serialize_document",
    "shown_operation",
    "verify",
]
