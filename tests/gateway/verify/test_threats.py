"""The verifier's law, rule by rule: one test or more for each of the rules 1 to 30 of the threat model."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fixtures.generator import uris
from fixtures.generator.signing import sign
from fixtures.generator.soap import BODY, TIMESTAMP, Envelope, Reference, direct, encode, signature, timestamp, token
from fixtures.manifest import Case, entry, own_case, own_cases, trust
from gateway.verify import CheckResult, Expectation, Policy, Reason, Verdict
from keystore import HintKind

GOOD = "bst-x509v3"


def judged(case: str, *edits: tuple[str, str], **changes: object) -> Verdict:
    """The verdict on the case's message after each first text of `edits` was replaced by its second, once."""
    found = own_case(case)
    text = found.message.decode()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return replace(found, **changes).verdict(text.encode())  # type: ignore[arg-type] # fields of Case, passed by name


def reasons_of(prefix: str) -> set[Reason | None]:
    """The reasons for which the messages of that name are rejected."""
    verdicts = [case.verdict() for case in own_cases() if case.id.startswith(prefix)]
    assert verdicts
    assert not any(verdict.accepted for verdict in verdicts)
    return {verdict.reason for verdict in verdicts}


def made(security: str, *signers: str, **envelope: str) -> bytes:
    return sign(Envelope(security, **envelope).text(), *signers)  # type: ignore[arg-type] # fields of Envelope


# A. Wrapping and coverage


@pytest.mark.parametrize("number", range(1, 9))
def test_rule_01_a_moved_body_is_rejected(number: int) -> None:
    verdict = own_case(f"wrapping-xsw{number}").verdict()

    assert not verdict.accepted
    assert verdict.reason in {Reason.WRAPPING, Reason.STRUCTURE, Reason.PART_NOT_SIGNED}


def test_rule_02_a_moved_timestamp_or_header_is_rejected() -> None:
    assert reasons_of("wrapping-timestamp") <= {Reason.WRAPPING, Reason.PART_NOT_SIGNED}
    assert reasons_of("wrapping-header") <= {Reason.WRAPPING, Reason.PART_NOT_SIGNED}


@pytest.mark.parametrize(
    "edit",
    [
        ("</soap:Envelope>", "<soap:Body/></soap:Envelope>"),
        ("<soap:Body", "<soap:Body/><soap:Body"),
        ("</soap:Envelope>", f'<x:Body xmlns:x="{uris.SOAP12}"/></soap:Envelope>'),
        ("</soap:Envelope>", f'<x:Header xmlns:x="{uris.SOAP12}"/></soap:Envelope>'),
        ("</soap:Envelope>", "<trailer/></soap:Envelope>"),
        ("<soap:Header>", "<soap:Header/><soap:Header>"),
        ("<soap:Header>", "<first/><soap:Header>"),
    ],
)
def test_rule_03_an_envelope_holds_header_and_body_alone(edit: tuple[str, str]) -> None:
    assert judged(GOOD, edit).reason is Reason.STRUCTURE


def test_rule_04_exactly_one_security_header_is_ours() -> None:
    second = f'<wsse:Security xmlns:wsse="{uris.WSSE}"/></soap:Header>'
    other = f'<wsse:Security xmlns:wsse="{uris.WSSE}" soap:actor="urn:other"/></soap:Header>'

    assert judged(GOOD, ("</soap:Header>", second)).reason is Reason.STRUCTURE
    foreign = judged(GOOD, ("</soap:Header>", other))
    assert foreign.accepted
    assert foreign.warnings, "a foreign actor's header is recorded"
    assert judged(GOOD, policy=Policy(actor="urn:other")).reason is Reason.UNSIGNED
    assert judged("actor-ours", policy=Policy()).reason is Reason.UNSIGNED


def test_rule_05_all_signatures_verify_unless_any_is_enough() -> None:
    both = own_case("two-signatures-any")

    assert replace(both, policy=Policy()).verdict().reason is Reason.UNKNOWN_KEY
    verdict = both.verdict()
    assert {by.alias for by in verdict.verified_by} == {"old"}
    assert len(verdict.signatures) == 2


def test_rule_05_a_signature_elsewhere_is_payload() -> None:
    text = own_case(GOOD).message.decode()
    seal = text[text.index("<ds:Signature ") : text.index("</ds:Signature>") + len("</ds:Signature>")]
    for place in ("<soap:Header>", "<ord:id>"):
        bound = seal.replace("<ds:Signature ", f'<ds:Signature xmlns:wsse="{uris.WSSE}" ', 1)
        moved = text.replace(seal, "").replace(place, place + bound, 1)
        assert own_case(GOOD).verdict(moved.encode()).reason is Reason.UNSIGNED


def test_rule_06_nothing_signed_is_never_success() -> None:
    assert judged("only-timestamp-signed").reason is Reason.PART_NOT_SIGNED
    assert judged("unsigned").reason is Reason.UNSIGNED
    assert judged("no-references").reason in {Reason.STRUCTURE, Reason.PART_NOT_SIGNED, Reason.UNSIGNED}
    assert judged("header-required-absent").reason is Reason.PART_NOT_SIGNED
    assert not replace(own_case(GOOD), trust=()).verdict().accepted
    with pytest.raises(ValidationError):
        Policy(required_parts=())


def test_rule_07_encrypted_content_is_refused_and_said_so() -> None:
    verdict = judged("encrypted-body")

    assert verdict.reason is Reason.STRUCTURE
    assert "encrypt" in verdict.detail


# B. Ids and references


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
    assert reasons_of("reference-") == {Reason.REFERENCE_URI}
    assert judged("id-starts-with-digit").accepted
    assert judged("id-with-every-character").accepted


def test_rule_09_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError(f"something was opened: {arguments}")

    cases = [case for case in own_cases() if case.id.startswith(("reference-", "doctype"))]
    messages = {case.id: case.message for case in cases}
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    for case in cases:
        assert not case.verdict(messages[case.id]).accepted


def test_rule_10_transforms_are_a_closed_list() -> None:
    assert reasons_of("transform-") <= {Reason.TRANSFORM_NOT_ALLOWED, Reason.LIMITS}
    assert judged("no-transform").accepted
    assert judged("enveloped-no-op").accepted
    assert judged("transform-enveloped").reason is Reason.TRANSFORM_NOT_ALLOWED


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
        ("</ds:Signature>", '<ds:Object Id="o"/></ds:Signature>'),
        ("</ds:Signature>", "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>"),
        ("</ds:Signature>", "<ds:Manifest/></ds:Signature>"),
        ("<ds:KeyInfo>", '<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:9/key"/>'),
        (
            "<ds:KeyInfo>",
            '<ds:KeyInfo><k:KeyInfoReference xmlns:k="http://www.w3.org/2009/xmldsig11#" URI="#token-1"/>',
        ),
        ('<wsse:Reference URI="#token-1"', '<wsse:Reference URI="http://127.0.0.1:9/token"'),
        ('<wsse:Reference URI="#token-1"', '<wsse:Reference URI="file:///etc/hostname"'),
    ],
)
def test_rule_11_indirections_are_refused(edit: tuple[str, str]) -> None:
    verdict = judged(GOOD, edit)

    assert verdict.reason in {Reason.STRUCTURE, Reason.REFERENCE_URI}


# C. Canonicalization and text


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
        "<a>1<?p?>0</a>",
        "<a><?p?><b/></a>",
        "<a><b/><?p x?></a>",
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


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_rule_14_a_digest_has_its_exact_length(length: int) -> None:
    security = token("old") + signature(Reference("#body-1", digest=encode(bytes(length))), key_info=direct())

    assert own_case(GOOD).verdict(made(security, "old")).reason in {Reason.STRUCTURE, Reason.DIGEST_MISMATCH}


def test_rule_15_a_signature_has_one_signed_info_and_no_stranger() -> None:
    for case in ("two-signed-infos", "signature-unknown-child", "two-signature-values"):
        assert judged(case).reason is Reason.STRUCTURE
    assert judged("canonicalization-with-comments").reason is Reason.ALGORITHM_NOT_ALLOWED


def test_rule_16_a_prefix_that_the_signature_does_not_protect_is_noticed() -> None:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:types"'
    body = '<a xsi:type="t:Small">1</a>'
    message = made(token("old") + signature(BODY, key_info=direct()), "old", root_attributes=xsi, body=body)

    verdict = own_case(GOOD).verdict(message.replace(b'xmlns:t="urn:types"', b'xmlns:t="urn:other"'))

    assert verdict.accepted, "the digest holds: exclusive C14N does not see the prefix"
    assert any(warning.startswith("unprotected-prefix") for warning in verdict.warnings)
    strict = replace(own_case(GOOD), policy=Policy(unprotected_prefix="reject"))
    assert not strict.verdict(message).accepted


def test_rule_16_a_prefix_list_protects() -> None:
    verdict = judged("exclusive-prefix-list", policy=Policy(unprotected_prefix="reject"))

    assert verdict.accepted
    assert not any(warning.startswith("unprotected-prefix") for warning in verdict.warnings)


# D. Keys and algorithms


def test_rule_17_what_the_message_carries_grants_no_trust() -> None:
    for case in own_cases():
        if case.id.startswith("unknown-key"):
            verdict = case.verdict()
            assert not verdict.accepted
            assert verdict.verified_by == ()
    foreign = own_case("unknown-key").verdict()
    assert foreign.embedded is not None
    assert foreign.embedded.signature_good
    assert foreign.embedded.thumbprint == entry("foreign").thumbprint
    assert foreign.embedded.thumbprint in foreign.detail or "foreign.example" in foreign.detail


def test_rule_17_a_hint_orders_and_never_limits() -> None:
    for name, kind in (("wrong-hint-issuer-serial", HintKind.ISSUER_SERIAL), ("no-key-info", HintKind.NONE)):
        verdict = own_case(name).verdict()
        assert verdict.accepted
        assert verdict.signatures[0].hint.kind is kind
    assert own_case("wrong-hint-issuer-serial").verdict().signatures[0].hint.agreed is False
    assert own_case("issuer-serial").verdict().signatures[0].hint.agreed is True


def test_rule_18_weak_algorithms_are_refused() -> None:
    assert reasons_of("algorithm-") == {Reason.ALGORITHM_NOT_ALLOWED}
    assert judged("weak-key").reason is Reason.WEAK_KEY
    assert not judged("unsupported-curve").accepted
    assert judged("rsa-sha1-allowed", policy=Policy()).reason is Reason.ALGORITHM_NOT_ALLOWED
    assert Policy(allow_sha1=True).dangers


@pytest.mark.parametrize(
    ("case", "alter"),
    [
        ("ecdsa-p256-sha256", lambda value: b"\x00" + value),
        ("ecdsa-p256-sha256", lambda value: value[:-1]),
        ("ecdsa-p256-sha256", lambda value: value + b"\x00"),
        ("ecdsa-p256-sha256", lambda value: b"\x00" + value[:32] + b"\x00" + value[32:]),
        ("ecdsa-p521-sha512", lambda value: value[1:66] + value[67:]),
        ("ed25519", lambda value: value + b"\x00"),
        ("rsa-sha512", lambda value: b"\x00" + value),
        ("rsa-sha512", lambda value: value[:-1]),
    ],
)
def test_rule_19_a_signature_value_has_its_exact_length(case: str, alter: Callable[[bytes], bytes]) -> None:
    found = own_case(case)
    text = found.message.decode()
    value = re.search("<ds:SignatureValue>([^<]+)", text)
    assert value is not None
    other = encode(alter(base64.b64decode(value[1])))

    verdict = found.verdict(text.replace(value[1], other).encode())

    assert verdict.reason in {Reason.SIGNATURE_INVALID, Reason.STRUCTURE}


def test_rule_20_a_key_is_tried_with_its_own_family() -> None:
    verdict = own_case("one-expired-entry-beside").verdict()

    results = {str(check.entry.alias): check.result for check in verdict.signatures[0].checks}
    assert results["old"] is CheckResult.VERIFIED
    assert results["expired"] is CheckResult.FAILED
    assert results["p256"] is CheckResult.NOT_APPLICABLE
    assert results["ed25519"] is CheckResult.NOT_APPLICABLE
    assert verdict.warnings == (), "a failed candidate is normal"


def test_rule_21_validity_is_judged_at_the_one_instant() -> None:
    case = own_case(GOOD)
    start, end = entry("old").not_before, entry("old").not_after
    second = timedelta(seconds=1)

    for at, accepted in ((start, True), (end, True), (start - second, False), (end + second, False)):
        verdict = replace(case, at=at).verdict()
        assert verdict.accepted is accepted
        assert accepted or verdict.reason is Reason.CERTIFICATE_EXPIRED
    lenient = judged("certificate-expired", policy=Policy(expired_certificate="accept"))
    assert lenient.accepted
    assert any("certificate-expired" in warning for warning in lenient.warnings)


def test_rule_21_a_revoked_entry_verifies_nothing_whatever_its_state() -> None:
    revoked = replace(entry("revoked"), revoked=True)

    verdict = replace(own_case("revoked-key"), trust=(revoked,)).verdict()

    assert verdict.reason is Reason.CERTIFICATE_REVOKED


def test_rule_22_every_certificate_of_the_key_is_recorded() -> None:
    case = own_case("renewed-certificate-same-key")

    assert {by.alias for by in case.verdict().verified_by} == {"old", "renewed"}
    half = replace(case, trust=trust("old", "renewed", states={"old": "retired"})).verdict()
    assert {by.alias for by in half.verified_by} == {"renewed"}, "retiring goes by certificate"


# E. Time, replay attack, binding


def test_rule_23_a_timestamp_is_fresh() -> None:
    assert reasons_of("timestamp-expired") == {Reason.TIMESTAMP_STALE}
    assert reasons_of("timestamp-created-in-future") == {Reason.TIMESTAMP_STALE}
    assert reasons_of("timestamp-too-old") == {Reason.TIMESTAMP_STALE}
    assert reasons_of("timestamp-missing") == {Reason.TIMESTAMP_MISSING}
    assert not judged("two-timestamps").accepted
    assert not judged("timestamp-ends-before-it-starts").accepted


def test_rule_23_only_a_signed_timestamp_is_evidence() -> None:
    signed, unsigned = own_case("timestamp-signed").verdict(), own_case("timestamp-unsigned").verdict()

    assert signed.timestamp is not None
    assert signed.timestamp.signed
    assert signed.replay_key
    assert signed.fresh_until is not None
    assert unsigned.timestamp is not None
    assert not unsigned.timestamp.signed
    assert unsigned.replay_key is None


@pytest.mark.parametrize(
    ("at", "accepted"),
    [
        ("2026-06-01T11:59:00Z", True),
        ("2026-06-01T11:58:59Z", False),
        ("2026-06-01T12:04:59.999999Z", True),
        ("2026-06-01T12:05:00Z", False),
    ],
)
def test_rule_23_boundaries(at: str, accepted: bool) -> None:
    verdict = judged("timestamp-signed", at=datetime.fromisoformat(at))

    assert verdict.accepted is accepted
    assert accepted or verdict.reason is Reason.TIMESTAMP_STALE


def test_rule_24_the_replay_key_names_the_signed_message() -> None:
    case = own_case("timestamp-signed")
    first = case.verdict()

    assert case.verdict().replay_key == first.replay_key
    unsigned_change = judged("timestamp-signed", ("<soap:Header>", "<soap:Header><x/>"))
    assert unsigned_change.accepted
    assert unsigned_change.replay_key == first.replay_key, "what is not signed does not make a message another one"
    assert own_case("timestamp-milliseconds").verdict().replay_key != first.replay_key


def test_rule_24_the_replay_key_survives_further_signatures() -> None:
    """A recorded message must not become another one by an attacker who only adds to it."""
    case = own_case("timestamp-signed")
    extra = signature(Reference("#timestamp-copy"), key_info="", number=2, value="A" * 342 + "==")
    text = case.message.decode().replace("</wsse:Security>", extra + "</wsse:Security>")
    text = text.replace("@digest@", "A" * 43 + "=")

    verdict = replace(case, policy=Policy(signatures="any")).verdict(text.encode())

    assert not verdict.accepted or verdict.replay_key == case.verdict().replay_key


def test_rule_25_a_signed_relates_to_names_this_request() -> None:
    case = own_case("relates-to-request")

    assert case.verdict().accepted
    assert judged("uncorrelated").reason is Reason.UNCORRELATED
    unbound = replace(own_case(GOOD), expects=Expectation(message_id="urn:uuid:request-1")).verdict()
    assert unbound.accepted
    assert any("unbound" in warning for warning in unbound.warnings)


@pytest.mark.parametrize("namespace", [uris.WSA, "http://schemas.xmlsoap.org/ws/2004/08/addressing"])
@pytest.mark.parametrize("value", ["urn:uuid:request-1", "urn:uuid:request-2"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_rule_25_an_added_header_does_not_hide_a_wrong_one(namespace: str, value: str, place: str) -> None:
    """Without a key, an attacker swaps responses and adds a second, unsigned RelatesTo."""
    added = f'<w:RelatesTo xmlns:w="{namespace}">{value}</w:RelatesTo>'
    edit = (
        ("<soap:Header>", f"<soap:Header>{added}") if place == "first" else ("</soap:Header>", f"{added}</soap:Header>")
    )

    verdict = judged("relates-to-request", edit, expects=Expectation(message_id="urn:uuid:request-2"))

    assert not verdict.accepted


def test_rule_25_an_unsigned_relates_to_binds_nothing() -> None:
    header = f'<w:RelatesTo xmlns:w="{uris.WSA}">urn:uuid:request-1</w:RelatesTo></soap:Header>'

    verdict = judged(GOOD, ("</soap:Header>", header), expects=Expectation(message_id="urn:uuid:request-1"))

    assert any("unbound" in warning for warning in verdict.warnings)


def test_rule_25_signature_confirmation() -> None:
    value = "AAECAwQ="
    confirmation = f'<c:SignatureConfirmation xmlns:c="{uris.WSSE11}" wsu:Id="confirm-1" Value="{value}"/>'
    security = confirmation + token("old") + signature(BODY, Reference("#confirm-1"), key_info=direct())
    message = made(security, "old")
    case = own_case(GOOD)

    good = replace(case, expects=Expectation(signature_values=(bytes(range(5)),))).verdict(message)
    other = replace(case, expects=Expectation(signature_values=(b"other",))).verdict(message)

    assert good.accepted
    assert not any("unbound" in warning for warning in good.warnings)
    assert other.reason is Reason.UNCORRELATED


# F. Parser (limits and their cost are in test_limits)


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE x>",
        "<!doctype html>",
        '<!DOCTYPE x SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>',
        '<!DOCTYPE x [<!ATTLIST note xmlns CDATA "urn:forged">]>',
        "<!-- first --> <?then this?>\n<!DOCTYPE x>",
    ],
)
def test_rule_26_a_doctype_rejects(doctype: str) -> None:
    message = own_case(GOOD).message

    assert own_case(GOOD).verdict(doctype.encode() + message).reason in {Reason.DTD, Reason.MALFORMED}
    declared = b'<?xml version="1.0"?>' + doctype.encode() + message
    assert own_case(GOOD).verdict(declared).reason in {Reason.DTD, Reason.MALFORMED}


def test_rule_26_the_word_alone_is_harmless() -> None:
    security = token("old") + signature(BODY, key_info=direct())
    message = made(security, "old", body="<a><![CDATA[<!DOCTYPE x>]]></a>", prolog="<!-- <!DOCTYPE x> -->")

    assert own_case(GOOD).verdict(message).accepted


@pytest.mark.parametrize("encoding", ["utf-7", "utf-32", "utf-16", "utf-16-le", "utf-16-be", "cp037", "cp500"])
def test_rule_27_other_encodings_are_refused(encoding: str) -> None:
    text = own_case(GOOD).message.decode()
    for declaration in ("", f'<?xml version="1.0" encoding="{encoding}"?>'):
        verdict = own_case(GOOD).verdict((declaration + text).encode(encoding))
        expected = {Reason.ENCODING, Reason.MALFORMED}
        assert verdict.reason in expected or (encoding == "utf-7" and not declaration)


@pytest.mark.parametrize(
    ("mark", "declared", "charset"),
    [
        (b"\xef\xbb\xbf", "ISO-8859-1", None),
        (b"\xef\xbb\xbf", None, "iso-8859-1"),
        (b"", "UTF-8", "iso-8859-1"),
        (b"", "ISO-8859-1", "utf-8"),
        (b"", None, "iso-8859-1; charset=utf-8"),
        (b"", None, "utf-7"),
        (b"", "UTF-7", None),
        (b"", "x-unknown", None),
        (b"", None, "x-unknown"),
    ],
)
def test_rule_27_conflicts_are_refused(mark: bytes, declared: str | None, charset: str | None) -> None:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>'.encode() if declared else b""
    case = replace(
        own_case(GOOD),
        content_type="text/xml" if charset is None else f"text/xml; charset={charset}",
        policy=Policy(encodings=("ISO-8859-1",)),
    )

    assert case.verdict(mark + declaration + case.message).reason is Reason.ENCODING


def test_rule_28_budgets_are_in_the_policy() -> None:
    def verdict(**limits: int) -> Verdict:
        return replace(own_case(GOOD), policy=Policy.model_validate(limits)).verdict()

    assert verdict(max_message_bytes=1024).reason is Reason.LIMITS
    assert verdict(max_elements=16).reason is Reason.LIMITS
    assert verdict(max_depth=8).accepted
    nested = "<a>" * 8 + "</a>" * 8
    assert judged(GOOD, ("<ord:id>", f"<ord:id>{nested}"), policy=Policy(max_depth=8)).reason is Reason.LIMITS
    many = " ".join(f'a{number}="1"' for number in range(200))
    assert judged(GOOD, ("<ord:id>", f"<ord:id {many}>")).reason is Reason.LIMITS
    spaces = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(300))
    assert judged(GOOD, ("<soap:Header>", f"<soap:Header {spaces}>")).reason is Reason.LIMITS


def test_rule_29_large_text_is_no_offence() -> None:
    attachment = "QUJD" * 2_800_000
    message = made(token("old") + signature(BODY, key_info=direct()), "old", body=f"<file>{attachment}</file>")

    assert len(message) > 11_000_000
    assert own_case(GOOD).verdict(message).accepted


def test_rule_30_verification_leaves_the_bytes_alone() -> None:
    for case in own_cases():
        message = case.message
        before = bytes(bytearray(message))
        assert case.verdict(message) == case.verdict(message)
        assert message == before


# Properties


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_change_of_a_signed_character_is_rejected(data: st.DataObject) -> None:
    case = own_case("timestamp-signed")
    text = case.message.decode()
    start = text.index("<ord:getOrderResponse")
    position = data.draw(st.integers(start, text.index("</soap:Body>") - 1))
    other = data.draw(st.characters(codec="utf-8", exclude_characters=text[position] + "\x00"))

    verdict = case.verdict((text[:position] + other + text[position + 1 :]).encode())

    # Quotes and white space within a tag are no part of the canonical form.
    outside_text = text[position] in "\"' \n" or other in "\"' \r\n\t"
    assert not verdict.accepted or outside_text
    if verdict.accepted:
        assert text[position] in "\"' \n"


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations(["id", "wsu", "b", "a"]),
    gaps=st.lists(st.text(" \n\t", min_size=1, max_size=3), min_size=4, max_size=4),
    quote=st.sampled_from("\"'"),
    end=st.text(" \n\t", max_size=2),
)
def test_how_a_start_tag_is_written_does_not_matter(order: list[str], gaps: list[str], quote: str, end: str) -> None:
    attributes = {"id": ("wsu:Id", "body-1"), "wsu": ("xmlns:wsu", uris.WSU), "a": ("a", "1"), "b": ("b", "2")}
    plain = " ".join(f'{name}="{value}"' for name, value in attributes.values())
    message = _signed_with_attributes(plain)
    assert plain.encode() in message

    spelled = "".join(
        f"{gap}{attributes[key][0]}={quote}{attributes[key][1]}{quote}" for gap, key in zip(gaps, order, strict=True)
    )
    verdict = own_case(GOOD).verdict(message.replace(f" {plain}>".encode(), f"{spelled}{end}>".encode()))

    assert verdict.accepted, verdict.detail


_MADE: dict[str, bytes] = {}


def _signed_with_attributes(attributes: str) -> bytes:
    if attributes not in _MADE:
        security = token("old") + signature(BODY, key_info=direct())
        _MADE[attributes] = made(security, "old", body_attributes=attributes)
    return _MADE[attributes]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bytes_make_the_verifier_stumble(data: st.DataObject) -> None:
    """A bad message is a value: whatever is cut, doubled or overwritten, there is a verdict."""
    message = bytearray(own_case("two-signatures-old-and-new").message)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(message)))
        end = min(len(message), start + data.draw(st.integers(0, 60)))
        message[start:end] = data.draw(st.binary(max_size=20) | st.sampled_from([b"<a>", b"</a>", b"&#0;", b"]]>"]))

    verdict = own_case("two-signatures-old-and-new").verdict(bytes(message))

    assert verdict.detail
    assert "\n" not in verdict.detail


def test_timestamp_helpers_are_signed() -> None:
    """The messages made here are good when nothing is done to them."""
    security = timestamp() + token("old") + signature(TIMESTAMP, BODY, key_info=direct())
    case: Case = own_case("timestamp-signed")

    assert case.verdict(made(security, "old")).accepted
