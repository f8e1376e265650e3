"""What leaves is made here: whatever the receiver writes into status and header fields, through the whole gateway."""

import ast
import gzip
from pathlib import Path
from typing import Any

import pytest

from fixtures.generator import soap
from fixtures.generator.signing import sign
from tests.gateway.exchange.harness import Response, envelope, http, run, signed, signed_with_timestamp, world
from tests.gateway.exchange.wsdl.test_retrieval import ZEEP_WSDL

GATEWAY = Path(__file__).parents[3] / "gateway"
FAULT = envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>no stock</faultstring></s:Fault>")
SIGNED_FAULT = signed(
    "old", '<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>s:Server</faultcode></s:Fault>'
)

PROXIES: dict[str, str] = {
    "X-Accel-Redirect": "/internal/secret",
    "X-Accel-Buffering": "no",
    "X-Accel-Expires": "86400",
    "X-Accel-Limit-Rate": "1",
    "X-Accel-Charset": "utf-7",
    "X-Sendfile": "/etc/passwd",
    "X-Sendfile2": "/etc/passwd 0-",
    "X-LIGHTTPD-send-file": "/etc/passwd",
    "X-Reproxy-URL": "http://elsewhere.example/",
    "X-Reproxy-File": "/etc/passwd",
    "X-LiteSpeed-Location": "/internal/secret",
    "X-AppEngine-BlobKey": "secret",
    "X-Envoy-Immediate-Health-Check-Fail": "true",
    "X-Forwarded-Host": "elsewhere.example",
    "Surrogate-Control": 'content="ESI/1.0"',
    "Surrogate-Key": "all",
    "CDN-Cache-Control": "max-age=86400",
    "Cache-Tag": "all",
    "Edge-Control": "cache-maxage=1d",
    "X-Varnish-TTL": "86400",
    "Status": "200 Fine",
    "Content-Location": "/orders/other",
    "Content-Range": "bytes 0-3/4",
    "Content-Transfer-Encoding": "base64",
    "Content-Disposition": "attachment; filename=a.exe",
    "Content-Language": "en",
    "Content-Digest": "sha-256=:AAAA:",
    "MIME-Version": "1.0",
    "Accept-Ranges": "bytes",
    "ETag": '"1"',
    "Last-Modified": "Tue, 01 Jan 2030 00:00:00 GMT",
    "Alt-Svc": 'h3="elsewhere.example:443"',
    "Refresh": "0; url=http://elsewhere.example/",
    "Link": "</internal/secret>; rel=preload",
    "Clear-Site-Data": "*",
    "Service-Worker-Allowed": "/",
    "X-HTTP-Method-Override": "DELETE",
    "Trailer": "X-Accel-Redirect",
    "Upgrade": "h2c",
    "Proxy-Authenticate": "Basic realm=x",
    "WSSGate-Key": "forged",
    "X_Accel_Redirect": "/internal/secret",
    "X_Request_Id": "forged",
    "X-Unknown": "whatever",
}
"""Fields that nothing of the receiver may bring out, and that no configuration can admit, but for X-Unknown."""
CLIENTS = {
    "Location": "http://elsewhere.example/",
    "WWW-Authenticate": "Basic realm=x",
    "Strict-Transport-Security": "max-age=0",
    "Set-Cookie": "session=forged",
    "Set-Cookie2": "session=forged",
    "Access-Control-Allow-Origin": "*",
    "Report-To": "{}",
}
"""Fields that steer a client."""
GOOD = {
    "Date": "Tue, 01 Jan 2030 00:00:00 GMT",
    "Server": "receiver/1",
    "Via": "1.1 receiver",
    "X-Request-ID": "1",
    "X-Correlation-Id": "2",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "a=b",
    "b3": "0",
    "X-B3-TraceId": "3",
}
CACHING = {"Cache-Control": "max-age=60", "Expires": "0", "Pragma": "no-cache", "Age": "1", "Vary": "Accept"}
OUR_OWN = {"content-length", "content-type", "date", "connection"}
KEPT = {name.lower() for name in GOOD}
VERDICT = {"wssgate-verdict", "wssgate-record", "wssgate-key"}


def reply(body: bytes, status: str = "200 OK", content_type: str | None = "text/xml", **fields: str) -> bytes:
    """A response with every field of the tables above, and `fields`; underscores in their names stand for hyphens."""
    head, _, rest = http(body, status, content_type, **fields).partition(b"\r\n\r\n")
    lines = [f"{name}: {value}" for name, value in {**PROXIES, **CLIENTS, **GOOD, **CACHING}.items()]
    return b"\r\n".join([head, *(line.encode() for line in lines), b"", rest])


def play(
    folder: Path, replies: dict[str, bytes], method: str = "POST", path: str = "/orders", **options: Any
) -> dict[str, tuple[Response, Any]]:
    """The answers to `replies` and what was recorded of them, all from one gateway."""
    found: dict[str, tuple[Response, Any]] = {}

    async def scenario() -> None:
        async with world(folder, **options) as it:
            for case, data in replies.items():
                it.receiver.reply = data
                found[case] = (await it.ask(method, path), it.last())

    run(scenario())
    return found


def one(folder: Path, data: bytes, **options: Any) -> tuple[Response, Any]:
    """The same for one of them."""
    return play(folder, {"": data}, **options)[""]


# Content-Type


@pytest.mark.parametrize(
    "content_type",
    [
        'text/xml; x="multipart/related"; type="text/xml"; boundary="b"',
        'text/xml; action="multipart/related; boundary=b"',
        'text/xml; action="multipart\\/related; boundary=b"',
        '(c)multipart/related; type="text/xml"; boundary=b',
        "MULTIPART/Related; boundary=b",
        "text/xml, multipart/related; boundary=b",
        "message/http",
    ],
)
def test_a_type_that_some_client_takes_for_multipart_is_rejected(tmp_path: Path, content_type: str) -> None:
    response, record = one(tmp_path, http(signed(), content_type=content_type))
    assert (response.status, record.outcome, record.reason) == (502, "rejected", "structure")
    assert response.headers["content-type"] == "text/xml; charset=utf-8"


@pytest.mark.parametrize(
    ("content_type", "warned"),
    [
        ("text/xml; x-charset=ISO-8859-1; charset=utf-8", None),
        ("text/xml; type=text/html; action=urn:a; start=x", None),
        ("TEXT/XML;charset='utf-8'", None),
        ("application/soap+xml; action=urn:a", None),
        ("application/xml", "the Content-Type is application/xml"),
        ("text/plain; charset=utf-8", "the Content-Type is text/plain"),
        ("text/html", "the Content-Type is text/html"),
        ("", "there is no Content-Type"),
        (None, "there is no Content-Type"),
    ],
)
def test_the_type_of_an_accepted_message_says_what_was_verified(
    tmp_path: Path, content_type: str | None, warned: str | None
) -> None:
    response, record = one(tmp_path, http(signed(), content_type=content_type))
    assert (response.status, record.outcome, response.body) == (200, "accepted", signed())
    assert response.headers["content-type"] == "text/xml; charset=utf-8"
    found = [warning for warning in record.warnings if warning.startswith("content-type")]
    assert found == ([] if warned is None else [f"content-type: {warned}; read as XML all the same"])


def test_a_second_opinion_needs_no_type(tmp_path: Path) -> None:
    data = http(signed(), content_type=None)
    response, record = one(tmp_path, data, endpoint='second_opinion = "always"')
    assert (response.status, record.outcome, str(record.second_opinion.opinion)) == (200, "accepted", "agrees")


@pytest.mark.parametrize("content_type", ["application/soap+xml; charset=utf-8; action=urn:a", "text/xml", None])
def test_the_version_of_soap_is_that_of_the_envelope(tmp_path: Path, content_type: str | None) -> None:
    response, record = one(tmp_path, http(signed("old", "<x/>", "1.2"), content_type=content_type))
    assert (response.status, record.outcome, record.soap_version) == (200, "accepted", "1.2")
    assert response.headers["content-type"] == "application/soap+xml; charset=utf-8"


@pytest.mark.parametrize("content_type", ["text/xml; charset=ISO-8859-1", "text/xml", None])
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_the_charset_is_the_one_that_was_verified(tmp_path: Path, content_type: str | None, mode: str) -> None:
    text = sign(soap.Envelope(soap.signature(soap.BODY, key_info="")).text(), "old").decode()
    body = text.partition("?>")[2] if text.startswith("<?xml") else text
    message = f'<?xml version="1.0" encoding="ISO-8859-1"?>{body}'.encode("latin-1")
    data = http(message, content_type=content_type)
    response, record = one(tmp_path, data, policy='encodings = ["UTF-8", "ISO-8859-1"]', endpoint=f'mode = "{mode}"')
    assert (response.status, record.outcome, response.body) == (200, "accepted", message)
    assert response.headers["content-type"] == "text/xml; charset=iso-8859-1"


def test_an_unsigned_fault_that_passes_has_a_type_made_here(tmp_path: Path) -> None:
    replies = {
        "text/xml; charset=utf-8": http(FAULT, "500 Oops", 'text/xml; action="a"; charset=utf-8'),
        "application/soap+xml; charset=utf-8": http(
            envelope("<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code></s:Fault>", "1.2"), "400 Bad Request", None
        ),
    }
    for expected, (response, record) in play(tmp_path, replies, endpoint='unsigned_faults = "pass"').items():
        assert (record.kind, record.outcome) == ("fault", "passed")
        assert response.headers["content-type"] == expected
        assert response.status == (500 if "text" in expected else 400)


def test_observe_delivers_what_it_rejects_with_the_type_that_came(tmp_path: Path) -> None:
    types = ['multipart/related; boundary="b"', "text/html;charset=x", 'text/xml; x="multipart/related"', None]
    replies = {str(content_type): http(b"<html/>", "503 Busy", content_type) for content_type in types}
    for content_type, (response, record) in play(tmp_path, replies, endpoint='mode = "observe"').items():
        assert (record.outcome, record.released, response.status) == ("rejected", True, 503)
        assert response.headers.get("content-type", "None") == content_type
        assert response.body == b"<html/>"


def test_observe_delivers_what_it_accepts_as_mode_enforce_does(tmp_path: Path) -> None:
    data = http(signed(), "206 Partial Content", "application/xml; x=y", Set_Cookie="a=b")
    response, record = one(tmp_path, data, endpoint='mode = "observe"')
    assert (response.status, record.outcome, record.upstream_status) == (200, "accepted", 206)
    assert response.headers["content-type"] == "text/xml; charset=utf-8"
    assert response.headers["set-cookie"] == "a=b"


def test_observe_delivers_a_replayed_message_as_one_that_it_rejects(tmp_path: Path) -> None:
    data = reply(signed_with_timestamp(), content_type="application/xml; x=y")
    found = play(tmp_path, {"first": data, "again": data}, endpoint='mode = "observe"')
    assert [record.outcome for _, record in found.values()] == ["accepted", "rejected"]
    first, again = (response.headers for response, _ in found.values())
    assert (first["content-type"], again["content-type"]) == ("text/xml; charset=utf-8", "application/xml; x=y")
    assert (first["cache-control"], again["cache-control"]) == ("max-age=60", "no-store")
    assert "wssgate-key" not in again


def test_observe_delivers_a_replayed_multipart_message_as_it_came(tmp_path: Path) -> None:
    """Rejected after it was taken apart: the body has to be the one that its Content-Type belongs to."""
    content_type = 'multipart/related; type="text/xml"; boundary="b"'
    body = b"--b\r\nContent-Type: text/xml\r\n\r\n" + signed_with_timestamp() + b"\r\n--b--\r\n"
    data = http(body, content_type=content_type)
    found = play(tmp_path, {"first": data, "again": data}, endpoint='mode = "observe"')
    assert [record.outcome for _, record in found.values()] == ["accepted", "rejected"]
    first, again = (response for response, _ in found.values())
    assert (first.headers["content-type"], again.headers["content-type"]) == ("text/xml; charset=utf-8", content_type)
    assert again.body == body


# Header fields


def test_an_accepted_message_leaves_with_fields_of_the_list_and_no_others(tmp_path: Path) -> None:
    response, record = one(tmp_path, reply(signed()))
    assert record.outcome == "accepted"
    expected = KEPT | {name.lower() for name in CACHING} | {"set-cookie"} | VERDICT | OUR_OWN
    assert response.headers.keys() - {"connection"} == expected - {"connection"}
    assert response.headers["wssgate-key"] == "old"
    assert response.headers["x-request-id"] == "1", "not the one that is spelled with underscores"


@pytest.mark.parametrize("admitted", [False, True])
def test_what_is_released_unverified_steers_nobody(tmp_path: Path, admitted: bool) -> None:
    names = '"X-Unknown", ' + ", ".join(f'"{name}"' for name in CLIENTS)
    endpoint = 'unsigned_faults = "pass"\n' + (f"response_headers = [{names}]" if admitted else "")
    cases = {
        "202": reply(b"", "202 Accepted"),
        "204": reply(b"", "204 No Content").replace(b"Content-Length: 0\r\n", b""),
        "fault": reply(FAULT, "500 Oops"),
    }
    found = play(tmp_path, cases, endpoint=endpoint)
    (tmp_path / "wsdl").mkdir()
    found["wsdl"] = one(
        tmp_path / "wsdl", reply(ZEEP_WSDL.encode()), method="GET", path="/orders?wsdl", endpoint=endpoint
    )
    for case, (response, record) in found.items():
        assert record.outcome == "passed", case
        of_body = {"content-type"} if case in {"fault", "wsdl"} else set()
        framing = set() if case == "204" else {"content-length"}
        expected = KEPT | of_body | framing | {"cache-control", "wssgate-verdict", "wssgate-record"}
        assert response.headers.keys() - {"connection"} == expected | ({"x-unknown"} if admitted else set()), case
        assert response.headers["cache-control"] == "no-store", "nothing keeps for later what nobody vouches for"


def test_what_observe_delivers_unverified_steers_nobody_but_by_cookies(tmp_path: Path) -> None:
    replies = {
        "unsigned": reply(envelope("<x/>")),
        "coded": reply(b"\x1f\x8b no gzip", Content_Encoding="gzip"),
        "empty": reply(b"", "200 OK"),
        "not modified": reply(b"", "304 Not Modified"),
    }
    admitted = ", ".join(f'"{name}"' for name in CLIENTS)
    endpoint = f'mode = "observe"\nresponse_headers = [{admitted}]'
    for case, (response, record) in play(tmp_path, replies, endpoint=endpoint).items():
        assert (record.outcome, record.released) == ("rejected", True)
        names = response.headers.keys() - KEPT - OUR_OWN - VERDICT
        # A session that works without the gateway works with one that only watches.
        assert names == {"set-cookie", "cache-control"} | ({"content-encoding"} if case == "coded" else set()), case
        assert response.status == (500 if case == "not modified" else 200)


def test_a_configuration_admits_further_fields(tmp_path: Path) -> None:
    data = http(
        signed(),
        X_Acme_Trace="1",
        X_ACME_Other="2",
        Connection="X-Acme-Hop",
        X_Acme_Hop="3",
        WWW_Authenticate="Basic",
        X_Acme_Not="4",
    )
    names = '["X-Acme-Trace", "x-acme-other", "X-ACME-HOP", "WWW-Authenticate", "X-Acme-Trace"]'
    response, record = one(tmp_path, data, endpoint=f"response_headers = {names}")
    assert record.outcome == "accepted"
    assert {name for name in response.headers if name.startswith("x-")} == {"x-acme-trace", "x-acme-other"}
    assert response.headers["www-authenticate"] == "Basic"


def test_an_admitted_field_is_no_field_of_its_name_with_underscores(tmp_path: Path) -> None:
    data = http(signed()).replace(b"\r\n", b"\r\nX_Acme_Trace: 1\r\nX-Acme_Trace: 1\r\n", 1)
    response, _ = one(tmp_path, data, endpoint='response_headers = ["X-Acme-Trace"]')
    assert not [name for name in response.headers if "acme" in name]


def test_a_compressed_message_leaves_without_fields_of_its_coding(tmp_path: Path) -> None:
    data = reply(gzip.compress(signed()), Content_Encoding="gzip", Content_MD5="x", Digest="x", Repr_Digest="x")
    response, record = one(tmp_path, data)
    assert (response.body, record.outcome) == (signed(), "accepted")
    assert not {"content-encoding", "content-md5", "digest", "repr-digest", "etag"} & response.headers.keys()


@pytest.mark.parametrize(
    ("status", "mode", "expected"),
    [
        ("200 OK", "enforce", None),
        ("202 Accepted", "enforce", "9"),
        ("503 Busy", "enforce", None),
        ("503 Busy", "observe", "9"),
        ("500 Oops", "observe", None),
    ],
)
def test_retry_after_leaves_where_its_status_asks_to_wait(
    tmp_path: Path, status: str, mode: str, expected: str | None
) -> None:
    body = signed() if mode == "enforce" else b"<busy/>"
    response, record = one(tmp_path, http(body, status, Retry_After="9"), endpoint=f'mode = "{mode}"')
    assert record.released
    assert response.headers.get("retry-after") == expected


def test_our_own_answers_have_none_of_what_came(tmp_path: Path) -> None:
    response, record = one(tmp_path, reply(envelope("<x/>")))
    assert (response.status, record.outcome) == (502, "rejected")
    assert response.headers.keys() - {"connection"} == {
        "content-length",
        "content-type",
        "date",
        "wssgate-verdict",
        "wssgate-record",
    }
    assert response.headers["date"] != GOOD["Date"]


# Status


@pytest.mark.parametrize(
    ("came", "of_message", "of_fault"),
    [
        ("200 OK", 200, 200),
        ("201 Created", 201, 500),
        ("202 Accepted", 202, 500),
        ("203 Not Mine", 200, 500),
        ("205 Reset Content", 200, 500),
        ("206 Partial Content", 200, 500),
        ("226 IM Used", 200, 500),
        ("299 Fine", 200, 500),
        ("306 Unused", 500, 500),
        ("400 Bad Request", 400, 400),
        ("401 Unauthorized", 500, 500),
        ("404 Not Found", 500, 500),
        ("407 Proxy Authentication Required", 500, 500),
        ("500 Oops", 500, 500),
        ("503 Busy", 500, 500),
        ("599 Hm", 500, 500),
    ],
)
def test_the_status_of_a_message_is_one_that_soap_knows(
    tmp_path: Path, came: str, of_message: int, of_fault: int
) -> None:
    replies = {"message": http(signed(), came), "signed": http(SIGNED_FAULT, came), "unsigned": http(FAULT, came)}
    found = play(tmp_path, replies, endpoint='unsigned_faults = "pass"')
    assert [record.outcome for _, record in found.values()] == ["accepted", "accepted", "passed"]
    assert [response.status for response, _ in found.values()] == [of_message, of_fault, of_fault]
    assert {record.upstream_status for _, record in found.values()} == {int(came[:3])}, "the record keeps what came"


def test_observe_keeps_the_errors_that_a_client_goes_by(tmp_path: Path) -> None:
    replies = {status: http(b"<x/>", status) for status in ("203 A", "206 A", "306 A", "401 A", "404 A", "503 A")}
    found = play(tmp_path, replies, endpoint='mode = "observe"')
    assert [response.status for response, _ in found.values()] == [200, 200, 500, 401, 404, 503]


# One place


def test_answers_are_made_in_one_module() -> None:
    made, sent = set(), set()
    for file in GATEWAY.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Answer":
                made.add(file.name)
            if isinstance(node, ast.Dict) and any(
                isinstance(value, ast.Constant) and value.value == "http.response.start" for value in node.values
            ):
                sent.add(file.name)
    assert (made, sent) == ({"release.py"}, {"answer.py"})
