"""Rules 41 and 43 of the threat model, as far as they are the verifier's."""

import pytest

from fixtures.manifest import own_case, own_cases
from gateway.verify import Reason
from tests.gateway.verify.judging import GOOD, judged


@pytest.mark.parametrize("name", ["parameter", "action", "comment"])
def test_rule_41_what_a_reader_could_take_for_multipart_is_refused(name: str) -> None:
    verdict = judged(f"content-type-multipart-{name}")

    assert verdict.reason is Reason.STRUCTURE
    assert "multipart" in verdict.detail


@pytest.mark.parametrize(
    "name", [case.id for case in own_cases() if case.id.startswith("unsigned-") and case.reason is Reason.STRUCTURE]
)
def test_rule_43_no_soap_element_stands_where_nobody_signed_it(name: str) -> None:
    verdict = judged(name)

    assert verdict.reason is Reason.STRUCTURE
    if "token" not in name:  # a token that holds an element is refused for that already, or says nothing
        assert "a second SOAP" in verdict.detail


@pytest.mark.parametrize("case", ["str-transform-issuer-serial", "str-transform-thumbprint", "str-transform-bst"])
@pytest.mark.parametrize("piece", ["<soap:Body><forged/></soap:Body>", "<x><![CDATA[<soap:Envelope/>]]></x>"])
def test_rule_43_what_an_str_transform_leaves_out_is_not_signed(case: str, piece: str) -> None:
    """The digest is over the token, or over a certificate of the keystore, and not over the reference to it."""
    verdict = judged(case, ("</wsse:SecurityTokenReference>", f"{piece}</wsse:SecurityTokenReference>"))

    assert verdict.reason is Reason.STRUCTURE


def test_rule_43_a_message_in_a_signed_part_is_payload() -> None:
    assert judged("message-in-signed-body").accepted
    assert judged("body-in-signed-header-block").accepted


@pytest.mark.parametrize("name", ["before", "between", "behind", "section", "no-xml-space"])
def test_rule_43_no_text_stands_between_the_children_of_the_envelope(name: str) -> None:
    verdict = judged(f"text-in-envelope-{name}")

    assert verdict.reason is Reason.STRUCTURE
    assert "text stands between the children of the Envelope" in verdict.detail


@pytest.mark.parametrize(
    "edit",
    [
        ("<soap:Envelope", "<!-- c --><!-- <soap:Envelope/> --><soap:Envelope"),
        ("</soap:Envelope>", "</soap:Envelope><!-- </SOAP:ENVELOPE> -->"),
        ("<ord:id>", "<!-- <x:Body/> --><ord:id>"),
        ("<soap:Header>", "<soap:Header><h><![CDATA[<soap:Envelope/>]]></h>"),
        ("<soap:Header>", "<soap:Header><h><![CDATA[<!--]]></h>"),
    ],
)
def test_rule_43_no_comment_or_section_holds_a_message(edit: tuple[str, str]) -> None:
    """node-soap looks for the Envelope in the text, and leaves out one comment before it does."""
    for _ in range(2):
        verdict = judged(GOOD, edit)

        assert verdict.reason is Reason.STRUCTURE
        assert "a reader that looks for tags in the text" in verdict.detail


@pytest.mark.parametrize(
    "edit",
    [
        ("<soap:Envelope", "<!-- made by a stack: Envelope 1.1 --><soap:Envelope"),
        ("<soap:Header>", "<soap:Header><!--Optional:-->"),
        ("<soap:Header>", "<soap:Header><h>a<![CDATA[<x>&]]>b</h>"),
        ("<ord:id>", "<!-- <ord:note/> --><ord:id>"),
    ],
)
def test_rule_43_other_comments_and_sections_are_honest(edit: tuple[str, str]) -> None:
    assert own_case(GOOD).accepted
    assert judged(GOOD, edit).accepted
