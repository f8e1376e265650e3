"""Retrieval of WSDL and schemas: what points at the receiver is made to point at the gateway.

These documents are never signed, so nothing is verified here; they are parsed as strictly as messages, must be what
they are asked for, and leave the gateway rewritten. What cannot be rewritten is refused in every mode.
"""

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from gateway.config import EndpointSettings
from gateway.proxy.answer import Answer, text_answer
from gateway.proxy.breakdown import place_of
from gateway.proxy.exchange import (
    RETRY_AFTER,
    Recorded,
    Request,
    Surroundings,
    answer_failure,
    record_judgement,
    verdict_headers,
)
from gateway.proxy.faults import SoapVersion
from gateway.proxy.forwarding import Headers, request_headers, response_headers, single
from gateway.proxy.judgement import Judgement, decoded_body
from gateway.proxy.upstream import UpstreamClient, UpstreamFailure, UpstreamResponse
from gateway.verify import Outcome, Policy, Reason, Verdict
from gateway.verify.parsing import parse_document, serialize_document
from gateway.verify.reason import Rejection

_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_WSDL_2: Final = "{http://www.w3.org/ns/wsdl}"
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_ROOTS: Final = frozenset({f"{_WSDL}definitions", f"{_WSDL_2}description", f"{_XSD}schema"})
_ADDRESSES: Final = (
    "{http://schemas.xmlsoap.org/wsdl/soap/}address",
    "{http://schemas.xmlsoap.org/wsdl/soap12/}address",
    "{http://schemas.xmlsoap.org/wsdl/http/}address",
)
_ENDPOINT_REFERENCES: Final = (
    "{http://www.w3.org/2005/08/addressing}EndpointReference/{http://www.w3.org/2005/08/addressing}Address",
    "{http://schemas.xmlsoap.org/ws/2004/08/addressing}EndpointReference/"
    "{http://schemas.xmlsoap.org/ws/2004/08/addressing}Address",
)
_LOCATIONS: Final = (
    (f"{_WSDL}import", "location"),
    (f"{_WSDL_2}import", "location"),
    (f"{_WSDL_2}include", "location"),
    (f"{_XSD}import", "schemaLocation"),
    (f"{_XSD}include", "schemaLocation"),
    (f"{_XSD}redefine", "schemaLocation"),
)
_QUERY: Final = re.compile(rb"(?:wsdl|xsd|singlewsdl)(?:[=&].*)?", re.IGNORECASE | re.DOTALL)
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_OK: Final = 200
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNRECORDED: Final = "The document could not be recorded and was not delivered; try again later."


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the receiver is, and where the gateway stands for it; both without a trailing slash."""

    upstream: str
    gateway: str

    def translate(self, url: str) -> str | None:
        """The gateway's URL for `url` of the receiver; None where `url` is not below the endpoint."""
        try:
            asked, own = urlsplit(url.strip()), urlsplit(self.upstream)
            same_origin = _origin(asked.scheme, asked.hostname, asked.port) == _origin(
                own.scheme, own.hostname, own.port
            )
        except ValueError:
            return None
        own_path = own.path.rstrip("/")
        if not same_origin or not (asked.path == own_path or asked.path.startswith(f"{own_path}/")):
            return None
        query = f"?{asked.query}" if asked.query else ""
        return f"{self.gateway}{asked.path[len(own_path) :]}{query}"


def is_retrieval(path: str, query: bytes) -> bool:
    """Whether a GET asks for a WSDL or a schema: `?wsdl`, `?xsd=...`, `?singleWsdl` (any case), NAME.wsdl, NAME.xsd."""
    return _QUERY.fullmatch(query) is not None or (path.lower().endswith((".wsdl", ".xsd")) and not query)


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
    try:
        response = await upstream.send(
            "GET",
            upstream.url(request.rest, request.query),
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
    upstream_seconds = time.perf_counter() - started
    addresses = Addresses(endpoint.upstream.partition("?")[0].rstrip("/"), base)
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
    return _release(response, judgement, recorded)


def rewrite(document: bytes, policy: Policy, addresses: Addresses) -> tuple[bytes, tuple[str, ...]]:
    """`document` with the addresses of the receiver replaced, and warnings about what could not be translated.

    Service addresses are always replaced: a client that went to the receiver itself would go unverified.

    Raises:
        Rejection: The document is not XML that the gateway reads, or neither a WSDL nor a schema.
    """
    root = parse_document(document, policy)
    if root.tag not in _ROOTS:
        raise Rejection(Reason.STRUCTURE, "the document is neither a WSDL nor a schema")
    warnings: list[str] = []
    for address in root.iter(*_ADDRESSES):
        if address.get("location") is not None:
            address.set("location", _service(address.get("location", ""), addresses, warnings))
    for reference in _ENDPOINT_REFERENCES:
        for address in root.iterfind(f".//{reference}"):
            if (address.text or "").strip().startswith(("http:", "https:")) and len(address) == 0:
                address.text = _service(address.text or "", addresses, warnings)
    for element in root.iter(f"{_WSDL_2}endpoint"):
        if element.get("address") is not None:
            element.set("address", _service(element.get("address", ""), addresses, warnings))
    for tag, attribute in _LOCATIONS:
        for element in root.iter(tag):
            location = element.get(attribute)
            if location is not None and (translated := addresses.translate(location)) is not None:
                element.set(attribute, translated)
    return serialize_document(root), tuple(dict.fromkeys(warnings))


def _service(location: str, addresses: Addresses, warnings: list[str]) -> str:
    translated = addresses.translate(location)
    if translated is None:
        warnings.append(
            "a service address that is not below the endpoint's upstream was replaced by the endpoint's own"
        )
        return addresses.gateway
    return translated


def _judge(response: UpstreamResponse, policy: Policy, addresses: Addresses, at: datetime, revision: int) -> Judgement:
    started = time.perf_counter()
    body, outcome = b"", "failed"
    if response.status != _OK:
        detail = f"the receiver answered the retrieval with HTTP status {response.status}"
        verdict = Verdict(Outcome.REJECTED, None, detail)
    else:
        try:
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


def _release(response: UpstreamResponse, judgement: Judgement, recorded: Recorded) -> Answer:
    headers = verdict_headers(recorded)
    if not recorded.record.released:
        sentence = "The receiver gave no WSDL or schema that could be delivered"
        return text_answer(502, f"{sentence}; record {recorded.receipt.record_id}.", *headers)
    kept = _without_validators(response_headers(response.headers, content_type="text/xml; charset=utf-8"))
    return Answer(200, (*kept, *headers), judgement.body)


def _without_validators(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Leave out what speaks of the document before it was rewritten."""
    return [(name, value) for name, value in headers if name not in {b"etag", b"last-modified", b"accept-ranges"}]


def _unconditional(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Ask for the whole document: what the client has kept is a rewritten one, which the receiver knows nothing of."""
    return [(name, value) for name, value in headers if name != "range" and not name.startswith("if-")]


def _origin(scheme: str, host: str | None, port: int | None) -> tuple[str, str, int | None]:
    scheme = scheme.lower()
    return scheme, (host or "").lower(), port or _DEFAULT_PORTS.get(scheme)
