"""What leaves the gateway: the one place where status, header fields and body of an answer are decided.

Nobody signs status and header fields, and both clients and the proxies in front of the gateway act on them. So nothing
of them is passed on because it came. The status is from a short list, the Content-Type says what was verified, and of
the other fields those leave whose names are listed here or in the endpoint's configuration (RFC 9110, 7.6 and 16.3).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.config import EndpointSettings
from gateway.exchange.judgement import Judgement
from gateway.exchange.soap_faults import SoapVersion, fault_message
from gateway.ledger import MessageRecord
from gateway.verify import Verdict
from gateway.vocabulary import MessageKind, RecordedOutcome
from gateway.wire import Answer, UpstreamFailure, UpstreamResponse, is_field_value, passing

Field = tuple[bytes, bytes]

REJECTED_SENTENCE: Final = (
    "The response of the receiver did not pass the verification of its signature and was not delivered."
)
UNRECORDED_SENTENCE: Final = (
    "The response of the receiver could not be recorded and was not delivered; try again later."
)
UNRECORDED_DOCUMENT_SENTENCE: Final = "The document could not be recorded and was not delivered; try again later."
BREAKDOWN_SENTENCE: Final = "The response of the receiver could not be verified and was not delivered."
RETRY_AFTER: Final = (b"retry-after", b"5")

_DESCRIPTION: Final = frozenset({b"date", b"server", b"via"})
TRACING: Final = frozenset(
    {
        b"traceparent",  # W3C Trace Context
        b"tracestate",
        b"traceresponse",
        b"b3",  # Zipkin
        b"x-b3-traceid",
        b"x-b3-spanid",
        b"x-b3-parentspanid",
        b"x-b3-sampled",
        b"x-b3-flags",
        b"uber-trace-id",  # Jaeger
        b"request-id",
        b"x-request-id",
        b"correlation-id",
        b"x-correlation-id",
        b"x-correlationid",
        b"x-trace-id",
        b"x-amzn-requestid",
        b"x-amzn-trace-id",
        b"x-cloud-trace-context",
        b"x-ms-request-id",
        b"x-global-transaction-id",  # IBM DataPower
        b"x-vcap-request-id",  # Cloud Foundry
    }
)
"""By which people find an exchange in the logs of others: nothing acts on them."""
_CACHING: Final = frozenset({b"age", b"cache-control", b"expires", b"pragma", b"vary"})
"""Not ETag and Last-Modified: they belong to the body as the receiver coded it."""
_RETRY_AFTER: Final = b"retry-after"
_WAITING_STATUSES: Final = frozenset({202, 429, 503})
"""Statuses with which Retry-After says something (RFC 9110, 10.2.3; RFC 6585, 4)."""
_STEERS_CLIENTS: Final = frozenset(
    {
        b"authentication-info",
        b"location",
        b"nel",
        b"permissions-policy",
        b"report-to",
        b"reporting-endpoints",
        b"set-cookie",
        b"set-cookie2",
        b"strict-transport-security",
        b"www-authenticate",
    }
)
"""Fields that send a client elsewhere, ask for its credentials or set its state. A configuration may admit them for
accepted messages; with what is released unverified they never leave."""
_CROSS_ORIGIN: Final = b"access-control-"
_NO_STORE: Final = (b"cache-control", b"no-store")
"""With whatever nobody vouches for: a cache must not keep it for longer than its sender has the connection."""

_SUCCESSES: Final = frozenset({200, 201, 202})
_KEPT: Final = _SUCCESSES | {400, 500}
_KEPT_OF_FAULTS: Final = frozenset({200, 400, 500})
"""SOAP 1.1, 6.2; SOAP 1.2 part 2, 7.5.2; and some stacks send faults with 200."""


@dataclass(frozen=True, slots=True)
class _Names:
    """Which fields of a response leave, in lower case."""

    messages: frozenset[bytes]
    """With accepted messages."""
    unverified: frozenset[bytes]
    """With what a setting lets pass without a signature: empty answers, faults, WSDL and schemas."""
    observed: frozenset[bytes]
    """With what only mode `observe` delivers. Cookies too: else it would end sessions that work without the gateway."""
    observed_coded: frozenset[bytes]
    """The same where the body could not be decoded."""


def answer_to(
    response: UpstreamResponse,
    judgement: Judgement,
    record: MessageRecord,
    endpoint: EndpointSettings,
    version: SoapVersion,
) -> Answer:
    """What leaves for `response`, judged and recorded: the response, or what is said in its place.

    Args:
        response: As it came.
        judgement: What was found out about it.
        record: What was written down, which may be worse: the same message may have been accepted before.
        endpoint: Whose receiver it is from.
        version: The version of SOAP in which a fault is told.
    """
    if record.released:
        return _delivered(response, judgement, record, endpoint)
    if judgement.kind is MessageKind.WSDL:
        sentence = f"The receiver gave no WSDL or schema that could be delivered; record {record.id}."
        return text_answer(502, sentence, *verdict_fields(record))
    sentence = BREAKDOWN_SENTENCE if record.outcome is RecordedOutcome.FAILED else REJECTED_SENTENCE
    return fault(version, 502, sentence, *verdict_fields(record), record_id=record.id)


def answer_to_failure(failure: UpstreamFailure, record: MessageRecord, version: SoapVersion | None) -> Answer:
    """What leaves where the receiver gave no usable response; without a `version` of SOAP a plain sentence."""
    if version is None:
        return text_answer(failure.status, failure.sentence, *verdict_fields(record))
    return fault(version, failure.status, failure.sentence, *verdict_fields(record), record_id=record.id)


def answer_without_record(version: SoapVersion | None) -> Answer:
    """What leaves where nothing could be recorded, so that nothing may be delivered; see `answer_to_failure`."""
    if version is None:
        return text_answer(503, UNRECORDED_DOCUMENT_SENTENCE, RETRY_AFTER)
    return fault(version, 503, UNRECORDED_SENTENCE, RETRY_AFTER)


def _delivered(
    response: UpstreamResponse, judgement: Judgement, record: MessageRecord, endpoint: EndpointSettings
) -> Answer:
    """The answer by which `response` itself leaves."""
    names = _names(endpoint.response_headers)
    body = judgement.body
    if record.outcome is RecordedOutcome.ACCEPTED:
        verdict = _read_message(judgement)
        status = _status_of_message(response.status, is_fault=verdict.is_fault)
        kept = passing(response.headers, names.messages)
        content_type = judgement.content_type or _content_type(verdict.soap_version, verdict.encoding)
        kept.append((b"content-type", content_type))
        if judgement.unsigned_attachments:
            kept.append((b"wssgate-unsigned-attachments", str(judgement.unsigned_attachments).encode()))
    elif record.outcome is RecordedOutcome.PASSED:
        kept = passing(response.headers, names.unverified)
        kept.append(_NO_STORE)
        if judgement.kind is MessageKind.WSDL:
            status = 200
            kept.append((b"content-type", b"text/xml; charset=utf-8"))
        elif judgement.kind is MessageKind.EMPTY:
            status = response.status  # one of those that may do without a body
        else:
            verdict = _read_message(judgement)
            status = _status_of_message(response.status, is_fault=True)
            kept.append((b"content-type", _content_type(verdict.soap_version, verdict.encoding)))
    else:
        status = _status_of_observed(response.status)
        kept = passing(response.headers, names.observed if judgement.is_decoded else names.observed_coded)
        kept.append(_NO_STORE)
        kept += _content_type_as_it_came(response)
        # Where the record is worse than the judgement, that had made another body of a multipart one.
        body = judgement.decoded
    if status not in _WAITING_STATUSES:
        kept = [field for field in kept if field[0] != _RETRY_AFTER]
    return Answer(status, (*kept, *verdict_fields(record)), body)


def own_answer(status: int, content_type: bytes, body: bytes, *fields: Field) -> Answer:
    """An answer in which everything is the gateway's own."""
    return Answer(status, ((b"content-type", content_type), *fields), body)


def text_answer(status: int, sentence: str, *fields: Field) -> Answer:
    """A plain sentence, for requests that are no SOAP."""
    return own_answer(status, b"text/plain; charset=utf-8", f"{sentence}\n".encode(), *fields)


def fault(
    version: SoapVersion,
    status: int,
    sentence: str,
    *fields: Field,
    record_id: str | None = None,
    is_senders: bool = False,
) -> Answer:
    """A SOAP Fault that says `sentence`; `is_senders` blames the client's request."""
    content_type, body = fault_message(version, sentence, record_id=record_id, is_senders=is_senders)
    return own_answer(status, content_type, body, *fields)


def verdict_fields(record: MessageRecord) -> tuple[Field, ...]:
    """The header fields that tell the client what was found out."""
    fields = [(b"wssgate-verdict", record.outcome.encode()), (b"wssgate-record", record.id.encode())]
    if record.verified_by:
        fields.insert(1, (b"wssgate-key", ", ".join([entry.alias for entry in record.verified_by]).encode()))
    return tuple(fields)


@lru_cache(maxsize=256)
def _names(admitted: tuple[str, ...]) -> _Names:
    """Which fields leave where a configuration admits `admitted` besides; made once for each endpoint."""
    more = frozenset(name.encode("ascii") for name in admitted)
    always = _DESCRIPTION | TRACING | {_RETRY_AFTER}
    harmless = frozenset(name for name in more - _STEERS_CLIENTS if not name.startswith(_CROSS_ORIGIN))
    unverified = (always | harmless) - _CACHING
    observed = unverified | {b"set-cookie"}
    return _Names(
        messages=always | more | _CACHING | {b"set-cookie"},
        unverified=unverified,
        observed=observed,
        observed_coded=observed | {b"content-encoding"},
    )


def _status_of_message(came: int, *, is_fault: bool) -> int:
    """The status of a message that may be delivered, of those that SOAP knows.

    Clients pass over the body behind some of the others, and proxies repeat, join or replace what comes with them. A
    fault does not leave as a success, but with 200, where clients look for it.
    """
    if came in (_KEPT_OF_FAULTS if is_fault else _KEPT):
        return came
    return 200 if came < 300 and not is_fault else 500


def _status_of_observed(came: int) -> int:
    """The status of what mode `observe` delivers: errors as they came, for the client may go by them."""
    if came in _SUCCESSES or came == 204 or 400 <= came <= 599:
        return came
    return 200 if came < 300 else 500


def _read_message(judgement: Judgement) -> Verdict:
    """The verdict on what leaves as a message."""
    if judgement.verdict is None:
        raise ValueError("what was not verified is not to be delivered as a message")
    return judgement.verdict


@lru_cache(maxsize=64)
def _content_type(soap_version: str | None, encoding: str | None) -> bytes:
    """The Content-Type of a message that was read as `soap_version` in `encoding` (SOAP 1.1, 6; RFC 3902, 2)."""
    if soap_version is None or encoding is None:
        raise ValueError("a message that was not read has no Content-Type, and is not to be delivered")
    media_type = "application/soap+xml" if soap_version == "1.2" else "text/xml"
    return f"{media_type}; charset={encoding}".encode("ascii")


def _content_type_as_it_came(response: UpstreamResponse) -> list[Field]:
    """For a client that shall go on as without the gateway, the first of those that came."""
    values = response.values(b"content-type")
    field = values[0].encode("latin-1") if values else b""
    return [(b"content-type", field)] if field and is_field_value(field) else []
