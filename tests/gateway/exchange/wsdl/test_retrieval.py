"""WSDL and schemas: fetched through the gateway, they lead back to it."""

import asyncio
from pathlib import Path

import pytest
import structlog
import zeep
from lxml import etree

from gateway.exchange.wsdl import retrieval
from gateway.exchange.wsdl.addresses import Addresses
from gateway.exchange.wsdl.retrieval import is_retrieval
from gateway.exchange.wsdl.rewriting import rewrite
from gateway.verify import Policy
from gateway.verify.reason import Rejection
from tests.gateway.exchange.harness import http, run, signed, world

WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:http="http://schemas.xmlsoap.org/wsdl/http/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:wsa="http://www.w3.org/2005/08/addressing"
  xmlns:t="urn:orders" targetNamespace="urn:orders">
  <import namespace="urn:b" location="{upstream}?wsdl=b"/>
  <types><xs:schema targetNamespace="urn:orders">
    <xs:import namespace="urn:d" schemaLocation="{upstream}/d.xsd"/>
    <xs:include schemaLocation="?xsd=relative"/>
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
    ("rest", "query", "expected"),
    [
        ("", b"wsdl", True),
        ("/", b"wsdl", True),
        ("", b"WSDL", True),
        ("", b"wsdl=b.wsdl", True),
        ("", b"wsdl=parts/b.wsdl", True),
        ("", b"xsd=1", True),
        ("", b"XSD=orders.xsd", True),
        ("", b"singleWsdl", True),
        ("/orders.wsdl", b"", True),
        ("/types.XSD", b"", True),
        ("/a/b/types.xsd", b"", True),
        ("", b"", False),
        ("", b"wsdlx", False),
        ("", b"wsdl&cmd=drop", False),
        ("", b"wsdl=b&cmd=drop", False),
        ("", b"xsd=1;cmd=drop", False),
        ("", b"xsd=..", False),
        ("", b"xsd=../../secret", False),
        ("", b"xsd=a/./b", False),
        ("", b"xsd=%2e%2e/secret", False),
        ("", b"xsd=a\n", False),
        ("", b"singleWsdl=1", False),
        ("", b"op=get&wsdl", False),
        ("", b"%77sdl", False),
        ("/admin/delete", b"wsdl", False),
        ("/admin/delete", b"wsdl&cmd=drop", False),
        ("/types.xsd", b"id=1", False),
        ("/types.xsd", b"wsdl", False),
        ("/types.xsd/get", b"", False),
        ("/%2e%2e/types.xsd", b"", False),
        ("/../types.xsd", b"", False),
        ("/a;x/types.xsd", b"", False),
        ("/.xsd", b"", False),
    ],
)
def test_what_counts_as_retrieval(rest: str, query: bytes, expected: bool) -> None:
    assert is_retrieval(rest, query) is expected


@pytest.mark.parametrize("upstream", ["http://127.0.0.1:9/ws", "http://127.0.0.1:9"])
def test_addresses_lead_to_the_gateway(upstream: str) -> None:
    document = WSDL.format(upstream=upstream).encode()
    rewritten, warnings = rewrite(document, Policy(), Addresses(upstream, GATEWAY))
    root = etree.fromstring(rewritten)
    locations = root.xpath("//@location | //@schemaLocation | //*[local-name()='Address']/text()")
    assert locations == [
        f"{GATEWAY}?wsdl=b",
        f"{GATEWAY}/d.xsd",
        f"{GATEWAY}?xsd=relative",
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


@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere.example/",
        "http://elsewhere.example/<!-- -->",
        "<!-- -->http://elsewhere.example/",
        "http://<?x?>elsewhere.example/",
        "<x/>http://elsewhere.example/<x>y</x>tail",
        "HTTP://elsewhere.example/",
        " \n//elsewhere.example/",
        "urn:elsewhere.example",
        "",
    ],
)
@pytest.mark.parametrize("addressing", ["http://www.w3.org/2005/08/addressing", "urn:any:addressing"])
def test_an_endpoint_reference_leads_to_the_gateway_whatever_it_looks_like(address: str, addressing: str) -> None:
    document = WSDL.replace("{upstream}/ref", address).replace("http://www.w3.org/2005/08/addressing", addressing)
    rewritten, warnings = rewrite(
        document.format(upstream="http://r.example/ws").encode(), Policy(), Addresses("http://r.example/ws", GATEWAY)
    )
    root = etree.fromstring(rewritten)
    (found,) = root.iter(f"{{{addressing}}}Address")
    assert (found.text, len(found)) == (GATEWAY, 0)
    assert b"elsewhere" not in rewritten
    assert warnings


@pytest.mark.parametrize(
    "address",
    ["<soap:address location='http://elsewhere.example/'/>", "<x:address xmlns:x='u' location='//elsewhere'/>"],
)
def test_addresses_of_unknown_bindings_lead_to_the_gateway_too(address: str) -> None:
    document = WSDL.replace('<soap:address location="jms:queue"/>', address).format(upstream="http://r.example/ws")
    rewritten, _ = rewrite(document.encode(), Policy(), Addresses("http://r.example/ws", GATEWAY))
    assert b"elsewhere" not in rewritten


FOREIGN = [
    "http://elsewhere.example/c.wsdl",
    "HTTPS://elsewhere.example/c.wsdl",
    "//elsewhere.example/c.wsdl",
    " //elsewhere.example/c.wsdl",
    "/\\elsewhere.example/c.wsdl",
    "\\\\elsewhere.example/c.wsdl",
    "http:/elsewhere.example/c.wsdl",
    "http://r.example@elsewhere.example/ws/c.wsdl",
    "http://r.example:81/ws/c.wsdl",
    "http://r.example/other/c.wsdl",
    "file:///etc/passwd",
    "h&#9;ttp://elsewhere.example/c.wsdl",
    "http://[bad/ws",
    "http://www.w3.org@elsewhere.example/xml.xsd",
    "http://www.w3.org.elsewhere.example/xml.xsd",
    "http://www.w3.org:81/2001/xml.xsd",
    "http://www.w3.org",
]
IMPORTS = [
    '<import namespace="urn:c" location="{}"/>',
    '<xs:import xmlns:xs="http://www.w3.org/2001/XMLSchema" namespace="urn:c" schemaLocation="{}"/>',
    '<xs:include xmlns:xs="http://www.w3.org/2001/XMLSchema" schemaLocation="{}"/>',
    '<xs:redefine xmlns:xs="http://www.w3.org/2001/XMLSchema" schemaLocation="{}"/>',
    '<xs:override xmlns:xs="http://www.w3.org/2001/XMLSchema" schemaLocation="{}"/>',
    '<w:include xmlns:w="http://www.w3.org/ns/wsdl" location="{}"/>',
]


@pytest.mark.parametrize("element", IMPORTS)
@pytest.mark.parametrize("location", FOREIGN)
def test_a_document_that_leads_past_the_gateway_is_refused(element: str, location: str) -> None:
    document = f'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/">{element.format(location)}</definitions>'
    with pytest.raises(Rejection, match="not below the endpoint's upstream: clients would fetch it past") as refusal:
        rewrite(document.encode(), Policy(), Addresses("http://r.example/ws", GATEWAY))
    assert refusal.value.detail.isprintable()


def test_the_schemas_of_the_standards_stay_where_they_are_published() -> None:
    location = "http://www.w3.org/2001/xml.xsd"
    document = f'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/">{IMPORTS[1].format(location)}</definitions>'
    rewritten, _ = rewrite(document.encode(), Policy(), Addresses("http://r.example/ws", GATEWAY))
    assert etree.fromstring(rewritten)[0].get("schemaLocation") == location


def test_hints_that_would_lead_elsewhere_are_left_out() -> None:
    document = (
        '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xml:base="http://elsewhere.example/" '
        'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:a http://elsewhere.example/a.xsd">'
        '<types><x i:noNamespaceSchemaLocation="http://elsewhere.example/b.xsd" xml:base="//elsewhere"/></types>'
        '<import location="?wsdl=b"/></definitions>'
    )
    rewritten, _ = rewrite(document.encode(), Policy(), Addresses("http://r.example/ws", GATEWAY))
    assert b"elsewhere" not in rewritten


def test_a_refused_document_is_recorded_and_not_delivered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            document = (
                f'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/">{IMPORTS[0].format(FOREIGN[0])}</definitions>'
            )
            it.receiver.reply = http(document.encode())
            response = await it.ask("GET", "/orders?wsdl")
            assert (response.status, b"elsewhere" in response.body) == (502, False)
            record = it.last()
            assert (record.kind, record.outcome, record.reason, record.released) == (
                "wsdl",
                "rejected",
                "structure",
                False,
            )
            assert "imports http://elsewhere.example/c.wsdl, which is not below" in record.detail

    run(scenario())


@pytest.mark.parametrize("path", ["/orders/admin/delete?wsdl&cmd=drop", "/orders?wsdl&cmd=drop", "/orders/admin?wsdl"])
def test_a_get_of_another_shape_reaches_nobody(tmp_path: Path, path: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            assert (await it.ask("GET", path)).status == 405
            assert it.receiver.requests == []

    run(scenario())


@pytest.mark.parametrize("document", [b"<html/>", b"<a", b"", b"<!DOCTYPE a><a/>", b"<s:Envelope xmlns:s='x'/>"])
def test_what_is_no_wsdl_is_refused(document: bytes) -> None:
    with pytest.raises(Rejection):
        rewrite(document, Policy(), Addresses("http://receiver.example/ws", GATEWAY))


def test_retrieval_through_the_gateway(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            upstream = f"http://127.0.0.1:{it.receiver.port}/ws"
            it.receiver.reply = http(WSDL.format(upstream=upstream).encode(), ETag='"1"', X_Request_Id="y")
            response = await it.ask("GET", "/orders?WSDL", Host="gateway.example:8443", If_None_Match='"1"')
            assert response.status == 200
            assert upstream.encode() not in response.body
            assert b'location="http://gateway.example:8443/orders"' in response.body
            assert response.headers["wssgate-verdict"] == "passed"
            assert response.headers["x-request-id"] == "y"
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


def test_a_document_whose_operations_cannot_be_listed_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are there to tell what nobody called yet, and keep no document back that is in order."""

    def broken(_: object) -> tuple[str, ...]:
        raise RuntimeError("a case that nobody thought of")

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(ZEEP_WSDL.encode())
            monkeypatch.setattr(retrieval, "announced_operations", broken)
            with structlog.testing.capture_logs() as said:
                answer = await it.raw(b"GET /orders?wsdl HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"<definitions" in answer
            assert "the operations of a WSDL could not be listed" in [line["event"] for line in said]

    run(scenario())
