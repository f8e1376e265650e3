"""What leaves the gateway, judged by the clients that read it: they read what was verified, or a fault of the gateway.

Threat rules 41 to 43. The receiver is the attacker: it has one genuine answer, and sends it with whatever header fields
and unsigned surroundings it likes.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from gateway.exchange.release import REJECTED_SENTENCE
from gateway.wire.outbound import BrokenOff, NotHttp, Redirected, TimedOut, TlsFailed, Unreachable
from tests.consumers.answers import FORGED, TEXT, VERSIONS, Version, encoded_part, http, instruction, part, signed
from tests.consumers.clients import CLIENTS, NODE
from tests.consumers.conftest import Read
from tests.consumers.header_fields import CHARSETS, CONTENT_TYPES, FIELDS, SEEN, typed
from tests.consumers.loopback import Loopback, running
from tests.consumers.places import ENVELOPES, PARTS, SPELLINGS
from tests.consumers.programs import Reading
from tests.gateway.exchange.harness import envelope

_SENTENCES: Final = {
    REJECTED_SENTENCE,
    *(kind.sentence for kind in (Unreachable, TlsFailed, TimedOut, BrokenOff, NotHttp, Redirected)),
}
_STATUS: Final = re.compile(r"HTTP response '50[24]: |Bad response: \(50[24]")
_DECLARATIONS: Final = {
    "none": ("", "utf-8", b""),
    "UTF-8": ('<?xml version="1.0" encoding="UTF-8"?>', "utf-8", b""),
    "UTF-8 after a byte order mark": ("", "utf-8", codecs.BOM_UTF8),
    "ISO-8859-1": ('<?xml version="1.0" encoding="ISO-8859-1"?>', "iso-8859-1", b""),
    "windows-1252": ('<?xml version="1.0" encoding="windows-1252"?>', "windows-1252", b""),
    "UTF-16": ('<?xml version="1.0" encoding="UTF-16"?>', "utf-16", b""),
}
"""XML declaration, encoding and byte order mark of what is sent."""
_READERS_OF_FIELDS: Final = ("cxf-proxy", "saaj", "node-soap-attachments", "zeep")
"""Clients that differ in what they make of header fields."""
_READERS_OF_MARKUP: Final = ("cxf-dispatch", "saaj", "node-soap", "zeep")
"""And in what they make of the markup."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """As it is without further configuration."""
    with running(tmp_path_factory.mktemp("gateway")) as found:
        yield found


@pytest.fixture(scope="module")
def gateway_of_encodings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """One that admits other encodings than UTF-8."""
    encodings = '["UTF-8", "US-ASCII", "ISO-8859-1", "ISO-8859-15", "windows-1252", "UTF-16"]'
    with running(tmp_path_factory.mktemp("gateway"), policy=f"encodings = {encodings}") as found:
        yield found


@pytest.fixture(scope="module")
def gateway_of_faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """One that delivers unsigned faults."""
    with running(tmp_path_factory.mktemp("gateway"), endpoint='unsigned_faults = "pass"') as found:
        yield found


@pytest.fixture(params=_READERS_OF_FIELDS)
def client(request: pytest.FixtureRequest) -> str:
    """The name of one that judges."""
    return str(request.param)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    """Of SOAP."""
    found: Version = request.param
    return found


def polyglot(client: str) -> bytes:
    """A genuine answer that is a multipart entity as well, in markup that must not be refused for itself."""
    content = f"<![CDATA[{part('1.1')}]]>" if client in NODE else encoded_part("1.1")
    return signed(header=f"<h>{content}</h>")


def ask(read: Read, client: str, version: Version, gateway: Loopback, answer: bytes) -> Reading:
    """What `client` makes of `answer`, which must be what was verified or a fault of the gateway's own."""
    gateway.answer_with(answer)
    reading = read(client, version, gateway.url)
    record = gateway.last()
    assert len(gateway.world.receiver.requests) == 1, f"{client} asked the receiver more than once"
    verdict = f"the verdict was {record.outcome} ({record.reason}: {record.detail}), and {client} read {reading}"
    if record.outcome == "accepted":
        assert reading == Reading(text=TEXT), verdict
    else:
        assert is_refusal(reading), verdict
    return reading


def is_refusal(reading: Reading) -> bool:
    """Whether that is a fault of the gateway's; Apache CXF and SAAJ raise the status, and do not read the Fault."""
    return reading.fault in _SENTENCES or (reading.error is not None and _STATUS.search(reading.error) is not None)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("header", ["", f"<h>{encoded_part('1.1')}</h>"], ids=["plain", "polyglot"])
def test_a_genuine_answer_is_read_as_it_was_signed(
    read: Read, client: str, version: Version, gateway: Loopback, header: str
) -> None:
    answer = http(signed(version, header=header), typed("TYPE; charset=utf-8", version))
    assert ask(read, client, version, gateway, answer) == Reading(text=TEXT)


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        ("cxf-proxy", lambda: http(signed(epilog=instruction("1.1")), typed(SEEN, "1.1"))),
        ("cxf-proxy", lambda: http(polyglot("cxf-proxy"), typed(SEEN, "1.1"))),
        ("node-soap-attachments", lambda: http(polyglot("node-soap"), typed(SEEN, "1.1"))),
        *(
            ("node-soap", lambda place=place: http(ENVELOPES[place]("1.1"), "Content-Type: text/xml"))
            for place in ("second comment before the Envelope", "start of a comment in CDATA")
        ),
    ],
    ids=["instruction", "base64", "CDATA", "comment", "start of a comment"],
)
def test_without_a_gateway_the_client_reads_what_nobody_signed(
    read: Read, client: str, gateway: Loopback, answer: Callable[[], bytes]
) -> None:
    gateway.answer_with(answer())
    assert read(client, "1.1", gateway.upstream) == Reading(text=FORGED)


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_no_content_type_makes_a_client_read_a_part(
    read: Read, client: str, gateway: Loopback, content_type: str
) -> None:
    ask(read, client, "1.1", gateway, http(polyglot(client), typed(content_type, "1.1")))


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_no_content_type_spoils_a_plain_answer(read: Read, client: str, gateway: Loopback, content_type: str) -> None:
    ask(read, client, "1.2", gateway, http(signed("1.2"), typed(content_type, "1.2")))


@pytest.mark.parametrize("place", PARTS)
def test_no_place_holds_a_part_that_a_client_reads(read: Read, client: str, gateway: Loopback, place: str) -> None:
    ask(read, client, "1.1", gateway, http(PARTS[place]("1.1"), typed(SEEN, "1.1")))


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_no_header_field_makes_a_client_read_something_else(
    read: Read, client: str, gateway: Loopback, fields: tuple[str, ...]
) -> None:
    answer = http(polyglot(client), *(field.replace("TYPE", "text/xml") for field in fields))
    ask(read, client, "1.1", gateway, answer)


@pytest.mark.parametrize("charset", CHARSETS)
def test_no_charset_makes_a_client_read_other_characters(
    read: Read, client: str, gateway: Loopback, charset: str
) -> None:
    ask(read, client, "1.1", gateway, http(signed(), typed(charset, "1.1")))


@pytest.mark.parametrize("declaration", _DECLARATIONS)
@pytest.mark.parametrize("charset", ["", "utf-8", "ISO-8859-1", "utf-8; x-charset=ISO-8859-1"])
def test_no_encoding_makes_a_client_read_other_characters(
    read: Read, client: str, gateway_of_encodings: Loopback, declaration: str, charset: str
) -> None:
    prolog, encoding, mark = _DECLARATIONS[declaration]
    if client in NODE and encoding != "utf-8":
        pytest.skip("node-soap reads every answer as UTF-8, with a gateway or without")
    body = mark + signed(prolog=prolog, encoding=encoding)
    content_type = f"TYPE; charset={charset}" if charset else "TYPE"
    ask(read, client, "1.1", gateway_of_encodings, http(body, typed(content_type, "1.1")))


@pytest.mark.parametrize("client", _READERS_OF_MARKUP)
@pytest.mark.parametrize("place", ENVELOPES)
def test_no_place_holds_an_envelope_that_a_client_reads(read: Read, client: str, gateway: Loopback, place: str) -> None:
    ask(read, client, "1.1", gateway, http(ENVELOPES[place]("1.1"), typed("TYPE; charset=utf-8", "1.1")))


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_the_signed_text_makes_a_client_read_another(
    read: Read, client: str, gateway: Loopback, spelling: str
) -> None:
    ask(read, client, "1.1", gateway, http(SPELLINGS[spelling]("1.1"), typed("TYPE; charset=utf-8", "1.1")))


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 X", "308 X", "300 X"])
def test_no_redirect_leads_a_client_past_the_gateway(read: Read, client: str, gateway: Loopback, status: str) -> None:
    location = f"Location: {gateway.upstream}/ws"
    ask(read, client, "1.1", gateway, http(signed(), typed("TYPE", "1.1"), location, status=status))


_FAULT = "<s:Fault><faultcode>s:Server</faultcode><faultstring>out of stock</faultstring></s:Fault>"


@pytest.mark.parametrize("content_type", [*CONTENT_TYPES[:8], "text/plain", "TYPE", ""])
def test_an_unsigned_fault_that_passes_is_read_as_that_fault(
    read: Read, client: str, gateway_of_faults: Loopback, content_type: str
) -> None:
    content = encoded_part("1.1") if client not in NODE else f"<![CDATA[{part('1.1')}]]>"
    body = envelope(_FAULT, header=f"<h>{content}</h>")
    gateway_of_faults.answer_with(http(body, typed(content_type, "1.1"), status="500 Internal Server Error"))
    reading = read(client, "1.1", gateway_of_faults.url)
    record = gateway_of_faults.last()
    verdict = f"the verdict was {record.outcome} ({record.detail}), and {client} read {reading}"
    assert reading == Reading(fault="out of stock") if record.outcome == "passed" else is_refusal(reading), verdict
