"""What other stacks make of honest multipart messages: where they read them as we do, and where they are known not to.

A test that holds them against our reader needs to know the second.
"""

import hashlib
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.parse import quote

import pytest
from lxml import etree

from fixtures.generator import uris
from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.interop.multipart.received import INCLUDE, received
from tests.consumers import programs
from tests.consumers.documents import BEHIND_THE_END, DECODED_IDS, documents_of
from tests.consumers.multipart_readers import MultipartReading, ReadPart, ZeepDocuments, ask_java, read_all
from tests.consumers.programs import ConsumerMissingError, Program

_CASES: Final = multipart_cases()
_FIRST_PART_ONLY: Final = {"wss4j/mail-root-last"}
"""CXF and zeep take the first part for the root, whatever `start` says."""


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, MultipartReading]]:
    """What CXF and SAAJ make of each case, by its id."""
    try:
        found = read_all(((case.content_type, case.body) for case in _CASES), tmp_path_factory.mktemp("bodies"))
    except ConsumerMissingError as error:
        pytest.skip(str(error))
    return {case.id: reading for case, reading in zip(_CASES, found, strict=True)}


def parts_of(case: MultipartCase) -> tuple[ReadPart, ...]:
    """Every part but the root."""
    return tuple(ReadPart(part.content_id, part.size, part.sha256) for part in case.attachments)


def text_of(case: MultipartCase) -> str:
    """The text of the Body with base64 in the place of every xop:Include."""
    found = received(case.content_type, case.body)
    octets = {part.content_id: part.octets for part in found.parts}
    body = next(child for child in etree.fromstring(found.root) if etree.QName(child).localname == "Body")
    for include in list(body.iter(INCLUDE)):
        content_id = str(include.get("href")).removeprefix("cid:").replace("%3A", ":")
        include.text = b64encode(octets[content_id]).decode()
    return "".join(body.itertext())


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.id)
def test_cxf_reads_it(case: MultipartCase, readings: dict[str, dict[str, MultipartReading]]) -> None:
    found = readings[case.id]["cxf"]
    if case.id in _FIRST_PART_ONLY:
        assert found.refused is not None
        return
    assert found.refused is None
    parts = tuple(part for part in found.attachments if part != BEHIND_THE_END)
    wanted = parts_of(case)
    if case.id in DECODED_IDS:
        wanted = (ReadPart(DECODED_IDS[case.id], wanted[0].size, wanted[0].sha256),)
    assert parts == wanted
    assert found.body_sha256 == hashlib.sha256(text_of(case).encode()).hexdigest()


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.id)
def test_saaj_reads_it(case: MultipartCase, readings: dict[str, dict[str, MultipartReading]]) -> None:
    found = readings[case.id]["saaj"]
    if found.refused is not None:
        # It cannot read a part without an octet, unless it is in base64.
        assert "NegativeArraySizeException" in found.refused
        assert any(part.size == 0 and part.encoding != "base64" for part in case.attachments)
        return
    assert found.attachments == parts_of(case)
    assert found.body_sha256 == hashlib.sha256(text_of(case).encode()).hexdigest()


class _Answers(BaseHTTPRequestHandler):
    """Sends `answer`, whatever is asked."""

    answer: tuple[str, bytes] = ("text/xml", b"")

    def do_POST(self) -> None:
        """Read the request, and answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content_type, body = type(self).answer
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server on loopback that sends what `_Answers.answer` is."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/orders"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def java() -> Iterator[Program]:
    """CXF with MTOM, and SAAJ."""
    try:
        program = programs.java_multipart()
    except ConsumerMissingError as error:
        pytest.skip(str(error))
    with program:
        yield program


_ASKED: Final = tuple(
    case
    for case in _CASES
    if case.id
    in {
        "cxf/mtom-none",
        "cxf/mtom-several",
        "cxf/mtom-several-token-soap12",
        "cxf/mtom-large-soap12",
        "cxf/swa-content",
    }
)


@pytest.mark.parametrize("case", _ASKED, ids=lambda case: case.id)
@pytest.mark.parametrize("client", ["cxf", "saaj", "zeep"])
def test_client_gets_every_octet(case: MultipartCase, client: str, url: str, request: pytest.FixtureRequest) -> None:
    _Answers.answer = (case.content_type, case.body)
    if client == "zeep":
        found = ZeepDocuments().ask(case.soap, url)
    else:
        found = ask_java(request.getfixturevalue("java"), client, case.soap, url)

    assert found.refused is None
    assert found.account == "DE02120300000000202051"
    got, wanted = found.documents, documents_of(case)
    if client == "zeep":
        # It strips line ends off both ends of a part whose transfer encoding is `binary`.
        parts = received(case.content_type, case.body).parts
        stripped = {
            hashlib.sha256(part.octets).hexdigest(): hashlib.sha256(part.octets.strip(b"\r\n")).hexdigest()
            for part in parts
        }
        wanted = tuple(stripped[digest] for digest in wanted)
    assert got == wanted
    if client != "zeep":
        named = {part.content_id: part.sha256 for part in found.attachments}
        assert {part.content_id: part.sha256 for part in case.attachments if not part.included}.items() <= named.items()


_ENDS: Final = b"\r\n\x00\xff--\r\n\n\r\r\n"
_ROOT: Final = (
    f'<s:Envelope xmlns:s="{uris.SOAP11}"><s:Body><o:getOrderResponse xmlns:o="urn:example:orders">'
    '<o:account>1</o:account><o:document><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'
    "</o:document></o:getOrderResponse></s:Body></s:Envelope>"
)


def message_of(content: bytes, encoding: str, content_id: str = "a@example") -> tuple[str, bytes]:
    """A message with one part that is included, in a transfer encoding; without its field where that is empty."""
    encoded = b64encode(content) if encoding == "base64" else content
    field = f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    head = f"--B\r\nContent-Type: application/octet-stream\r\nContent-ID: <{content_id}>\r\n{field}\r\n"
    root_head = (
        '--B\r\nContent-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\nContent-ID: <r@example>\r\n\r\n'
    )
    root = _ROOT.format(quote(content_id, safe="@"))
    content_type = (
        'multipart/related; type="application/xop+xml"; start="<r@example>"; start-info="text/xml"; boundary="B"'
    )
    return content_type, f"{root_head}{root}\r\n{head}".encode() + encoded + b"\r\n--B--"


@pytest.mark.parametrize("client", ["cxf", "saaj", "zeep"])
@pytest.mark.parametrize("encoding", ["binary", "8bit", "", "base64"])
@pytest.mark.parametrize(
    "content", [_ENDS, b"", b"\r\n", b"plain"], ids=["line ends", "empty", "one line end", "plain"]
)
def test_which_transfer_encodings_a_client_reads(
    content: bytes, encoding: str, client: str, url: str, request: pytest.FixtureRequest
) -> None:
    """Whoever writes for all of them writes base64, or no field and base64 for a part without an octet."""
    _Answers.answer = message_of(content, encoding)
    if client == "zeep":
        found = ZeepDocuments().ask("1.1", url)
    else:
        found = ask_java(request.getfixturevalue("java"), client, "1.1", url)

    if client == "saaj" and not content and encoding != "base64":
        assert found.refused is not None
        return
    # zeep takes `binary` for leave to strip line ends.
    read = content.strip(b"\r\n") if client == "zeep" and encoding == "binary" else content
    assert found.documents == (hashlib.sha256(read).hexdigest(),), found.refused


@pytest.mark.parametrize("client", ["cxf", "saaj", "zeep"])
@pytest.mark.parametrize("content_id", ["a@example", "a+b@example", "a=b:c@example"])
def test_which_content_ids_a_client_finds(
    content_id: str, client: str, url: str, request: pytest.FixtureRequest
) -> None:
    _Answers.answer = message_of(_ENDS, "", content_id)
    if client == "zeep":
        found = ZeepDocuments().ask("1.1", url)
    else:
        found = ask_java(request.getfixturevalue("java"), client, "1.1", url)

    # CXF reads + as a space in the field, and %2B as + in the URL.
    assert (found.refused is not None) is (client == "cxf" and "+" in content_id)
