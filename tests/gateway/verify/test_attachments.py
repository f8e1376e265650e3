"""Attachments: what a signature covers of them, and what becomes of those that none covers (WSS-SwA, XOP)."""

import re
from base64 import b64encode
from dataclasses import replace

import pytest

from fixtures.generator import uris
from fixtures.generator.signing import sign
from fixtures.generator.soap import (
    BODY,
    TIMESTAMP,
    Envelope,
    Reference,
    direct,
    signature,
    timestamp,
    token,
    transform_with_prefixes,
)
from fixtures.manifest import trust
from gateway.verify import (
    NO_ATTACHMENTS,
    Attachments,
    Policy,
    Reason,
    Rejection,
    Verifier,
    base64_pieces,
    content_id_of,
    explain_message,
    named_attachments,
)
from gateway.verify.conditions import Conditions
from gateway.verify.findings import Examination
from gateway.verify.procedure import examine
from keystore import State, TrustSnapshot
from tests.gateway.verify.judging import made as sealed
from tests.gateway.verify.multipart_messages import (
    CASE,
    COMPLETE,
    CONTENT,
    XOP,
    Part,
    by_name_alone,
    digest_of,
    judged,
    made,
    named,
    signed_part,
)

ONE = Part("one@example")
TWO = Part("two@example", (b"ab", b"", b"cde"), "application/pdf")
TOLERANT = Policy(unsigned_attachments="pass")


def test_a_signed_attachment_is_covered() -> None:
    verdict = judged(made(signed_part(ONE), signed_part(TWO, transform=CONTENT)), [ONE, TWO])

    assert verdict.accepted
    assert verdict.detail == "signed with old, covering Body, 2 of 2 attachments"
    assert [
        (one.content_id, one.media_type, one.size, one.covered, one.head_covered) for one in verdict.attachments
    ] == [
        ("one@example", "application/octet-stream", 6, True, False),
        ("two@example", "application/pdf", 5, True, False),
    ]
    assert verdict.signers[0].covers == ("Body", "cid:one@example", "cid:two@example")
    assert [part.name for part in verdict.signatures[0].parts] == ["Body", "Attachment", "Attachment"]
    assert verdict.warnings == ("timestamp-unsigned: the Timestamp is no evidence of freshness, it is not signed",)


def test_an_altered_attachment_is_a_digest_that_differs() -> None:
    verdict = judged(made(signed_part(ONE)), [replace(ONE, pieces=(b"0ctets",))])

    assert verdict.reason is Reason.DIGEST_MISMATCH
    assert "Attachment (at cid:one@example" in verdict.detail
    assert [one.covered for one in verdict.attachments] == [False]
    assert verdict.signers[0].covers == ("Body",)


def test_parts_of_the_message_are_told_beside_it() -> None:
    altered = made(signed_part(ONE)).replace(b"Acme", b"Acne")
    verdict = judged(altered, [replace(ONE, pieces=(b"0ctets",))])

    assert verdict.reason is Reason.DIGEST_MISMATCH


@pytest.mark.parametrize(
    ("reference", "reason", "detail"),
    [
        (signed_part(TWO), Reason.REFERENCE_URI, "has no such part"),
        (replace(signed_part(ONE), uri="cid:one@exa mple"), Reason.REFERENCE_URI, "no address of a part"),
        (replace(signed_part(ONE), uri="cid:one%ZZexample"), Reason.REFERENCE_URI, "no address of a part"),
        (replace(signed_part(ONE), uri="cid:"), Reason.REFERENCE_URI, "no address of a part"),
        (replace(signed_part(ONE), transforms=()), Reason.TRANSFORM_NOT_ALLOWED, "must have one transform"),
        (
            replace(signed_part(ONE), transforms=(CONTENT, uris.EXCLUSIVE)),
            Reason.TRANSFORM_NOT_ALLOWED,
            "must have one transform",
        ),
        (replace(signed_part(ONE), transforms=(uris.EXCLUSIVE,)), Reason.TRANSFORM_NOT_ALLOWED, "is not admitted"),
        (replace(signed_part(ONE), transforms=("",)), Reason.TRANSFORM_NOT_ALLOWED, r"Transform \(none\)"),
        (
            replace(signed_part(ONE), transforms=(CONTENT.replace("Content-Signature", "Ciphertext"),)),
            Reason.TRANSFORM_NOT_ALLOWED,
            r"Attachment-Ciphertext\): nobody signed what it says",
        ),
        (replace(signed_part(ONE), transforms=(CONTENT,) * 3), Reason.LIMITS, "more than 2 Transforms"),
        (
            replace(signed_part(ONE), transforms=(f'<ds:Transform Algorithm="{CONTENT}"><x/></ds:Transform>',)),
            Reason.STRUCTURE,
            "without foreign content",
        ),
    ],
)
def test_what_is_no_reference_to_an_attachment(reference: Reference, reason: Reason, detail: str) -> None:
    verdict = judged(made(reference), [ONE])

    assert verdict.reason is reason
    assert re.search(detail, verdict.detail), verdict.detail
    # The key was used all the same; only where a limit is what was broken nobody looks.
    assert bool(verdict.signers) is (reason is not Reason.LIMITS)


def test_a_reference_to_an_attachment_in_a_plain_message() -> None:
    verdict = judged(made(signed_part(ONE)), NO_ATTACHMENTS)

    assert verdict.reason is Reason.REFERENCE_URI
    assert "is no multipart message" in verdict.detail


def test_percent_signs_of_an_address_are_decoded_once() -> None:
    part = Part("a+b@example")
    assert judged(made(signed_part(part, uri="cid:a%2Bb%40example")), [part]).accepted
    assert judged(made(signed_part(part, uri="cid:a%252Bb@example")), [part]).reason is Reason.REFERENCE_URI
    assert content_id_of("cid:a+b%40c") == "a+b@c"
    assert content_id_of("CID:a") is content_id_of("http://a") is None


def test_an_attachment_may_be_named_by_several_references() -> None:
    """Each digest is made once, however often it is named."""
    asked: list[str] = []

    class Counted(Part):
        def octets(self):  # type: ignore[no-untyped-def] # of Part
            asked.append(self.content_id)
            return super().octets()

    part = Counted("one@example")
    verdict = judged(made(*[signed_part(part)] * 5), [part])

    assert verdict.accepted
    assert len(asked) == 2, "once for the references, once for the report"


# What no signature covers


@pytest.mark.parametrize(
    ("policy", "accepted", "said"),
    [
        (Policy(), False, "no trusted signature covers the attachment two@example (the policy may leave it out"),
        (Policy(unsigned_attachments="drop"), True, "it is left out"),
        (TOLERANT, True, "it is passed on"),
        (
            Policy(required_parts=("Body", "Attachments"), unsigned_attachments="pass"),
            False,
            "is not signed, and the policy requires that all are",
        ),
    ],
)
def test_an_attachment_that_no_signature_covers(policy: Policy, accepted: bool, said: str) -> None:
    verdict = judged(made(signed_part(ONE)), [ONE, TWO], policy)

    assert verdict.accepted is accepted
    assert said in " ".join([verdict.detail, *verdict.warnings])
    assert verdict.accepted or verdict.reason is Reason.PART_NOT_SIGNED
    assert verdict.accepted or "sign attachments as well" in (verdict.advice or "")
    # Of a message that is rejected at this step it is told what was covered.
    assert [one.covered for one in verdict.attachments] == [True, False]


def test_all_attachments_may_be_required() -> None:
    policy = Policy(required_parts=("Body", "Attachments"))
    assert judged(made(signed_part(ONE), signed_part(TWO)), [ONE, TWO], policy).accepted
    assert judged(made(), NO_ATTACHMENTS, policy).accepted


def test_a_part_without_a_content_id_is_covered_by_nothing() -> None:
    verdict = judged(made(), [Part("")])
    assert "the attachment (without Content-ID)" in verdict.detail


def test_only_signatures_that_carry_the_message_count() -> None:
    """Else an attachment of another message could be put beside the Body of this one."""
    other = signature(signed_part(ONE), TIMESTAMP, key_info=direct(), number=2)
    message = sealed(token("old") + timestamp() + signature(BODY, key_info=direct()) + other, "old", "old")
    verdict = judged(message, [ONE])

    assert verdict.reason is Reason.PART_NOT_SIGNED
    assert "covers the attachment one@example" in verdict.detail


def test_the_dangers_are_named() -> None:
    dangers = Policy(attachments="references", unsigned_attachments="pass").dangers
    assert dangers == (
        "a signature over the name of an attachment is taken for one over what is in it",
        "attachments that no signature covers are passed on",
    )


# What xop:Include names


def test_the_base64_of_what_is_named_is_digested() -> None:
    message, attachments = named(ONE, TWO)
    verdict = judged(message, attachments)

    assert verdict.accepted
    assert [(one.content_id, one.covered, one.included) for one in verdict.attachments] == [
        ("one@example", True, True),
        ("two@example", True, True),
    ]


@pytest.mark.parametrize("pieces", [(b"0ctets",), (b"octets", b"x"), (b"octet",), ()])
def test_what_is_named_may_not_be_another(pieces: tuple[bytes, ...]) -> None:
    message, attachments = named(ONE, TWO)
    (first, second), stand_ins = list(attachments.stand_ins), dict(attachments.stand_ins)
    altered = replace(ONE, pieces=pieces)
    stand_ins[first] = altered
    wrong = replace(attachments, parts=(altered, TWO), stand_ins=stand_ins)

    assert judged(message, wrong).reason is Reason.DIGEST_MISMATCH
    exchanged = replace(attachments, stand_ins={first: TWO, second: ONE})
    assert judged(message, exchanged).reason is Reason.DIGEST_MISMATCH


def test_what_is_named_in_an_unsigned_place_is_covered_by_nothing() -> None:
    stand_in = b"standin" + b"0" * 64
    block = f'<h:b xmlns:h="urn:h">{stand_in.decode()}</h:b>'
    attachments = Attachments((ONE,), frozenset({ONE.content_id}), {stand_in: ONE})
    message = made(headers_after=block)

    assert judged(message, attachments).reason is Reason.PART_NOT_SIGNED
    dropped = judged(message, attachments, Policy(unsigned_attachments="drop"))
    assert dropped.reason is Reason.PART_NOT_SIGNED
    assert "cannot be left out" in dropped.detail
    assert judged(message, attachments, TOLERANT).accepted


def test_what_is_named_is_digested_once_for_all_references() -> None:
    asked: list[str] = []

    class Counted(Part):
        def octets(self):  # type: ignore[no-untyped-def] # of Part
            asked.append(self.content_id)
            return super().octets()

    part = Counted("one@example")
    message, attachments = named(part, references=(BODY, BODY))

    assert judged(message, attachments).accepted
    assert len(asked) == 2, "once for the References, once for the report"
    assert list(NO_ATTACHMENTS.expanded(b"text")) == [b"text"]
    assert NO_ATTACHMENTS.named_in(b"text") == frozenset()


@pytest.mark.parametrize("attachments", ["inline", "rebuild", "references"])
@pytest.mark.parametrize("is_token", [True, False])
def test_a_signed_attachment_may_not_be_taken_elsewhere(attachments: str, is_token: bool) -> None:
    """An Include that nobody signed would make it content of a header block, and the client would not find it."""
    stand_in = b"standin" + b"0" * 64
    message = made(signed_part(ONE), headers_after=f'<h:b xmlns:h="urn:h">{stand_in.decode()}</h:b>')
    names = frozenset({ONE.content_id})
    tokens = names if is_token else frozenset[str]()
    came = Attachments((ONE,), names, {} if is_token else {stand_in: ONE}, tokens)
    verdict = judged(message, came, Policy.model_validate({"attachments": attachments}))

    assert verdict.reason is Reason.WRAPPING
    assert "one@example is signed for itself, and the message names it" in verdict.detail


def test_a_signed_attachment_may_be_named_where_that_is_signed() -> None:
    text = b64encode(b"octets").decode()
    stand_in = b"standin" + b"0" * 64
    message = made(signed_part(ONE), body=f"<d>{text}</d>").replace(f"<d>{text}</d>".encode(), b"<d>%b</d>" % stand_in)
    assert judged(message, Attachments((ONE,), frozenset({ONE.content_id}), {stand_in: ONE})).accepted


def test_a_name_that_nobody_signed_is_no_reference() -> None:
    stand_in = b"standin" + b"0" * 64
    message = made(headers_after=f'<h:b xmlns:h="urn:h">{stand_in.decode()}</h:b>')
    came = Attachments((ONE,), frozenset({ONE.content_id}), {stand_in: ONE})
    assert judged(message, came, Policy(attachments="references")).reason is Reason.PART_NOT_SIGNED

    by_name, beside = by_name_alone(ONE)
    unsigned = f'<h:b xmlns:h="urn:h"><x:Include xmlns:x="{XOP}" href="cid:two@example"/></h:b></soap:Header>'.encode()
    both = replace(
        beside,
        parts=(ONE, TWO),
        included=frozenset({ONE.content_id, TWO.content_id}),
        by_name=beside.by_name.replace(b"</soap:Header>", unsigned),
    )
    verdict = judged(by_name, both, Policy(attachments="references"))
    assert verdict.reason is Reason.PART_NOT_SIGNED
    assert "two@example" in verdict.detail


def test_what_an_honest_attachment_costs_is_admitted() -> None:
    """However small the message is beside it: what canonical forms may cost goes by all that came."""
    message, attachments = named(Part("large@example", (b"x" * (1 << 20),) * 10))
    assert judged(message, attachments).accepted
    # Also where the structure is wrong, and it is only told who signed.
    verdict = judged(message.replace(b"</soap:Body>", b"</soap:Body><x/>"), attachments)
    assert verdict.reason is Reason.STRUCTURE
    assert verdict.signers[0].covers == ("Body",)


def test_a_token_is_no_content() -> None:
    attachments = Attachments((ONE,), frozenset({ONE.content_id}), {}, frozenset({ONE.content_id}))
    verdict = judged(made(), attachments)

    assert verdict.accepted
    assert [(one.covered, one.is_token) for one in verdict.attachments] == [(False, True)]


def test_a_signature_over_names_says_so() -> None:
    message, attachments = by_name_alone(ONE)
    verdict = judged(message, attachments)

    assert verdict.reason is Reason.DIGEST_MISMATCH
    assert "covers the names of the attachments (xop:Include) and not what is in them" in verdict.detail
    assert "expandXopInclude" in (verdict.advice or "")
    strict = judged(message, attachments, Policy(required_parts=("Body", "Attachments")))
    assert strict.detail == verdict.detail


def test_what_a_long_signature_over_names_would_be_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile root would cost twice."""
    message, attachments = by_name_alone(ONE)
    long = replace(attachments, by_name=attachments.by_name + b" " * 300_000)
    asked: list[bytes] = []

    def counted(message: bytes, conditions: Conditions) -> Examination:
        asked.append(message)
        return examine(message, conditions)

    monkeypatch.setattr(named_attachments, "examine", counted)
    assert judged(message, long).reason is Reason.DIGEST_MISMATCH
    assert asked == [message]
    assert judged(message, long, Policy(attachments="references")).accepted


def test_what_is_put_in_is_counted_for_each_form() -> None:
    """Each PrefixList makes another canonical form of the same few octets, into which a long attachment belongs."""
    part = Part(ONE.content_id, (bytes(500_000),))
    stand_in = b"standin" + b"0" * 64
    lists = [" ".join(f"q{bit}" for bit in range(5) if number >> bit & 1) for number in range(31)]
    references = [
        Reference("#body-1", (transform_with_prefixes(prefixes),), digest=digest_of(b"")) for prefixes in lists
    ]
    declared = " ".join(f'xmlns:q{number}="urn:q{number}"' for number in range(5))
    around = Envelope(
        token("old") + timestamp() + signature(*references, key_info=direct()),
        body=f"<d>{stand_in.decode()}</d>",
        root_attributes=declared,
    )
    came = Attachments((part,), frozenset({part.content_id}), {stand_in: part})
    assert judged(sign(around.text(), "old"), came).reason is Reason.LIMITS


def test_a_signature_over_names_is_admitted_where_the_policy_does() -> None:
    policy = Policy(attachments="references")
    message, attachments = by_name_alone(ONE)
    verdict = judged(message, attachments, policy)

    assert verdict.accepted
    assert "covers the name of the attachment one@example, and not what is in it" in verdict.warnings[0]
    assert [one.covered for one in verdict.attachments] == [False]
    assert judged(*named(ONE), policy).attachments[0].covered
    other = judged(message.replace(b"Documents", b"Document"), replace(attachments, by_name=b"<x/>"), policy)
    assert not other.accepted
    required = Policy(attachments="references", required_parts=("Body", "Attachments"))
    assert judged(message, attachments, required).reason is Reason.PART_NOT_SIGNED


def test_what_is_altered_otherwise_is_not_excused() -> None:
    message, attachments = by_name_alone(ONE)
    verdict = judged(
        message.replace(b"urn:orders", b"urn:other"),
        replace(attachments, by_name=attachments.by_name.replace(b"urn:orders", b"urn:other")),
    )
    assert verdict.reason is Reason.DIGEST_MISMATCH
    assert "altered after signing" in verdict.detail


def test_an_include_without_its_attachment_is_not_read() -> None:
    include = f'<x:Include xmlns:x="{XOP}" href="cid:one@example"/>'
    message = made(body=f"<a>{include}</a>")
    assert judged(message, NO_ATTACHMENTS).reason is Reason.STRUCTURE


# How it is asked


def test_a_body_that_cannot_be_read_is_rejected_at_the_first_step() -> None:
    attachments = Attachments(problem=Rejection(Reason.STRUCTURE, "the multipart message has no end"))
    snapshot = TrustSnapshot.of(*trust("old"))
    verdict = judged(b"--b", attachments)

    assert (verdict.reason, verdict.detail) == (Reason.STRUCTURE, "the multipart message has no end")
    explanation = explain_message(b"--b", snapshot, Policy(), CASE.at, attachments=attachments)
    assert explanation.failed is not None
    assert explanation.failed.number == 1
    assert Verifier(Policy()).verify(b"--b", snapshot, CASE.at, attachments=attachments) == verdict


def test_a_verifier_remembers_nothing_of_messages_with_attachments() -> None:
    message, attachments = named(ONE)
    verifier = Verifier(Policy())
    snapshot = TrustSnapshot.of(*trust("old", "new"))
    first = [verifier.verify(message, snapshot, CASE.at, attachments=attachments) for _ in range(3)]
    altered = replace(ONE, pieces=(b"0ctets",))
    wrong = replace(attachments, parts=(altered,), stand_ins=dict.fromkeys(attachments.stand_ins, altered))

    assert first == [judged(message, attachments)] * 3
    assert not verifier.verify(message, snapshot, CASE.at, attachments=wrong).accepted


def test_who_signed_is_told_where_the_structure_is_wrong() -> None:
    message = made(signed_part(ONE)).replace(b"</soap:Body>", b"</soap:Body><x/>")
    verdict = judged(message, [ONE])

    assert verdict.reason is Reason.STRUCTURE
    assert verdict.signers[0].covers == ("Body", "cid:one@example")


def test_who_signed_is_told_of_a_retired_key_too() -> None:
    entries = [replace(entry, state=State.RETIRED) for entry in trust("old")]
    verdict = judged(made(signed_part(ONE)), [ONE], entries=entries)

    assert verdict.reason is Reason.RETIRED_KEY
    assert verdict.signers[0].covers == ("Body", "cid:one@example")


@pytest.mark.parametrize("sizes", [[], [0], [1], [2, 1], [3], [1, 1, 1], [4, 5, 6, 7], [2, 0, 2, 0, 2]])
def test_base64_of_pieces_is_that_of_the_whole(sizes: list[int]) -> None:
    pieces = [bytes(range(size)) for size in sizes]
    assert b"".join(base64_pieces(pieces)) == b64encode(b"".join(pieces))


def test_complete_covers_the_head() -> None:
    head = b"Content-ID:<one@example>\r\nContent-Type:application/octet-stream\r\n"
    reference = signed_part(ONE, head, b"octets", transform=COMPLETE)
    verdict = judged(made(reference), [ONE])

    assert [(one.covered, one.head_covered) for one in verdict.attachments] == [(True, True)]
    other = replace(ONE, content_type="text/html")
    assert judged(made(reference), [other]).reason is Reason.DIGEST_MISMATCH
    assert digest_of(head, b"octets") in made(reference).decode()
