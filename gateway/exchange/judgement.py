"""From a response as it came to what will be recorded about it: decoding, verification, configured exceptions."""

import hashlib
import time
from datetime import datetime
from typing import Final, NamedTuple

from gateway.attachments import Leaving, what_leaves
from gateway.config import EndpointSettings
from gateway.cross_check import CrossCheck
from gateway.exchange.cross_checking import reviewed
from gateway.exchange.defects import place_of
from gateway.exchange.extension_points import BUILT_IN, Unpacker
from gateway.made_often import made_often
from gateway.verify import Expectation, Policy, Reason, Rejection, Verdict, Verifier
from gateway.vocabulary import MessageKind, RecordedOutcome
from gateway.wire import (
    BodyDamaged,
    BodyTooLarge,
    CodingRefused,
    CodingUnknown,
    UpstreamResponse,
    coding_of,
    decode,
    unforwardable_field,
)
from keystore import TrustSnapshot

INLINE_BYTES: Final = 32 * 1024
"""Up to here even a hostile message costs the event loop a few milliseconds, and an honest one less than a thread is
worth: two threads take the interpreter from each other, from one core to another."""
_COMPARISONS: Final = 1_500_000
"""Some milliseconds of a canonicalization, which may compare each namespace in scope with each other one, for every
element: ten kilobytes can have it take a tenth of a second."""
_SHORTEST: Final = 4
"""Octets of the shortest element."""
_REASONS_OF_CODING: Final = {
    CodingUnknown: Reason.ENCODING,
    BodyDamaged: Reason.MALFORMED,
    BodyTooLarge: Reason.LIMITS,
}
EMPTY_STATUSES: Final = frozenset({202, 204})
"""Where a response without a body is an answer in itself: accepted, or done, with nothing to say (RFC 9110, 15.3)."""


@made_often(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found out about one response."""

    kind: MessageKind
    outcome: RecordedOutcome
    reason: Reason | None
    """Why it is not accepted; None where it passes, and where the gateway itself or the receiver failed."""
    detail: str
    verdict: Verdict | None
    """What the verification said; None where there was no message to verify."""
    warnings: tuple[str, ...] = ()
    decoded: bytes
    """The body as it came, without its content coding; with it where it could not be decoded."""
    body_sha256: str
    """Of `decoded`, in hexadecimal."""
    body: bytes
    """What may leave: `decoded`, and of a multipart message that passes what was made of its verified parts."""
    content_type: bytes | None = None
    """That of `body` where it is a multipart one; None where it follows from the message."""
    unsigned_attachments: int = 0
    """Attachments in `body` that no signature covers."""
    is_decoded: bool
    is_whole: bool
    """All of it was read and can be delivered; otherwise there is nothing that mode `observe` could deliver."""
    at: datetime
    verify_seconds: float
    """Without the cross-check."""
    keystore_revision: int
    opinion: CrossCheck | None = None
    """What the cross-check said; None where it was not asked."""
    opinion_seconds: float = 0.0


class _Found(NamedTuple):
    """What came out of one response, without what is measured about it."""

    outcome: RecordedOutcome
    reason: Reason | None
    detail: str
    verdict: Verdict | None = None
    kind: MessageKind = MessageKind.MESSAGE
    warnings: tuple[str, ...] = ()


def runs_inline(response: UpstreamResponse) -> bool:
    """Whether judging `response` is quick enough for the event loop; what is coded may grow a thousandfold."""
    body = response.body
    if len(body) > INLINE_BYTES or response.values(b"content-encoding") or b"\0" in body or not body.startswith(b"<"):
        return False  # of UTF-16, which has octets of zero, and of what multipart bodies hold nothing can be counted
    # Each of the other encodings that are admitted writes this as ASCII does, and a document has no other way to.
    comparisons = body.count(b"xmlns") ** 2
    # Nearly all have so few that their elements need not be counted.
    return comparisons * (len(body) // _SHORTEST) <= _COMPARISONS or comparisons * body.count(b"<") <= _COMPARISONS


def judge_message(
    response: UpstreamResponse,
    endpoint: EndpointSettings,
    verifier: Verifier,
    trust: TrustSnapshot,
    at: datetime,
    expects: Expectation,
    unpacker: Unpacker = BUILT_IN.unpacker,
) -> Judgement:
    """Judge a response to a POST. Never raises: whatever goes wrong inside is a judgement too, and nothing passes."""
    started = time.perf_counter()
    body, is_decoded = response.body, False
    verdict: Verdict | None = None
    leaving: Leaving | None = None
    opinion, opinion_seconds = None, 0.0
    try:
        body, is_decoded = decoded_body(response, endpoint.policy), True
        refuse_unforwardable(response)
        if body:
            opened = unpacker.unpack(body, content_type_of(response), endpoint.policy)
            verdict = verifier.verify(
                opened.message,
                trust,
                at,
                expects=expects,
                content_type=opened.content_type,
                attachments=opened.attachments,
            )
            review = reviewed(verdict, opened, endpoint, trust)
            opinion, opinion_seconds = review.opinion, review.seconds
            found = _of_verdict(review.verdict, endpoint)
            if found.outcome is not RecordedOutcome.REJECTED and opened.unpacked is not None:
                leaving = what_leaves(opened, review.verdict, endpoint.policy)
        else:
            found = _of_empty(response.status, endpoint)
    except Rejection as rejection:
        found = _Found(RecordedOutcome.REJECTED, rejection.reason, rejection.detail, verdict)
    except Exception as error:  # noqa: BLE001 - a defect in here must be recorded and refused, never delivered
        detail = f"the verification broke down ({place_of(error)}); please report this"
        found = _Found(RecordedOutcome.FAILED, None, detail, verdict)
        leaving = None
    return Judgement(
        kind=found.kind,
        outcome=found.outcome,
        reason=found.reason,
        detail=found.detail,
        verdict=found.verdict,
        warnings=found.warnings,
        decoded=body,
        body_sha256=hashlib.sha256(body).hexdigest(),
        body=body if leaving is None else leaving.body,
        content_type=None if leaving is None else leaving.content_type,
        unsigned_attachments=0 if leaving is None else leaving.unsigned,
        is_decoded=is_decoded,
        is_whole=not response.oversize,
        at=at,
        verify_seconds=time.perf_counter() - started - opinion_seconds,
        keystore_revision=trust.revision,
        opinion=opinion,
        opinion_seconds=opinion_seconds,
    )


def _of_verdict(verdict: Verdict, endpoint: EndpointSettings) -> _Found:
    """What the verdict on a message comes to, by the configured exceptions."""
    if verdict.is_fault and verdict.reason is Reason.UNSIGNED and endpoint.unsigned_faults == "pass":
        # The record tells why it passed, not why it would not have.
        detail = "an unsigned fault, delivered as the configuration says"
        return _Found(RecordedOutcome.PASSED, None, detail, verdict, MessageKind.FAULT, verdict.warnings)
    outcome = RecordedOutcome.ACCEPTED if verdict.accepted else RecordedOutcome.REJECTED
    return _Found(outcome, verdict.reason, verdict.detail, verdict, warnings=verdict.warnings)


def _of_empty(status: int, endpoint: EndpointSettings) -> _Found:
    """What a response without a body comes to."""
    if status not in EMPTY_STATUSES:
        detail = (
            f"the response has no body, and so no signature, and its HTTP status {status} is none that may do without: "
            "only 202 and 204 are"
        )
        return _Found(RecordedOutcome.REJECTED, Reason.UNSIGNED, detail)
    if endpoint.empty_responses == "pass":
        detail = "a response without a body, delivered as the configuration says"
        return _Found(RecordedOutcome.PASSED, None, detail, kind=MessageKind.EMPTY)
    detail = "the response has no body, and so no signature"
    return _Found(RecordedOutcome.REJECTED, Reason.UNSIGNED, detail, kind=MessageKind.EMPTY)


def decoded_body(response: UpstreamResponse, policy: Policy) -> bytes:
    """The body of `response` without its content coding.

    Raises:
        Rejection: It is longer than `policy` admits, coded or decoded, or cannot be decoded.
    """
    if response.oversize:
        raise Rejection(
            Reason.LIMITS,
            f"the response is larger than the {policy.max_message_bytes} bytes that the policy admits "
            "(max_message_bytes)",
        )
    if not response.body:
        return b""
    try:
        return decode(response.body, coding_of(response.values(b"content-encoding")), policy.max_message_bytes)
    except CodingRefused as refused:
        raise Rejection(_REASONS_OF_CODING[type(refused)], str(refused)) from refused


def refuse_unforwardable(response: UpstreamResponse) -> None:
    """Refuse a response of which a header field cannot be passed on, before anything is recorded as released.

    Raises:
        Rejection: `encoding`, where a field holds control characters (RFC 9110, 5.5): its reader might see two fields.
    """
    name = unforwardable_field(response.headers)
    if name is not None:
        raise Rejection(Reason.ENCODING, f"the response has control characters in its header field {name}")


def content_type_of(response: UpstreamResponse) -> str:
    """The one Content-Type of `response`; empty where it gives none.

    Raises:
        Rejection: It gives several: the client might go by another than the verification.
    """
    values = response.values(b"content-type")
    if len(values) > 1:
        raise Rejection(Reason.ENCODING, "the response has several Content-Type header fields")
    return values[0] if values else ""
