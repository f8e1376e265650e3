"""Retrieval of WSDL and schemas: what points at the receiver is made to point at the gateway.

These documents are never signed, so nothing is verified here; they are parsed as strictly as messages, must be what
they are asked for, and leave the gateway rewritten. What cannot be rewritten is refused in every mode.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Collection
from datetime import datetime
from ipaddress import ip_address
from typing import Final

import structlog

from gateway.config import EndpointSettings, Network
from gateway.exchange.defects import place_of
from gateway.exchange.judgement import Judgement, decoded_body, refuse_unforwardable
from gateway.exchange.pipeline import Request, Surroundings, answer_failure, record_judgement
from gateway.exchange.release import answer_to, answer_without_record
from gateway.exchange.soap_faults import SoapVersion
from gateway.exchange.wsdl.addresses import Addresses
from gateway.exchange.wsdl.rewriting import rewrite
from gateway.exchange.wsdl.wsdl_operations import announced_operations
from gateway.verify import Expectation, Policy, Reason, Rejection, parse_without_remarks
from gateway.vocabulary import MessageKind, RecordedOutcome
from gateway.wire import Answer, Headers, UpstreamClient, UpstreamFailure, UpstreamResponse, request_headers, single

_log = structlog.get_logger("wssgate.door")

_QUERY: Final = re.compile(rb"singlewsdl|(?:wsdl|xsd)(?:=(?!\.)(?:[\w~-]|[./](?!\.))*)?", re.IGNORECASE)
"""One parameter: what services call their parts, such as `xsd=1` or `wsdl=a/b.wsdl`; no escapes, no dot segments."""
_FILE: Final = re.compile(r"(?:/[\w~-][\w.~-]*)*/[\w~-][\w.~-]*\.(?:wsdl|xsd)", re.IGNORECASE | re.ASCII)
"""A document below the endpoint, as relative imports name it."""
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_OK: Final = 200
_NO_OPERATION: Final = Expectation()
"""What a retrieval lets be expected: no operation is asked for."""


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


def scheme_of_client(scheme: str, client: str | None, headers: Headers, proxies: Collection[Network]) -> str:
    """Which scheme the client used: that of the connection, or what a proxy that is trusted says it was.

    Args:
        scheme: That of the connection.
        client: Whose connection it is, as an address.
        headers: Those of the request; X-Forwarded-Proto counts where there is one, and it is `http` or `https`.
        proxies: Who may say so.
    """
    said = single(headers, b"x-forwarded-proto")
    if not proxies or said is None or said.lower() not in {b"http", b"https"} or client is None:
        return scheme
    address = ip_address(client.partition("%")[0])
    return said.lower().decode("ascii") if any(address in network for network in proxies) else scheme


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
        return await answer_failure(
            request, endpoint, failure, time.perf_counter() - started, surroundings, None, _NO_OPERATION
        )
    surroundings.reachability.heard(endpoint, response.status, signed=False)
    response.lease.drop()  # nothing tells whether the document is the one that was asked for
    upstream_seconds = time.perf_counter() - started
    addresses = Addresses(endpoint.upstream.partition("?")[0].rstrip("/"), base, url)
    judgement, announced = await asyncio.get_running_loop().run_in_executor(
        surroundings.pool,
        _judge,
        response,
        endpoint.policy,
        addresses,
        surroundings.clock(),
        surroundings.trust(endpoint.name).revision,
        endpoint.operations is None,
    )
    record = await record_judgement(
        request, endpoint, response, judgement, upstream_seconds, surroundings, _NO_OPERATION
    )
    if record is None:
        return answer_without_record(None)
    if announced:
        surroundings.expect_operations(endpoint.name, announced)
    return answer_to(response, judgement, record, endpoint, SoapVersion.SOAP_1_1)


def _judge(
    response: UpstreamResponse, policy: Policy, addresses: Addresses, at: datetime, revision: int, is_read: bool
) -> tuple[Judgement, tuple[str, ...]]:
    """What is found out about `response`, and which operations it announces, where that `is_read`."""
    started = time.perf_counter()
    body, outcome = b"", RecordedOutcome.FAILED
    reason: Reason | None = None
    warnings: tuple[str, ...] = ()
    if response.status != _OK:
        detail = f"the receiver answered the retrieval with HTTP status {response.status}"
    else:
        try:
            refuse_unforwardable(response)
            body, warnings = rewrite(decoded_body(response, policy), policy, addresses)
            detail, outcome = "a WSDL or schema, delivered with its addresses rewritten", RecordedOutcome.PASSED
        except Rejection as rejection:
            reason, detail, outcome = rejection.reason, rejection.detail, RecordedOutcome.REJECTED
        except Exception as error:  # noqa: BLE001 - a defect in here must be recorded and refused, never delivered
            detail = f"the rewriting broke down ({place_of(error)}); please report this"
    judgement = Judgement(
        kind=MessageKind.WSDL,
        outcome=outcome,
        reason=reason,
        detail=detail,
        verdict=None,
        warnings=warnings,
        decoded=body,
        body_sha256=hashlib.sha256(body).hexdigest(),
        body=body,
        is_decoded=True,
        # Unlike a message, a document that cannot be rewritten is of no use in mode `observe` either.
        is_whole=False,
        at=at,
        verify_seconds=time.perf_counter() - started,
        keystore_revision=revision,
    )
    return judgement, _announced(body) if is_read and outcome is RecordedOutcome.PASSED else ()


def _announced(document: bytes) -> tuple[str, ...]:
    """The operations that `document` announces; none where they cannot be told, which nobody has to wait for."""
    try:
        return announced_operations(parse_without_remarks(document))
    except Exception as error:  # noqa: BLE001 - a defect in here must not keep a document back that is in order
        _log.warning("the operations of a WSDL could not be listed", problem=place_of(error))
        return ()


def _unconditional(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Ask for the whole document: what the client has kept is a rewritten one, which the receiver knows nothing of."""
    return [(name, value) for name, value in headers if name != "range" and not name.startswith("if-")]
