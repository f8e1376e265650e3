"""Requests that reach no endpoint: the log tells of them, at a bounded rate, and SOAP clients get a Fault."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from structlog.testing import capture_logs

from gateway.bounded_lines import LINES_AT_ONCE, SECONDS_A_LINE
from gateway.exchange.refusal_log import RefusalLog
from gateway.exchange.soap_faults import is_soap_type
from tests.gateway.exchange.harness import run, world


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _told(lines: list[Any]) -> list[tuple[str, int]]:
    return [(line["path"], line.get("not_told_before", 0)) for line in lines if line["event"] == "request refused"]


def test_a_few_lines_come_at_once_and_then_one_now_and_then() -> None:
    clock = _Clock()
    log = RefusalLog(clock)
    with capture_logs() as lines:
        for number in range(1000):
            log.refused(404, "GET", b"/%d" % number, "no")
    assert _told(lines) == [(f"/{number}", 0) for number in range(LINES_AT_ONCE)]

    clock.now += SECONDS_A_LINE
    with capture_logs() as lines:
        log.refused(404, "GET", b"/later", "no")
        log.refused(404, "GET", b"/again", "no")
    assert _told(lines) == [("/later", 1000 - LINES_AT_ONCE)]

    clock.now += 1000 * SECONDS_A_LINE
    with capture_logs() as lines:
        for _ in range(50):
            log.refused(404, "GET", b"/", "no")
    assert _told(lines) == [("/", 1), *[("/", 0)] * (LINES_AT_ONCE - 1)]


@pytest.mark.parametrize(
    ("raw_path", "shown"),
    [
        (b"/orders%20x", "/orders%20x"),
        (b"/orders;jsessionid=secret/x", "/orders..."),
        (b"/a\r\nb\x1b\xff", "/a%0D%0Ab%1B%FF"),
        (b"/" + b"a" * 199, "/" + "a" * 199),
        (b"/" + b"a" * 100_000, "/" + "a" * 199 + "..."),
        (b"\x00" * 201, ("%00" * 201)[:200] + "..."),
    ],
)
def test_a_path_is_shown_within_bounds(raw_path: bytes, shown: str) -> None:
    with capture_logs() as lines:
        RefusalLog().refused(404, "X" * 100, raw_path, "no")
    assert _told(lines) == [(shown, 0)]
    assert lines[0]["method"] == "X" * 20


@pytest.mark.parametrize(
    ("content_type", "is_soap"),
    [
        (b"text/xml; charset=utf-8", True),
        (b"Application/SOAP+xml;action=x", True),
        (b"multipart/related; type=x", True),
        (b"application/json", False),
        (b"text/html", False),
        (b"", False),
        (None, False),
    ],
)
def test_what_may_be_soap(content_type: bytes | None, is_soap: bool) -> None:
    assert is_soap_type(content_type) is is_soap


@pytest.mark.parametrize(
    ("path", "content_type", "status", "fault"),
    [
        ("/ordres", "text/xml", 404, "{http://schemas.xmlsoap.org/soap/envelope/}Fault"),
        ("/ordres", "application/soap+xml", 404, "{http://www.w3.org/2003/05/soap-envelope}Fault"),
        ("/orders//x", "text/xml", 400, "{http://schemas.xmlsoap.org/soap/envelope/}Fault"),
        ("/ordres", "application/json", 404, None),
    ],
)
def test_a_client_of_soap_is_answered_with_a_fault(
    tmp_path: Path, path: str, content_type: str, status: int, fault: str | None
) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            with capture_logs() as lines:
                head = f"POST {path}?secret=1 HTTP/1.1\r\nHost: gateway\r\nContent-Type: {content_type}\r\n"
                answer = await it.raw(f"{head}Connection: close\r\nContent-Length: 0\r\n\r\n".encode())
            head_of_answer, _, body = answer.partition(b"\r\n\r\n")
            assert head_of_answer.startswith(f"HTTP/1.1 {status} ".encode())
            if fault is None:
                assert body == b"No endpoint of this gateway has this path.\n"
            else:
                (found,) = etree.fromstring(body).iter(fault)
                assert b"Client" in body or b"Sender" in body
                assert found.tag == fault
            (line,) = [line for line in lines if line["event"] == "request refused"]
            assert (line["status"], line["method"], line["path"]) == (status, "POST", path)
            assert "secret" not in str(line)

    run(scenario())
