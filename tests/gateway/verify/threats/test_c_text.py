"""Rules 12 to 16 of the threat model: canonicalization and text."""

from dataclasses import replace

import pytest

from fixtures.generator import uris
from fixtures.generator.soap import BODY, Reference, direct, encode, signature, token
from fixtures.manifest import own_case
from gateway.verify import Policy, Reason
from tests.gateway.verify.judging import GOOD, judged, made


def test_rule_12_what_cannot_be_canonicalized_is_refused() -> None:
    verdict = judged("relative-namespace")

    assert verdict.reason in {Reason.STRUCTURE, Reason.MALFORMED, Reason.DIGEST_MISMATCH}


def test_rule_12_the_digest_of_nothing_proves_nothing() -> None:
    nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # SHA-256 of no octets
    relative = '<r:r xmlns:r="relative"/>'
    for c14n in (uris.EXCLUSIVE, uris.C14N10, uris.C14N11):
        security = token("old") + signature(Reference("#body-1", (c14n,), digest=nothing), key_info=direct())
        verdict = own_case(GOOD).verdict(made(security, "old", body=relative))
        assert verdict.reason in {Reason.STRUCTURE, Reason.MALFORMED}


@pytest.mark.parametrize(
    "content",
    [
        "<a>1<!---->0</a>",
        "<a><!---->10</a>",
        "<a>10<!----></a>",
        "<a>1<![CDATA[0]]></a>",
        "<a><![CDATA[1]]><![CDATA[0]]></a>",
        "<a><b/>x<!-- --></a>",
    ],
)
def test_rule_13_markup_that_splits_text_is_refused(content: str) -> None:
    message = made(token("old") + signature(BODY, key_info=direct()), "old", body=content)

    assert own_case(GOOD).verdict(message).reason is Reason.STRUCTURE


@pytest.mark.parametrize("content", ["<!-- c --><a/>", "<a>\n  <!-- c -->\n  <b>1</b>\n</a>", "<a/><!-- c -->"])
def test_rule_13_a_comment_between_elements_is_harmless(content: str) -> None:
    message = made(token("old") + signature(BODY, key_info=direct()), "old", body=content)

    assert own_case(GOOD).verdict(message).accepted


@pytest.mark.parametrize("name", ["ds:DigestValue", "ds:SignatureValue", "wsse:BinarySecurityToken"])
@pytest.mark.parametrize("inserted", ["<!-- -->", "<x/>", "*", "=", "<?p?>", "&#233;"])
def test_rule_14_base64_is_one_strict_text(name: str, inserted: str) -> None:
    verdict = judged(GOOD, (f"</{name}>", f"{inserted}</{name}>"))

    if name == "wsse:BinarySecurityToken":
        # It is a mere hint: what it says wrongly must not matter, or reject, but never go unnoticed.
        assert not verdict.accepted or all(report.hint.agreed is not True for report in verdict.signatures)
    else:
        assert verdict.reason in {Reason.STRUCTURE, Reason.MALFORMED}


@pytest.mark.parametrize("length", [0, 20, 31, 32, 33, 64])
def test_rule_14_a_digest_has_its_exact_length(length: int) -> None:
    security = token("old") + signature(Reference("#body-1", digest=encode(bytes(length))), key_info=direct())

    expected = Reason.DIGEST_MISMATCH if length == 32 else Reason.STRUCTURE
    assert own_case(GOOD).verdict(made(security, "old")).reason is expected


def test_rule_15_a_signature_has_one_signed_info_and_no_stranger() -> None:
    for case in ("two-signed-infos", "signature-unknown-child", "two-signature-values"):
        assert judged(case).reason is Reason.STRUCTURE
    assert judged("signed-info-c14n10-with-comments-and-one").reason is Reason.ALGORITHM_NOT_ALLOWED


def test_rule_16_a_prefix_that_the_signature_does_not_protect_is_noticed() -> None:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:types"'
    body = '<a xsi:type="t:Small">1</a>'
    message = made(token("old") + signature(BODY, key_info=direct()), "old", root_attributes=xsi, body=body)

    verdict = own_case(GOOD).verdict(message.replace(b'xmlns:t="urn:types"', b'xmlns:t="urn:other"'))

    assert verdict.accepted, "the digest holds: exclusive C14N does not see the prefix"
    assert any(warning.startswith("unprotected-prefix") for warning in verdict.warnings)
    strict = replace(own_case(GOOD), policy=Policy(unprotected_prefix="reject"))
    assert not strict.verdict(message).accepted
    respelled = message.replace(b"XMLSchema-instance", b"XMLSchema&#45;instance")
    assert not strict.verdict(respelled).accepted, "however the declaration is written"


def test_rule_16_a_prefix_list_protects() -> None:
    verdict = judged("exclusive-prefix-list", policy=Policy(unprotected_prefix="reject"))

    assert verdict.accepted
    assert not any(warning.startswith("unprotected-prefix") for warning in verdict.warnings)


@pytest.mark.parametrize("content", ["<a>1<?p?>0</a>", "<a><?p?><b/></a>", "<a><b/><?p x?></a>", "<?p?><a/>"])
def test_rule_13_an_instruction_in_a_signed_part_is_signed_like_the_rest(content: str) -> None:
    message = made(token("old") + signature(BODY, key_info=direct()), "old", body=content)

    assert own_case(GOOD).verdict(message).accepted
    assert own_case(GOOD).verdict(message.replace(b"<?p", b"<?q")).reason is Reason.DIGEST_MISMATCH
    assert own_case(GOOD).verdict(message.replace(b"<?p?>", b"").replace(b"<?p x?>", b"")).reason is (
        Reason.DIGEST_MISMATCH
    )


@pytest.mark.parametrize(
    "name", ["that-begins-like-a-declaration", "prolog", "behind", "in-envelope", "in-header", "in-header-block"]
)
def test_rule_13_an_instruction_outside_of_what_is_signed_is_refused(name: str) -> None:
    verdict = judged(f"instruction-{name}")

    assert verdict.reason is Reason.STRUCTURE
    assert "a processing instruction stands" in verdict.detail


def test_rule_13_a_section_that_has_to_be_divided_is_honest() -> None:
    assert judged("section-carried-over").accepted
    assert judged("section-carried-over-otherwise").accepted
    assert judged("section-carried-over-apart").reason is Reason.STRUCTURE
    assert judged("section-in-unsigned-header").accepted
    assert judged("section-splits-text").reason is Reason.STRUCTURE
    assert judged("section-splits-text-admitted").accepted
    assert judged("comment-splits-text-whatever-the-policy").reason is Reason.STRUCTURE


def test_rule_15_what_is_called_like_a_part_is_payload() -> None:
    assert judged("payload-called-body-and-timestamp").accepted
    assert judged("actor-other-timestamp-signed").accepted
    for name in ("instead", "beside-unsigned", "below"):
        assert judged(f"actor-other-timestamp-{name}").reason is Reason.WRAPPING


@pytest.mark.parametrize(
    "name",
    [
        "encrypted-after-signing-body",
        "encrypted-after-signing-part-of-body",
        "encrypted-signature",
        "encrypted-token-element",
        "encrypted-token-content",
    ],
)
def test_rule_15_what_was_encrypted_after_signing_is_told_as_such(name: str) -> None:
    verdict = judged(name)

    assert verdict.reason is Reason.STRUCTURE
    assert "encrypted" in verdict.detail
    assert "no sign of a forgery" in str(verdict.advice)


@pytest.mark.parametrize("name", ["attachment-after-signing", "attachment-of-signature-value"])
def test_rule_15_what_is_in_an_attachment_is_told_as_such(name: str) -> None:
    verdict = judged(name)

    assert verdict.reason is Reason.STRUCTURE
    assert "attachment" in verdict.detail
