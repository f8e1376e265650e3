"""Why a message is rejected.

The values are the contract that others script against. The order of the members is their rank: where several
reasons apply to one message, the one that stands first is reported.
"""

from enum import StrEnum


class Reason(StrEnum):
    """One cause of a rejection; members that stand earlier outrank later ones."""

    # What cannot be read at all.
    LIMITS = "limits"
    ENCODING = "encoding"
    DTD = "dtd"
    MALFORMED = "malformed"
    NOT_SOAP = "not-soap"
    # What is ambiguous or dressed up: someone may be trying.
    DUPLICATE_ID = "duplicate-id"
    WRAPPING = "wrapping"
    STRUCTURE = "structure"
    TRANSFORM_NOT_ALLOWED = "transform-not-allowed"
    ALGORITHM_NOT_ALLOWED = "algorithm-not-allowed"
    # Whose signature it is.
    CERTIFICATE_REVOKED = "certificate-revoked"
    RETIRED_KEY = "retired-key"
    STAGED_KEY = "staged-key"
    WEAK_KEY = "weak-key"
    CERTIFICATE_EXPIRED = "certificate-expired"
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE_INVALID = "signature-invalid"
    # What the signature covers.
    REFERENCE_URI = "reference-uri"
    DIGEST_MISMATCH = "digest-mismatch"
    PART_NOT_SIGNED = "part-not-signed"
    UNSIGNED = "unsigned"
    # Whether it is fresh, and the answer to this request.
    TIMESTAMP_MISSING = "timestamp-missing"
    TIMESTAMP_STALE = "timestamp-stale"
    REPLAYED = "replayed"
    UNCORRELATED = "uncorrelated"
    # What is right by all of the above, and not by another implementation. Never found by `verify` itself.
    DISPUTED = "disputed"

    @property
    def rank(self) -> int:
        """Position in the order of precedence; smaller is more specific."""
        return _RANK[self]


_RANK = {reason: position for position, reason in enumerate(Reason)}


class Rejection(Exception):  # noqa: N818 - control flow inside the verifier, never seen outside it
    """A finding that ends the verification; `verify` turns it into a `Verdict`."""

    def __init__(self, reason: Reason, detail: str, advice: str | None = None, *, step: int | None = None) -> None:
        """Hold `reason` and `detail`, one safe sentence: of the message only printable names.

        Args:
            reason: why the message is rejected.
            detail: the sentence.
            advice: for where the general advice on the reason would send people the wrong way.
            step: the step of the procedure that the rule belongs to, where another one came across it; None where it is
                the step under way.
        """
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.advice = advice
        self.step = step
