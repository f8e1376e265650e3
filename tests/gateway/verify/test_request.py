"""What a request lets be expected of its response."""

import base64
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.manifest import own_case, own_cases
from gateway.verify import Expectation, Policy
from gateway.verify.xml_names import DS, SOAP11, SOAP12, WSA, WSA_2004, WSSE

MESSAGE_ID = "<a:MessageID xmlns:a='{}'>{}</a:MessageID>"
SECURITY = f'<w:Security xmlns:w="{WSSE}" xmlns:d="{DS}">{{}}</w:Security>'


def signature(value: str) -> str:
    return f"<d:Signature><d:SignatureValue>{value}</d:SignatureValue></d:Signature>"


OPERATION = "{urn:orders}GetOrder"


def request(header: str, soap: str = SOAP11) -> bytes:
    body = '<o:GetOrder xmlns:o="urn:orders"/>'
    return f'<s:Envelope xmlns:s="{soap}"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'.encode()


def expected(*values: Any, **named: Any) -> Expectation:
    """What is expected where GetOrder was asked for."""
    return replace(Expectation(*values, **named), operation=OPERATION)


@pytest.mark.parametrize(
    ("body", "expectation"),
    [
        (request(""), expected(soap_version="1.1")),
        (request("", SOAP12), expected(soap_version="1.2")),
        (f'<Envelope xmlns="{SOAP12}"><Body/></Envelope>'.encode(), Expectation(soap_version="1.2")),
        (request(MESSAGE_ID.format(WSA, " urn:1\n")), expected("urn:1", soap_version="1.1")),
        (request(MESSAGE_ID.format(WSA_2004, "urn:1"), SOAP12), expected("urn:1", soap_version="1.2")),
        (
            request(SECURITY.format(signature("QUJD") + signature(" RE\nVG ")) + SECURITY.format(signature("R0hJ"))),
            expected(signature_values=(b"ABC", b"DEF", b"GHI"), soap_version="1.1"),
        ),
        # Two of them name no request.
        (request(MESSAGE_ID.format(WSA, "urn:1") + MESSAGE_ID.format(WSA, "urn:2")), expected(soap_version="1.1")),
        # Signatures elsewhere are payload.
        (request(f'<x xmlns:d="{DS}">{signature("QUJD")}</x>'), expected(soap_version="1.1")),
    ],
)
def test_what_is_expected(body: bytes, expectation: Expectation) -> None:
    assert Expectation.of_request(body, Policy()) == expectation


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        (b"", None),
        (b"{}", None),
        (b"<a/>", None),
        (b"<!DOCTYPE a><a/>", None),
        (b"<!DOCTYPE a>" + request(""), None),
        (b"\xff\xfe", None),
        (request("").replace(b"</s:Body>", b"<!-- --></s:Body>") + b" " * 2048, OPERATION),
        (request("")[:-5], OPERATION),
        (request(MESSAGE_ID.format(WSA, "a<!-- -->b")), None),
        (request(SECURITY.format(signature("*"))), OPERATION),
        (request("<?p?>"), None),
    ],
)
def test_of_what_cannot_be_read_nothing_is_expected_but_what_it_plainly_asks_for(
    body: bytes, operation: str | None
) -> None:
    found = Expectation.of_request(body, Policy(max_message_bytes=2048))
    assert found == Expectation(operation=operation)


def test_the_charset_of_the_request_counts() -> None:
    body = request(MESSAGE_ID.format(WSA, "urn:\u00e9")).decode().encode("latin-1")
    policy = Policy(encodings=("ISO-8859-1",))

    assert Expectation.of_request(body, policy, "text/xml; charset=iso-8859-1").message_id == "urn:\u00e9"
    assert Expectation.of_request(body, policy, "text/xml") == Expectation(operation=OPERATION)


def test_signed_messages_let_their_signature_values_be_expected() -> None:
    for case in own_cases():
        if case.accepted and case.content_type and "utf-8" in case.content_type:
            values = re.findall(rb"<ds:SignatureValue>([^<]+)<", case.message)
            found = Expectation.of_request(case.message, case.policy, case.content_type)
            assert found.signature_values == tuple(
                base64.b64decode(value.replace(b"&#13;", b"")) for value in values
            ), case.id


@given(st.data())
def test_any_bytes_are_a_request(data: st.DataObject) -> None:
    body = bytearray(own_case("relates-to-request").message)
    start = data.draw(st.integers(0, len(body)))
    body[start : start + data.draw(st.integers(0, 50))] = data.draw(st.binary(max_size=20))

    assert isinstance(Expectation.of_request(bytes(body), Policy()), Expectation)


@pytest.mark.parametrize(
    ("body", "glimpsed"),
    [
        (request(""), expected(soap_version="1.1")),
        (request("", SOAP12), expected(soap_version="1.2")),
        (request(MESSAGE_ID.format(WSA, "urn:1")), None),
        (request(SECURITY.format(signature("QUJD"))), None),
        (request("").decode().encode("utf-16"), None),
        (request("").decode().encode("utf-16-le"), None),
        # Text in two octets each that spells the namespace in one.
        (f"<a>{SOAP11.ljust(42).encode().decode('utf-16-le')}</a>".encode("utf-16-le"), None),
        (request(f"<a>{SOAP12}</a>"), expected(soap_version="1.1")),
        # What only the Header can say is not looked for in the Body.
        (request("").replace(b"</s:Body>", b"<MessageID/></s:Body>"), expected(soap_version="1.1")),
        (b"<a/>", None),
    ],
)
def test_what_is_seen_at_a_glance(body: bytes, glimpsed: Expectation | None) -> None:
    assert Expectation.at_a_glance(body) == glimpsed


@given(
    st.lists(
        st.sampled_from(
            (MESSAGE_ID.format(WSA, "urn:1"), SECURITY.format(signature("QUJD")), "<x>MessageID</x>", "<y/>", SOAP12)
        ),
        max_size=3,
    ),
    st.sampled_from((SOAP11, SOAP12)),
    st.sampled_from(("utf-8", "latin-1", "utf-16", "utf-8-sig")),
)
def test_a_glance_sees_what_reading_finds(header: list[str], soap: str, encoding: str) -> None:
    policy = Policy(encodings=("UTF-8", "ISO-8859-1", "UTF-16"))
    body = request("".join(header), soap).decode().encode(encoding)
    read = Expectation.of_request(body, policy, f"text/xml; charset={encoding.removesuffix('-sig')}")
    glimpsed = Expectation.at_a_glance(body)
    assert glimpsed is None or glimpsed == read
