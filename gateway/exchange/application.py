"""The ASGI application of the traffic: which request goes where, and what is answered without asking anyone."""

from typing import Final

import structlog

from gateway.config import EndpointSettings
from gateway.exchange.defects import place_of
from gateway.exchange.generation import Generation
from gateway.exchange.pipeline import Request, Surroundings, exchange
from gateway.exchange.refusal_log import RefusalLog
from gateway.exchange.release import Field, fault, text_answer
from gateway.exchange.routing import PathRefused, Route
from gateway.exchange.soap_faults import SoapVersion, is_soap_type
from gateway.exchange.wsdl.retrieval import gateway_base, is_retrieval, retrieve, scheme_of_client
from gateway.wire import (
    Answer,
    BodyRefused,
    ClientGone,
    Receive,
    Scope,
    Send,
    UpstreamClient,
    read_body,
    send_answer,
    single,
)

_log = structlog.get_logger("wssgate.door")

_OVERLOADED: Final = "The gateway is busy; try again in a moment."
_BROKEN: Final = "The gateway could not carry out the request; nothing was delivered."


class Application:
    """Routes requests to exchanges. `generation` may be replaced at any time; exchanges keep the one they began by."""

    def __init__(self, generation: Generation, surroundings: Surroundings) -> None:
        """Serve by `generation`."""
        self.generation = generation
        self._surroundings = surroundings
        self._under_way = 0
        self._refusal_log = RefusalLog()
        surroundings.metrics.watch_exchanges(lambda: self._under_way)

    @property
    def under_way(self) -> int:
        """Exchanges that have begun and not ended."""
        return self._under_way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        with self.generation as generation:
            try:
                answer = await self._answer(generation, scope, receive)
            except ClientGone:
                return
            except Exception as error:  # noqa: BLE001 - no defect may stop the traffic or show its insides
                _log.error("request broke down", error=place_of(error))
                version = SoapVersion.of_request(None, single(scope["headers"], b"content-type"))
                answer = fault(version, 500, _BROKEN)
            await send_answer(send, answer, head_only=scope["method"] == "HEAD")

    async def _answer(self, generation: Generation, scope: Scope, receive: Receive) -> Answer:
        try:
            route = generation.router.match(scope["raw_path"])
        except PathRefused as refusal:
            return self._turn_away(scope, 400, f"This cannot be forwarded: {refusal}.")
        if route is None:
            return self._turn_away(scope, 404, "No endpoint of this gateway has this path.")
        endpoint = generation.settings.endpoints[route.endpoint]
        is_wsdl = scope["method"] == "GET" and is_retrieval(route.rest, scope["query_string"])
        if scope["method"] != "POST" and not is_wsdl:
            allowed = b"POST, GET" if endpoint.wsdl == "pass" else b"POST"
            sentence = (
                "Send SOAP messages with POST; GET is for ?wsdl and ?xsd=NAME alone, at the path of the endpoint."
            )
            return self._turn_away(scope, 405, sentence, (b"allow", allowed))
        if is_wsdl and endpoint.wsdl == "reject":
            return self._turn_away(scope, 403, "Retrieval of WSDL and schemas is turned off for this endpoint.")
        if self._under_way >= generation.settings.gateway.max_concurrency:
            version = SoapVersion.of_request(None, single(scope["headers"], b"content-type"))
            return self._refuse(fault(version, 503, _OVERLOADED, (b"retry-after", b"1")))
        self._under_way += 1
        try:
            client = generation.clients[route.endpoint]
            if is_wsdl:
                return await self._retrieve(generation, scope, route, endpoint, client)
            return await self._exchange(generation, scope, receive, route, endpoint, client)
        finally:
            self._under_way -= 1

    async def _exchange(
        self,
        generation: Generation,
        scope: Scope,
        receive: Receive,
        route: Route,
        endpoint: EndpointSettings,
        client: UpstreamClient,
    ) -> Answer:
        limits = generation.settings.gateway
        try:
            body = await read_body(
                receive, scope["headers"], limit=limits.max_request_bytes, seconds=limits.body_timeout.total_seconds()
            )
        except BodyRefused as refusal:
            version = SoapVersion.of_request(None, single(scope["headers"], b"content-type"))
            return self._refuse(fault(version, refusal.status, refusal.sentence, is_senders=True))
        request = Request("POST", route.rest, scope["query_string"], scope["headers"], body)
        verifier, usual = generation.verifiers[route.endpoint], generation.usual[route.endpoint]
        return await exchange(request, endpoint, verifier, client, usual, self._surroundings)

    async def _retrieve(
        self, generation: Generation, scope: Scope, route: Route, endpoint: EndpointSettings, client: UpstreamClient
    ) -> Answer:
        gateway = generation.settings.gateway
        peer = scope["client"][0] if scope["client"] else None
        scheme = scheme_of_client(scope["scheme"], peer, scope["headers"], gateway.trusted_proxies)
        base = gateway_base(gateway.public_url, scheme, scope["headers"], endpoint)
        if base is None:
            return self._refuse(text_answer(400, "The Host header of the request is not a host name."))
        request = Request("GET", route.rest, scope["query_string"], scope["headers"], b"")
        return await retrieve(request, endpoint, client, self._surroundings, base)

    def _turn_away(self, scope: Scope, status: int, sentence: str, *fields: Field) -> Answer:
        """Refuse what reaches no endpoint, and tell the log: a client of SOAP is answered with a Fault."""
        self._refusal_log.refused(status, scope["method"], scope["raw_path"], sentence)
        content_type = single(scope["headers"], b"content-type")
        if scope["method"] == "POST" and is_soap_type(content_type):
            return self._refuse(
                fault(SoapVersion.of_request(None, content_type), status, sentence, *fields, is_senders=True)
            )
        return self._refuse(text_answer(status, sentence, *fields))

    def _refuse(self, answer: Answer) -> Answer:
        self._surroundings.metrics.count_refused(answer.status)
        return answer
