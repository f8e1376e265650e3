"""Rules 8 to 11 of the threat model: ids and references."""

import hashlib
from dataclasses import replace

import pytest
from lxml import etree

from fixtures.generator import uris
from fixtures.generator.soap import BODY, STR_TRANSFORM, Reference, direct, encode, signature, token
from fixtures.manifest import entry, own_case, own_cases
from gateway.verify import Reason, Verdict
from tests.gateway.verify.judging import GOOD, judged, made


@pytest.mark.parametrize(
    "attribute",
    [
        f'xmlns:u="{uris.WSU}" u:Id',
        "Id",
        "ID",
        "id",
        "xml:id",
        "AssertionID",
        'xmlns:f="urn:f" f:Id',
        'xmlns:f="urn:f" f:ID',
        'xmlns:f="urn:f" f:id',
    ],
)
@pytest.mark.parametrize("place", ["<soap:Header>", "</soap:Header>", "</wsse:Security>", "<ds:KeyInfo>"])
def test_rule_08_one_id_on_two_elements_is_rejected(attribute: str, place: str) -> None:
    twin = f'<twin {attribute}="body-1"/>'

    verdict = judged(GOOD, (place, place + twin if place.startswith("<s") or "Key" in place else twin + place))

    assert verdict.reason is Reason.DUPLICATE_ID


def test_rule_08_one_value_in_two_attributes_of_one_element_is_fine() -> None:
    assert judged("id-attribute-twice-on-one-element").accepted


def test_rule_08_a_duplicate_that_nothing_refers_to_is_fine() -> None:
    assert judged(GOOD, ("</soap:Header>", '<x Id="twin"/><x Id="twin"/></soap:Header>')).accepted


def test_rule_09_a_reference_is_a_plain_fragment() -> None:
    refused = {case.id for case in own_cases() if case.id.startswith("reference-") and not case.accepted}
    assert {own_case(identifier).verdict().reason for identifier in refused} == {Reason.REFERENCE_URI}
    assert len(refused) > 10
    for identifier in (
        "starts-with-digit",
        "with-every-character",
        "braces",
        "at",
        "escape",
        "slash",
        "long",
        "umlaut",
    ):
        assert judged(f"id-{identifier}").accepted
    assert judged("id-braces-twice").reason is Reason.DUPLICATE_ID
    assert judged("reference-to-one-part-twice").accepted


def test_rule_09_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError(f"something was opened: {arguments}")

    named = ("reference-", "doctype", "hint-", "saml")
    cases = [case for case in own_cases() if case.id.startswith(named)]
    messages = {case.id: case.message for case in cases}
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    for case in cases:
        assert case.verdict(messages[case.id]).accepted is case.accepted


def test_rule_10_transforms_are_a_closed_list() -> None:
    refused = {case.id for case in own_cases() if case.id.startswith("transform-") and not case.accepted}
    assert {own_case(identifier).verdict().reason for identifier in refused} <= {
        Reason.TRANSFORM_NOT_ALLOWED,
        Reason.LIMITS,
    }
    assert len(refused) > 5
    assert judged("no-transform").accepted
    assert judged("enveloped-no-op").accepted
    assert judged("transform-enveloped").reason is Reason.TRANSFORM_NOT_ALLOWED
    assert judged("transform-enveloped-part-of-signature").reason is Reason.TRANSFORM_NOT_ALLOWED


@pytest.mark.parametrize(
    ("identifier", "uri"),
    [
        ("body-1", "body-1"),
        ("body-1", "#body-1#body-1"),
        ("body 1", "#body 1"),
        ("body'1", "#body'1"),
        ("body(1", "#body(1"),
        ("b" * 1025, "#" + "b" * 1025),
        ("xpointer(/)", "#xpointer(/)"),
    ],
)
def test_rule_09_what_is_no_plain_fragment_names_nothing_even_where_an_id_is_spelled_so(
    identifier: str, uri: str
) -> None:
    """Signed so by the partner: the digest is right, whatever the URI may be taken for."""
    plain = own_case(GOOD).message.decode()
    digest = plain.partition("<ds:DigestValue>")[2].partition("<")[0]
    assert own_case(GOOD).verdict(_named(identifier="body-1", uri="#body-1", digest=digest)).accepted

    verdict = own_case(GOOD).verdict(_named(identifier=identifier, uri=uri, digest=_digest(identifier)))

    assert verdict.reason is Reason.REFERENCE_URI


def _named(*, identifier: str, uri: str, digest: str) -> bytes:
    security = token("old") + signature(Reference(uri, digest=digest), key_info=direct())
    return made(security, "old", body_attributes=f'xmlns:wsu="{uris.WSU}" wsu:Id="{identifier}"')


def _digest(identifier: str) -> str:
    """That of the Body under another id."""
    body = etree.fromstring(_named(identifier=identifier, uri="#x", digest="A" * 43 + "=")).find("{*}Body")
    assert body is not None
    return encode(hashlib.sha256(etree.tostring(body, method="c14n", exclusive=True)).digest())


def test_rule_10_an_str_transform_is_for_token_references_alone() -> None:
    reference = Reference("#body-1", (STR_TRANSFORM,), digest="A" * 43 + "=")

    verdict = own_case(GOOD).verdict(made(token("old") + signature(reference, key_info=direct()), "old"))

    assert verdict.reason is Reason.TRANSFORM_NOT_ALLOWED
    assert "something else than a token reference" in verdict.detail


@pytest.mark.parametrize(
    ("uri", "two"), [("#body-1", Reason.TRANSFORM_NOT_ALLOWED), ("cid:attachment", Reason.REFERENCE_URI)]
)
def test_rule_10_transforms_are_counted(uri: str, two: Reason) -> None:
    """Before any of them is looked at; two are looked at, and here refused for themselves."""

    def reason(count: int) -> Reason | None:
        reference = Reference(uri, (uris.EXCLUSIVE,) * count, digest="A" * 43 + "=")
        message = made(token("old") + signature(reference, key_info=direct()), "old")
        return own_case(GOOD).verdict(message).reason

    assert reason(2) is two
    assert reason(3) is Reason.LIMITS


def test_rule_10_references_are_counted() -> None:
    parts = "".join(f'<p Id="p-{number}"/>' for number in range(40))
    references = [Reference(f"#p-{number}") for number in range(40)]

    def verdict(count: int) -> Verdict:
        security = token("old") + signature(BODY, *references[: count - 1], key_info=direct())
        return own_case(GOOD).verdict(made(security, "old", headers_after=parts))

    assert verdict(32).accepted
    assert verdict(33).reason is Reason.LIMITS


@pytest.mark.parametrize(
    "edit",
    [
        ('<ds:Reference URI="#body-1"', f'<ds:Reference Type="{uris.DS}Manifest" URI="#body-1"'),
        ("</ds:Signature>", "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>"),
        ("</ds:Signature>", "<ds:Manifest/></ds:Signature>"),
        ("<ds:KeyInfo>", '<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:9/key"/>'),
        (
            "<ds:KeyInfo>",
            '<ds:KeyInfo><k:KeyInfoReference xmlns:k="http://www.w3.org/2009/xmldsig11#" URI="#token-1"/>',
        ),
    ],
)
def test_rule_11_indirections_are_refused(edit: tuple[str, str]) -> None:
    verdict = judged(GOOD, edit)

    assert verdict.reason in {Reason.STRUCTURE, Reason.REFERENCE_URI}


def test_rule_10_what_would_keep_comments_is_admitted_where_there_are_none() -> None:
    """A fragment never selects comments (XMLDSIG 4.4.3.3); of SignedInfo, and of a token, they would be kept."""
    for name in ("exclusive", "c14n10", "c14n11"):
        assert judged(f"transform-{name}-with-comments").accepted
        assert judged(f"signed-info-{name}-with-comments").accepted
        assert judged(f"signed-info-{name}-with-comments-and-one").reason is Reason.ALGORITHM_NOT_ALLOWED
    assert judged("str-transform-saml2-with-comments").accepted
    assert judged("str-transform-saml2-with-comments-and-one").reason is Reason.TRANSFORM_NOT_ALLOWED


def test_rule_10_an_str_transform_covers_an_assertion_of_the_message() -> None:
    for name in ("saml2-signed-by-id", "saml2-signed-by-reference", "saml1-signed-by-id", "saml1-signed-by-reference"):
        assert judged(f"str-transform-{name}").accepted
    assert judged("str-transform-saml2-altered").reason is Reason.DIGEST_MISMATCH
    assert judged("str-transform-saml2-swapped").reason is Reason.DIGEST_MISMATCH
    assert judged("str-transform-saml2-twice").reason is Reason.DUPLICATE_ID
    assert judged("str-transform-saml2-elsewhere").reason is Reason.REFERENCE_URI
    assert judged("str-transform-saml2-comment").reason is Reason.STRUCTURE
    assert judged("str-transform-saml2-section").reason is Reason.STRUCTURE


def test_rule_11_an_object_is_digested_like_anything_and_is_no_part() -> None:
    assert judged("xades-object").accepted
    assert judged("object-unsigned").accepted
    assert judged("xades-object-altered").reason is Reason.DIGEST_MISMATCH
    assert judged("object-body").reason is Reason.WRAPPING
    assert judged("objects-without-end").reason is Reason.LIMITS


def test_rule_11_a_hint_that_cannot_be_read_says_nothing() -> None:
    hints = [case for case in own_cases() if case.id.startswith(("hint-", "saml")) and case.accepted]
    assert len(hints) > 14
    for case in hints:
        verdict = case.verdict()
        assert verdict.accepted, case.id
        # Nor does it find anybody whom the keystore does not hold.
        assert not replace(case, trust=()).verdict().accepted
    assert judged("hint-ambiguous-token").reason is Reason.DUPLICATE_ID


def test_rule_11_the_key_of_an_assertion_is_named_and_not_trusted() -> None:
    verdict = judged("saml2-holder-of-unknown-key")

    assert verdict.reason is Reason.UNKNOWN_KEY
    assert verdict.embedded is not None
    assert verdict.embedded.thumbprint == entry("foreign").thumbprint
    assert "foreign.example" in verdict.detail
