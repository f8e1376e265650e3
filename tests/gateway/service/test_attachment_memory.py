"""What a large attachment costs a running gateway: its memory at most, above that at rest.

The body that came is in memory once, and what leaves once beside it; all else is done in pieces.
"""

import hashlib
import random
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import pytest
import requests
from lxml import etree

from bench.load.processes import free_address, running
from bench.memory import field, in_use
from fixtures.generator import soap
from fixtures.generator.signing import sign
from gateway.ledger import open_database
from keystore.store import KeystoreStore
from tests.conftest import Count
from tests.databases import lay_out
from tests.gateway.exchange.harness import REQUEST, add

_MEBIBYTE: Final = 1024 * 1024
_SIZE: Final = 50 * _MEBIBYTE
_BUFFERS: Final = 16 * _MEBIBYTE
"""For the buffers of the HTTP front end and of the system's allocator, and for the pieces: some six are taken."""
_INCLUDE: Final = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:a@example"/>'
_TYPE: Final = 'multipart/related; type="application/xop+xml"; boundary="B"; start="<r@example>"; start-info="text/xml"'
_RESET: Final = Path("/proc/self/clear_refs")
_MARK: Final = "@octets@"


def included(content: bytes) -> bytes:
    """A message signed over the base64 of `content`, which it includes: that base64 is never made as a whole."""
    body = f'<o:Documents xmlns:o="urn:orders"><o:d>{_MARK}</o:d></o:Documents>'
    form = etree.tostring(etree.fromstring(soap.Envelope("", body).text())[-1], method="c14n", exclusive=True)
    before, _, behind = form.partition(_MARK.encode())
    digest = hashlib.sha256(before)
    for begin in range(0, len(content), 3 * _MEBIBYTE):
        digest.update(b64encode(content[begin : begin + 3 * _MEBIBYTE]))
    digest.update(behind)
    reference = soap.Reference(soap.BODY.uri, digest=b64encode(digest.digest()).decode())
    security = soap.token("old") + soap.signature(reference, key_info=soap.direct())
    root = sign(soap.Envelope(security, body).text(), "old").replace(_MARK.encode(), _INCLUDE.encode())
    root_head = b'Content-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\nContent-ID: <r@example>'
    head = b"Content-Type: application/octet-stream\r\nContent-ID: <a@example>"
    return b"".join(
        (b"--B\r\n", root_head, b"\r\n\r\n", root, b"\r\n--B\r\n", head, b"\r\n\r\n", content, b"\r\n--B--\r\n")
    )


class _Answers(BaseHTTPRequestHandler):
    """Sends `body`, whatever is asked."""

    body = b""

    def do_POST(self) -> None:
        """Read the request, and answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", _TYPE)
        self.send_header("Content-Length", str(len(type(self).body)))
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def receiver() -> Iterator[int]:
    """The port of a server that sends what `_Answers.body` is."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(address: str) -> int:
    """How many octets leave for a request."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        with session.post(f"http://{address}/orders", REQUEST, headers=headers, stream=True, timeout=60) as response:
            length = sum(map(len, response.iter_content(_MEBIBYTE)))
            assert (response.status_code, response.headers["wssgate-verdict"]) == (200, "accepted")
            return length


@pytest.mark.skipif(not _RESET.exists(), reason="without Linux nobody tells the peak of another process")
@pytest.mark.parametrize("form", ["inline", "rebuild"])
def test_a_large_attachment_costs_what_came_and_what_leaves(
    form: str, receiver: int, tmp_path: Path, count: Count
) -> None:
    address = free_address()
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\nlisten = "{address}"\nadmin = "127.0.0.1:0"\ninstance = "test"\n'
        f'[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:{receiver}/"\n'
        f'[endpoint.orders.policy]\nattachments = "{form}"\nmax_message_bytes = {2 * _SIZE}\n'
    )
    lay_out(tmp_path / "wssgate.db")
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    add(KeystoreStore(engine), "old")
    engine.dispose()
    command: list[str | Path] = [sys.executable, "-m", "gateway.cli", "serve", "--config", config]
    with running(command, address, tmp_path / "log") as pid:
        _Answers.body = included(b"small")
        for _ in range(3):
            ask(address)
        _Answers.body = included(random.Random(1).randbytes(_MEBIBYTE) * (_SIZE // _MEBIBYTE))  # noqa: S311 - any octets
        costs = []
        for _ in range(2):  # what the gateway does beside it may fall into one of them
            time.sleep(0.5)
            idle = in_use(pid)
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            left = ask(address)
            costs.append(field(Path(f"/proc/{pid}/status"), "VmHWM") - idle - len(_Answers.body))

    cost = min(costs)
    assert left > (_SIZE * 4 // 3 if form == "inline" else _SIZE)
    count("MB that an attachment of 50 MB costs beside the body that came", form, cost // _MEBIBYTE)
    assert cost <= left + _BUFFERS
    assert left + _BUFFERS <= 2 * _SIZE
