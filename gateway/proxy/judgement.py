"""From a response as it came to what will be recorded about it: decoding, verification, configured exceptions."""

import time
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.config import EndpointSettings
from gateway.frozen import statically_frozen
from gateway.proxy.breakdown import place_of
from gateway.proxy.decoding import coding_of, decode
from gateway.proxy.forwarding import unforwardable_field
from gateway.proxy.second_opinions import reviewed
from gateway.proxy.upstream import UpstreamResponse
from gateway.second_opinion import SecondOpinion
from gateway.verify import Expectation, Outcome, Policy, Reason, Rejection, Verdict, Verifier
from keystore import TrustSnapshot

INLINE_BYTES: Final = 32 * 1024
"""Up to here even a hostile message costs the event loop a few milliseconds, and an honest one less than a thread is
worth: two threads take the interpreter from each other, from one core to another."""
_COMPARISONS: Final = 1_500_000
"""Some milliseconds of a canonicalization, which may compare each namespace in scope with each other one, for every
element: ten kilobytes can have it take a tenth of a second."""
_SHORTEST: Final = 4
"""Octets of the shortest element."""
EMPTY_STATUSES: Final = frozenset({202, 204})
"""Where a response without a body is an answer in itself: accepted, or done, with nothing to say (RFC 9110, 15.3)."""


@statically_frozen(frozen=True, slots=True)
class Judgement:
    """What was found out about one response."""

    kind: str
    """As in the record: `message`, `empty`, `fault`, `wsdl`."""
    outcome: str
    """As in the record: `accepted`, `rejected`, `passed`, `failed`."""
    verdict: Verdict
    body: bytes
    """What may leave: the decoded bytes that were verified. As they came where they could not be decoded."""
    is_decoded: bool
    is_whole: bool
    """All of it was read; otherwise there is nothing that mode `observe` could deliver."""
    at: datetime
    verify_seconds: float
    """Without the second opinion."""
    keystore_revision: int
    opinion: SecondOpinion | None = None
    """None where it was not asked."""
    opinion_seconds: float = 0.0

    @property
    def passes(self) -> bool:
        """Whether the response may be delivered in mode `enforce`."""
        return self.outcome in {"accepted", "passed"}


def runs_inline(response: UpstreamResponse) -> bool:
    """Whether judging `response` is quick enough for the event loop; what is coded may grow a thousandfold."""
    body = response.body
    if len(body) > INLINE_BYTES or response.values(b"content-encoding") or b"\0" in body:
        return False  # of UTF-16, which has octets of zero, nothing can be counted here
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
) -> Judgement:
    """Judge a response to a POST. Never raises: whatever goes wrong inside is a judgement too, and nothing passes."""
    started = time.perf_counter()
    kind, outcome, body, is_decoded = "message", None, response.body, False
    opinion, opinion_seconds = None, 0.0
    try:
        body, is_decoded = decoded_body(response, endpoint.policy), True
        refuse_unforwardable(response)
        if body:
            content_type = content_type_of(response)
            verdict = verifier.verify(body, trust, at, content_type=content_type, expects=expects)
            review = reviewed(verdict, body, endpoint, trust, content_type)
            verdict, opinion, opinion_seconds = review.verdict, review.opinion, review.seconds
            if verdict.is_fault and verdict.reason is Reason.UNSIGNED and endpoint.unsigned_faults == "pass":
                kind, outcome = "fault", "passed"
        elif response.status in EMPTY_STATUSES:
            kind = "empty"
            verdict = Verdict(Outcome.REJECTED, Reason.UNSIGNED, "the response has no body, and so no signature")
            if endpoint.empty_responses == "pass":
                outcome = "passed"
        else:
            verdict = Verdict(
                Outcome.REJECTED,
                Reason.UNSIGNED,
                f"the response has no body, and so no signature, and its HTTP status {response.status} is none that "
                "may do without: only 202 and 204 are",
            )
    except Rejection as rejection:
        verdict = Verdict(Outcome.REJECTED, rejection.reason, rejection.detail)
    except Exception as error:  # noqa: BLE001 - a defect in here must be recorded and refused, never delivered
        verdict = Verdict(
            Outcome.REJECTED, None, f"the verification broke down ({place_of(error)}); please report this"
        )
        outcome = "failed"
    if outcome == "passed":
        # The record tells why it passed, not why it would not have.
        detail = "an unsigned fault" if kind == "fault" else "a response without a body"
        verdict = replace(verdict, reason=None, detail=f"{detail}, delivered as the configuration says")
    return Judgement(
        kind,
        outcome or str(verdict.outcome),
        verdict,
        body,
        is_decoded,
        not response.oversize,
        at,
        time.perf_counter() - started - opinion_seconds,
        trust.revision,
        opinion,
        opinion_seconds,
    )


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
    return decode(response.body, coding_of(response.values(b"content-encoding")), policy.max_message_bytes)


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
