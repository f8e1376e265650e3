"""The result of a verification: a value, complete enough for the record, the operator and the auditor.

*Intact* (digests match) is not *valid* (the signature value verifies) is not *trusted* (by a key we trust): each
`SignatureReport` keeps them apart, the `Verdict` joins them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.made_often import made_often
from gateway.verify.advice import advice_on
from gateway.verify.reason import Reason
from keystore import Alias, HintKind, KeyId, State, Thumbprint


class Outcome(StrEnum):
    """What becomes of the message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class VerifiedBy:
    """A keystore entry whose key verified the signature."""

    alias: Alias
    key_id: KeyId
    thumbprint: Thumbprint


class CheckResult(StrEnum):
    """How one keystore entry fared with one signature."""

    VERIFIED = "verified"
    FAILED = "failed"
    NOT_APPLICABLE = "not-applicable"
    """Another algorithm family, or another key size than the signature value has: no arithmetic was needed."""
    REFUSED = "refused"
    """The signature is good under the key, but the policy does not admit the key or its certificate."""


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """One entry tried on one signature."""

    entry: VerifiedBy
    state: State
    result: CheckResult
    refusal: Reason | None = None
    """Why the entry was refused although the signature is good under its key."""


@dataclass(frozen=True, slots=True)
class HintReport:
    """What KeyInfo claimed, and whether the claim was right."""

    kind: HintKind
    named: str
    agreed: bool | None
    """The named entry is among those that verified; None where the hint names no entry of the keystore."""


ATTACHMENT_PART: Final = "Attachment"
"""What a `SignedPart` calls a signed attachment; which one its path says."""


@made_often(frozen=True, slots=True)
class SignedPart:
    """One ds:Reference whose element was found."""

    name: str
    """`Body`, `Timestamp`, `{namespace}local` of a header block, else the path's last step."""
    path: str
    """Absolute position, such as `/Envelope/Body`."""
    uri: str
    digest_algorithm: str
    digest: str
    """Of the canonical form, hexadecimal."""
    intact: bool

    @property
    def covered_as(self) -> str:
        """What `Signer.covers` calls it: an attachment goes by its address, for there may be many."""
        return self.path if self.name == ATTACHMENT_PART else self.name


@dataclass(frozen=True, slots=True)
class AttachmentReport:
    """A part of a multipart message that is not the root."""

    content_id: str
    """Without angle brackets; empty where it has none."""
    media_type: str
    """What its head says it is; empty where it says nothing."""
    size: int
    """Octets of its content, decoded."""
    sha256: str
    """Of the same, hexadecimal."""
    covered: bool
    """A signature on which the verdict rests covers its content."""
    head_covered: bool = False
    """And its head, as far as the SwA profile signs one."""
    included: bool = False
    """The root names it by `xop:Include`."""
    is_token: bool = False
    """The Security header does: it is a value or a token of a signature, and not content."""


@made_often(frozen=True, slots=True)
class SignatureReceipt:
    """What proves who signed: with the certificate alone anybody can check it (XMLDSIG 3.2.2)."""

    signed_info: bytes
    """The canonical SignedInfo: the octets that were signed."""
    value: bytes
    """The decoded SignatureValue."""


@made_often(frozen=True, slots=True)
class Signer:
    """An entry of the keystore, of whatever state, under whose key a signature of our Security header is good.

    Good is the signature value over SignedInfo: that key has signed, whatever became of the message and of its parts
    since, and whichever parts they are.
    """

    entry: VerifiedBy
    state: State
    """At the instant of the verification."""
    signature: int
    """Which signature of our Security header, counted from 0; of a message that is rejected because it has two, counted
    through them."""
    signature_id: str
    """SHA-256 over key id and signature value, hexadecimal: the same for whoever sends this signature again. Of the two
    values that ECDSA has for one signature (s and n - s) the lower one counts."""
    covers: tuple[str, ...] = ()
    """The names of the parts that it covers and that are intact."""
    needed: bool = True
    """Without this key the message would not pass; of a message that is rejected, as far as its signatures tell."""
    signed_at: datetime | None = None
    """The Created of the Timestamp, where this signature covers it: the signer's own word for when it signed."""
    repeated: bool = False
    """The ledger had this very signature on record already: no new use of the key. Set by the ledger alone."""


@made_often(frozen=True, slots=True)
class SignatureReport:
    """One Signature of our Security header."""

    id: str | None
    signature_algorithm: str
    canonicalization: str
    hint: HintReport
    parts: tuple[SignedPart, ...]
    checks: tuple[KeyCheck, ...]
    """Of the entries that were tried: all of them, unless the endpoint has many keys and the one that the message names
    verified it (`keys.EVERY_KEY_UP_TO`)."""
    verified_by: tuple[VerifiedBy, ...]
    reason: Reason | None
    detail: str
    receipt: SignatureReceipt | None = None
    """None where nothing was good under a known key, and where a record of the ledger was read back without it."""


@dataclass(frozen=True, slots=True)
class TimestampReport:
    """The wsu:Timestamp of our Security header (WSS-Core 10)."""

    created: datetime | None
    expires: datetime | None
    signed: bool
    """Only a signed Timestamp is evidence of freshness."""


@dataclass(frozen=True, slots=True)
class EmbeddedCertificate:
    """A certificate that the message itself carries: what an operator needs to decide whether to import it."""

    subject: str
    issuer: str
    serial: int
    not_before: datetime
    not_after: datetime
    key_id: KeyId
    thumbprint: Thumbprint
    thumbprint_sha1: str
    signature_good: bool
    """The signature value verifies under this certificate's key, which says nothing about trust."""
    der: bytes
    """The certificate itself; empty in a record of the ledger, which holds names and hashes only."""


@made_often(frozen=True, slots=True)
class Verdict:
    """The outcome of one verification, frozen."""

    outcome: Outcome
    reason: Reason | None
    detail: str
    """One sentence, safe to log and to show to an operator."""
    verified_by: tuple[VerifiedBy, ...] = ()
    """Every trusted certificate whose key verified a signature that carries the required parts; empty on rejection."""
    recognised: tuple[VerifiedBy, ...] = ()
    """Entries not trusted (retired, staged) or not admitted by the policy, under whose key the signature is good."""
    signers: tuple[Signer, ...] = ()
    """Every known key that signed, whatever the outcome; one entry for each certificate over it, and each signature."""
    embedded: EmbeddedCertificate | None = None
    signatures: tuple[SignatureReport, ...] = ()
    timestamp: TimestampReport | None = None
    soap_version: str | None = None
    """`1.1`, `1.2`, or None where there is no SOAP envelope."""
    encoding: str | None = None
    """In which the message was read, as a charset parameter names it; None where it could not be read."""
    operation: str | None = None
    """QName of the Body's first child in Clark notation."""
    is_fault: bool = False
    """The Body holds a SOAP Fault."""
    message_id: str | None = None
    """wsa:MessageID."""
    relates_to: str | None = None
    """wsa:RelatesTo."""
    warnings: tuple[str, ...] = ()
    replay_keys: tuple[str, ...] = ()
    """SHA-256 over canonical SignedInfo and key id, hexadecimal, of each signature that carries the required parts and
    covers the Timestamp; set on acceptance. A message that repeats one of them is a replay attack."""
    attachments: tuple[AttachmentReport, ...] = ()
    """The parts of a multipart message beside its root, in the order in which they came."""
    special_advice: str | None = None
    """What to do next, where the general advice on the reason would send people the wrong way."""
    fresh_until: datetime | None = None
    """The instant from which the message would be stale anyway: how long a replay attack must be remembered."""

    @property
    def accepted(self) -> bool:
        """Whether the message may pass."""
        return self.outcome is Outcome.ACCEPTED

    @property
    def advice(self) -> str | None:
        """What to do next, in sentences; None where there is nothing to do. Never for the client."""
        return self.special_advice or advice_on(self.reason)


UNBOUND: Final = "unbound: nothing that is signed binds this response to its request"
"""The warning of step 13."""


def accepted_detail(verified_by: Iterable[VerifiedBy], covered: Iterable[str]) -> str:
    """The sentence of a verdict that accepts."""
    return f"signed with {', '.join([by.alias for by in verified_by])}, covering {', '.join(covered)}"


def replay_key(octets: bytes, verified_by: Sequence[VerifiedBy]) -> str:
    """The replay key of a signature whose canonical SignedInfo is `octets` (threat rule 24)."""
    return hashlib.sha256(octets + verified_by[0].key_id.encode()).hexdigest()
