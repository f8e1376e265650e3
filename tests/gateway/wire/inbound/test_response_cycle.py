"""How an answer leaves: in one write, or not at all."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.wire.inbound.response_cycle import WholeAnswerCycle


class Flow:
    write_paused = False

    def resume_reading(self) -> None: ...


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.written += pieces

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def _answer(
    *messages: dict[str, Any], method: str = "POST", keep_alive: bool = True, application: Any = None
) -> tuple[Transport, list[str]]:
    """What is written where an application sends `messages`, and what was called when."""
    transport, called = Transport(), []

    async def send_all(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async def scenario() -> None:
        cycle = WholeAnswerCycle(
            scope={"method": method},  # type: ignore[typeddict-item]  # the part that is looked at
            transport=transport,  # type: ignore[arg-type]
            flow=Flow(),  # type: ignore[arg-type]
            logger=logging.getLogger("test"),
            access_logger=logging.getLogger("test"),
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=lambda: called.append("complete"),
        )
        await cycle.run_asgi(application or send_all)

    asyncio.run(scenario())
    return transport, called


def _start(*fields: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [*fields, (b"content-length", b"4")]}


BODY = {"type": "http.response.body", "body": b"body"}


def test_head_and_body_leave_in_one_write() -> None:
    transport, called = _answer(_start((b"x", b"1")), BODY)
    assert transport.written == [b"HTTP/1.1 200 OK\r\nx: 1\r\ncontent-length: 4\r\n\r\nbody"]
    assert (transport.closed, called) == (False, ["complete"])


def test_a_large_body_is_handed_over_as_it_is() -> None:
    """A copy of it, behind the head, would take as much memory again."""
    body = bytes(1 << 20)
    transport, called = _answer(_start(), {**BODY, "body": body})
    assert transport.written == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", body]
    assert transport.written[1] is body
    assert called == ["complete"]


def test_the_last_answer_of_a_connection_says_so_and_closes_it() -> None:
    transport, _ = _answer(_start(), BODY, keep_alive=False)
    assert transport.written == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody"]
    assert transport.closed


def test_head_alone_for_the_method_of_that_name() -> None:
    transport, _ = _answer(_start(), BODY, method="HEAD")
    assert transport.written == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"]


@pytest.mark.parametrize("field", [(b"x", b"1\r\ny: 2"), (b"x", b"1\ny: 2"), (b"x\r\ny", b"1"), (b"x", b"1\r\n\r\n")])
def test_a_line_break_in_a_field_delivers_nothing(field: tuple[bytes, bytes]) -> None:
    transport, called = _answer(_start(field), BODY)
    assert (transport.written, transport.closed, called) == ([], True, [])


@pytest.mark.parametrize(
    "messages",
    [(_start(), _start()), (_start(), {**BODY, "more_body": True})],
    ids=["two starts", "a body in parts"],
)
def test_what_is_no_whole_answer_closes_the_connection(messages: tuple[dict[str, Any], ...]) -> None:
    transport, _ = _answer(*messages)
    assert (transport.written, transport.closed) == ([], True)


def test_an_application_that_breaks_down_before_it_answers_gives_a_500() -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    transport, _ = _answer(application=broken)
    assert transport.written[0].startswith(b"HTTP/1.1 500 ")
    assert transport.written[0].count(b"connection: close") == 1
    assert transport.closed
