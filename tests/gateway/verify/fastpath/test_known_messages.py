"""Layouts: what is remembered of a partner's messages saves time, and changes no verdict."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from fixtures.generator.soap import (
    BODY,
    TIMESTAMP,
    Reference,
    direct,
    signature,
    timestamp,
    token,
    transform_with_prefixes,
)
from fixtures.generator.uris import C14N10, WSU
from fixtures.manifest import Case, entry, own_case
from gateway.verify import Expectation, Policy, Reason, Verifier, procedure
from gateway.verify.fastpath import known_body as familiar_body
from gateway.verify.fastpath.body_tags import Shapes
from gateway.verify.fastpath.canonical_body import LONGEST_OPERATION
from gateway.verify.fastpath.header_prefix import BODY as BODY_PATH
from gateway.verify.fastpath.header_prefix import MAX_HEAD, MAX_TAGS, MAX_VALUES, start_tags
from gateway.verify.fastpath.template import EAGER, MOST_LAYOUTS, MOST_OF_ONE_POLICY, MOST_POLICIES, LayoutMemory
from gateway.verify.fastpath.template_making import make_layout
from gateway.verify.parsing import MAX_NAMESPACE_NAME, MAX_NAMESPACE_OCTETS, Document, parse_admitted
from gateway.verify.xml_names import SOAP11, XENC, XOP, XSI
from keystore import TrustSnapshot
from tests.conftest import Count
from tests.gateway.verify.judging import made
from tests.mutation.source import accepted_cases

CASE: Final = own_case("timestamp-signed")
RELATED: Final = (
    '<a:MessageID xmlns:a="http://www.w3.org/2005/08/addressing">urn:uuid:{0}</a:MessageID>'
    '<a:RelatesTo xmlns:a="http://www.w3.org/2005/08/addressing">urn:uuid:{1}</a:RelatesTo>'
)


def content(amount: str) -> str:
    return f'<ord:order xmlns:ord="urn:o"><ord:amount>{amount}</ord:amount></ord:order>'


def message(body: str = "1.00", *, headers: str = "", prolog: str = "", inner: str | None = None) -> bytes:
    return made(
        token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct()),
        "old",
        body=content(body) if inner is None else inner,
        headers_after=headers,
        prolog=prolog,
    )


class Asked:
    """A verifier with a memory of its own, which tells whether the whole procedure was gone through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.memory = LayoutMemory()
        self.whole = 0
        self.parsed = 0
        """Familiar messages that were parsed without their header."""

        def parsed(text: bytes, policy: Policy, known: int, size: int) -> Document:
            self.parsed += 1
            return parse_admitted(text, policy, known, size)

        monkeypatch.setattr(familiar_body, "parse_admitted", parsed)
        verify_document = procedure._verify_document

        def counted(*arguments: object) -> object:
            self.whole += 1
            return verify_document(*arguments)  # type: ignore[arg-type] # whatever the procedure gives it

        monkeypatch.setattr(procedure, "_LAYOUTS", self.memory)
        monkeypatch.setattr(procedure, "_verify_document", counted)

    def is_familiar(self, case: Case, document: bytes | None = None) -> bool:
        """Whether the verdict came without the whole procedure; it is the same in any case."""
        before = self.whole
        verdict = case.verdict(document)
        familiar = self.whole == before
        assert verdict == case.verdict_anew(document)
        assert verdict.accepted or not familiar
        return familiar

    def needs_a_parser(self, case: Case, document: bytes) -> bool:
        """Whether a message that is accepted by its layout was parsed."""
        before = self.parsed
        assert self.is_familiar(case, document)
        return self.parsed > before


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


@pytest.mark.parametrize("case", list(accepted_cases()), ids=lambda case: case.id)
def test_the_second_verdict_is_the_first(case: Case, asked: Asked, count: Count) -> None:
    assert not asked.is_familiar(case)

    count(
        "accepted messages, seen twice", "by their layout" if asked.is_familiar(case) else "by the whole procedure", 1
    )


def test_other_values_in_a_known_layout(asked: Asked) -> None:
    """Other digests, signature value and content, the same head around them."""
    assert not asked.is_familiar(CASE, message())
    for amount in (
        "2.00",
        "3.00 ",
        "",
        "<ord:x>1</ord:x>" * 500,
        "¥",
        "a & b".replace("&", "&amp;"),
        'O\'Neil said "yes"',
    ):
        assert asked.is_familiar(CASE, message(amount))


@pytest.mark.parametrize(
    ("inner", "is_fault", "operation"),
    [
        ("<soap:Fault><faultcode>x</faultcode></soap:Fault>", True, f"{{{SOAP11}}}Fault"),
        ("<soap:Fault/><x/>", False, f"{{{SOAP11}}}Fault"),
        ("<x/><soap:Fault/>", False, "x"),
        ("<Fault/>", False, "Fault"),
        ("text", False, None),
        ("", False, None),
    ],
)
def test_faults_and_operations_in_a_known_layout(
    inner: str, operation: str | None, *, is_fault: bool, asked: Asked
) -> None:
    assert not asked.is_familiar(CASE, message())

    assert asked.is_familiar(CASE, message(inner=inner))
    verdict = CASE.verdict(message(inner=inner))
    assert (verdict.is_fault, verdict.operation) == (is_fault, operation)


def test_other_ids_in_a_known_layout(asked: Asked) -> None:
    def renamed(number: int) -> bytes:
        text = (token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())).replace(
            "body-1", f"b-{number}"
        )
        return made(text, "old", body_attributes=f'xmlns:wsu="{WSU}" wsu:Id="b-{number}"', body=content(str(number)))

    assert not asked.is_familiar(CASE, renamed(1))
    assert asked.is_familiar(CASE, renamed(2))
    assert asked.is_familiar(CASE, renamed(31337))


def test_long_ids_that_begin_alike_are_two_in_a_known_layout(asked: Asked) -> None:
    def named(prefix: str) -> bytes:
        text = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        for short, name in (("body-1", f"{prefix}-1"), ("ts-1", f"{prefix}-2")):
            text = text.replace(short, name)
        return made(text, "old", body_attributes=f'xmlns:wsu="{WSU}" wsu:Id="{prefix}-1"', body=content("1"))

    assert not asked.is_familiar(CASE, named("short"))
    assert asked.is_familiar(CASE, named("x" * 120))


def test_an_entry_that_is_there_twice_is_named_once(asked: Asked) -> None:
    case = replace(CASE, trust=(entry("old"), entry("old")))
    assert not asked.is_familiar(case, message())
    assert asked.is_familiar(case, message())

    assert [by.alias for by in case.verdict(message()).verified_by] == ["old"]


def test_threads_share_what_is_remembered(asked: Asked) -> None:
    """Nine shapes, one more than are kept, so that layouts come and go while they are used."""
    at, policy, trust = CASE.at, CASE.policy, TrustSnapshot.of(*CASE.trust)
    documents = [message(str(n), headers=f"<x{n % (MOST_LAYOUTS + 1)}/>") for n in range(3 * (MOST_LAYOUTS + 1))]
    documents += [document.replace(b"<ord:amount>", b"<ord:amount>9") for document in documents[:MOST_LAYOUTS]]
    expected = [procedure.verify_anew(document, trust, policy, at) for document in documents]
    assert {verdict.accepted for verdict in expected} == {True, False}

    def verified(start: int) -> list[bool]:
        order = [(start + 5 * step) % len(documents) for step in range(6 * len(documents))]
        return [procedure.verify(documents[n], trust, policy, at) == expected[n] for n in order]

    with ThreadPoolExecutor(8) as threads:
        assert all(all(same) for same in threads.map(verified, range(8)))
    [known] = asked.memory._known.values()
    [layouts] = known.by_type.values()
    assert 0 < len(layouts) <= MOST_LAYOUTS + 8


def test_both_keys_of_a_renewal_have_layouts(asked: Asked) -> None:
    case = replace(CASE, trust=(entry("old"), entry("new")))

    def by(signer: str, amount: str) -> bytes:
        security = token(signer) + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        return made(security, signer, body=content(amount))

    assert [asked.is_familiar(case, by(signer, "1")) for signer in ("old", "new")] == [False, False]
    assert [asked.is_familiar(case, by(signer, "2")) for signer in ("old", "new", "new", "old")] == [True] * 4


def test_a_layout_that_names_no_key_tells_who_signed(asked: Asked) -> None:
    case = replace(CASE, trust=(entry("old"), entry("new")))

    def by(signer: str) -> bytes:
        return made(timestamp() + signature(BODY, TIMESTAMP, key_info=""), signer, body=content("1"))

    assert not asked.is_familiar(case, by("old"))
    trust = TrustSnapshot.of(*case.trust)
    for signer in ("new", "old", "old", "new"):
        verdict = procedure.verify(by(signer), trust, case.policy, case.at, content_type=case.content_type)
        assert verdict == case.verdict_anew(by(signer))
        assert [by.alias for by in verdict.verified_by] == [signer]
    assert asked.whole == 2 + 4  # the first, and each time anew


def test_a_familiar_message_is_judged_by_what_is_trusted_now(asked: Asked) -> None:
    known = message()
    assert not asked.is_familiar(CASE, known)
    assert asked.is_familiar(CASE, known)

    assert replace(CASE, trust=()).verdict(known).reason is Reason.UNKNOWN_KEY
    assert replace(CASE, trust=(entry("new"),)).verdict(known).reason is Reason.UNKNOWN_KEY
    retired = replace(CASE, trust=tuple(replace(e, state="retired") for e in CASE.trust))  # type: ignore[arg-type] # a StrEnum's value
    assert not retired.verdict(known).accepted


def test_an_entry_that_is_trusted_for_a_time_is_asked_about_each_time(asked: Asked) -> None:
    until = CASE.at + timedelta(hours=1)
    case = replace(CASE, trust=(replace(entry("old"), trusted_until=until),))
    known = message()
    assert not asked.is_familiar(case, known)
    assert asked.is_familiar(case, known)

    assert replace(case, at=until).verdict(known).reason is Reason.RETIRED_KEY


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        ((b">1.00<", b">9.00<"), Reason.DIGEST_MISMATCH),
        ((b"T12:00:00Z</wsu:Created>", b"T11:59:59Z</wsu:Created>"), Reason.DIGEST_MISMATCH),
        ((b"</soap:Body>", b"</soap:Body><soap:Body/>"), Reason.STRUCTURE),
        ((b"</soap:Body>", b"</soap:Body><soap:Body></soap:Body>"), Reason.STRUCTURE),
        ((b"</soap:Body>", b"</soap:Body><!-- behind -->"), None),
        ((b"</soap:Body>", b"</soap:Body>\n"), None),
        ((b">1.00<", b"><!-- in -->1.00<"), Reason.STRUCTURE),
        ((b">1.00<", b"><?in?>1.00<"), Reason.DIGEST_MISMATCH),
        ((b"</soap:Body>", b"</soap:Body>text"), Reason.STRUCTURE),
        ((b"</soap:Body>", b"</soap:Body>\xc2\xa0"), Reason.STRUCTURE),
        ((b"</soap:Body>", b"</soap:Body><?behind?>"), Reason.STRUCTURE),
        ((b"</soap:Envelope>", b"</soap:Envelope><?behind?>"), Reason.STRUCTURE),
        ((b"<soap:Envelope", b"<?before?><soap:Envelope"), Reason.STRUCTURE),
        ((b">1.00<", b">1<![CDATA[.00]]><"), Reason.STRUCTURE),
        ((b">1.00<", b"><![CDATA[1.00]]><"), None),
        ((b">1.00<", b">&#49;.00<"), None),
        ((b"<ord:amount>", b'<ord:amount Id="body-1">'), Reason.DUPLICATE_ID),
        ((b"<ord:amount>", b"<ord:amount Id='body-1'>"), Reason.DUPLICATE_ID),
        ((b"<ord:amount>", b'<ord:amount Id="body&#45;1">'), Reason.DUPLICATE_ID),
        ((b'URI="#body-1"', b'URI="#body-2"'), Reason.SIGNATURE_INVALID),
        ((b'URI="#body-1"', b'URI="#ts-1"'), Reason.SIGNATURE_INVALID),
        ((b'wsu:Id="ts-1"', b'wsu:Id="body-1"'), Reason.DUPLICATE_ID),
        ((b"<soap:Body ", b'<soap:Body a="1" '), Reason.DIGEST_MISMATCH),
        ((b"<ds:SignatureValue>", "<ds:SignatureValue>é".encode()), Reason.STRUCTURE),
        ((b"<ds:SignatureValue>", b"<ds:SignatureValue>\n"), None),
        ((b"<soap:Header>", b"<soap:Header><!---->"), None),
        ((b'wsu:Id="body-1">', b'wsu:Id="body-1" >'), None),
    ],
)
def test_whatever_does_not_fit_goes_through_the_whole_procedure(
    altered: tuple[bytes, bytes], reason: Reason | None, asked: Asked
) -> None:
    known = message()
    assert altered[0] in known
    assert not asked.is_familiar(CASE, known)

    other = known.replace(*altered, 1)

    familiar = asked.is_familiar(CASE, other)
    assert CASE.verdict(other).reason is reason
    assert familiar is altered[1].endswith(b"\n")


@pytest.mark.parametrize("mark", [b"<ds:SignatureValue>", b"<wsu:Created>", b'Id="ts-1', b"<ds:DigestValue>"])
@pytest.mark.parametrize(("octets", "reason"), [(b"\x01", Reason.MALFORMED), (b"\xff", Reason.ENCODING)])
def test_what_no_parser_admits_in_a_value_is_left_to_it(
    mark: bytes, octets: bytes, reason: Reason, asked: Asked
) -> None:
    known = message()
    assert not asked.is_familiar(CASE, known)

    assert CASE.verdict(known.replace(mark, mark + octets)).reason is reason


def test_the_instant_and_the_binding_are_decided_anew(asked: Asked) -> None:
    headers = RELATED.format(1, 2)
    known = message(headers=headers)
    expecting = replace(CASE, expects=Expectation(message_id="urn:uuid:2"))
    assert not asked.is_familiar(CASE, known)
    assert asked.is_familiar(expecting, known)
    assert "unbound" in expecting.verdict(known).warnings[0]
    assert asked.is_familiar(CASE, message(headers=RELATED.format(3, 4)))

    assert replace(CASE, at=CASE.at + timedelta(days=1)).verdict(known).reason is Reason.TIMESTAMP_STALE
    assert replace(CASE, at=CASE.at - timedelta(days=1)).verdict(known).reason is Reason.TIMESTAMP_STALE


def test_a_value_that_a_parser_would_read_otherwise_is_left_to_it(asked: Asked) -> None:
    assert not asked.is_familiar(CASE, message(headers=RELATED.format(1, 2)))
    assert not asked.is_familiar(CASE, message(headers=RELATED.format("1\r\n", 2)))
    assert not asked.is_familiar(CASE, message(headers=RELATED.format("1&amp;", 2)))


def test_encrypted_and_attached_content_is_noticed_in_a_familiar_layout(asked: Asked) -> None:
    assert not asked.is_familiar(CASE, message())

    for namespace, name in ((XENC, "EncryptedData"), (XOP, "Include")):
        for quote in "\"'":
            hidden = f"<o><x:{name} xmlns:x={quote}{namespace}{quote}/></o>"
            assert not asked.is_familiar(CASE, message(inner=hidden))
            assert CASE.verdict(message(inner=hidden)).reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("body", "familiar"),
    [
        (f'<o xmlns:xsi="{XSI}" xmlns:t="urn:t" xsi:type="t:T"><t:a/></o>', False),
        (f'<o xmlns:xsi="{XSI}" xsi:nil="true"/>', True),
        (f'<t:o xmlns:xsi="{XSI}" xmlns:t="urn:t" xsi:type="t:T"/>', True),
    ],
)
def test_prefixes_in_types_are_looked_at(body: str, *, familiar: bool, asked: Asked) -> None:
    assert not asked.is_familiar(CASE, message())

    assert asked.is_familiar(CASE, message(inner=body)) is familiar


def test_a_head_that_declares_types_has_them_looked_at(asked: Asked) -> None:
    def typed(value: str) -> bytes:
        security = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        return made(
            security,
            "old",
            root_attributes=f'xmlns:xsi="{XSI}" xmlns:t="urn:t"',
            body=f'<o xsi:type="{value}"/>' if value else "<o/>",
        )

    assert not asked.is_familiar(CASE, typed(""))
    assert asked.is_familiar(CASE, typed(""))
    assert not asked.is_familiar(CASE, typed("t:T"))


def test_what_is_larger_than_admitted_is_refused_in_a_familiar_layout(asked: Asked) -> None:
    case = replace(CASE, policy=Policy(max_message_bytes=8192, max_attributes=10, max_elements=50))
    assert not asked.is_familiar(case, message())

    for large in ("x" * 8192, "<x/>" * 60, "<x " + " ".join(f'a{n}="1"' for n in range(11)) + "/>"):
        assert case.verdict(message(large)).reason is Reason.LIMITS
        assert case.verdict_anew(message(large)).reason is Reason.LIMITS


MANY: Final = "<x " + " ".join(f'a{number}="{number:0100}"' for number in range(120)) + "/>"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(message(headers="<!-- c --><x/>"), id="a comment"),
        pytest.param(message(headers="<x>&amp;</x>"), id="a character reference"),
        pytest.param(message(headers="<x a='1'/>"), id="apostrophes"),
        pytest.param(message(headers="<é/>"), id="a name beyond ASCII"),
        pytest.param(message(headers=f'<x xmlns:e="{XENC}"/>'), id="encryption"),
        pytest.param(message(headers='<x Id="a"/><x Id="a"/>'), id="one id twice"),
        pytest.param(message(headers=MANY * 2), id="more than is kept"),
        pytest.param(message(prolog="<!-- c -->"), id="a prolog"),
        pytest.param(message(headers=RELATED.format(1, 2).replace("urn:uuid:1", "")), id="an empty MessageID"),
    ],
)
def test_no_layout_for_what_could_not_be_told_by_it(head: bytes, asked: Asked) -> None:
    assert CASE.verdict(head).accepted
    assert not asked.is_familiar(CASE, head)


def test_no_layout_whose_templates_do_not_give_what_was_signed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The net under all of them: what came out once must come out of the template."""

    def distorted(document: Any, envelope: Any, security: Any, grammar: Any, octets: bytes, *others: Any) -> Any:
        return make_layout(document, envelope, security, grammar, octets + b" ", *others)

    monkeypatch.setattr(procedure, "make_layout", distorted)
    assert CASE.verdict(message()).accepted
    assert not asked.is_familiar(CASE, message())
    monkeypatch.setattr(procedure, "make_layout", make_layout)
    assert CASE.verdict(message()).accepted
    assert asked.is_familiar(CASE, message())


def test_what_is_more_than_is_kept_is_larger_than_that() -> None:
    assert len(MANY * 2) > MAX_HEAD > len(MANY)


def test_a_timestamp_without_instants_bounds_nothing(asked: Asked) -> None:
    empty = made(
        token("old") + '<wsu:Timestamp wsu:Id="ts-1"/>' + signature(BODY, TIMESTAMP, key_info=direct()),
        "old",
        body=content("1"),
    )
    case = replace(CASE, policy=Policy())
    assert not asked.is_familiar(case, empty)

    assert asked.is_familiar(case, empty)
    assert case.verdict(empty).replay_keys == ()


def test_one_snapshot_is_asked_for_its_keys_once(asked: Asked) -> None:
    """The order of the keys and what is said of the hint are remembered with the snapshot that they come from."""
    snapshot, other = TrustSnapshot.of(entry("old")), TrustSnapshot.of(entry("old"), entry("renewed"))
    documents = [message(str(number)) for number in range(4)]

    first, *more = [procedure.verify(one, snapshot, CASE.policy, CASE.at) for one in documents]
    changed = procedure.verify(documents[0], other, CASE.policy, CASE.at)

    assert asked.whole == 1
    assert all(verdict.signatures[0].hint == first.signatures[0].hint for verdict in more)
    assert [by.alias for by in changed.verified_by] == ["old", "renewed"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x",
        b"<a>",
        b"</a>",
        b"<a/><b/>",
        b"<a><b/></a>",
        b"<a><b/><c/></a>",
        b"<a><b></b></a></d>",
        b"<a b=c/>",
    ],
)
def test_what_has_no_body_has_no_head(text: bytes) -> None:
    assert start_tags(text, BODY_PATH) is None


def test_namespace_declarations_are_no_ids(asked: Asked) -> None:
    """A prefix may be called Id."""
    assert not asked.is_familiar(CASE, message(headers='<x xmlns:Id="urn:1"/><y xmlns:Id="urn:1"/>'))
    assert asked.is_familiar(CASE, message("2", headers='<x xmlns:Id="urn:1"/><y xmlns:Id="urn:1"/>'))


# Shapes: small Bodies of the same tags


def test_other_texts_between_known_tags_need_no_parser(asked: Asked) -> None:
    assert not asked.is_familiar(CASE, message("1.00"))
    # The first is canonicalized, the second seen to be canonical.
    assert asked.needs_a_parser(CASE, message("2.00"))
    assert asked.needs_a_parser(CASE, message("3.00"))

    for amount in ("4.00", "", " \n\t ", "größer", "it's", '"', "\x7f\x85\U0001f511"):
        assert not asked.needs_a_parser(CASE, message(amount))
    for amount in ("1 &amp; 2", "1 > 0", "<ord:x></ord:x>", "&quot;"):
        assert asked.needs_a_parser(CASE, message(amount))


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        ((b">1.00<", b">9.00<"), Reason.DIGEST_MISMATCH),
        ((b">1.00<", b">1.00\x01<"), Reason.MALFORMED),
        ((b">1.00<", b">1.00\xff<"), Reason.ENCODING),
        ((b">1.00<", "\ufffe".encode()), Reason.MALFORMED),
        ((b">1.00<", b">1.00]]><"), Reason.MALFORMED),
        ((b">1.00<", b">1.00&<"), Reason.MALFORMED),
        ((b">1.00<", b">1.00\r<"), Reason.DIGEST_MISMATCH),
        ((b"</ord:amount>", b""), Reason.MALFORMED),
        ((b"</ord:amount>", b"</ord:amounts>"), Reason.MALFORMED),
        ((b"</soap:Body>", b"</soap:Body>text"), Reason.STRUCTURE),
        ((b"</soap:Body>", b"</soap:Body>\xc2\xa0"), Reason.STRUCTURE),
        ((b"</soap:Body>", b"</soap:Body> \n"), None),
        ((b"</soap:Body>", b"</soap:Body >"), None),
        ((b"</soap:Body>", b"</soap:Body><?p?>"), Reason.STRUCTURE),
        ((b"</soap:Body>", b"text</soap:Body>"), Reason.DIGEST_MISMATCH),
        ((b"</soap:Body>", b""), Reason.MALFORMED),
        ((b"</soap:Envelope>", b"</soap:Envelope>\n"), None),
        ((b"</soap:Envelope>", b"</soap:Envelope>text"), Reason.MALFORMED),
        ((b"</soap:Envelope>", b"</soap:Envelope><x/>"), Reason.MALFORMED),
        ((b"</soap:Envelope>", b"</soap:Envelope><!-- x -->"), None),
        ((b"</soap:Envelope>", b""), Reason.MALFORMED),
    ],
)
def test_what_is_altered_in_a_known_shape_gets_the_verdict_that_it_gets_anew(
    altered: tuple[bytes, bytes], reason: Reason | None, asked: Asked
) -> None:
    for amount in ("2.00", "3.00", "4.00"):
        assert CASE.verdict(message(amount)).accepted
    assert not asked.needs_a_parser(CASE, message("1.00"))

    other = message("1.00").replace(*altered)

    verdict = CASE.verdict(other)
    assert verdict == CASE.verdict_anew(other)
    assert verdict.reason is reason


def test_an_id_of_the_head_in_a_known_shape_is_noticed(asked: Asked) -> None:
    """The tags say `b-2` already when the head comes to say it."""

    def named(identifier: str) -> bytes:
        text = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        return made(
            text.replace("body-1", identifier),
            "old",
            body_attributes=f'xmlns:wsu="{WSU}" wsu:Id="{identifier}"',
            body='<ord:order xmlns:ord="urn:o" Id="b-2"><ord:amount>1</ord:amount></ord:order>',
        )

    for number in (3, 4, 5):
        CASE.verdict(named(f"b-{number}"))
    assert not asked.needs_a_parser(CASE, named("b-6"))

    assert not asked.is_familiar(CASE, named("b-2"))
    assert CASE.verdict(named("b-2")).reason is Reason.DUPLICATE_ID


@pytest.mark.parametrize(
    ("inner", "operation", "is_fault"),
    [
        ("<soap:Fault><faultcode>x</faultcode></soap:Fault>", f"{{{SOAP11}}}Fault", True),
        ("<x></x>", "x", False),
    ],
)
def test_a_known_shape_tells_operation_and_fault(inner: str, operation: str, *, is_fault: bool, asked: Asked) -> None:
    for _ in range(3):
        assert CASE.verdict(message(inner=inner)).accepted
    assert not asked.needs_a_parser(CASE, message(inner=inner))

    verdict = CASE.verdict(message(inner=inner))
    assert (verdict.operation, verdict.is_fault) == (operation, is_fault)


def test_only_plain_exclusive_canonicalization_has_shapes(asked: Asked) -> None:
    """Others compare namespaces over the whole tree, and that is counted."""
    for name in ("c14n10", "c14n11", "exclusive-prefix-list-soap"):
        case = own_case(name)
        for _ in range(4):
            assert case.verdict().accepted
        assert asked.needs_a_parser(case, case.message)


def test_where_asking_for_shapes_does_not_pay_none_is_learnt(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Shapes, "is_worth_asking", lambda _: False)
        for amount in ("1", "2", "3"):
            assert CASE.verdict(message(amount)).accepted
    assert asked.needs_a_parser(CASE, message("4"))


def test_of_a_message_whose_body_is_not_signed_nothing_is_remembered(asked: Asked) -> None:
    """Anybody may have written it, and it has to be looked at for what must not stand in an unsigned place."""
    case = replace(CASE, policy=Policy(required_parts=("Timestamp",)))
    known = made(token("old") + timestamp() + signature(TIMESTAMP, key_info=direct()), "old", body="<o>1</o>")
    long = f'<q xmlns="urn:{"n" * 1100}"><x>{{}}</x></q>'

    for text in ("1", "2", "3", "4" * 6000, "xmlns= " * 300 + '"'):
        other = known.replace(b"<o>1</o>", long.format(text).encode())
        assert case.verdict(other) == case.verdict_anew(other)
    assert not asked.is_familiar(case, known)
    assert not asked.is_familiar(case, known)
    assert case.verdict(known.replace(b"<o>1</o>", b"<o><soap:Body/></o>")).reason is Reason.STRUCTURE


def test_large_messages_have_no_shapes(asked: Asked) -> None:
    small, large = message("1" * 1000), message("1" * 40_000)
    for one in (small, small, small, large):
        assert CASE.verdict(one).accepted
    assert not asked.needs_a_parser(CASE, small)

    before = asked.parsed
    assert asked.is_familiar(CASE, large)
    assert asked.parsed == before  # as a whole


def test_types_whose_prefix_is_unprotected_have_no_shape(asked: Asked) -> None:
    security = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())

    def typed(value: str) -> bytes:
        return made(
            security,
            "old",
            root_attributes=f'xmlns:xsi="{XSI}" xmlns:t="urn:t"',
            body=f'<t:o xmlns:t="urn:t" xmlns:xsi="{XSI}" xsi:type="{value}"></t:o>',
        )

    for _ in range(4):
        assert "unprotected" not in str(CASE.verdict(typed("t:T")).warnings)
    assert not asked.needs_a_parser(CASE, typed("t:T"))


def test_header_blocks_that_seem_to_declare_much_are_counted(asked: Asked) -> None:
    """A long namespace name is admitted in a message of few declarations alone: the header counts as well."""
    crowd = f"<y>{'xmlns=' * 260}</y>"
    long = f'<o:o xmlns:o="urn:{"n" * 1100}">1</o:o>'
    assert not asked.is_familiar(CASE, message(headers=crowd))

    assert CASE.verdict(message(inner=long, headers=crowd)).reason is Reason.LIMITS
    assert CASE.verdict(message(inner=long)).accepted


@pytest.mark.parametrize("method", [transform_with_prefixes(" ".join(f"p{n}" for n in range(60))), C14N10])
def test_namespaces_are_counted_for_a_body_that_is_written_in_canonical_form(method: str, asked: Asked) -> None:
    declared = " ".join(f'xmlns:p{n}="urn:{n}"' for n in range(60))
    security = token("old") + timestamp() + signature(Reference("#body-1", (method,)), TIMESTAMP, key_info=direct())

    def of(elements: int) -> bytes:
        return made(security, "old", root_attributes=declared, body=f'<o xmlns="urn:o">{"<a></a>" * elements}</o>')

    for elements in (1, 2, 3):
        assert CASE.verdict(of(elements)).accepted
    assert asked.is_familiar(CASE, of(4))

    assert CASE.verdict(of(20_000)).reason is Reason.LIMITS
    assert CASE.verdict_anew(of(20_000)).reason is Reason.LIMITS


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param("".join(f"<x{n}/>" for n in range(MAX_TAGS)), id="more elements than are kept"),
        pytest.param("".join(f"<x>{n}</x>" for n in range(MAX_VALUES)), id="more values than are kept"),
    ],
)
def test_unsigned_header_blocks_make_nothing_dear(headers: str, asked: Asked) -> None:
    assert len(headers) < MAX_HEAD
    assert not asked.is_familiar(CASE, message(headers=headers))
    assert not asked.is_familiar(CASE, message(headers=headers))


def test_whoever_chooses_the_content_type_fills_no_memory(asked: Asked) -> None:
    known = message()
    for number in range(EAGER + 130):  # after which two more have been learnt than the eager ones
        assert replace(CASE, content_type=f"text/xml; x={number}").verdict(known).accepted

    [policy] = asked.memory._known.values()
    assert sum(len(layouts) for layouts in policy.by_type.values()) == MOST_OF_ONE_POLICY
    assert policy.misses == EAGER + 130


def test_a_long_namespace_name_is_admitted_in_small_messages_alone(asked: Asked) -> None:
    """So a head with one, which is not parsed again, is not remembered."""
    declared = f'<x xmlns="urn:{"n" * 1100}"/>'
    assert not asked.is_familiar(CASE, message(headers=declared))

    assert not asked.is_familiar(CASE, message("2.00", headers=declared))
    assert CASE.verdict(message("1" * 8192, headers=declared)).reason is Reason.LIMITS


# The memory


def test_the_content_type_and_the_policy_are_part_of_a_layout(asked: Asked) -> None:
    assert not asked.is_familiar(CASE, message())
    assert asked.is_familiar(CASE, message())

    assert not asked.is_familiar(replace(CASE, content_type="application/soap+xml"), message())
    assert not asked.is_familiar(replace(CASE, policy=Policy()), message())


def test_few_layouts_are_kept_and_the_used_ones_stay(asked: Asked) -> None:
    def shaped(number: int) -> bytes:
        return message(headers=f"<x{number}/>")

    assert not asked.is_familiar(CASE, shaped(0))
    for number in range(1, MOST_LAYOUTS + 3):
        assert not asked.is_familiar(CASE, shaped(number))
        if number < MOST_LAYOUTS:
            assert asked.is_familiar(CASE, shaped(0))

    [known] = asked.memory._known.values()
    [layouts] = known.by_type.values()
    assert len(layouts) == MOST_LAYOUTS
    assert not asked.is_familiar(CASE, shaped(1))


def test_a_signer_who_never_repeats_himself_is_not_learnt_from_for_ever(asked: Asked) -> None:
    for number in range(EAGER):
        assert not asked.is_familiar(CASE, message(headers=f"<x{number}/>"))

    late = message(headers="<late/>")
    assert not asked.is_familiar(CASE, late)
    assert not asked.is_familiar(CASE, late)
    for _ in range(64):
        CASE.verdict(late)
    assert asked.is_familiar(CASE, late)


def test_more_shapes_than_are_kept_are_not_learnt_in_turns(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would push out the one that comes next."""
    learnt: list[None] = []
    add = LayoutMemory.add
    monkeypatch.setattr(LayoutMemory, "add", lambda *given: learnt.append(add(*given)))
    shapes = [message(headers=f"<x{number}/>") for number in range(MOST_LAYOUTS + 1)]

    for _ in range(40):
        for shape in shapes:
            assert CASE.verdict(shape).accepted

    assert len(learnt) <= EAGER + 40 * len(shapes) // 64
    assert asked.whole < 20 * len(shapes)


def test_the_memory_of_policies_is_bounded() -> None:
    memory = LayoutMemory()
    policies = [Policy(max_elements=1000 + number) for number in range(MOST_POLICIES + 5)]

    assert all(memory.wants(policy) for policy in policies)

    assert len(memory._known) == MOST_POLICIES
    assert memory.recognise(b"", policies[0], None) is None
    assert memory.recognise(b"", policies[-1], None) is None


def test_equal_policies_share_what_is_known_of_messages(asked: Asked) -> None:
    """Whoever makes a policy for each message learns once, and pushes out nothing that others have taught."""
    kept = replace(CASE, policy=CASE.policy.model_copy(update={"max_elements": 1000}))
    assert not asked.is_familiar(kept, message())
    assert not asked.is_familiar(CASE, message())

    for number in range(2 * MOST_POLICIES):
        anew = replace(CASE, policy=CASE.policy.model_copy())
        assert anew.policy is not CASE.policy
        whole = asked.whole
        assert anew.verdict(message(str(number % 9))).accepted
        assert asked.whole == whole

    assert len(asked.memory._known) == 2
    assert len(asked.memory._seen) <= MOST_POLICIES
    assert asked.is_familiar(kept, message())


def test_of_a_message_with_an_assertion_nothing_is_remembered(asked: Asked) -> None:
    """A KeyInfo takes the key from its texts, which would be values of a layout."""
    case = own_case("saml2-holder-of-key")

    assert not asked.is_familiar(case)
    assert not asked.is_familiar(case)


def test_a_verifier_owns_what_it_remembers(asked: Asked) -> None:
    one, other = Verifier(CASE.policy), Verifier(CASE.policy)
    trust = TrustSnapshot.of(*CASE.trust)

    def needs_the_whole(verifier: Verifier) -> bool:
        whole = asked.whole
        assert verifier.verify(message(), trust, CASE.at, content_type=CASE.content_type) == CASE.verdict_anew(
            message()
        )
        return asked.whole == whole + 2

    assert needs_the_whole(one)
    assert not needs_the_whole(one)
    assert needs_the_whole(other)
    assert asked.memory._known == {}
    with pytest.raises(ValueError, match="time zone"):
        one.verify(message(), trust, datetime(2026, 1, 1))  # noqa: DTZ001 - what must be refused


def test_a_policy_that_is_not_known_any_more_learns_nothing(asked: Asked) -> None:
    """Between asking and learning another thread may have pushed it out."""
    assert not asked.is_familiar(CASE, message())
    [layouts] = asked.memory._known[CASE.policy].by_type.values()
    memory, policy = LayoutMemory(), Policy()

    memory.add(layouts[0], policy, None)

    assert memory._known == {}


def test_what_is_parsed_in_part_is_too_small_for_what_its_header_may_add_to() -> None:
    """The rules of parsing.py on names and their repetition are asked of what is left of it alone."""
    assert familiar_body._SMALL // 4 * MAX_NAMESPACE_NAME <= MAX_NAMESPACE_OCTETS
    assert LONGEST_OPERATION <= MAX_NAMESPACE_NAME


def test_a_head_that_ends_early_is_not_recognised(asked: Asked) -> None:
    known = message()
    assert not asked.is_familiar(CASE, known)

    for mark in (b"<soap:E", b"BinarySecurityToken", b"body-1", b"<soap:Body", b'"body-1">'):
        assert CASE.verdict(known[: known.index(mark) + 2]).reason is Reason.MALFORMED


def test_a_snapshot_tells_whether_it_changes_with_time() -> None:
    old = entry("old")

    assert not TrustSnapshot.of(old).changes_with_time
    assert TrustSnapshot.of(replace(old, trusted_until=CASE.at)).changes_with_time
