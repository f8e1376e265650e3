"""Step 10: a part is signed when the element at its place is the element that a Reference resolved to."""

from dataclasses import dataclass

import pytest
from lxml import etree

from gateway.verify import Policy, Reason, SignedPart
from gateway.verify.algorithms import STR_TRANSFORM, Canonicalization, digest_algorithm
from gateway.verify.c14n import canonicalize
from gateway.verify.coverage import (
    missing_parts,
    refuse_misplaced,
    required_elements,
    unprotected_prefixes,
)
from gateway.verify.document import Document
from gateway.verify.envelope import Envelope, SecurityHeader, find_security_header, read_envelope
from gateway.verify.grammar import CanonicalizationMethod, ReferenceGrammar
from gateway.verify.reason import Rejection
from gateway.verify.references import ResolvedReference
from gateway.verify.unreadable import unreadable_content
from gateway.verify.xml_names import DS, SOAP11, WSA, WSA_2004, WSSE, WSSE11, WSU, XENC, XOP, XSI
from tests.gateway.verify.documents import document

SHA256 = digest_algorithm("http://www.w3.org/2001/04/xmlenc#sha256", Policy())
ORDER = "{urn:example}Order"


@dataclass
class Message:
    document: Document
    envelope: Envelope
    security: SecurityHeader

    def element(self, identifier: str) -> etree._Element:
        return next(node for node in self.document.root.iter(etree.Element) if node.get("Id") == identifier)

    def signed(self, *identifiers: str, method: CanonicalizationMethod | None = None) -> tuple[ResolvedReference, ...]:
        return tuple(referenced(self.element(identifier), method) for identifier in identifiers)


def referenced(
    node: etree._Element, method: CanonicalizationMethod | None = None, *, str_transform: bool = False
) -> ResolvedReference:
    """A Reference that resolved to `node`; what it says of it does not matter here."""
    method = method or CanonicalizationMethod(Canonicalization.EXCLUSIVE)
    grammar = ReferenceGrammar(
        "#x", "x", (STR_TRANSFORM if str_transform else str(method.method),), method, False, str_transform, SHA256, b""
    )
    form = canonicalize(node, method.method, method.prefixes)
    return ResolvedReference(grammar, node, node, SignedPart("x", "/x", "#x", SHA256.uri, "", intact=True), form)


def message(header: str = "", body: str = "", *, security: str = "", attributes: str = "") -> Message:
    found = document(
        f'<s:Envelope xmlns:s="{SOAP11}" xmlns:wsu="{WSU}" Id="envelope" {attributes}><s:Header Id="header">'
        f'<w:Security xmlns:w="{WSSE}"><d:Signature xmlns:d="{DS}"/>{security}</w:Security>{header}</s:Header>'
        f'<s:Body Id="body">{body}</s:Body></s:Envelope>'
    )
    envelope = read_envelope(found.root)
    return Message(found, envelope, find_security_header(envelope, None)[0])


STAMP = '<wsu:Timestamp Id="stamp"/>'
OTHER_STAMP = '<wsu:Timestamp Id="x"/>'


def to(identifier: str, content: str = "", namespace: str = WSA) -> str:
    return f'<a:To xmlns:a="{namespace}" Id="{identifier}">{content}</a:To>'


def order(identifier: str, content: str = "") -> str:
    return f'<e:Order xmlns:e="urn:example" Id="{identifier}">{content}</e:Order>'


# What is required


def test_required_elements_are_those_at_their_places() -> None:
    found = message(order("one") + to("to") + order("two"), order("other"), security=STAMP)
    policy = Policy(required_parts=("Body", "Timestamp", ORDER))

    required = required_elements(policy, found.envelope, found.security)

    assert required == {
        "Body": (found.element("body"),),
        "Timestamp": (found.element("stamp"),),
        ORDER: (found.element("one"), found.element("two")),
    }


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("Timestamp", Reason.TIMESTAMP_MISSING),
        (ORDER, Reason.PART_NOT_SIGNED),
    ],
)
def test_a_required_part_that_is_absent_is_named(part: str, reason: Reason) -> None:
    found = message(STAMP, order("one") + OTHER_STAMP)

    with pytest.raises(Rejection, match=part.replace("{", r"\{")) as caught:
        required_elements(Policy(required_parts=("Body", part)), found.envelope, found.security)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("signed", "missing"),
    [
        ((), ("Body", ORDER)),
        (("body",), (ORDER,)),
        (("body", "one"), (ORDER,)),
        (("body", "two", "one"), ()),
        (("envelope", "header"), ("Body", ORDER)),
        (("inner", "one", "two"), ("Body",)),
    ],
)
def test_every_element_of_a_part_must_be_referenced(signed: tuple[str, ...], missing: tuple[str, ...]) -> None:
    found = message(order("one") + order("two"), '<x Id="inner"/>')
    required = required_elements(Policy(required_parts=("Body", ORDER)), found.envelope, found.security)

    assert missing_parts(required, found.signed(*signed)) == missing


# Where it stands


@pytest.mark.parametrize(
    ("header", "body", "security", "signed"),
    [
        ("", "", "", ("envelope", "header", "body")),
        ("", "", STAMP, ("stamp", "body")),
        ("", '<x Id="x"/>', "", ("x",)),
        (to("to"), "", "", ("to",)),
        (to("to", namespace=WSA_2004), "", "", ("to",)),
        (to("outer", to("inner")), "", "", ("inner",)),
        (to("outer", f"<x>{to('inner')}</x>"), "", "", ("inner", "outer")),
        (order("one"), "", "", ("one",)),
        ('<x Id="x"><y Id="y"/></x>', "", "", ("x", "y")),
    ],
)
def test_what_stands_where_it_is_read_may_be_signed(
    header: str, body: str, security: str, signed: tuple[str, ...]
) -> None:
    found = message(header, body, security=security)

    refuse_misplaced(found.signed(*signed), found.envelope, found.security, Policy(required_parts=("Body", ORDER)))


@pytest.mark.parametrize(
    ("header", "body", "security", "path"),
    [
        ("", '<s:Body Id="x"/>', "", "/Envelope/Body/Body"),
        ('<s:Body Id="x"/>', "", "", "/Envelope/Header/Body"),
        ("", '<s:Header Id="x"/>', "", "/Envelope/Body/Header"),
        ("", '<s:Envelope Id="x"/>', "", "/Envelope/Body/Envelope"),
        ("", "", '<y><s:Body Id="x"/></y>', "/Envelope/Header/Security/y/Body"),
        ("", OTHER_STAMP, "", "/Envelope/Body/Timestamp"),
        (OTHER_STAMP, "", STAMP, "/Envelope/Header/Timestamp"),
        ("", to("x"), "", "/Envelope/Body/To"),
        ("", "", to("x"), "/Envelope/Header/Security/To"),
        (f"<y>{to('x')}</y>", "", "", "/Envelope/Header/y/To"),
        (order("one", to("x")), "", "", "/Envelope/Header/Order/To"),
        ("", order("x"), "", "/Envelope/Body/Order"),
        (to("to", order("x")), "", "", "/Envelope/Header/To/Order"),
        (order("one", order("x")), "", "", "/Envelope/Header/Order/Order"),
    ],
)
def test_a_signed_part_out_of_its_place_is_wrapping(header: str, body: str, security: str, path: str) -> None:
    found = message(header, body, security=security)
    policy = Policy(required_parts=("Body", ORDER))

    with pytest.raises(Rejection, match=f"stands at {path}, where nobody reads it") as caught:
        refuse_misplaced(found.signed("body", "x"), found.envelope, found.security, policy)
    assert caught.value.reason is Reason.WRAPPING


# What cannot be read


@pytest.mark.parametrize(
    ("header", "body", "detail"),
    [
        ("", f'<x:EncryptedData xmlns:x="{XENC}"/>', "encrypted content"),
        ("", f'\n<!-- --><x:EncryptedData xmlns:x="{XENC}"/>', "encrypted content"),
        (f'<x:EncryptedData xmlns:x="{XENC}"/>', "", "encrypted content"),
        (f'<x:EncryptedHeader xmlns:x="{WSSE11}"/>', "", "encrypted content"),
        ("", f'<a><b><x:Include xmlns:x="{XOP}" href="cid:1"/></b></a>', "xop:Include"),
    ],
)
def test_what_cannot_be_read_is_not_vouched_for(header: str, body: str, detail: str) -> None:
    found = message(header, body)

    finding = unreadable_content(found.envelope, found.document)

    assert finding is not None
    assert finding.reason is Reason.STRUCTURE
    assert detail in finding.detail
    assert "no sign of a forgery" in str(finding.advice)


def test_an_attachment_hides_behind_no_spelling() -> None:
    found = message("", f'<x:Include xmlns:x="{XOP.replace("x", "&#120;")}" href="cid:1"/>')

    finding = unreadable_content(found.envelope, found.document)

    assert finding is not None
    assert "xop:Include" in finding.detail


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("", ""),
        ("", f"<a>{XOP} {XENC}</a>"),
        ("", '<Include/><EncryptedData xmlns="urn:other"/>'),
        (f'<a><x:Include xmlns:x="{XOP}"/></a>', "<a/>"),
    ],
)
def test_what_can_be_read_passes(header: str, body: str) -> None:
    found = message(header, body)

    assert unreadable_content(found.envelope, found.document) is None


# xsi:type under exclusive canonicalization

SCHEMA = f'xmlns:xsi="{XSI}" xmlns:t="urn:t" xmlns:o="urn:o"'


@pytest.mark.parametrize(
    ("body", "prefixes", "found"),
    [
        # Declared outside, used in the value alone.
        ('<a xsi:type="t:x"/>', (), ("t",)),
        ('<a xsi:type=" t:x "/>', (), ("t",)),
        ('<a xsi:type="t:x"/><b xsi:type="t:y"/><c xsi:type="o:y"/>', (), ("t", "o")),
        ('<a xsi:type="x"/>', (), ()),
        ('<a xmlns="urn:d"><t:b xsi:type="x"/></a>', (), ()),
        # Used visibly on the way: the declaration is in the canonical form.
        ('<t:a xsi:type="t:x"/>', (), ()),
        ('<a t:b="" xsi:type="t:x"/>', (), ()),
        ('<t:a><b xsi:type="t:x"/></t:a>', (), ()),
        ('<t:a/><b xsi:type="t:x"/>', (), ("t",)),
        ('<t:a xmlns:t="urn:2"><b xmlns:t="urn:t" xsi:type="t:x"/></t:a>', (), ("t",)),
        # Kept by the PrefixList.
        ('<a xsi:type="t:x"/>', ("t",), ()),
        ('<a xsi:type="t:x"/>', ("o",), ("t",)),
        # Bound nowhere: nothing to rebind.
        ('<a xsi:type="unbound:x"/>', (), ()),
        ('<a type="t:x"/>', (), ()),
    ],
)
def test_prefixes_that_the_signature_does_not_protect(
    body: str, prefixes: tuple[str, ...], found: tuple[str, ...]
) -> None:
    made = message("", body, attributes=SCHEMA)
    method = CanonicalizationMethod(Canonicalization.EXCLUSIVE, prefixes)

    assert unprotected_prefixes(made.signed("body", method=method), made.document) == found


@pytest.mark.parametrize(("prefixes", "found"), [((), ("#default",)), (("#default",), ())])
def test_the_default_namespace_of_a_value_counts(prefixes: tuple[str, ...], found: tuple[str, ...]) -> None:
    made = message("", '<s:a xsi:type="x"/>', attributes=f'{SCHEMA} xmlns="urn:d"')
    method = CanonicalizationMethod(Canonicalization.EXCLUSIVE, prefixes)

    assert unprotected_prefixes(made.signed("body", method=method), made.document) == found


@pytest.mark.parametrize("method", [Canonicalization.INCLUSIVE_1_0, Canonicalization.INCLUSIVE_1_1])
def test_inclusive_canonicalization_protects_every_prefix(method: Canonicalization) -> None:
    made = message("", '<a xsi:type="t:x"/>', attributes=SCHEMA)

    assert unprotected_prefixes(made.signed("body", method=CanonicalizationMethod(method)), made.document) == ()


def test_what_stands_for_a_token_has_no_types() -> None:
    made = message("", '<a xsi:type="t:x"/>', attributes=SCHEMA)

    assert unprotected_prefixes((referenced(made.element("body"), str_transform=True),), made.document) == ()


@pytest.mark.parametrize("spelled", [XSI, XSI.replace("-", "&#45;"), XSI.replace("X", "&#x58;")])
def test_types_hide_behind_no_spelling(spelled: str) -> None:
    """However the declaration is written, the canonical form is the same, and so is the signature."""
    made = message("", '<a xsi:type="t:x"/>', attributes=SCHEMA.replace(XSI, spelled))

    assert unprotected_prefixes(made.signed("body"), made.document) == ("t",)


def test_many_types_are_all_looked_at() -> None:
    made = message("", '<a xsi:type="t:x"/>' * 1_100 + '<a xsi:type="o:x"/>', attributes=SCHEMA)

    assert unprotected_prefixes(made.signed("body"), made.document) == ("t", "o")


def test_types_elsewhere_do_not_matter() -> None:
    made = message('<x Id="x"/>', '<a xsi:type="t:x"/>', attributes=SCHEMA)

    assert unprotected_prefixes(made.signed("x"), made.document) == ()
    assert unprotected_prefixes(made.signed("x", "body"), made.document) == ("t",)
