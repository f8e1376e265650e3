"""Whole exchanges over loopback: what the receiver does, what the client gets, what the ledger says."""

import asyncio
import contextlib
import gzip
import hashlib
import os
import re
import sqlite3
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from fixtures.manifest import entry
from gateway.exchange.judgement import Judgement, judge_message
from gateway.ledger import open_database
from gateway.renewal import measure
from gateway.report import FailureKind, failure_kind
from gateway.verify import ADVICE, Reason
from gateway.verify.parsing import parse_document
from gateway.verify.policy import Policy
from gateway.vocabulary import RecordedOutcome
from tests.databases import locked
from tests.gateway.exchange.harness import (
    REQUEST,
    SECRET,
    SOAP,
    Reply,
    Response,
    World,
    envelope,
    http,
    run,
    signed,
    signed_twice,
    signed_with_timestamp,
    world,
)
from tests.gateway.ledger.losing import record_taken

FAULT = envelope(f"<s:Fault><faultcode>s:Server</faultcode><faultstring>{SECRET}</faultstring></s:Fault>")


def deflate(data: bytes, wbits: int) -> bytes:
    compressor = zlib.compressobj(wbits=wbits)
    return compressor.compress(data) + compressor.flush()


def chunked(body: bytes, size: int = 100, trailer: bytes = b"") -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + coded + b"0\r\n" + trailer + b"\r\n"


def play_all(
    folder: Path,
    subtests: pytest.Subtests,
    cases: dict[str, bytes | Reply],
    check: Callable[[str, Response, World], None],
    **options: Any,
) -> None:
    """Send one request for each of `cases`, all through one gateway."""

    async def scenario() -> None:
        async with world(folder, **options) as it:
            for case, reply in cases.items():
                with subtests.test(case):
                    it.receiver.reply = reply
                    check(case, await it.ask(), it)

    run(scenario())


def is_fault(response: Response, version: str = "1.1") -> bool:
    root = parse_document(response.body, Policy())
    return root.tag == f"{{{SOAP[version]}}}Envelope" and root[0][0].tag == f"{{{SOAP[version]}}}Fault"


def play(folder: Path, reply: bytes | Reply, check: Any, **options: Any) -> None:
    """Send one request to a receiver that gives `reply`, and hand response and world to `check`."""

    async def scenario() -> None:
        async with world(folder, **options) as it:
            it.receiver.reply = reply
            check(await it.ask(), it)

    run(scenario())


@pytest.mark.parametrize("key", ["old", "new"])
def test_signed_response_passes_unchanged(tmp_path: Path, key: str) -> None:
    def check(response: Response, it: World) -> None:
        assert response.status == 200
        assert response.body == signed(key)
        assert response.headers["wssgate-verdict"] == "accepted"
        assert response.headers["wssgate-key"] == key
        record = it.last()
        assert response.headers["wssgate-record"] == record.id
        assert (record.outcome, record.kind, record.released, record.endpoint) == (
            "accepted",
            "message",
            True,
            "orders",
        )
        assert [entry.alias for entry in record.verified_by] == [key]
        assert record.body_sha256 == hashlib.sha256(signed(key)).hexdigest()
        assert (record.request_bytes, record.response_bytes) == (len(REQUEST), len(signed(key)))
        assert (record.operation, record.response_element) == ("{urn:orders}GetOrder", "{urn:orders}Order")
        assert record.keystore_revision == 2
        assert response.headers["content-type"] == "text/xml; charset=utf-8"

    play(tmp_path, http(signed(key)), check)


def test_request_reaches_the_receiver_untouched(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            await it.ask(
                path="/orders/v1/x%20y?a=1&b=%2F",
                SOAPAction='"urn:get"',
                Authorization="Basic abc",
                Connection="keep-alive, X-Hop",
                X_Hop="1",
                WSSGate_Verdict="accepted",
                WSSGate_Key="forged",
                Accept_Encoding="br, zstd",
                Cookie="a=b",
            )
            head, _, body = it.receiver.requests[0].partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:])
            assert lines[0] == "POST /ws/v1/x%20y?a=1&b=%2F HTTP/1.1"
            assert body == REQUEST
            assert fields["host"] == f"127.0.0.1:{it.receiver.port}"
            assert fields["soapaction"] == '"urn:get"'
            assert fields["authorization"] == "basic abc"
            assert fields["accept-encoding"] == "gzip, deflate"
            assert fields["cookie"] == "a=b"
            assert not {name for name in fields if name.startswith("wssgate")}
            assert "x-hop" not in fields

    run(scenario())


OCTETS = (b"caf\xe9", "caf\xe9".encode(), b"\x80\xff\xfe", b"a\tb", b"\xed\xa0\x80", b'"\xc3"')


@pytest.mark.parametrize(
    ("line", "body"),
    [(b"POST /orders", REQUEST), (b"POST /orders", envelope("x" * 2_000_000)), (b"GET /orders?wsdl", b"")],
    ids=["small", "large", "WSDL"],
)
def test_field_values_keep_their_octets(tmp_path: Path, line: bytes, body: bytes) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            reply = http(signed())
            fields = b"".join(b"X-Request-ID: %b\r\n" % value for value in OCTETS)
            it.receiver.reply = reply.replace(b"\r\n", b"\r\n" + fields, 1)
            sent = b"".join(b"X-Name: %b\r\n" % value for value in OCTETS)
            head = line + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + sent
            answer = await it.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            received = re.findall(rb"(?i)\r\nx-name: ([^\r]*)", it.receiver.requests[0])
            assert received == list(OCTETS)
            assert it.receiver.requests[0].endswith(body)
            if body:
                assert re.findall(rb"\r\nx-request-id: ([^\r]*)", answer) == list(OCTETS)

    run(scenario())


@pytest.mark.parametrize("body", [REQUEST, envelope("x" * 2_000_000)], ids=["small", "large"])
def test_fields_with_an_underscore_do_not_reach_the_receiver(tmp_path: Path, body: bytes) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed(), x="y").replace(b"\r\nx: y", b"\r\nWSSGate_Verdict: forged\r\nX_Y: z")
            head = b"POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body)
            names = (b"Content_Length", b"X_Forwarded_For", b"wssgate_verdict", b"Host_", b"Transfer_Encoding")
            answer = await it.raw(head + b"".join(b"%b: 7\r\n" % name for name in names) + b"\r\n" + body)
            assert answer.startswith(b"HTTP/1.1 200 ")
            for sent in (it.receiver.requests[0], answer):
                fields = sent.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
                assert fields
                assert not [field for field in fields if b"_" in field.partition(b":")[0]]

    run(scenario())


REJECTED: dict[str, tuple[bytes, str]] = {
    "unsigned": (http(envelope(f"<Order>{SECRET}</Order>")), "unsigned"),
    "altered": (http(signed().replace(SECRET.encode(), b"the-payload-of-an-attacker")), "digest-mismatch"),
    "foreign key": (http(signed("foreign")), "unknown-key"),
    "unsigned fault": (http(FAULT, "500 Internal Server Error"), "unsigned"),
    "HTML": (http(f"<html><body>{SECRET}<br></body></html>".encode(), "500 Oops", "text/html"), "malformed"),
    "XHTML": (http(f"<html><body>{SECRET}</body></html>".encode()), "not-soap"),
    "cut short": (http(signed()[:-40]), "malformed"),
    "DOCTYPE": (http(b"<!DOCTYPE x>" + signed()), "dtd"),
    "encoding": (http(signed(), content_type="text/xml; charset=utf-16"), "encoding"),
    "brotli": (http(b"x" * 30, Content_Encoding="br"), "encoding"),
    "coded twice": (http(gzip.compress(gzip.compress(signed())), Content_Encoding="gzip, gzip"), "encoding"),
    "damaged gzip": (http(b"\x1f\x8b" + os.urandom(50), Content_Encoding="gzip"), "malformed"),
    "gzip cut short": (http(gzip.compress(signed())[:-12], Content_Encoding="gzip"), "malformed"),
    "gzip and more": (http(gzip.compress(signed()) + b"<more/>", Content_Encoding="gzip"), "malformed"),
    "gzip bomb": (http(gzip.compress(b" " * 5_000_000), Content_Encoding="gzip"), "limits"),
    "deflate bomb": (http(deflate(b" " * 5_000_000, 15), Content_Encoding="deflate"), "limits"),
    "bomb in members": (http(gzip.compress(b" " * 50_000) * 60, Content_Encoding="gzip"), "limits"),
    "too long": (http(signed() + b" " * 1_100_000), "limits"),
    "announced too long": (b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + b" " * 1000, "limits"),
    "control in Content-Type": (http(signed(), content_type="text/xml\x01"), "encoding"),
    "control in another field": (http(signed(), X_Field="a\x1bb"), "encoding"),
    "two Content-Types": (http(signed(), content_type="text/xml", content_TYPE="text/html"), "encoding"),
}


def test_rejected_response_gives_a_fault_and_not_one_byte(tmp_path: Path, subtests: pytest.Subtests) -> None:
    def check(case: str, response: Response, it: World) -> None:
        reason = REJECTED[case][1]
        record = it.last()
        assert (record.outcome, record.reason, record.released, record.kind) == ("rejected", reason, False, "message")
        assert response.status == 502
        assert response.headers["wssgate-verdict"] == "rejected"
        assert response.headers["wssgate-record"] == record.id
        assert "wssgate-key" not in response.headers
        assert response.headers["content-type"] == "text/xml; charset=utf-8"
        assert is_fault(response)
        assert record.id.encode() in response.body
        assert SECRET.encode() not in response.body
        assert reason.encode() not in response.body.partition(b"?>")[2]

    cases: dict[str, bytes | Reply] = {case: reply for case, (reply, _) in REJECTED.items()}
    play_all(tmp_path, subtests, cases, check, policy="max_message_bytes = 1000000")


def test_observe_delivers_what_it_would_reject(tmp_path: Path, subtests: pytest.Subtests) -> None:
    cases: dict[str, bytes | Reply] = {case: reply for case, (reply, _) in REJECTED.items() if "long" not in case}

    def check(case: str, response: Response, it: World) -> None:
        head, _, body = REJECTED[case][0].partition(b"\r\n\r\n")
        coding = re.search(rb"Content-Encoding: (.*?)(?:\r|$)", head)
        assert (it.last().outcome, it.last().reason, it.last().released) == ("rejected", REJECTED[case][1], True)
        assert response.headers["wssgate-verdict"] == "rejected"
        assert response.status in {200, 500}
        assert response.body == body
        assert response.headers.get("content-encoding") == (coding[1].decode() if coding else None)
        assert "\x01" not in response.headers.get("content-type", "")
        assert "\x1b" not in response.headers.get("x-field", "")
        if "control in Content-Type" in case:
            assert "content-type" not in response.headers
        else:
            assert response.headers["content-type"].encode() in head

    play_all(tmp_path, subtests, cases, check, endpoint='mode = "observe"', policy="max_message_bytes = 1000000")


def test_observe_cannot_deliver_what_it_did_not_read(tmp_path: Path) -> None:
    def check(response: Response, it: World) -> None:
        assert response.status == 502
        assert (it.last().outcome, it.last().reason, it.last().released) == ("rejected", "limits", False)

    play(tmp_path, REJECTED["too long"][0], check, endpoint='mode = "observe"', policy="max_message_bytes = 1000000")


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        ("gzip", gzip.compress(signed())),
        ("x-gzip", gzip.compress(signed())),
        ("GZIP", gzip.compress(signed()[:500]) + gzip.compress(signed()[500:])),
        ("deflate", deflate(signed(), 15)),
        ("deflate", deflate(signed(), -15)),
        ("identity", signed()),
    ],
)
def test_compressed_response_leaves_as_the_bytes_that_were_verified(tmp_path: Path, coding: str, coded: bytes) -> None:
    def check(response: Response, it: World) -> None:
        assert response.status == 200
        assert response.body == signed()
        assert "content-encoding" not in response.headers
        assert "content-md5" not in response.headers
        assert int(response.headers["content-length"]) == len(signed())

    play(tmp_path, http(coded, Content_Encoding=coding, Content_MD5="abc"), check)


def test_chunks_and_trailers_are_framed_anew(tmp_path: Path) -> None:
    def check(response: Response, it: World) -> None:
        assert response.status == 200
        assert response.body == signed()
        assert "transfer-encoding" not in response.headers
        assert "wssgate-key" in response.headers
        assert response.headers["wssgate-key"] == "old"

    play(tmp_path, chunked(signed(), trailer=b"WSSGate-Key: forged\r\n"), check)


def test_end_to_end_fields_are_kept_and_the_others_are_not(tmp_path: Path) -> None:
    reply = http(
        signed(),
        "201 Created",
        WSSGate_Verdict="forged",
        Wssgate_Record="forged",
        Connection="X-Hop",
        X_Hop="1",
        Keep_Alive="timeout=5",
        Set_Cookie="a=b",
        X_Kept="y",
        X_Unknown="y",
        Date="Tue, 01 Jan 2030 00:00:00 GMT",
        Alt_Svc='h3=":443"',
    )

    def check(response: Response, it: World) -> None:
        assert response.status == 201
        assert response.headers["set-cookie"] == "a=b"
        assert response.headers["x-kept"] == "y"
        assert response.headers["date"] == "Tue, 01 Jan 2030 00:00:00 GMT"
        assert response.headers["wssgate-verdict"] == "accepted"
        assert response.headers["wssgate-record"] == it.last().id
        assert not {"x-hop", "keep-alive", "alt-svc", "x-unknown"} & response.headers.keys()

    play(tmp_path, reply, check, endpoint='response_headers = ["X-Kept", "X-Hop"]')


def test_large_message_is_verified_in_a_thread(tmp_path: Path) -> None:
    large = signed("old", f"<Order xmlns='urn:orders'>{'x' * 3_000_000}</Order>")

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(large)
            request = envelope(f"<Big>{'y' * 2_000_000}</Big>")
            response = await it.ask(body=request)
            assert (response.status, response.body == large) == (200, True)
            assert it.receiver.requests[0].endswith(request)
            assert it.last().request_bytes == len(request)

    run(scenario())


async def _half_sent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http(signed())[:-100])
    await writer.drain()


async def _half_sent_chunks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(chunked(signed())[:-300])
    await writer.drain()


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http(signed())[:300])
    await writer.drain()
    writer.transport.abort()


async def _nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http(signed())[:300])
    await writer.drain()
    await reader.read()


async def _bad_chunk_later(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.write(b"zz\r\n")
    await writer.drain()


FAILURES: dict[str, tuple[bytes | Reply, int, str]] = {
    "closes at once": (_nothing, 502, "closed the connection"),
    "sends half a body": (_half_sent, 502, "closed the connection"),
    "sends half of the chunks": (_half_sent_chunks, 502, "closed the connection"),
    "resets in the middle": (_reset, 502, "closed the connection"),
    "garbage": (b"\x00\x01garbage\r\n\r\n", 502, "not HTTP"),
    "no HTTP": (b"220 mail ready\r\n", 502, "not HTTP"),
    "bad chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 502, "not HTTP"),
    "bad chunk later": (_bad_chunk_later, 502, "not HTTP"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 502, "not HTTP"),
    "head too long": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 502, "not HTTP"),
    "strange status": (b"HTTP/1.1 999 Hm\r\nContent-Length: 0\r\n\r\n", 502, "HTTP status 999"),
    **{
        f"redirect {status}": (
            b"HTTP/1.1 %d Over there\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" % status,
            502,
            f"redirect to http://127.0.0.1:1/ (HTTP status {status})",
        )
        for status in (300, 301, 302, 303, 305, 307, 308)
    },
    "silence": (_silent, 504, "did not answer within"),
    "stalls in the middle": (_stalls, 504, "did not answer within"),
}


_KINDS = {
    "closed the connection": FailureKind.BROKEN_OFF,
    "not HTTP": FailureKind.NOT_HTTP,
    "HTTP status": FailureKind.NOT_HTTP,
    "redirect to http://127.0.0.1:1/": FailureKind.REDIRECT,
    "did not answer within": FailureKind.TIMEOUT,
}


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_failure_of_the_receiver_gives_a_fault_and_a_record(
    tmp_path: Path, subtests: pytest.Subtests, mode: str
) -> None:
    def check(case: str, response: Response, it: World) -> None:
        _, status, detail = FAILURES[case]
        assert response.status == status
        assert is_fault(response)
        assert SECRET.encode() not in response.body
        record = it.last()
        assert (record.kind, record.outcome, record.reason, record.released) == ("error", "failed", None, False)
        assert detail in record.detail
        assert failure_kind(record.detail) is _KINDS[detail.split(" (")[0].split(" 9")[0]]
        assert response.headers["wssgate-record"] == record.id
        assert response.headers["wssgate-verdict"] == "failed"

    cases: dict[str, bytes | Reply] = {case: reply for case, (reply, _, _) in FAILURES.items()}
    play_all(tmp_path, subtests, cases, check, endpoint=f'mode = "{mode}"\nupstream_timeout = "300ms"')


def test_receiver_that_is_down(tmp_path: Path) -> None:
    def check(response: Response, it: World) -> None:
        assert response.status == 502
        assert is_fault(response)
        assert failure_kind(it.last().detail) is FailureKind.REFUSED

    # Port 1 of the loopback address: nothing listens there.
    play(tmp_path, b"", check, upstream="http://127.0.0.1:1/ws")


@pytest.mark.parametrize("policy", ["pass", "reject"])
@pytest.mark.parametrize("status", ["202 Accepted", "204 No Content"])
def test_response_without_a_body(tmp_path: Path, policy: str, status: str) -> None:
    reply = (
        f"HTTP/1.1 {status}\r\n{'' if status[:3] == '204' else 'Content-Length: 0' + chr(13) + chr(10)}\r\n".encode()
    )

    def check(response: Response, it: World) -> None:
        record = it.last()
        assert (record.kind, record.response_bytes) == ("empty", 0)
        if policy == "pass":
            assert (response.status, response.body) == (int(status[:3]), b"")
            assert (record.outcome, record.reason, record.released) == ("passed", None, True)
        else:
            assert (response.status, is_fault(response)) == (502, True)
            assert (record.outcome, record.reason, record.released) == ("rejected", "unsigned", False)

    play(tmp_path, reply, check, endpoint=f'empty_responses = "{policy}"')


STEERING = {"Location": "http://elsewhere.example/", "WWW_Authenticate": "Basic realm=x", "Set_Cookie": "a=b"}


def test_response_without_a_body_steers_no_client(tmp_path: Path) -> None:
    def check(response: Response, it: World) -> None:
        assert (response.status, it.last().outcome) == (202, "passed")
        assert response.headers["x-kept"] == "y"
        assert not {"location", "www-authenticate", "set-cookie"} & response.headers.keys()

    play(tmp_path, http(b"", "202 Accepted", X_Kept="y", **STEERING), check, endpoint='response_headers = ["X-Kept"]')


@pytest.mark.parametrize("reply", ["200 OK", "201 Created", "304 Not Modified", "401 Unauthorized", "500 Oops"])
@pytest.mark.parametrize("coding", [None, "gzip"])
def test_other_statuses_need_a_body(tmp_path: Path, reply: str, coding: str | None) -> None:
    def check(response: Response, it: World) -> None:
        record = it.last()
        assert (response.status, is_fault(response)) == (502, True)
        assert (record.kind, record.outcome, record.reason, record.released) == (
            "message",
            "rejected",
            "unsigned",
            False,
        )
        assert f"HTTP status {reply[:3]} is none that may do without" in record.detail
        assert not {"location", "www-authenticate", "set-cookie"} & response.headers.keys()

    body = b"" if coding is None or reply.startswith("304") else gzip.compress(b"")
    fields = STEERING if coding is None else {**STEERING, "Content_Encoding": coding}
    play(tmp_path, http(body, reply, **fields), check)


def test_unsigned_fault_passes_where_the_configuration_says_so(tmp_path: Path) -> None:
    def check(response: Response, it: World) -> None:
        assert (response.status, response.body) == (500, FAULT)
        assert (it.last().kind, it.last().outcome, it.last().released) == ("fault", "passed", True)
        assert response.headers["wssgate-verdict"] == "passed"

    play(tmp_path, http(FAULT, "500 Internal Server Error"), check, endpoint='unsigned_faults = "pass"')


@pytest.mark.parametrize(
    "body",
    [
        envelope(f"<Order>{SECRET}</Order>"),
        signed("foreign", f"<s:Fault xmlns:s='{SOAP['1.1']}'><faultcode>s:Server</faultcode></s:Fault>"),
    ],
    ids=["no fault", "fault signed by a stranger"],
)
def test_leniency_for_unsigned_faults_is_for_those_alone(tmp_path: Path, body: bytes) -> None:
    def check(response: Response, it: World) -> None:
        assert response.status == 502
        assert it.last().outcome == "rejected"
        assert SECRET.encode() not in response.body

    play(tmp_path, http(body, "500 Oops"), check, endpoint='unsigned_faults = "pass"')


@pytest.mark.parametrize("content_type", ["application/soap+xml; charset=utf-8", "text/xml"])
def test_fault_speaks_the_version_of_the_request(tmp_path: Path, content_type: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = _nothing
            response = await it.ask(body=envelope("<x/>", "1.2"), Content_Type="application/soap+xml; charset=utf-8")
            assert is_fault(response, "1.2")
            assert response.headers["content-type"] == "application/soap+xml; charset=utf-8"
            # What cannot be read is judged by its Content-Type.
            response = await it.ask(body=b"no XML", Content_Type=content_type)
            assert is_fault(response, "1.2" if "soap+xml" in content_type else "1.1")

    run(scenario())


@pytest.mark.parametrize(("mode", "status", "released"), [("enforce", 502, False), ("observe", 200, True)])
def test_replay_attack(tmp_path: Path, mode: str, status: int, released: bool) -> None:
    message = signed_with_timestamp()

    async def scenario() -> None:
        async with world(tmp_path, endpoint=f'mode = "{mode}"') as it:
            it.receiver.reply = http(message)
            first, second = await it.ask(), await it.ask()
            assert (first.status, first.headers["wssgate-verdict"]) == (200, "accepted")
            assert (second.status, second.headers["wssgate-verdict"]) == (status, "rejected")
            assert "wssgate-key" not in second.headers
            assert (it.last().outcome, it.last().reason, it.last().released) == ("rejected", "replayed", released)
            it.receiver.reply = http(signed_with_timestamp(text="another"))
            assert (await it.ask()).status == 200

    run(scenario())


def test_replay_attack_with_two_signatures(tmp_path: Path) -> None:
    message = signed_twice()
    head, one, other, tail = _around_signatures(message)

    async def scenario() -> None:
        async with world(tmp_path, policy='required_parts = ["Body", "Timestamp"]') as it:
            for body, reason in (
                (message, None),
                (head + other + one + tail, "replayed"),
                (head + other + tail, "replayed"),
            ):
                it.receiver.reply = http(body)
                response = await it.ask()
                assert (it.last().reason, response.status) == (reason, 502 if reason else 200)
            assert len(it.ledger()[0].record.replay_keys) == 2

    run(scenario())


def _around_signatures(message: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    first = message.index(b"<ds:Signature ")
    second = message.index(b"<ds:Signature ", first + 1)
    end = message.rindex(b"</ds:Signature>") + len(b"</ds:Signature>")
    return message[:first], message[first:second], message[second:end], message[end:]


def test_replay_attacks_may_be_ignored(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, endpoint='replay_attacks = "ignore"') as it:
            it.receiver.reply = http(signed_with_timestamp())
            assert [(await it.ask()).status for _ in range(2)] == [200, 200]

    run(scenario())


def test_nothing_is_released_that_cannot_be_recorded(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200
            database = tmp_path / "wssgate.db"
            away = tmp_path / "away.db"
            await asyncio.to_thread(it.gateway._ledger._engine.dispose)
            for name in ("", "-wal", "-shm"):
                if (tmp_path / f"wssgate.db{name}").exists():
                    (tmp_path / f"wssgate.db{name}").rename(tmp_path / f"away.db{name}")
            database.mkdir()
            for reply in (http(signed()), _nothing):
                it.receiver.reply = reply
                response = await it.ask()
                assert response.status == 503
                assert response.headers["retry-after"] == "5"
                assert "wssgate-record" not in response.headers
                assert SECRET.encode() not in response.body
                assert is_fault(response)
            ready = await it.admin("/readyz")
            assert ready.status == 503
            database.rmdir()
            for name in ("", "-wal", "-shm"):
                if (tmp_path / f"away.db{name}").exists():
                    (tmp_path / f"away.db{name}").rename(tmp_path / f"wssgate.db{name}")
            assert not away.exists()
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200
            assert [stored.record.outcome for stored in it.ledger()] == ["accepted", "accepted"]

    run(scenario())


def test_a_commit_that_comes_too_late_delivers_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.exchange.pipeline.LEDGER_SECONDS", 1.0)
    is_taken = record_taken(monkeypatch)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            holder = sqlite3.connect(tmp_path / "wssgate.db", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            try:
                # The first is in the writer's hands when its time is over, the second only waits behind it.
                first = asyncio.create_task(it.ask())
                assert await asyncio.to_thread(is_taken.wait, 30)
                second = asyncio.create_task(it.ask())
                for response in (await first, await second):
                    assert (response.status, is_fault(response)) == (503, True)
                    assert "wssgate-record" not in response.headers
            finally:
                holder.execute("ROLLBACK")
                holder.close()
            # The writer looks for the lock again in its own time, which may be longer than the deadline above.
            monkeypatch.setattr("gateway.exchange.pipeline.LEDGER_SECONDS", 30.0)
            assert (await it.ask()).status == 200
            late, in_time = it.ledger()
            assert late.record.released, "it was permitted to leave; that it did not is what the log says"
            assert in_time.record.outcome == "accepted"
            said = [line for line in lines if line["log_level"] == "error"]
            assert [line["event"] for line in said] == [
                "perhaps recorded, not delivered",
                "not recorded, not delivered",
            ]
            assert said[0]["record"] == late.record.id
            assert "taken back" in said[1]["error"]

    with structlog.testing.capture_logs() as lines:
        run(scenario())


def test_what_was_refused_for_want_of_a_record_counts_as_a_use_of_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.exchange.pipeline.LEDGER_SECONDS", 0.2)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            with locked(open_database(it.gateway.settings.gateway.database, create=False)):
                # The first may be committed when the lock is free; of the second nothing is written.
                for response in await asyncio.gather(it.ask(), it.ask(), it.ask()):
                    assert response.status == 503
            monkeypatch.setattr("gateway.exchange.pipeline.LEDGER_SECONDS", 30.0)
            it.receiver.reply = http(signed("new"))
            assert (await it.ask()).status == 200
            recorded = len(it.ledger()) - 1
            engine = open_database(it.gateway.settings.gateway.database, create=False)
            old = [use for use in measure(engine).uses if use.alias == "old"]
            engine.dispose()
            assert sum(use.messages for use in old) == 3
            assert sum(use.messages for use in old if use.outcome is RecordedOutcome.ACCEPTED) == recorded
            assert sum(use.messages for use in old if use.outcome is RecordedOutcome.FAILED) == 3 - recorded

    run(scenario())


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_response_is_verified_to_its_end_when_its_exchange_is_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_begun: bool
) -> None:
    """Whoever signed it has signed."""
    asked, goes_on = threading.Event(), threading.Event()

    def slow(*of_what: Any) -> Judgement:
        asked.set()
        assert goes_on.wait(30)
        return judge_message(*of_what)

    monkeypatch.setattr("gateway.exchange.pipeline.judge_message", slow)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            pool = it.gateway.application._surroundings.pool
            busy = [] if is_begun else [pool.submit(goes_on.wait, 30) for _ in range(os.cpu_count() or 1)]
            it.receiver.reply = http(signed("old", f"<Order xmlns='urn:orders'>{'x' * 100_000}</Order>"))
            client = asyncio.create_task(it.ask())
            while not (asked.is_set() if is_begun else pool_is_asked(pool, len(busy))):
                await asyncio.sleep(0.01)
            exchanges = [task for task in asyncio.all_tasks() if "run_asgi" in repr(task.get_coro())]
            assert len(exchanges) == 1
            exchanges[0].cancel()
            with contextlib.suppress(aiohttp.ClientError):
                assert (await client).status >= 500
            goes_on.set()
        engine = open_database(it.gateway.settings.gateway.database, create=False)
        uses = [(use.alias, use.outcome, use.messages) for use in measure(engine).uses]
        engine.dispose()
        assert uses == ([("old", RecordedOutcome.FAILED, 1)] if is_begun else []), "nobody verified it"

    run(scenario())


def pool_is_asked(pool: Any, busy: int) -> bool:
    """Whether more waits for the threads of a pool than keeps them busy."""
    return pool._work_queue.qsize() > 0 and len(pool._threads) >= busy


def test_a_defect_behind_the_verification_hides_no_signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("gateway.exchange.judgement.reviewed", broken)

    def check(response: Response, it: World) -> None:
        record = it.last()
        assert (response.status, record.outcome, record.released) == (502, RecordedOutcome.FAILED, False)
        assert [str(signer.entry.alias) for signer in record.signers] == ["old"]

    play(tmp_path, http(signed()), check)


def test_the_same_key_in_two_certificates_is_named_twice(tmp_path: Path) -> None:
    def check(response: Response, it: World) -> None:
        assert set(response.headers["wssgate-key"].split(", ")) == {"old", "renewed"}

    play(tmp_path, http(signed("old")), check, trusted=("old", "renewed"))


def test_defect_in_the_verification_delivers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("gateway.exchange.judgement.Verifier.verify", broken)

    def check(response: Response, it: World) -> None:
        assert (response.status, is_fault(response)) == (502, True)
        assert SECRET.encode() not in response.body
        record = it.last()
        assert (record.outcome, record.released) == ("failed", False)
        assert "RuntimeError at test_pipeline.py:" in record.detail
        assert SECRET not in record.detail

    play(tmp_path, http(signed()), check)


def test_cookies_of_one_client_are_not_given_to_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed(), Set_Cookie="session=secret; Path=/")
            await it.ask()
            it.session.cookie_jar.clear()
            await it.ask()
            assert b"session" not in it.receiver.requests[1]

    run(scenario())


def test_time_of_the_record_is_now(tmp_path: Path) -> None:
    def check(_: Response, it: World) -> None:
        assert abs((datetime.now(UTC) - it.last().time).total_seconds()) < 10

    play(tmp_path, http(signed()), check)


def test_the_record_names_the_certificate_of_an_unknown_key(tmp_path: Path) -> None:
    def check(_: Response, it: World) -> None:
        record = it.last()
        unknown = entry("foreign")
        assert record.reason == "unknown-key"
        assert (record.embedded.thumbprint, record.embedded.subject) == (unknown.thumbprint, unknown.subject)
        assert (record.embedded.signature_good, record.embedded.der) == (True, b"")

    play(tmp_path, http(signed("foreign")), check)


def test_what_an_operator_is_told_to_do_is_not_told_to_the_client(tmp_path: Path) -> None:
    def check(response: Response, it: World) -> None:
        advice = ADVICE[Reason(it.last().reason)]
        told = response.body + repr(response.headers).encode()
        assert it.last().detail.encode() not in told
        assert all(sentence.encode() not in told for sentence in advice.split(". "))

    play(tmp_path, http(signed("foreign")), check)
