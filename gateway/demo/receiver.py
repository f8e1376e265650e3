"""The demo's receiver system: an HTTP server in a process of its own that signs its responses.

Run as `python -m gateway.demo.receiver FOLDER`: it listens on a free port of the loopback interface, prints the port on
one line, and ends when its standard input ends, so that it cannot outlive the demo.
"""

import os
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lxml import etree

from gateway.demo.receiver_settings import read_settings
from gateway.demo.service import OPERATIONS, answer, wsdl
from gateway.demo.signing import sign, spoil

PATH = "/ws/orders"
_REQUEST_LIMIT = 1024 * 1024
_AMOUNTS = {"Quote": "129.00", "Order": "129.00", "Cancel": "12.90"}


class Receiver(ThreadingHTTPServer):
    """The receiver system; its keys and its settings lie in `folder`."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        """Listen on a free port of the loopback interface."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self._write_lock: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def respond(self, request: bytes) -> bytes:
        """The signed response to a SOAP request.

        Raises:
            ValueError: it is none that this service knows.
        """
        operation, number = _read_request(request)
        settings = read_settings(self.folder)
        keys = settings.signing[operation]
        # One at a time: fast enough for a demo, and the turns of the keys stay strict.
        with self._lock:
            key = keys[self._write_lock[operation] % len(keys)]
            self._write_lock[operation] += 1
            envelope = etree.fromstring(answer(operation, number, _AMOUNTS[operation]))
            sign(envelope, self.folder / f"{key}.key", self.folder / f"{key}.pem")
            spoil(envelope, settings.attack)
            return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_GET(self) -> None:
        if not self.path.lower().endswith("?wsdl"):
            self._send(404, b"", "text/plain")
            return
        self._send(200, wsdl(f"http://127.0.0.1:{self.server.port}{PATH}"))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 < length <= _REQUEST_LIMIT:
            self.close_connection = True
            self._send(411, b"", "text/plain")
            return
        try:
            response = self.server.respond(self.rfile.read(length))
        except ValueError as error:
            self._send(400, str(error).encode(), "text/plain; charset=utf-8")
        else:
            self._send(200, response)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given by the class above
        pass

    def _send(self, status: int, body: bytes, content_type: str = "text/xml; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _read_request(request: bytes) -> tuple[str, str]:
    try:
        envelope = etree.fromstring(request, etree.XMLParser(resolve_entities=False, no_network=True))
        call = envelope[-1][0]
        operation = etree.QName(call).localname
    except (etree.XMLSyntaxError, IndexError, ValueError) as error:
        raise ValueError("this is no SOAP request") from error
    if operation not in OPERATIONS:
        raise ValueError(f"there is no operation {operation}")
    return operation, call.findtext("{*}number", default="")


def main() -> None:
    """Serve until standard input ends."""
    receiver = Receiver(Path(sys.argv[1]))
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    print(receiver.port, flush=True)  # the demo waits for this line
    sys.stdin.buffer.read()
    os._exit(0)  # connections that are kept open must not hold the process


if __name__ == "__main__":
    main()
