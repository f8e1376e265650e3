"""The whole of one exchange: forward, verify, RECORD, and only then release."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import structlog

from gateway.config import EndpointSettings, Mode
from gateway.frozen import statically_frozen
from gateway.ledger.errors import LedgerError, LedgerTooSlow
from gateway.ledger.record import MessageRecord, Receipt
from gateway.ledger.record_ids import new_record_id
from gateway.proxy.answer import Answer
from gateway.proxy.breakdown import place_of
from gateway.proxy.faults import SoapVersion, fault
from gateway.proxy.forwarding import Headers, request_headers, single
from gateway.proxy.judgement import INLINE_BYTES, Judgement, judge_message, runs_inline
from gateway.proxy.metrics import Metrics
from gateway.proxy.release import released, verdict_fields
from gateway.proxy.telling import Teller
from gateway.proxy.usual import UsualAnswers
from gateway.verify import Expectation, Outcome, Reason, Verifier
from gateway.wire.outbound import UpstreamClient, UpstreamFailure, UpstreamResponse
from keystore import TrustSnapshot

_log = structlog.get_logger("wssgate.exchange")

LEDGER_SECONDS: Final = 30.0
"""How long a response waits for its record; a database that hangs must not hold exchanges for ever."""
RETRY_AFTER: Final = (b"retry-after", b"5")
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
REJECTED_SENTENCE: Final = (
    "The response of the receiver did not pass the verification of its signature and was not delivered."
)
UNRECORDED_SENTENCE: Final = (
    "The response of the receiver could not be recorded and was not delivered; try again later."
)
BREAKDOWN_SENTENCE: Final = "The response of the receiver could not be verified and was not delivered."


class Ledger(Protocol):
    """Where records go."""

    async def append(self, record: MessageRecord, *, seconds: float | None = None) -> Receipt:
        """Write `record` durably, then return; raise `LedgerTooSlow` where that takes longer than `seconds`."""
        ...


@statically_frozen(frozen=True, slots=True)
class Request:
    """A request whose body has arrived."""

    method: str
    rest: str
    query: bytes
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all exchanges of a process share."""

    trust: Callable[[str], TrustSnapshot]
    ledger: Ledger
    metrics: Metrics
    pool: Executor
    """For what would hold up the event loop."""
    clock: Callable[[], datetime]
    instance: str
    teller: Teller = field(default_factory=Teller)
    note_step: Callable[[], None] = lambda: None
    """To be called when an exchange gets a step further: the ledger lets records gather while others are on their
    way."""


@statically_frozen(frozen=True, slots=True)
class Recorded:
    """What came of writing a record."""

    record: MessageRecord
    receipt: Receipt


async def exchange(
    request: Request,
    endpoint: EndpointSettings,
    verifier: Verifier,
    upstream: UpstreamClient,
    usual: UsualAnswers,
    surroundings: Surroundings,
) -> Answer:
    """Carry out the exchange of one SOAP message: there is always an answer, and no delivery without a record."""
    surroundings.note_step()
    expects = await _expectation(request, endpoint, surroundings)
    started = time.perf_counter()
    try:
        response = await upstream.send(
            request.method,
            upstream.url(request.rest, request.query),
            request_headers(request.headers),
            request.body,
            limit=endpoint.policy.max_message_bytes,
        )
    except UpstreamFailure as failure:
        upstream_seconds = time.perf_counter() - started
        version = _version(request, expects)
        return await answer_failure(request, endpoint, failure, upstream_seconds, surroundings, version)
    surroundings.note_step()
    upstream_seconds = time.perf_counter() - started
    surroundings.metrics.time_upstream(endpoint.name, upstream_seconds)
    try:
        return await _conclude(request, endpoint, verifier, usual, response, expects, upstream_seconds, surroundings)
    finally:
        response.lease.drop()


async def _conclude(
    request: Request,
    endpoint: EndpointSettings,
    verifier: Verifier,
    usual: UsualAnswers,
    response: UpstreamResponse,
    expects: Expectation,
    upstream_seconds: float,
    surroundings: Surroundings,
) -> Answer:
    """Judge, record and release `response`; its connection serves again only after an answer that fits."""
    trust, at = surroundings.trust(endpoint.name), surroundings.clock()
    if runs_inline(response):
        judgement = judge_message(response, endpoint, verifier, trust, at, expects)
    else:
        judgement = await asyncio.get_running_loop().run_in_executor(
            surroundings.pool, judge_message, response, endpoint, verifier, trust, at, expects
        )
    surroundings.metrics.time_verification(endpoint.name, judgement.verify_seconds)
    if judgement.opinion is not None:
        surroundings.metrics.count_opinion(endpoint.name, str(judgement.opinion.opinion), judgement.opinion_seconds)

    recorded = await record_judgement(request, endpoint, response, judgement, upstream_seconds, surroundings)
    if recorded is None:
        return fault(_version(request, expects), 503, UNRECORDED_SENTENCE, RETRY_AFTER)
    if usual.fits(recorded.record, expects):
        response.lease.keep()
    if not recorded.record.released:
        return _refusal(recorded, _version(request, expects))
    return released(response, judgement, recorded.record, endpoint)


async def record_judgement(
    request: Request,
    endpoint: EndpointSettings,
    response: UpstreamResponse,
    judgement: Judgement,
    upstream_seconds: float,
    surroundings: Surroundings,
) -> Recorded | None:
    """Write down what was found out; None where that is not possible, and nothing may be released."""
    verdict = judgement.verdict
    record = MessageRecord(
        id=new_record_id(),
        time=judgement.at,
        instance=surroundings.instance,
        endpoint=endpoint.name,
        mode=str(endpoint.mode),
        kind=judgement.kind,
        operation=verdict.operation,
        outcome=judgement.outcome,
        reason=None if verdict.reason is None else str(verdict.reason),
        detail=verdict.detail,
        released=judgement.passes or (endpoint.mode is Mode.OBSERVE and judgement.is_whole),
        verified_by=verdict.verified_by,
        recognised=verdict.recognised,
        signatures=verdict.signatures,
        soap_version=verdict.soap_version,
        message_id=verdict.message_id,
        relates_to=verdict.relates_to,
        warnings=verdict.warnings,
        body_sha256=await _sha256(judgement.body, surroundings),
        request_bytes=len(request.body),
        response_bytes=len(judgement.body),
        upstream_status=response.status,
        upstream_ms=upstream_seconds * 1000,
        verify_ms=judgement.verify_seconds * 1000,
        keystore_revision=judgement.keystore_revision,
        replay_keys=verdict.replay_keys,
        fresh_until=verdict.fresh_until,
        embedded=verdict.embedded,
        second_opinion=judgement.opinion,
        replay_check=endpoint.replay_attacks == "reject",
    )
    return await write_record(record, surroundings)


async def write_record(record: MessageRecord, surroundings: Surroundings) -> Recorded | None:
    """Write `record` and tell metrics and log; None where it cannot be written, and nothing may be released.

    A record whose commit comes too late is taken back. Where the writer has begun with it already, it may still be
    committed: then it says `released`, which means that the response was permitted to leave, and the log names it as
    not delivered.
    """
    started = time.perf_counter()
    try:
        receipt = await surroundings.ledger.append(record, seconds=LEDGER_SECONDS)
    except LedgerError as error:
        surroundings.metrics.count_message(record.endpoint, record.kind, "unrecorded", None, ())
        in_doubt = isinstance(error, LedgerTooSlow) and not error.withdrawn
        _log.error(
            "perhaps recorded, not delivered" if in_doubt else "not recorded, not delivered",
            endpoint=record.endpoint,
            record=record.id,
            error=str(error),
        )
        return None
    except asyncio.CancelledError:
        _log.warning("cut short while being recorded, not delivered", endpoint=record.endpoint, record=record.id)
        raise
    finally:
        surroundings.metrics.time_ledger(time.perf_counter() - started)
    if receipt.replayed:
        record = replace(
            record,
            outcome=str(Outcome.REJECTED),
            reason=str(Reason.REPLAYED),
            detail="the same signed message was accepted before: a replay attack, or a receiver that repeats itself",
            released=record.released_when_rejected,
            verified_by=(),
        )
    aliases = tuple(str(entry.alias) for entry in record.verified_by)
    surroundings.metrics.count_message(record.endpoint, record.kind, record.outcome, record.reason, aliases)
    surroundings.teller.tell(record, aliases)
    return Recorded(record, receipt)


async def answer_failure(
    request: Request,
    endpoint: EndpointSettings,
    failure: UpstreamFailure,
    upstream_seconds: float,
    surroundings: Surroundings,
    version: SoapVersion,
) -> Answer:
    """Record that the receiver gave no usable response, and say so."""
    record = MessageRecord(
        id=new_record_id(),
        time=surroundings.clock(),
        instance=surroundings.instance,
        endpoint=endpoint.name,
        mode=str(endpoint.mode),
        kind="error",
        operation=None,
        outcome="failed",
        reason=None,
        detail=failure.detail,
        released=False,
        body_sha256=_NOTHING,
        request_bytes=len(request.body),
        response_bytes=0,
        upstream_status=failure.upstream_status,
        upstream_ms=upstream_seconds * 1000,
        verify_ms=0.0,
        keystore_revision=surroundings.trust(endpoint.name).revision,
    )
    recorded = await write_record(record, surroundings)
    if recorded is None:
        return fault(version, 503, UNRECORDED_SENTENCE, RETRY_AFTER)
    return fault(version, failure.status, failure.sentence, *verdict_fields(recorded.record), record_id=record.id)


def _version(request: Request, expects: Expectation) -> SoapVersion:
    """The version of SOAP in which a fault is to be told to who sent `request`."""
    return SoapVersion.of_request(expects.soap_version, single(request.headers, b"content-type"))


def _refusal(recorded: Recorded, version: SoapVersion) -> Answer:
    sentence = BREAKDOWN_SENTENCE if recorded.record.outcome == "failed" else REJECTED_SENTENCE
    return fault(version, 502, sentence, *verdict_fields(recorded.record), record_id=recorded.record.id)


async def _expectation(request: Request, endpoint: EndpointSettings, surroundings: Surroundings) -> Expectation:
    if len(request.body) <= INLINE_BYTES and (glimpsed := Expectation.at_a_glance(request.body)) is not None:
        return glimpsed
    content_type = single(request.headers, b"content-type")
    read = partial(
        Expectation.of_request,
        request.body,
        endpoint.policy,
        None if content_type is None else content_type.decode("latin-1"),
    )
    try:
        if len(request.body) <= INLINE_BYTES:
            return read()
        return await asyncio.get_running_loop().run_in_executor(surroundings.pool, read)
    except Exception as error:  # noqa: BLE001 - a request that confuses the reader is forwarded all the same
        _log.warning("the request could not be read for what its response must repeat", error=place_of(error))
        return Expectation()


async def _sha256(body: bytes, surroundings: Surroundings) -> str:
    if len(body) <= 8 * INLINE_BYTES:
        return hashlib.sha256(body).hexdigest()
    digest = await asyncio.get_running_loop().run_in_executor(surroundings.pool, hashlib.sha256, body)
    return digest.hexdigest()
