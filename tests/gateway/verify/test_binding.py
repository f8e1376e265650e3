"""Step 13: whether what is signed answers this request."""

import base64

import pytest
from lxml import etree

from gateway.verify import Expectation, Reason
from gateway.verify.binding import check_binding
from gateway.verify.envelope import find_security_header, read_envelope
from gateway.verify.reason import Rejection
from gateway.verify.xml_names import DS, SOAP11, WSA, WSA_2004, WSSE, WSSE11
from tests.gateway.verify.documents import parsed

REQUEST = Expectation(message_id="urn:uuid:1", signature_values=(b"one", b"two"))
ONE, TWO = base64.b64encode(b"one").decode(), base64.b64encode(b"two").decode()


def relates_to(value: str, attributes: str = 'Id="x"', namespace: str = WSA) -> str:
    return f'<a:RelatesTo xmlns:a="{namespace}" {attributes}>{value}</a:RelatesTo>'


def confirmation(value: str | None, attributes: str = 'Id="x"') -> str:
    shown = "" if value is None else f'Value="{value}"'
    return f'<c:SignatureConfirmation xmlns:c="{WSSE11}" {shown} {attributes}/>'


def bound(expects: Expectation, header: str = "", security: str = "") -> bool:
    """What `check_binding` finds, every element whose `Id` is `x` being signed."""
    root = parsed(
        f'<s:Envelope xmlns:s="{SOAP11}"><s:Header><w:Security xmlns:w="{WSSE}"><d:Signature xmlns:d="{DS}"/>'
        f"{security}</w:Security>{header}</s:Header><s:Body/></s:Envelope>"
    )
    envelope = read_envelope(root)
    signed = [node for node in root.iter(etree.Element) if node.get("Id") == "x"]
    return check_binding(expects, envelope, find_security_header(envelope, None)[0].element, signed)


@pytest.mark.parametrize(
    ("header", "security"),
    [
        (relates_to("urn:uuid:1"), ""),
        (relates_to(" urn:uuid:1\n"), ""),
        (relates_to("urn:uuid:1", namespace=WSA_2004), ""),
        (relates_to("urn:uuid:1", f'Id="x" RelationshipType="{WSA}/reply"'), ""),
        (relates_to("urn:uuid:1") + relates_to("urn:uuid:2", 'Id="y"'), ""),
        (relates_to("urn:uuid:1") + relates_to("urn:uuid:2", 'Id="x" RelationshipType="urn:other"'), ""),
        ("", confirmation(ONE) + confirmation(TWO)),
        ("", confirmation(TWO) + confirmation("") + confirmation(f" {ONE} ")),
        (relates_to("urn:uuid:1"), confirmation(ONE) + confirmation(TWO)),
    ],
)
def test_what_is_signed_and_right_binds(header: str, security: str) -> None:
    assert bound(REQUEST, header, security)


@pytest.mark.parametrize(
    ("expects", "header", "security"),
    [
        (REQUEST, "", ""),
        (REQUEST, relates_to("urn:uuid:1", ""), ""),
        (REQUEST, relates_to("urn:uuid:2", ""), ""),
        (REQUEST, relates_to("urn:uuid:1", 'Id="x" RelationshipType="urn:other"'), ""),
        (REQUEST, relates_to("urn:uuid:1", namespace="urn:other"), ""),
        (REQUEST, "", confirmation(ONE, "") + confirmation(TWO, "")),
        (Expectation(), relates_to("urn:uuid:1"), confirmation(ONE)),
        (Expectation(), relates_to("urn:uuid:1"), confirmation(None)),
    ],
)
def test_what_is_unsigned_or_unexpected_binds_nothing(expects: Expectation, header: str, security: str) -> None:
    assert not bound(expects, header, security)


@pytest.mark.parametrize(
    ("header", "security", "detail"),
    [
        (relates_to("urn:uuid:2"), "", "the signed wsa:RelatesTo names another request"),
        (relates_to(""), "", "RelatesTo"),
        (relates_to("URN:UUID:1"), "", "RelatesTo"),
        (relates_to("urn:uuid:1") + relates_to("urn:uuid:2"), "", "RelatesTo"),
        (relates_to("urn:uuid:2") + relates_to("urn:uuid:1", ""), "", "RelatesTo"),
        ("", confirmation(ONE), "the signed SignatureConfirmation confirms another request"),
        ("", confirmation(ONE) + confirmation(TWO, ""), "SignatureConfirmation"),
        ("", confirmation(None), "SignatureConfirmation"),
        ("", confirmation("A"), "SignatureConfirmation"),
        ("", confirmation("\u00e9"), "SignatureConfirmation"),
        (relates_to("urn:uuid:1"), confirmation(ONE), "SignatureConfirmation"),
    ],
)
def test_another_request_is_uncorrelated(header: str, security: str, detail: str) -> None:
    with pytest.raises(Rejection, match=detail) as caught:
        bound(REQUEST, header, security)

    assert caught.value.reason is Reason.UNCORRELATED


def test_text_that_is_split_is_refused() -> None:
    with pytest.raises(Rejection) as caught:
        bound(REQUEST, relates_to("urn:uuid:<!-- -->1"))

    assert caught.value.reason is Reason.STRUCTURE
