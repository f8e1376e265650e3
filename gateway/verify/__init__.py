"""What is true: bytes, trust, policy and an instant in, a `Verdict` out.

Pure: no clock, file, socket or thread. A bad message is a value, never an exception.
"""

from gateway.verify.explain.advice import ADVICE, advice_on
from gateway.verify.explain.steps import Explanation, Step, StepState, explain
from gateway.verify.policy import Policy
from gateway.verify.procedure import Verifier, verify
from gateway.verify.reason import Reason
from gateway.verify.request import Expectation
from gateway.verify.verdict import (
    CheckResult,
    EmbeddedCertificate,
    HintReport,
    KeyCheck,
    Outcome,
    SignatureReport,
    SignedPart,
    TimestampReport,
    Verdict,
    VerifiedBy,
)

__all__ = [
    "ADVICE",
    "CheckResult",
    "EmbeddedCertificate",
    "Expectation",
    "Explanation",
    "HintReport",
    "KeyCheck",
    "Outcome",
    "Policy",
    "Reason",
    "SignatureReport",
    "SignedPart",
    "Step",
    "StepState",
    "TimestampReport",
    "Verdict",
    "VerifiedBy",
    "Verifier",
    "advice_on",
    "explain",
    "verify",
]
