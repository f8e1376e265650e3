"""Clients that read through a running gateway what other stacks signed: every octet of it, whatever form it leaves in.

The messages are of one day and the gateway goes by the present time: so those are taken that have no Timestamp.

What is known of the clients: CXF decodes a Content-ID as if it were a form, so that `+` is a space to it; zeep hands
out no part of a message that includes some, and puts those into the documents. None reads an octet otherwise.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final
from urllib.parse import unquote

import pytest
import requests
from lxml import etree

from fixtures.generator import uris
from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.interop.multipart.received import received
from fixtures.manifest import own_case
from gateway.cli import main
from gateway.exchange.release import REJECTED_SENTENCE
from gateway.ledger import find_record
from tests.consumers import programs
from tests.consumers.documents import DECODED_IDS, documents_of
from tests.consumers.loopback import Loopback, running
from tests.consumers.multipart_readers import Documents, ReadPart, ZeepDocuments, ask_java
from tests.consumers.programs import ConsumerMissingError, Program
from tests.gateway.exchange.harness import REQUEST, http
from tests.mutation.signed_multipart import signed_form

_NAMES: Final = (
    *("axiom/none", "axiom/one", "axiom/three-p256", "axiom/picture", "axiom/tokens", "axiom/quarter-soap12"),
    *("cxf/mtom-none", "cxf/mtom-none-token", "cxf/mtom-one", "cxf/mtom-one-soap12", "cxf/mtom-several-token-soap12"),
    *("cxf/mtom-empty", "cxf/mtom-lines", "cxf/mtom-lengths", "cxf/mtom-base64", "cxf/mtom-large", "cxf/include-one"),
    *("cxf/swa-content", "cxf/swa-complete", "cxf/swa-base64", "cxf/swa-id-percent", "cxf/swa-unsigned"),
    *("cxf/mtom-and-unsigned", "gsoap/one", "gsoap/three", "gsoap/lines"),
    *("jaxws_ri/mtom-none-soap12", "jaxws_ri/mtom-inline", "jaxws_ri/mtom-and-swa-soap12", "jaxws_ri/swa"),
    *("node_soap/mtom-none", "node_soap/attached", "node_soap/include", "node_soap/include-and-attached"),
    *("phase4/user-several", "phase4/user-soap11", "phase4/receipt"),
    *("wss4j/content-octets", "wss4j/content-text-mixed", "wss4j/content-application-xml", "wss4j/content-quarter"),
    *("wss4j/id-plus", "wss4j/id-slash", "wss4j/mail-base64", "wss4j/mail-quoted-printable", "wss4j/mail-root-last"),
    *("wss4j/mail-root-base64", "wss4j/complete-disposition", "wss4j/complete-rsa4096-sha512", "wss4j/some-signed"),
)
_CASES: Final = tuple(case for case in multipart_cases() if case.id in _NAMES)
_CLIENTS: Final = ("cxf", "saaj", "zeep")
_ACCOUNT: Final = "DE02120300000000202051"
_REJECTED: Final = ("cxf/swa-complete-unlike", "cxf/swa-unsigned", "node_soap/include", "cxf/mtom-several")
"""By a gateway without settings: altered, not signed, signed by name alone, too old."""
_OCTETS: Final = b"\r\n\0\xff--=_b.2\r\n"
_SHORT: Final = 100
_TRUSTED: Final = ("old", "new", "p256", "p384", "rsa4096")

Gateways = Callable[..., Loopback]


def forms_of(case: MultipartCase) -> tuple[str, ...]:
    """In which it may leave."""
    return ("references",) if "attachments" in case.needs else ("inline", "rebuild")


def response_of(case: MultipartCase) -> bytes:
    """The message as a receiver sends it."""
    return http(case.body, content_type=re.sub(r"\r\n(?=[ \t])", "", case.content_type))


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    """Running gateways by their settings, each started once."""
    started: dict[tuple[str, str], Loopback] = {}
    with ExitStack() as stack:

        def gateway(policy: str, endpoint: str = "") -> Loopback:
            if (policy, endpoint) not in started:
                folder = tmp_path_factory.mktemp("gateway")
                found = running(folder, policy=policy, endpoint=endpoint, trusted=_TRUSTED)
                started[policy, endpoint] = stack.enter_context(found)
            return started[policy, endpoint]

        yield gateway


@pytest.fixture(scope="module")
def java() -> Iterator[Program]:
    """CXF with MTOM, and SAAJ."""
    try:
        program = programs.java_multipart()
    except ConsumerMissingError as error:
        pytest.skip(str(error))
    with program:
        yield program


@pytest.fixture(scope="module")
def zeep() -> ZeepDocuments:
    """zeep."""
    return ZeepDocuments()


@pytest.fixture
def ask(client: str, request: pytest.FixtureRequest) -> Callable[[str, str], Documents]:
    """What the client of the test's parameter gets, in a SOAP version from a URL."""
    if client == "zeep":
        found: ZeepDocuments = request.getfixturevalue("zeep")
        return found.ask
    program: Program = request.getfixturevalue("java")
    return lambda version, url: ask_java(program, client, version, url)


def leaving_parts(case: MultipartCase, form: str) -> set[ReadPart]:
    """The attachments that leave: those that are signed for themselves, texts with the line ends that are signed, and
    what the message names where it names, but for what is so short that it is put in.
    """
    octets = {part.content_id: part.octets for part in received(case.content_type, case.body).parts}
    left = set()
    for part in case.attachments:
        is_short = part.covered == ("xop",) and part.size < _SHORT
        if part.token or (is_short or form == "inline" if part.included else not part.covered):
            continue
        came = octets[part.content_id]
        is_text = part.content_type.lower().startswith("text/") and not part.content_type.lower().startswith("text/xml")
        leaves = signed_form(part.content_type, came) if is_text and part.covered == ("content",) else came
        left.add(ReadPart(part.content_id, len(leaves), hashlib.sha256(leaves).hexdigest()))
    return left


def _clients_of(case: MultipartCase) -> tuple[str, ...]:
    """The Body of an AS4 message is empty: SAAJ alone needs no WSDL for what is in it."""
    return ("saaj",) if case.id.startswith("phase4/") else _CLIENTS


@pytest.mark.parametrize(
    ("case", "form", "client"),
    [
        pytest.param(case, form, client, id=f"{case.id}-{form}-{client}")
        for case in _CASES
        for form in forms_of(case)
        for client in _clients_of(case)
    ],
)
def test_client_gets_what_was_signed(
    case: MultipartCase, form: str, client: str, gateways: Gateways, ask: Callable[[str, str], Documents]
) -> None:
    gateway = gateways(f'attachments = "{form}"\nunsigned_attachments = "drop"')
    gateway.answer_with(response_of(case))
    found = ask(case.soap, gateway.url)
    record = gateway.last()

    assert (record.outcome, record.released) == ("accepted", True), record.detail
    assert {(one.content_id, one.sha256, one.covered) for one in record.attachments} == {
        (unquote(part.content_id), part.sha256, bool(part.covered) and not part.token) for part in case.attachments
    }
    assert found.refused is None
    assert found.documents == documents_of(case)
    assert found.account == (_ACCOUNT if b"account" in case.body or "root-base64" in case.id else None)
    wanted = leaving_parts(case, form)
    if client == "cxf" and case.id in DECODED_IDS:
        wanted = {ReadPart(DECODED_IDS[case.id], part.size, part.sha256) for part in wanted}
    included = [part for part in case.attachments if part.included and not part.token]
    if client == "zeep" and form != "inline" and any(part.size >= _SHORT or not part.covered for part in included):
        wanted = set()  # it hands out no part of a message that includes some
    assert set(found.attachments) == wanted


@pytest.fixture
def some(gateways: Gateways) -> Callable[..., tuple[Loopback, requests.Response]]:
    """What a gateway with these settings answers where the receiver sends the case of that id."""

    def asked(case_id: str, policy: str = "", endpoint: str = "") -> tuple[Loopback, requests.Response]:
        gateway = gateways(policy, endpoint)
        gateway.answer_with(response_of(_case(case_id)))
        return gateway, _post(gateway.url, REQUEST, "text/xml; charset=utf-8")

    return asked


def _case(case_id: str) -> MultipartCase:
    return next(case for case in multipart_cases() if case.id == case_id)


def _post(url: str, body: bytes, content_type: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=body, headers={"Content-Type": content_type}, timeout=30)


Some = Callable[..., tuple[Loopback, requests.Response]]


@pytest.mark.parametrize("case_id", ["cxf/mtom-one-token-soap12", "cxf/mtom-one", "wss4j/some-signed", "axiom/tokens"])
def test_record_names_the_attachments(case_id: str, some: Some, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the message is accepted or not: the first is too old."""
    gateway, _ = some(case_id, 'unsigned_attachments = "drop"')
    record = gateway.last()

    assert find_record(gateway.engine, record.id).record.attachments == record.attachments
    wanted = [
        {
            "content_id": part.content_id,
            "media_type": part.content_type.partition(";")[0],
            "size": part.size,
            "sha256": part.sha256,
            "included": part.included,
            "is_token": part.token,
        }
        for part in _case(case_id).attachments
    ]
    assert main(["ledger", "show", record.id, "--json", "--config", str(gateway.world.config)]) == 0
    shown = json.loads(capsys.readouterr().out)["attachments"]
    assert [{name: one[name] for name in wanted[0]} for one in shown] == wanted
    assert [one["covered"] for one in shown] == [
        bool(part.covered) and not part.token for part in _case(case_id).attachments
    ]


@pytest.mark.parametrize(
    ("case_id", "unsigned", "left"),
    [
        ("wss4j/some-signed", "1", {"a@example", "b@example", "c@example"}),
        ("node_soap/attached", "1", {"document@example"}),
        ("cxf/swa-content", None, {"document@example"}),
        ("cxf/mtom-one", None, set()),
    ],
)
def test_attachments_that_nobody_signed_are_counted_in_a_header(
    case_id: str, unsigned: str | None, left: set[str], some: Some
) -> None:
    gateway, response = some(case_id, 'unsigned_attachments = "pass"')

    assert (response.status_code, gateway.last().outcome) == (200, "accepted")
    assert response.headers.get("wssgate-unsigned-attachments") == unsigned
    found = received(response.headers["Content-Type"], response.content)
    assert {part.content_id for part in found.parts} == left
    assert any("unsigned-attachment" in warning for warning in gateway.last().warnings) is (unsigned is not None)


@pytest.mark.parametrize(
    "case_id", ["cxf/swa-complete-unlike", "cxf/swa-unsigned", "node_soap/include", "cxf/mtom-several"]
)
def test_mode_observe_passes_what_it_would_reject_as_it_came(case_id: str, some: Some) -> None:
    gateway, response = some(case_id, endpoint='mode = "observe"')
    case = _case(case_id)

    assert (gateway.last().outcome, gateway.last().released) == ("rejected", True)
    assert response.content == case.body
    assert response.headers["Content-Type"] == case.content_type
    assert response.headers["wssgate-verdict"] == "rejected"


def test_mode_observe_passes_what_it_accepts_in_the_form_that_is_asked_for(some: Some) -> None:
    gateway, response = some("cxf/mtom-one", endpoint='mode = "observe"')

    assert gateway.last().outcome == "accepted"
    assert response.headers["Content-Type"] == "text/xml; charset=utf-8"


@pytest.mark.parametrize("case_id", ["cxf/mtom-one", "gsoap/one", "cxf/swa-content", "cxf/mtom-one-soap12"])
def test_attachments_are_refused_with_a_fault(case_id: str, some: Some) -> None:
    gateway, response = some(case_id, 'attachments = "refuse"')

    assert (gateway.last().outcome, gateway.last().released) == ("rejected", False)
    assert "the policy refuses them (attachments)" in gateway.last().detail
    assert response.status_code == 502
    assert response.headers["Content-Type"] == "text/xml; charset=utf-8"
    fault = etree.fromstring(response.content).find(f".//{{{uris.SOAP11}}}Fault/faultstring")
    assert fault is not None
    assert fault.text == REJECTED_SENTENCE


def test_a_message_without_attachments_is_not_refused_with_them(some: Some) -> None:
    gateway, response = some("cxf/mtom-none", 'attachments = "refuse"')

    assert (response.status_code, gateway.last().outcome) == (200, "accepted")
    assert response.headers["Content-Type"] == "text/xml; charset=utf-8"


def multipart_request(message_id: str, soap: str = uris.SOAP11) -> tuple[str, bytes]:
    """A request that includes a part, as a stack with MTOM sends it."""
    root = (
        f'<s:Envelope xmlns:s="{soap}"><s:Header><a:MessageID xmlns:a="{uris.WSA}">{message_id}</a:MessageID>'
        '</s:Header><s:Body><o:getOrder xmlns:o="urn:example:orders"><xop:Include href="cid:a%40b@example" '
        'xmlns:xop="http://www.w3.org/2004/08/xop/include"/></o:getOrder></s:Body></s:Envelope>'
    )
    own_type = "text/xml" if soap == uris.SOAP11 else "application/soap+xml"
    content_type = (
        f'Multipart/Related; boundary="=_b.1"; type="application/xop+xml"; start="<r@example>"; start-info="{own_type}"'
    )
    root_head = f'Content-Type: application/xop+xml; charset=UTF-8; type="{own_type}"\r\nContent-ID: <r@example>'
    head = "Content-Type: application/octet-stream\r\nContent-ID: <a%40b@example>"
    body = f"\r\n--=_b.1\r\n{root_head}\r\n\r\n{root}\r\n--=_b.1\r\n{head}\r\n\r\n".encode()
    return content_type, body + _OCTETS + b"\r\n--=_b.1--"


@pytest.mark.parametrize("soap", [uris.SOAP11, uris.SOAP12])
@pytest.mark.parametrize("answers", [True, False])
def test_request_passes_untouched_and_its_response_must_answer_it(answers: bool, soap: str, gateways: Gateways) -> None:
    """The response is multipart too, and its signed wsa:RelatesTo names urn:uuid:request-1."""
    gateway = gateways("", "")
    response_root = own_case("relates-to-request").message
    head = b"--r\r\nContent-Type: text/xml; charset=utf-8\r\n\r\n"
    gateway.answer_with(
        http(head + response_root + b"\r\n--r--", content_type='multipart/related; type="text/xml"; boundary="r"')
    )
    content_type, body = multipart_request("urn:uuid:request-1" if answers else "urn:uuid:request-2", soap)
    response = _post(gateway.url, body, content_type)
    record = gateway.last()

    (request,) = gateway.world.receiver.requests
    sent, _, came = request.partition(b"\r\n\r\n")
    assert came == body
    assert f"content-type: {content_type}".lower().encode() in sent.lower()
    assert record.message_id == "urn:uuid:response-1"
    if answers:
        assert (response.status_code, record.outcome) == (200, "accepted"), record.detail
        assert response.content == response_root
    else:
        assert (response.status_code, record.reason) == (502, "uncorrelated")
        # The Fault speaks the SOAP of the request.
        assert soap in response.text


@pytest.mark.parametrize("client", ["cxf"])
def test_requests_of_a_client_with_mtom_pass(
    client: str, gateways: Gateways, ask: Callable[[str, str], Documents]
) -> None:
    gateway = gateways("", "")
    gateway.answer_with(response_of(_case("cxf/mtom-one")))
    assert ask("1.1", gateway.url).refused is None

    (request,) = gateway.world.receiver.requests
    assert re.search(rb"(?im)^content-type: multipart/related;.*application/xop\+xml", request)
