"""WSDL and schemas: fetched through the gateway, they lead back to it."""

import asyncio
from pathlib import Path

import pytest
import zeep
from lxml import etree

from gateway.proxy.wsdl import Addresses, is_retrieval, rewrite
from gateway.verify import Policy
from gateway.verify.reason import Rejection
from tests.gateway.proxy.harness import http, run, signed, world

WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:http="http://schemas.xmlsoap.org/wsdl/http/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:wsa="http://www.w3.org/2005/08/addressing"
  xmlns:t="urn:orders" targetNamespace="urn:orders">
  <import namespace="urn:b" location="{upstream}?wsdl=b"/>
  <import namespace="urn:c" location="http://elsewhere.example/c.wsdl"/>
  <types><xs:schema targetNamespace="urn:orders">
    <xs:import namespace="urn:d" schemaLocation="{upstream}/d.xsd"/>
    <xs:include schemaLocation="relative.xsd"/>
  </xs:schema></types>
  <service name="Orders">
    <port name="A" binding="t:A"><soap:address location="{upstream}"/>
      <wsa:EndpointReference><wsa:Address>{upstream}/ref</wsa:Address></wsa:EndpointReference></port>
    <port name="B" binding="t:B"><soap12:address location="{upstream}/v12?x=1"/></port>
    <port name="C" binding="t:C"><http:address location="http://internal.example:8000/other"/></port>
    <port name="D" binding="t:D"><soap:address location="jms:queue"/></port>
  </service>
</definitions>"""

ZEEP_WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:orders" targetNamespace="urn:orders" name="Orders">
  <types><xs:schema targetNamespace="urn:orders" elementFormDefault="qualified">
    <xs:element name="Get"><xs:complexType/></xs:element><xs:element name="Order" type="xs:string"/>
  </xs:schema></types>
  <message name="In"><part name="p" element="t:Get"/></message>
  <message name="Out"><part name="p" element="t:Order"/></message>
  <portType name="T"><operation name="Get"><input message="t:In"/><output message="t:Out"/></operation></portType>
  <binding name="B" type="t:T"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Get"><soap:operation soapAction="urn:get"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
  <service name="S"><port name="P" binding="t:B"><soap:address location="http://internal.example/ws"/></port></service>
</definitions>"""

GATEWAY = "https://gateway.example/orders"


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/orders", b"wsdl", True),
        ("/orders", b"WSDL", True),
        ("/orders", b"wsdl=b.wsdl", True),
        ("/orders", b"xsd=1", True),
        ("/orders", b"XSD=orders.xsd", True),
        ("/orders", b"singleWsdl", True),
        ("/orders", b"wsdl&version=2", True),
        ("/orders/orders.wsdl", b"", True),
        ("/orders/types.XSD", b"", True),
        ("/orders", b"", False),
        ("/orders", b"wsdlx", False),
        ("/orders", b"op=get&wsdl", False),
        ("/orders", b"%77sdl", False),
        ("/orders.xsd/get", b"id=1", False),
    ],
)
def test_what_counts_as_retrieval(path: str, query: bytes, expected: bool) -> None:
    assert is_retrieval(path, query) is expected


@pytest.mark.parametrize("upstream", ["http://127.0.0.1:9/ws", "http://127.0.0.1:9"])
def test_addresses_lead_to_the_gateway(upstream: str) -> None:
    document = WSDL.format(upstream=upstream).encode()
    rewritten, warnings = rewrite(document, Policy(), Addresses(upstream, GATEWAY))
    root = etree.fromstring(rewritten)
    locations = root.xpath("//@location | //@schemaLocation | //*[local-name()='Address']/text()")
    assert locations == [
        f"{GATEWAY}?wsdl=b",
        "http://elsewhere.example/c.wsdl",
        f"{GATEWAY}/d.xsd",
        "relative.xsd",
        GATEWAY,
        f"{GATEWAY}/ref",
        f"{GATEWAY}/v12?x=1",
        GATEWAY,
        GATEWAY,
    ]
    assert b"internal.example" not in rewritten
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://Receiver.example/ws", GATEWAY),
        ("HTTP://receiver.example:80/ws?wsdl", f"{GATEWAY}?wsdl"),
        ("http://receiver.example/ws/a/b", f"{GATEWAY}/a/b"),
        ("http://receiver.example/wsx", None),
        ("https://receiver.example/ws", None),
        ("http://receiver.example:8080/ws", None),
        ("http://receiver.example.evil/ws", None),
        ("/ws", None),
        ("http://[bad/ws", None),
    ],
)
def test_only_what_is_below_the_upstream_is_translated(url: str, expected: str | None) -> None:
    assert Addresses("http://receiver.example/ws", GATEWAY).translate(url) == expected


@pytest.mark.parametrize("document", [b"<html/>", b"<a", b"", b"<!DOCTYPE a><a/>", b"<s:Envelope xmlns:s='x'/>"])
def test_what_is_no_wsdl_is_refused(document: bytes) -> None:
    with pytest.raises(Rejection):
        rewrite(document, Policy(), Addresses("http://receiver.example/ws", GATEWAY))


def test_retrieval_through_the_gateway(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            upstream = f"http://127.0.0.1:{it.receiver.port}/ws"
            it.receiver.reply = http(WSDL.format(upstream=upstream).encode(), ETag='"1"', X_Kept="y")
            response = await it.ask("GET", "/orders?WSDL", Host="gateway.example:8443", If_None_Match='"1"')
            assert response.status == 200
            assert upstream.encode() not in response.body
            assert b'location="http://gateway.example:8443/orders"' in response.body
            assert response.headers["wssgate-verdict"] == "passed"
            assert response.headers["x-kept"] == "y"
            assert "etag" not in response.headers
            assert it.receiver.requests[0].startswith(b"GET /ws?WSDL HTTP/1.1\r\n")
            assert b"if-none-match" not in it.receiver.requests[0].lower()
            record = it.last()
            assert (record.kind, record.outcome, record.released, record.reason) == ("wsdl", "passed", True, None)
            assert record.warnings

    run(scenario())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (http(b"<html><body>secret</body></html>"), "rejected"),
        (http(signed()), "rejected"),
        (http(b"secret", "404 Not Found", "text/plain"), "failed"),
        (http(b"", "304 Not Modified"), "failed"),
        (b"", "failed"),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_only_wsdl_and_schemas_pass(tmp_path: Path, reply: bytes, outcome: str, mode: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path, endpoint=f'mode = "{mode}"') as it:
            it.receiver.reply = reply
            response = await it.ask("GET", "/orders?wsdl")
            assert response.status == 502
            assert b"secret" not in response.body
            assert response.headers["content-type"].startswith("text/plain")
            assert (it.last().outcome, it.last().released) == (outcome, False)

    run(scenario())


def test_retrieval_turned_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, endpoint='wsdl = "reject"') as it:
            assert (await it.ask("GET", "/orders?wsdl")).status == 403
            assert (await it.ask("GET", "/orders")).headers["allow"] == "POST"
            assert it.receiver.requests == []

    run(scenario())


def test_host_that_is_none_gets_into_no_document(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            for host in ("a b", "a/b", "a@b", "a:b", "<x>", 'a"b', "", "[::1", "a#b"):
                with subtests.test(host):
                    request = f"GET /orders?wsdl HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                    assert (await it.raw(request.encode())).startswith(b"HTTP/1.1 400 ")
            assert it.receiver.requests == []

    run(scenario())


def test_public_url_overrides_the_host(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='public_url = "https://public.example/base/"') as it:
            it.receiver.reply = http(ZEEP_WSDL.encode())
            response = await it.ask("GET", "/orders?wsdl", Host="evil.example")
            assert b'location="https://public.example/base/orders"' in response.body
            assert b"evil" not in response.body

    run(scenario())


def test_zeep_finds_its_way_through_the_gateway(tmp_path: Path) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(ZEEP_WSDL.encode()) if len(requests) == 1 else http(signed()))
        await writer.drain()

    requests: list[bytes] = []

    def call(address: str) -> str:
        client = zeep.Client(f"http://{address}/orders?wsdl")  # type: ignore[no-untyped-call]  # zeep has no types
        return str(client.service.Get())

    async def scenario() -> None:
        nonlocal requests
        async with world(tmp_path) as it:
            requests = it.receiver.requests
            it.receiver.reply = answer
            assert await asyncio.to_thread(call, it.gateway.address) == "the-payload-of-the-receiver"
            assert [(r.record.kind, r.record.outcome) for r in it.ledger()] == [
                ("wsdl", "passed"),
                ("message", "accepted"),
            ]

    run(scenario())
