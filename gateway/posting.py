"""One POST, with one deadline for all of it: no redirect is followed, no proxy asked, TLS verified by the system's
authorities. For a thread of its own, beside the event loop.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

POST_SECONDS: Final = 10.0
"""How long a server may take, from the connection to the end of its answer."""


class PostFailed(Exception):  # noqa: N818 - named after what happened
    """The server did not take what was sent; the text is half a sentence for the operator."""


def post(url: str, body: bytes, fields: Mapping[str, str], *, limit: int = 0, called: str = "") -> bytes:
    """Send `body` to `url` and return the beginning of the answer's body. Blocks.

    Args:
        url: An absolute http or https URL, as the configuration admits it.
        body: What is sent.
        fields: Header fields, such as Content-Type.
        limit: How many octets of the answer's body are read; a server that has said 2xx has done its part.
        called: What the server is called in errors, where its URL holds a secret; else it is the URL.

    Raises:
        PostFailed: No answer came in time, or one whose status is not 2xx.
    """
    parts, called = urlsplit(url), called or url
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_over = threading.Event()

    def give_up() -> None:
        is_over.set()
        found = connection.sock
        if found is not None:
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)  # whoever reads from it reads its end

    timer = threading.Timer(POST_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", path, body, dict(fields))
        response = connection.getresponse()
        answer = response.read(limit) if limit else b""
    except (OSError, HTTPException, ValueError) as error:
        if is_over.is_set() or isinstance(error, TimeoutError):
            raise PostFailed(f"{called} did not answer within {POST_SECONDS:g} s") from error
        raise PostFailed(f"{called} cannot be reached: {_words(error)}") from error
    finally:
        timer.cancel()
        connection.close()
    if is_over.is_set():
        raise PostFailed(f"{called} did not answer within {POST_SECONDS:g} s")
    if not 200 <= response.status < 300:
        redirected = ", and a redirect is not followed" if 300 <= response.status < 400 else ""
        raise PostFailed(f"{called} answered with the status {response.status}{redirected}")
    return answer


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=POST_SECONDS)
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return HTTPSConnection(host, port, timeout=POST_SECONDS, context=context)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
