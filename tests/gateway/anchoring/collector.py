"""A server for anchors on the loopback interface: it takes them, refuses, hangs, drips, or sends elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[["Handler"], None]


class Collector(ThreadingHTTPServer):
    """The server, and what it got."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = behaviour
        self.got: list[bytes] = []
        self.types: list[str | None] = []
        self.asked = 0
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/anchors?of=test"

    def words(self) -> list[str]:
        """All that was taken, in the order of arrival."""
        return [word for body in self.got for word in body.decode().splitlines()]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Collector
    body: bytes

    def do_POST(self) -> None:
        self.server.asked += 1
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.behaviour(self)

    def answer(self, status: int, body: bytes = b"", **fields: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def take(handler: Handler) -> None:
    """Take what was sent."""
    handler.server.got.append(handler.body)
    handler.server.types.append(handler.headers["Content-Type"])
    handler.answer(204)


def refuse(handler: Handler) -> None:
    """Have no room."""
    handler.answer(507)


def hang(handler: Handler) -> None:
    """Never answer."""
    handler.server.ending.wait(60)


def drip(handler: Handler) -> None:
    """Send a byte of an endless head now and then, so that no time between two of them is long."""
    try:
        handler.wfile.write(b"HTTP/1.1 204 No Content\r\nX-Field: ")
        while not handler.server.ending.is_set():
            handler.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:
        pass  # whoever asked has gone


def take_and_drip(handler: Handler) -> None:
    """Take what was sent, and never come to the end of the answer."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not handler.server.ending.is_set():
            handler.wfile.write(b"x")
            time.sleep(0.05)


def send_to(url: str) -> Behaviour:
    """Say that it is elsewhere."""
    return lambda handler: handler.answer(307, Location=url)


def chatter(handler: Handler) -> None:
    """Answer with more than anybody wants to hear."""
    with suppress(OSError):
        handler.answer(200, b"x" * 300 * 1024)


@contextmanager
def collector(behaviour: Behaviour = take) -> Iterator[Collector]:
    """A server that runs meanwhile."""
    server = Collector(behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
