"""What goes back to the client: whole, with framing of its own."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from gateway.made_often import made_often

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_WITHOUT_BODY = frozenset({204, 304})


@made_often(frozen=True, slots=True)
class Answer:
    """Status, header fields and body. Content-Length and Date are added when it is sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


async def send_answer(send: Send, answer: Answer, *, head_only: bool = False) -> None:
    """Send `answer`; with `head_only`, as for HEAD, without its body."""
    headers = list(answer.headers)
    if b"date" not in [name for name, _ in headers]:
        headers.append((b"date", _date(int(time.time()))))
    body = answer.body
    if answer.status in _WITHOUT_BODY:
        body = b""
    else:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head_only else body})


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """The value of Date; made once a second."""
    return formatdate(second, usegmt=True).encode()
