"""Retrieval of WSDL and schemas: what points at the receiver is made to point at the gateway.

These documents are never signed, so nothing is verified here; they are parsed as strictly as messages, must be what
they are asked for, and leave the gateway rewritten. What cannot be rewritten is refused in every mode.
"""

import asyncio
import re
import time
from datetime import datetime
from typing import Final

from gateway.config import EndpointSettings
from gateway.proxy.answer import Answer
from gateway.proxy.breakdown import place_of
from gateway.proxy.exchange import (
    RETRY_AFTER,
    Recorded,
    Request,
    Surroundings,
    answer_failure,
    record_judgement,
)
from gateway.proxy.faults import SoapVersion
from gateway.proxy.forwarding import Headers, request_headers, single
from gateway.proxy.judgement import Judgement, decoded_body, refuse_unforwardable
from gateway.proxy.release import released, text_answer, verdict_fields
from gateway.proxy.upstream import UpstreamClient, UpstreamFailure, UpstreamResponse
from gateway.proxy.wsdl_addresses import Addresses
from gateway.proxy.wsdl_rewriting import rewrite
from gateway.verify import Outcome, Policy, Rejection, Verdict

_QUERY: Final = re.compile(rb"singlewsdl|(?:wsdl|xsd)(?:=(?!\.)(?:[\w~-]|[./](?!\.))*)?", re.IGNORECASE)
"""One parameter: what services call their parts, such as `xsd=1` or `wsdl=a/b.wsdl`; no escapes, no dot segments."""
_FILE: Final = re.compile(r"(?:/[\w~-][\w.~-]*)*/[\w~-][\w.~-]*\.(?:wsdl|xsd)", re.IGNORECASE | re.ASCII)
"""A document below the endpoint, as relative imports name it."""
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_OK: Final = 200
_UNRECORDED: Final = "The document could not be recorded and was not delivered; try again later."


def is_retrieval(rest: str, query: bytes) -> bool:
    """Whether a GET asks for a WSDL or a schema, and for nothing else; `rest` is what follows the endpoint's path.

    That is `?wsdl`, `?wsdl=PART`, `?xsd=PART` or `?singleWsdl` (in any case) at the endpoint's own path, or NAME.wsdl
    or NAME.xsd below it, without a query. A GET of any other shape might do something at the receiver.
    """
    if query:
        return rest in {"", "/"} and _QUERY.fullmatch(query) is not None
    return _FILE.fullmatch(rest) is not None


def gateway_base(public_url: str | None, scheme: str, headers: Headers, endpoint: EndpointSettings) -> str | None:
    """The URL of `endpoint` at the gateway, as the client knows it; None where its Host header is not usable."""
    if public_url is not None:
        return f"{public_url}{endpoint.path.rstrip('/')}"
    host = single(headers, b"host")
    if host is None or not _HOST.fullmatch(host):
        return None
    return f"{scheme}://{host.decode('ascii')}{endpoint.path.rstrip('/')}"


async def retrieve(
    request: Request, endpoint: EndpointSettings, upstream: UpstreamClient, surroundings: Surroundings, base: str
) -> Answer:
    """Fetch, rewrite, record and deliver one document; `base` is the endpoint's URL at the gateway."""
    started = time.perf_counter()
    url = upstream.url(request.rest, request.query)
    try:
        response = await upstream.send(
            "GET",
            url,
            _unconditional(request_headers(request.headers)),
            b"",
            limit=endpoint.policy.max_message_bytes,
        )
    except UpstreamFailure as failure:
        answer = await answer_failure(
            request, endpoint, failure, time.perf_counter() - started, surroundings, SoapVersion.SOAP_1_1
        )
        sentence = _UNRECORDED if answer.status == 503 else failure.sentence
        kept = tuple(header for header in answer.headers if header[0] != b"content-type")
        return text_answer(answer.status, sentence, *kept)
    response.lease.drop()  # nothing tells whether the document is the one that was asked for
    upstream_seconds = time.perf_counter() - started
    addresses = Addresses(endpoint.upstream.partition("?")[0].rstrip("/"), base, url)
    judgement = await asyncio.get_running_loop().run_in_executor(
        surroundings.pool,
        _judge,
        response,
        endpoint.policy,
        addresses,
        surroundings.clock(),
        surroundings.trust(endpoint.name).revision,
    )
    recorded = await record_judgement(request, endpoint, response, judgement, upstream_seconds, surroundings)
    if recorded is None:
        return text_answer(503, _UNRECORDED, RETRY_AFTER)
    return _release(response, judgement, recorded, endpoint)


def _judge(response: UpstreamResponse, policy: Policy, addresses: Addresses, at: datetime, revision: int) -> Judgement:
    started = time.perf_counter()
    body, outcome = b"", "failed"
    if response.status != _OK:
        detail = f"the receiver answered the retrieval with HTTP status {response.status}"
        verdict = Verdict(Outcome.REJECTED, None, detail)
    else:
        try:
            refuse_unforwardable(response)
            body, warnings = rewrite(decoded_body(response, policy), policy, addresses)
            detail = "a WSDL or schema, delivered with its addresses rewritten"
            verdict, outcome = Verdict(Outcome.REJECTED, None, detail, warnings=warnings), "passed"
        except Rejection as rejection:
            verdict, outcome = Verdict(Outcome.REJECTED, rejection.reason, rejection.detail), "rejected"
        except Exception as error:  # noqa: BLE001 - a defect in here must be recorded and refused, never delivered
            verdict = Verdict(
                Outcome.REJECTED, None, f"the rewriting broke down ({place_of(error)}); please report this"
            )
    # Not whole: unlike a message, a document that cannot be rewritten is of no use in mode `observe` either.
    return Judgement("wsdl", outcome, verdict, body, True, False, at, time.perf_counter() - started, revision)


def _release(
    response: UpstreamResponse, judgement: Judgement, recorded: Recorded, endpoint: EndpointSettings
) -> Answer:
    if recorded.record.released:
        return released(response, judgement, recorded.record, endpoint)
    sentence = f"The receiver gave no WSDL or schema that could be delivered; record {recorded.record.id}."
    return text_answer(502, sentence, *verdict_fields(recorded.record))


def _unconditional(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Ask for the whole document: what the client has kept is a rewritten one, which the receiver knows nothing of."""
    return [(name, value) for name, value in headers if name != "range" and not name.startswith("if-")]
