"""What leaves of mutants: content types times bodies with messages in them times lists of header fields (rules 41, 42).

Each is judged and released as the gateway does it, and read as clients read it: one that goes by the Content-Type
wherever it says "multipart", one that looks for the Envelope in the text, one that takes a field for an order.
"""

import random
import re
from datetime import UTC, datetime
from typing import Final

import pytest

from gateway.config import EndpointSettings
from gateway.exchange.judgement import Judgement, judge_message
from gateway.exchange.release import answer_to
from gateway.exchange.soap_faults import SoapVersion
from gateway.ledger.record import MessageRecord
from gateway.verify import Expectation, Verifier
from gateway.wire.outbound import UpstreamResponse
from keystore import TrustSnapshot
from tests.conftest import Count
from tests.mutation.consumer import naive_element, naive_view, strict_view, textual_view
from tests.mutation.rules import release
from tests.mutation.source import Source, source

SOURCES: Final = ("bst-x509v3", "timestamp-signed-soap12", "latin1-allowed", "xades-object")
CONTENT_TYPES: Final = (
    *release._SEEN,
    *release._OTHER,
    "text/xml; charset=utf-8",
    "application/soap+xml; action=x",
    "text/xml; x-charset=ISO-8859-1",
    'text/xml; start-info="(multipart)"; boundary=b',
    None,
)
ORDERS: Final = (
    b"X-Accel-Redirect",
    b"x-accel-buffering",
    b"X-Accel-Charset",
    b"X-Sendfile",
    b"X-LIGHTTPD-send-file",
    b"X-Reproxy-URL",
    b"Content-Location",
    b"Content-Range",
    b"Content-Transfer-Encoding",
    b"Content-Disposition",
    b"Content-Encoding",
    b"Transfer-Encoding",
    b"MIME-Version",
    b"Location",
    b"Refresh",
    b"Alt-Svc",
    b"Link",
    b"Surrogate-Control",
    b"Content_Type",
    b"X_Accel_Redirect",
    b"WSSGate-Verdict",
    b"wssgate_key",
    b"SOAPJMS_contentEncoding",
    b"X-Anything",
)
"""Fields on which some server, proxy or client acts, and one that nobody knows."""
HARMLESS: Final = (b"Date", b"Server", b"Cache-Control", b"traceparent", b"X-Request-ID", b"Set-Cookie", b"Vary")
VALUES: Final = (
    b"/internal/forged",
    b"base64",
    b"gzip",
    b"multipart/related; boundary=b",
    b"0",
    b"a, b",
    b"caf\xe9",
    b"",
)
ADMITTED: Final = {name.lower() for name in HARMLESS} | {
    b"content-type",
    b"wssgate-verdict",
    b"wssgate-record",
    b"wssgate-key",
}
MADE: Final = re.compile(rb"(text/xml|application/soap\+xml); charset=[a-z0-9-]+")
ROUNDS: Final = 60
AT: Final = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)


def _fields(draw: random.Random) -> list[tuple[bytes, bytes]]:
    names = [draw.choice(ORDERS) for _ in range(draw.randrange(5))] + draw.sample(HARMLESS, draw.randrange(4))
    draw.shuffle(names)
    return [(draw.choice((bytes.lower, bytes.upper, bytes))(name), draw.choice(VALUES)) for name in names]


def _bodies(found: Source) -> list[bytes]:
    made = [mutant.message() for rule in release.RULES for mutant in rule.generate(found)]
    return [found.case.message, *made]


def _record(judgement: Judgement, endpoint: EndpointSettings) -> MessageRecord:
    return MessageRecord(
        id="id",
        time=AT,
        instance="i",
        endpoint=endpoint.name,
        mode=endpoint.mode,
        kind=judgement.kind,
        operation=None,
        outcome=judgement.outcome,
        reason=None,
        detail="",
        released=True,
        verified_by=() if judgement.verdict is None else judgement.verdict.verified_by,
        body_sha256="",
        request_bytes=0,
        response_bytes=0,
        upstream_status=200,
        upstream_ms=0,
        verify_ms=0,
        keystore_revision=1,
    )


@pytest.mark.parametrize("identifier", SOURCES)
def test_no_mutant_leaves_as_something_else(identifier: str, count: Count) -> None:
    found = source(identifier)
    case = found.case
    endpoint = EndpointSettings(
        name="orders",
        path="/orders",
        upstream="https://receiver.example/",
        policy=case.policy,
    )
    verifier, trust = Verifier(case.policy), TrustSnapshot.of(*case.trust)
    draw = random.Random(identifier)  # noqa: S311 - the same every time, no secrets
    bodies = _bodies(found)
    signed = naive_element(strict_view(case, case.message)["Body"][0])
    accepted = 0
    for round_number in range(ROUNDS * len(CONTENT_TYPES)):
        content_type = CONTENT_TYPES[round_number % len(CONTENT_TYPES)]
        body = bodies[0] if round_number < len(CONTENT_TYPES) else draw.choice(bodies)
        fields = _fields(draw)
        if content_type is not None:
            fields.insert(draw.randrange(len(fields) + 1), (b"Content-Type", content_type.encode()))
        response = UpstreamResponse(draw.choice((200, 202, 206, 500)), tuple(fields), body)

        judgement = judge_message(response, endpoint, verifier, trust, case.at, Expectation())

        count("what leaves of content types, bodies and fields", judgement.outcome, 1)
        if judgement.outcome != "accepted":
            continue
        accepted += 1
        answer = answer_to(response, judgement, _record(judgement, endpoint), endpoint, SoapVersion.SOAP_1_1)
        left = dict(answer.headers)
        assert set(left) <= ADMITTED
        assert left[b"wssgate-verdict"] == b"accepted"
        types = [value for name, value in answer.headers if name == b"content-type"]
        assert len(types) == 1
        assert MADE.fullmatch(types[0])
        encoding = types[0].decode().rpartition("=")[2]
        assert answer.body == body
        for seen in (naive_view(answer.body), textual_view(answer.body, encoding)):
            assert seen is None or seen == signed
    assert accepted > ROUNDS
