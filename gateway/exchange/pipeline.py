"""The whole of one exchange: forward, verify, RECORD, and only then release."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import structlog

from gateway.config import EndpointSettings
from gateway.exchange.answering_servers import AnsweringServers
from gateway.exchange.defects import place_of
from gateway.exchange.extension_points import BUILT_IN, Extensions
from gateway.exchange.judgement import INLINE_BYTES, Judgement, judge_message, runs_inline
from gateway.exchange.metrics import Metrics
from gateway.exchange.reachability import Reachability
from gateway.exchange.recorders import Recorders
from gateway.exchange.release import answer_to, answer_to_failure, answer_without_record
from gateway.exchange.soap_faults import SoapVersion
from gateway.exchange.usual_answers import UsualAnswers
from gateway.ledger import LedgerError, LedgerTooSlow, MessageRecord, Receipt, new_record_id
from gateway.made_often import made_often
from gateway.verify import Expectation, Outcome, SignatureReport, Verdict, Verifier
from gateway.vocabulary import MessageKind, RecordedOutcome, may_leave
from gateway.wire import Answer, Headers, UpstreamClient, UpstreamFailure, UpstreamResponse, request_headers, single
from keystore import TrustSnapshot

_log = structlog.get_logger("wssgate.exchange")

LEDGER_SECONDS: Final = 30.0
"""How long a response waits for its record; a database that hangs must not hold exchanges for ever."""
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_NO_VERDICT: Final = Verdict(Outcome.REJECTED, None, "")
"""What a record says of a message where there was none to verify: nothing."""


class Ledger(Protocol):
    """Where records go."""

    async def append(self, record: MessageRecord, *, seconds: float | None = None) -> Receipt:
        """Write `record` durably, then return; raise `LedgerTooSlow` where that takes longer than `seconds`."""
        ...

    def give_up(self, record: MessageRecord) -> None:
        """Note which keys signed what nobody waits for any more; callable from any thread."""
        ...


@made_often(frozen=True, slots=True)
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
    recorders: Recorders
    reachability: Reachability
    expect_operations: Callable[[str, Collection[str]], None]
    """Is told which operations a WSDL of an endpoint announced; returns at once."""
    extensions: Extensions = BUILT_IN
    servers: AnsweringServers = field(default_factory=AnsweringServers)
    note_step: Callable[[], None] = lambda: None
    """To be called when an exchange gets a step further: the ledger lets records gather while others are on their
    way."""


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
    expects = surroundings.extensions.direction.expected_at_a_glance(request.body)
    if expects is None:
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
        return await answer_failure(request, endpoint, failure, upstream_seconds, surroundings, version, expects)
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
    unpacker = surroundings.extensions.unpacker
    if runs_inline(response):
        judgement = judge_message(response, endpoint, verifier, trust, at, expects, unpacker)
    else:
        judging = surroundings.pool.submit(judge_message, response, endpoint, verifier, trust, at, expects, unpacker)
        try:
            judgement = await asyncio.wrap_future(judging)
        except asyncio.CancelledError:
            # What is being verified is verified to its end: whoever signed it has signed.
            made = partial(_record_of, request, endpoint, response, upstream_seconds, surroundings, expects)
            judging.add_done_callback(partial(_give_up, surroundings.ledger, made))
            raise
    _note_answer(endpoint, response, judgement, surroundings)
    surroundings.metrics.time_verification(endpoint.name, judgement.verify_seconds)
    if judgement.opinion is not None:
        surroundings.metrics.count_opinion(endpoint.name, str(judgement.opinion.opinion), judgement.opinion_seconds)

    record = await record_judgement(request, endpoint, response, judgement, upstream_seconds, surroundings, expects)
    if record is None:
        return answer_without_record(_version(request, expects))
    if usual.fits(record, expects):
        response.lease.keep()
    return answer_to(response, judgement, record, endpoint, _version(request, expects))


async def record_judgement(
    request: Request,
    endpoint: EndpointSettings,
    response: UpstreamResponse,
    judgement: Judgement,
    upstream_seconds: float,
    surroundings: Surroundings,
    expects: Expectation,
) -> MessageRecord | None:
    """Write down what was found out, and give the record as it was written.

    It is counted under what the request asked for: a Fault, or one element that answers two operations, is no operation
    of its own.

    None where that is not possible, and nothing may be released.
    """
    # Nothing that could be cut short comes between the verification and the writer, which knows what was verified.
    record = _record_of(request, endpoint, response, upstream_seconds, surroundings, expects, judgement)
    return await write_record(record, surroundings)


def _record_of(
    request: Request,
    endpoint: EndpointSettings,
    response: UpstreamResponse,
    upstream_seconds: float,
    surroundings: Surroundings,
    expects: Expectation,
    judgement: Judgement,
) -> MessageRecord:
    verdict = judgement.verdict or _NO_VERDICT
    return MessageRecord(
        id=new_record_id(),
        time=judgement.at,
        instance=surroundings.instance,
        endpoint=endpoint.name,
        mode=endpoint.mode,
        kind=judgement.kind,
        operation=verdict.operation if expects.operation is None else expects.operation,
        response_element=verdict.operation,
        server=surroundings.servers.name(endpoint, response),
        outcome=judgement.outcome,
        reason=None if judgement.reason is None else str(judgement.reason),
        detail=judgement.detail,
        released=may_leave(judgement.outcome, endpoint.mode, is_whole=judgement.is_whole),
        verified_by=verdict.verified_by,
        recognised=verdict.recognised,
        signers=verdict.signers,
        signatures=verdict.signatures if endpoint.receipts == "all" else _without_receipts(verdict.signatures),
        soap_version=verdict.soap_version,
        message_id=verdict.message_id,
        relates_to=verdict.relates_to,
        warnings=judgement.warnings,
        body_sha256=judgement.body_sha256,
        request_bytes=len(request.body),
        response_bytes=len(judgement.decoded),
        upstream_status=response.status,
        upstream_ms=upstream_seconds * 1000,
        verify_ms=judgement.verify_seconds * 1000,
        keystore_revision=judgement.keystore_revision,
        replay_keys=verdict.replay_keys,
        fresh_until=verdict.fresh_until,
        embedded=verdict.embedded,
        attachments=verdict.attachments,
        second_opinion=judgement.opinion,
        replay_check=endpoint.replay_attacks == "reject",
    )


def _give_up(ledger: Ledger, made: Callable[[Judgement], MessageRecord], judging: "Future[Judgement]") -> None:
    """An exchange that was cut short: which keys signed its response is told all the same."""
    if not judging.cancelled():
        ledger.give_up(made(judging.result()))


async def write_record(record: MessageRecord, surroundings: Surroundings) -> MessageRecord | None:
    """Write `record`, tell metrics and recorders of it, and give it as it was written.

    None where it cannot be written, and nothing may be released.

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
    record = receipt.record
    aliases = tuple([str(entry.alias) for entry in record.verified_by])
    surroundings.metrics.count_message(record.endpoint, record.kind, record.outcome, record.reason, aliases)
    surroundings.recorders.tell(record)
    return record


async def answer_failure(
    request: Request,
    endpoint: EndpointSettings,
    failure: UpstreamFailure,
    upstream_seconds: float,
    surroundings: Surroundings,
    version: SoapVersion | None,
    expects: Expectation,
) -> Answer:
    """Record that the receiver gave no usable response, and say so; a `version` of None for what is no SOAP."""
    surroundings.reachability.failed(endpoint, failure)
    failed = MessageRecord(
        id=new_record_id(),
        time=surroundings.clock(),
        instance=surroundings.instance,
        endpoint=endpoint.name,
        mode=endpoint.mode,
        kind=MessageKind.ERROR,
        operation=expects.operation,
        outcome=RecordedOutcome.FAILED,
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
    record = await write_record(failed, surroundings)
    return answer_without_record(version) if record is None else answer_to_failure(failure, record, version)


def _note_answer(
    endpoint: EndpointSettings, response: UpstreamResponse, judgement: Judgement, surroundings: Surroundings
) -> None:
    """Tell that the receiver answered, or whatever stands before it that does not have its keys."""
    verdict = judgement.verdict or _NO_VERDICT
    signed = bool(verdict.verified_by or verdict.recognised or verdict.signers)
    surroundings.reachability.heard(endpoint, response.status, signed=signed)


def _without_receipts(signatures: tuple[SignatureReport, ...]) -> tuple[SignatureReport, ...]:
    return tuple([replace(signature, receipt=None) for signature in signatures])


def _version(request: Request, expects: Expectation) -> SoapVersion:
    """The version of SOAP in which a fault is to be told to who sent `request`."""
    if expects.soap_version is not None:
        return SoapVersion.of_request(expects.soap_version, None)
    return SoapVersion.of_request(None, single(request.headers, b"content-type"))


async def _expectation(request: Request, endpoint: EndpointSettings, surroundings: Surroundings) -> Expectation:
    direction = surroundings.extensions.direction
    content_type = single(request.headers, b"content-type")
    read = partial(
        direction.expected,
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
