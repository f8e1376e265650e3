"""Rules 26 to 30 of the threat model: the parser (limits are in test_limits)."""

from dataclasses import replace

import pytest

from fixtures.generator.soap import BODY, direct, signature, token
from fixtures.manifest import own_case, own_cases
from gateway.verify import Policy, Reason, Verdict
from tests.gateway.verify.judging import GOOD, judged, made


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

    beyond_ascii = "<!-- Größe -->".encode("iso-8859-1" if declared == "ISO-8859-1" and not mark else "utf-8")
    assert case.verdict(mark + declaration + case.message + beyond_ascii).reason is Reason.ENCODING


def test_rule_27_a_conflict_about_octets_that_are_the_same_in_both_is_none() -> None:
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>'
    case = replace(own_case(GOOD), content_type="text/xml; charset=iso-8859-1")
    admitting = replace(case, policy=Policy(encodings=("ISO-8859-1",)))

    assert case.verdict(declaration + case.message).reason is Reason.ENCODING, "the policy does not admit the other one"
    # Nothing is remembered of it: a message that is written alike may hold octets that differ.
    security = token("old") + signature(BODY, key_info=direct())
    ascii_alone, beyond = (
        made(security, "old", body=f"<r><a>{text}</a></r>", prolog=declaration.decode()) for text in ("10", "Größe")
    )
    for _ in range(2):
        assert admitting.verdict(ascii_alone).accepted
        assert admitting.verdict(beyond).reason is Reason.ENCODING


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
