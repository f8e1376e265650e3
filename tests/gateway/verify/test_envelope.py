"""Steps 4 and 5: the elements at their places, and the one Security header that is ours."""

import pytest

from gateway.verify import Reason
from gateway.verify.envelope import (
    MAX_SECURITY_HEADERS,
    Envelope,
    SecurityHeader,
    find_security_header,
    read_envelope,
    soap_version,
)
from gateway.verify.reason import Rejection
from gateway.verify.xml_names import DS, SOAP11, SOAP12, WSA, WSA_2004, WSSE, WSU
from tests.gateway.verify.documents import parsed

ULTIMATE = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"
SIGNATURE = f'<d:Signature xmlns:d="{DS}"/>'
STAMP = f'<u:Timestamp xmlns:u="{WSU}"/>'


def envelope(content: str, soap: str = SOAP11) -> Envelope:
    return read_envelope(parsed(f'<s:Envelope xmlns:s="{soap}" xmlns:o="{SOAP12}">{content}</s:Envelope>'))


def security(content: str = SIGNATURE, attributes: str = "") -> str:
    return f'<w:Security xmlns:w="{WSSE}" {attributes}>{content}</w:Security>'


def ours(header: str, actor: str | None = None, soap: str = SOAP11) -> tuple[SecurityHeader, tuple[str, ...]]:
    return find_security_header(envelope(f"<s:Header>{header}</s:Header><s:Body/>", soap), actor)


@pytest.mark.parametrize(("soap", "version"), [(SOAP11, "1.1"), (SOAP12, "1.2")])
@pytest.mark.parametrize("between", ["", "\n  ", "<!-- c -->"])
def test_an_envelope_holds_a_header_and_a_body(soap: str, version: str, between: str) -> None:
    found = envelope(f"{between}<s:Header>{between}<a/>{between}<b/></s:Header>{between}<s:Body/>{between}", soap)

    assert (found.version, found.namespace, soap_version(found.root)) == (version, soap, version)
    assert found.header is found.root.find(f"{{{soap}}}Header")
    assert found.body is found.root.find(f"{{{soap}}}Body")
    assert [block.tag for block in found.blocks] == ["a", "b"]


def test_the_header_may_be_absent() -> None:
    found = envelope("<s:Body/>")

    assert found.header is None
    assert found.blocks == ()


@pytest.mark.parametrize(
    ("body", "operation", "is_fault"),
    [
        ("", None, False),
        ("text", None, False),
        ("<!-- --><a/><b/>", "a", False),
        ('<p:a xmlns:p="urn:p"/>', "{urn:p}a", False),
        ("<s:Fault/>", f"{{{SOAP11}}}Fault", True),
        ("\n<s:Fault/>\n", f"{{{SOAP11}}}Fault", True),
        ("<o:Fault/>", f"{{{SOAP12}}}Fault", False),
        ("<s:Fault/><a/>", f"{{{SOAP11}}}Fault", False),
        ("<a/><s:Fault/>", "a", False),
        ("<Fault/>", "Fault", False),
    ],
)
def test_the_first_child_of_the_body_is_the_operation(body: str, operation: str | None, is_fault: bool) -> None:
    found = envelope(f"<s:Body>{body}</s:Body>")

    assert (found.operation, found.is_fault) == (operation, is_fault)


@pytest.mark.parametrize(
    "root", ["<a/>", "<Envelope/>", '<Envelope xmlns="urn:x"/>', f'<envelope xmlns="{SOAP11}"/>', "<html/>"]
)
def test_another_root_is_not_soap(root: str) -> None:
    with pytest.raises(Rejection, match=r"the root element is .*, not an Envelope") as caught:
        read_envelope(parsed(root))

    assert caught.value.reason is Reason.NOT_SOAP
    assert soap_version(parsed(root)) is None


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("", "it holds: "),
        ("<s:Header/>", "Header"),
        ("<s:Body/><s:Body/>", "Body, Body"),
        ("<s:Header/><s:Header/><s:Body/>", "Header, Header, Body"),
        ("<s:Body/><s:Header/>", "Body, Header"),
        ("<s:Header/><s:Body/><a/>", "Header, Body, a"),
        ("<a/><s:Body/>", "a, Body"),
        ("<o:Header/><s:Body/>", "Header, Body"),
        ("<s:Header/><o:Body/>", "Header, Body"),
        ("<Body/>", "Body"),
        ("<a/>" * 9, "a, a, a, a, a, a$"),
        ("<s:Body/><?p?>", "a processing instruction stands inside Envelope"),
        ("<s:Header><?p?></s:Header><s:Body/>", "a processing instruction stands inside Header"),
    ],
)
def test_another_structure_is_refused(content: str, shown: str) -> None:
    with pytest.raises(Rejection, match=shown) as caught:
        envelope(content)

    assert caught.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (f'<a:To xmlns:a="{WSA}">x</a:To>', "x"),
        (f'<a:To xmlns:a="{WSA_2004}">x</a:To>', "x"),
        ("", None),
        ('<a:To xmlns:a="urn:x">x</a:To>', None),
        (f'<b><a:To xmlns:a="{WSA}">x</a:To></b>', None),
        (f'<a:To xmlns:a="{WSA}">x</a:To><a:To xmlns:a="{WSA_2004}">x</a:To>', None),
    ],
)
def test_an_addressing_header_is_one_or_none(header: str, value: str | None) -> None:
    found = envelope(f"<s:Header>{header}</s:Header><s:Body/>").addressing("To")

    assert (None if found is None else found.text) == value


# Whose Security header


@pytest.mark.parametrize(
    ("soap", "attributes", "actor"),
    [
        (SOAP11, "", None),
        (SOAP11, 's:actor=""', None),
        (SOAP11, 's:actor="urn:us"', "urn:us"),
        (SOAP11, 's:actor=" urn:us "', "urn:us"),
        (SOAP11, 's:role="urn:us"', None),
        (SOAP11, 'actor="urn:us"', None),
        (SOAP12, "", None),
        (SOAP12, f's:role="{ULTIMATE}"', None),
        (SOAP12, 's:role="urn:us"', "urn:us"),
        (SOAP12, 's:actor="urn:us"', None),
    ],
)
def test_a_security_header_is_meant_for_an_actor(soap: str, attributes: str, actor: str | None) -> None:
    found, warnings = ours(security(STAMP + SIGNATURE, attributes), actor, soap)

    assert [child.tag for child in found.signatures] == [f"{{{DS}}}Signature"]
    assert found.timestamp is found.element[0]
    assert warnings == ()


def test_other_actors_are_warned_of() -> None:
    header = security(SIGNATURE, 's:actor="urn:other\u202e"') + security() + security("", 's:actor="urn:us"')

    found, warnings = ours(header)
    assert len(found.element.attrib) == 0
    assert len(warnings) == 2
    assert warnings[0].endswith("is meant for urn:other\\u202e")
    found, warnings = ours(security() + security(SIGNATURE, 's:actor="urn:us"'), "urn:us")
    assert warnings == ("foreign-security-header: a Security header is meant for no actor",)


@pytest.mark.parametrize(
    ("header", "reason", "detail"),
    [
        ("", Reason.UNSIGNED, "has no Security header$"),
        ("<Security/>", Reason.UNSIGNED, "has no Security header$"),
        (f"<a>{security()}</a>", Reason.UNSIGNED, "has no Security header$"),
        (
            security(SIGNATURE, 's:actor="urn:us"'),
            Reason.UNSIGNED,
            "without an actor; there are such for: urn:us",
        ),
        (security(""), Reason.UNSIGNED, "holds no Signature"),
        (security(f"<a>{SIGNATURE}</a>"), Reason.UNSIGNED, "holds no Signature"),
        (security() + security(), Reason.STRUCTURE, "two Security headers"),
        (security() + security("", 's:actor=""'), Reason.STRUCTURE, "two Security headers"),
        (security(STAMP + STAMP + SIGNATURE), Reason.STRUCTURE, "two Timestamps"),
        (security("<?p?>" + SIGNATURE), Reason.STRUCTURE, "a processing instruction"),
    ],
)
def test_what_is_not_one_signed_header_for_us(header: str, reason: Reason, detail: str) -> None:
    with pytest.raises(Rejection, match=detail) as caught:
        ours(header)

    assert caught.value.reason is reason


def test_security_headers_are_counted() -> None:
    others = "".join(security(SIGNATURE, f's:actor="urn:{number}"') for number in range(MAX_SECURITY_HEADERS - 1))

    assert len(ours(security() + others)[1]) == MAX_SECURITY_HEADERS - 1
    with pytest.raises(Rejection, match=f"more than {MAX_SECURITY_HEADERS} Security headers") as caught:
        ours(security() + others + security(SIGNATURE, 's:actor="urn:one-more"'))
    assert caught.value.reason is Reason.LIMITS
