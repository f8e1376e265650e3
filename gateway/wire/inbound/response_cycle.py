"""One request and its answer on a connection: uvicorn's cycle, but for how the answer leaves.

The answers of the gateway are whole (`gateway.wire.inbound.answer`), so that head and body leave in one write: two
would be two system calls, two segments, and a client that is woken twice.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.wire.inbound.answer import Message

_CLOSING: Final = (b"connection", b"close")
_COPIED_BYTES: Final = 64 * 1024
"""Up to here the head and a copy of the body take less to send than the two do."""


class WholeAnswerCycle(RequestResponseCycle):
    """From the head of a request to the end of its answer."""

    _start: Message | None = None

    async def send(self, message: Any) -> None:
        """Keep the head of the answer until its body comes, then send both.

        Raises:
            RuntimeError: The messages come in another order than start and one body, or a field holds a line break.
        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        is_start = message["type"] == "http.response.start"
        if self._start is None and is_start:
            self._start = message
            self.response_started = True
            self.waiting_for_100_continue = False
            return
        if self._start is None or is_start or self.response_complete or message.get("more_body", False):
            raise RuntimeError(
                f"the message {message['type']} does not belong here: answers are one start and one body"
            )
        body = b"" if self.scope["method"] == "HEAD" else message.get("body", b"")
        head = self._head(self._start)
        if len(body) > _COPIED_BYTES:
            # uvloop hands both to the system in one call as well, and copies neither.
            self.transport.writelines((head, body))
        else:
            self.transport.write(head + body)
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _head(self, start: Message) -> bytes:
        fields = [*self.default_headers, *start.get("headers", ())]
        if _CLOSING in fields:
            self.keep_alive = False
        elif not self.keep_alive:
            fields.append(_CLOSING)
        head = b"".join([STATUS_LINE[start["status"]], *[b"%b: %b\r\n" % field for field in fields], b"\r\n"])
        # Fields are checked where they come from (`gateway.wire.header_fields`); this is the last look: whatever let a
        # line break through, it must not make two fields, or two answers, of one.
        breaks = len(fields) + 2
        if head.count(b"\n") != breaks or head.count(b"\r") != breaks:
            raise RuntimeError("a header field of the answer holds a line break")
        return head
