"""One rule stands in one place: where it changes, the procedure and the fast path both change.

Each rule is a function that both call. Its code is put in the place of another, whoever has imported it and under
whatever name, and a message that the verifier knows well is judged by both.
"""

from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any, Final, cast

import pytest

from fixtures.manifest import Case, own_case
from gateway.verify import Expectation, Verdict, Verifier, printable
from gateway.verify.algorithms import DigestAlgorithm
from gateway.verify.binding import compare_with_request
from gateway.verify.budget import WorkBudget
from gateway.verify.content_type import charset_values, unusual_type
from gateway.verify.document_encoding import refuse_oversized
from gateway.verify.element_content import decode_base64, is_base64_of
from gateway.verify.envelope import is_fault
from gateway.verify.fastpath.form_pattern import is_plain
from gateway.verify.findings import shown_id, with_type_warning
from gateway.verify.grammar import is_plain_fragment, read_signature
from gateway.verify.printable_text import shown_operation
from gateway.verify.reason import Reason, Rejection
from gateway.verify.signature_value import SignedValue
from gateway.verify.signers import signature_id, signers_of
from gateway.verify.timestamp import check_freshness, check_timestamp, instant
from gateway.verify.verdict import UNBOUND, accepted_detail, replay_key
from gateway.verify.xml_names import REFERENCE, SIGNATURE
from keystore import TrustedCertificate
from tests.gateway.verify.documents import parsed

BOUND: Final = own_case("relates-to-request")
STAMPED: Final = own_case("timestamp-signed")


def refused(*_: Any, **__: Any) -> Any:
    """The names are those of the module whose function this becomes."""
    raise Rejection(Reason.WRAPPING, "the rule is another one now")


def no(*_: Any) -> bool:
    return False


def yes(*_: Any) -> bool:
    return True


def words(*_: Any) -> str:
    return "other words"


def several_words(*_: Any) -> tuple[str, ...]:
    return ("other words",)


def another_charset(*_: Any) -> tuple[str, ...]:
    return ("utf-16",)


def another_digest(*_: Any) -> bytes:
    return bytes(32)


RULES: Final[dict[str, tuple[Any, Callable[..., Any], Case]]] = {
    "1: the Content-Type": (unusual_type, refused, STAMPED),
    "1: the charset": (charset_values, another_charset, STAMPED),
    "1: the size": (refuse_oversized, refused, STAMPED),
    "8: base64 of the signature value": (decode_base64, refused, STAMPED),
    "8: the signature value": (SignedValue.is_signed_by, no, STAMPED),
    "9: the digest": (DigestAlgorithm.digest, another_digest, STAMPED),
    "9: what canonical forms may cost": (WorkBudget.spend_form, refused, STAMPED),
    "9: what namespaces may cost": (WorkBudget.spend_namespaces, refused, own_case("c14n10")),
    "11: the certificate's validity": (TrustedCertificate.is_valid_at, no, STAMPED),
    "12: freshness": (check_freshness, refused, STAMPED),
    "12: the Timestamp": (check_timestamp, refused, STAMPED),
    "12: dates": (instant, refused, STAMPED),
    "13: binding, to another request": (compare_with_request, refused, BOUND),
    "13: binding, to none": (compare_with_request, no, BOUND),
    "14: the sentence": (accepted_detail, words, STAMPED),
    "14: replay keys": (replay_key, words, STAMPED),
    "14: what a signature is known by": (signature_id, words, STAMPED),
    "14: who signed": (signers_of, several_words, STAMPED),
    "14: the operation": (shown_operation, words, STAMPED),
    "14: faults": (is_fault, yes, STAMPED),
    "14: ids": (shown_id, words, BOUND),
    "14: warnings": (with_type_warning, several_words, STAMPED),
    "14: what is shown of values": (printable, words, STAMPED),
}


@pytest.mark.parametrize("rule", RULES)
def test_where_a_rule_changes_both_change(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, other, given = RULES[rule]
    case = replace(given, content_type=f"{given.content_type or 'text/xml'}; x={len(rule)}{rule[0]}")
    knowing = Verifier(case.policy)
    before = [case.verdict_by(knowing) for _ in range(4)]
    assert before == [case.verdict()] * 4
    assert before[0].accepted
    # One that nobody has asked about before: what is found out of a Content-Type is found out once.
    other_type = replace(case, content_type=f"{case.content_type}y")

    with monkeypatch.context() as changed:
        changed.setattr(cast(FunctionType, function), "__code__", cast(FunctionType, other).__code__)
        whole, known = other_type.verdict(), other_type.verdict_by(knowing)

    assert whole != before[0]
    assert known == whole
    assert case.verdict_by(knowing) == before[0]


def test_a_request_that_is_not_answered_is_noticed_by_both() -> None:
    def judged(verifier: Verifier) -> list[Verdict]:
        unbound = replace(BOUND, expects=Expectation())
        return [BOUND.verdict_by(verifier), BOUND.verdict_by(verifier), unbound.verdict_by(verifier)]

    known = judged(Verifier(BOUND.policy))
    assert known == judged(Verifier(BOUND.policy, fast_path=False))
    assert [UNBOUND in verdict.warnings for verdict in known] == [False, False, True]


# What is asked in a narrower way by the fast path is asked in a wider one by the procedure


OCTETS: Final = [bytes([octet]) for octet in range(256)]


@pytest.mark.parametrize("octet", OCTETS)
def test_a_plain_fragment_is_one_that_the_grammar_reads(octet: bytes) -> None:
    fragment = b"a" + octet
    if not is_plain_fragment(fragment):
        return
    text = fragment.decode("ascii")
    assert is_plain([fragment], [])
    assert _read(text) == text


def _read(fragment: str) -> str | None:
    """The id that the grammar reads in a Reference to it."""
    case = own_case("bst-x509v3")
    root = parsed(case.message)
    (signature,) = root.iter(SIGNATURE)
    reference = next(signature.iter(REFERENCE))
    reference.set("URI", f"#{fragment}")
    return read_signature(signature, case.policy).references[0].id


@pytest.mark.parametrize("octets", [b"", b"\0", b"\xff" * 20, bytes(range(32)), bytes(range(33))])
def test_what_is_base64_of_a_digest_is_read_as_that_digest(octets: bytes) -> None:
    spelled = b2a_base64(octets, newline=False)
    for text in (spelled, b" " + spelled + b"\n", spelled + b"=", b"A" + spelled, spelled.rstrip(b"="), spelled[:-1]):
        try:
            read = decode_base64(text.decode(), "DigestValue")
        except Rejection:
            read = None
        assert not is_base64_of(text, octets) or read == octets
    assert is_base64_of(b"\n" + spelled + b" ", octets)
