"""Reading the body of a request under a cap and a deadline."""

from gateway.deadlines import within
from gateway.wire.header_fields import Headers, single
from gateway.wire.inbound.answer import Receive


class BodyRefused(Exception):  # noqa: N818 - named after what it says, like the other refusals here
    """A request body that is too long, too slow, or broke off."""

    def __init__(self, status: int, sentence: str) -> None:
        """Hold the HTTP status and the sentence of the answer."""
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class ClientGone(Exception):  # noqa: N818 - an event, not a fault of anyone here
    """The client closed the connection before its request was complete: there is nobody to answer."""


async def read_body(receive: Receive, headers: Headers, *, limit: int, seconds: float) -> bytes:
    """The whole body, at most `limit` bytes, within `seconds`.

    Raises:
        BodyRefused: 413 beyond `limit`; 408 beyond `seconds`.
        ClientGone: The client disconnected.
    """
    announced = single(headers, b"content-length")
    if announced is not None and int(announced) > limit:
        raise _too_long(limit)
    chunks: list[bytes] = []
    length = 0
    try:
        with within(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk: bytes = message.get("body", b"")
                length += len(chunk)
                if length > limit:
                    raise _too_long(limit)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise BodyRefused(408, "The request did not arrive in time.") from None


def _too_long(limit: int) -> BodyRefused:
    return BodyRefused(413, f"The request is larger than the {limit} bytes that this gateway admits.")
