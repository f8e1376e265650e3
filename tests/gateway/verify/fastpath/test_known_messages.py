"""Known messages: what is remembered of how a partner writes them saves time, and changes no verdict."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

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
from fixtures.manifest import Case, entry, own_case, own_cases, public_cases
from gateway.verify import Expectation, Policy, Reason, Verdict, Verifier, verifier
from gateway.verify.conditions import Conditions
from gateway.verify.document import Document
from gateway.verify.document_limits import MAX_NAMESPACE_NAME, MAX_NAMESPACE_OCTETS
from gateway.verify.fastpath import accept_known, known_body, learn
from gateway.verify.fastpath.body_tags import TagSequences
from gateway.verify.fastpath.header_prefix import BODY as BODY_PATH
from gateway.verify.fastpath.header_prefix import MAX_PREFIX, MAX_TAGS, MAX_VALUES, start_tags
from gateway.verify.fastpath.known_body import MOST_PARSED_IN_PART
from gateway.verify.fastpath.memory import EAGER, MOST_TEMPLATES, SELDOM, KnownMessages
from gateway.verify.fastpath.template_making import make_template
from gateway.verify.findings import Examination
from gateway.verify.parsing import parse_admitted
from gateway.verify.procedure import examine
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


def conditions_of(case: Case) -> Conditions:
    return Conditions(TrustSnapshot.of(*case.trust), case.policy, case.at, case.content_type, case.expects)


class Asked:
    """Verifiers, one for each policy, and what they had to do for a verdict."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.whole = 0
        """Messages that went through the whole procedure."""
        self.parsed = 0
        """Known messages that were parsed without their header."""
        self._verifiers: dict[Policy, Verifier] = {}

        def parsed(text: bytes, policy: Policy, known: int, size: int) -> Document:
            self.parsed += 1
            return parse_admitted(text, policy, known, size)

        def counted(message: bytes, conditions: Conditions, parsed: Document | None = None) -> Examination:
            self.whole += 1
            return examine(message, conditions, parsed)

        monkeypatch.setattr(known_body, "parse_admitted", parsed)
        monkeypatch.setattr(verifier, "examine", counted)

    def verifier(self, policy: Policy) -> Verifier:
        """The one for `policy`."""
        return self._verifiers.setdefault(policy, Verifier(policy))

    def verdict(self, case: Case, document: bytes | None = None) -> Verdict:
        """What is said under the conditions of the case by the verifier for its policy."""
        return case.verdict_by(self.verifier(case.policy), document)

    def is_known(self, case: Case, document: bytes | None = None) -> bool:
        """Whether the verdict came without the whole procedure; it is the same in any case."""
        before = self.whole
        verdict = self.verdict(case, document)
        known = self.whole == before
        assert verdict == case.verdict(document)
        assert verdict.accepted or not known
        return known

    def needs_a_parser(self, case: Case, document: bytes) -> bool:
        """Whether a message that is accepted by its template was parsed."""
        before = self.parsed
        assert self.is_known(case, document)
        return self.parsed > before


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


@pytest.mark.parametrize("case", list(accepted_cases()), ids=lambda case: case.id)
def test_the_second_verdict_is_the_first(case: Case, asked: Asked, count: Count) -> None:
    assert not asked.is_known(case)

    count("accepted messages, seen twice", "by their template" if asked.is_known(case) else "by the whole procedure", 1)


def test_other_values_in_a_known_template(asked: Asked) -> None:
    """Other digests, signature value and content, the same head around them."""
    assert not asked.is_known(CASE, message())
    for amount in (
        "2.00",
        "3.00 ",
        "",
        "<ord:x>1</ord:x>" * 500,
        "¥",
        "a & b".replace("&", "&amp;"),
        'O\'Neil said "yes"',
    ):
        assert asked.is_known(CASE, message(amount))


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
def test_faults_and_operations_in_a_known_template(
    inner: str, operation: str | None, *, is_fault: bool, asked: Asked
) -> None:
    assert not asked.is_known(CASE, message())

    assert asked.is_known(CASE, message(inner=inner))
    verdict = asked.verdict(CASE, message(inner=inner))
    assert (verdict.is_fault, verdict.operation) == (is_fault, operation)


def test_other_ids_in_a_known_template(asked: Asked) -> None:
    def renamed(number: int) -> bytes:
        text = (token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())).replace(
            "body-1", f"b-{number}"
        )
        return made(text, "old", body_attributes=f'xmlns:wsu="{WSU}" wsu:Id="b-{number}"', body=content(str(number)))

    assert not asked.is_known(CASE, renamed(1))
    assert asked.is_known(CASE, renamed(2))
    assert asked.is_known(CASE, renamed(31337))


def test_long_ids_that_begin_alike_are_two_in_a_known_template(asked: Asked) -> None:
    def named(prefix: str) -> bytes:
        text = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        for short, name in (("body-1", f"{prefix}-1"), ("ts-1", f"{prefix}-2")):
            text = text.replace(short, name)
        return made(text, "old", body_attributes=f'xmlns:wsu="{WSU}" wsu:Id="{prefix}-1"', body=content("1"))

    assert not asked.is_known(CASE, named("short"))
    assert asked.is_known(CASE, named("x" * 120))


def test_an_entry_that_is_there_twice_is_named_once(asked: Asked) -> None:
    case = replace(CASE, trust=(entry("old"), entry("old")))
    assert not asked.is_known(case, message())
    assert asked.is_known(case, message())

    assert [by.alias for by in asked.verdict(case, message()).verified_by] == ["old"]


def test_threads_share_what_is_remembered() -> None:
    """One prefix more than are kept, so that templates come and go while they are used."""
    documents = [message(str(n), headers=f"<x{n % (MOST_TEMPLATES + 1)}/>") for n in range(2 * (MOST_TEMPLATES + 1))]
    documents += [document.replace(b"<ord:amount>", b"<ord:amount>9") for document in documents[:MOST_TEMPLATES]]
    expected = [CASE.verdict(document) for document in documents]
    assert {verdict.accepted for verdict in expected} == {True, False}
    shared = Verifier(CASE.policy)

    def verified(start: int) -> list[bool]:
        order = [(start + 5 * step) % len(documents) for step in range(6 * len(documents))]
        return [CASE.verdict_by(shared, documents[n]) == expected[n] for n in order]

    with ThreadPoolExecutor(8) as threads:
        assert all(all(same) for same in threads.map(verified, range(8)))


def test_both_keys_of_a_renewal_have_templates(asked: Asked) -> None:
    case = replace(CASE, trust=(entry("old"), entry("new")))

    def by(signer: str, amount: str) -> bytes:
        security = token(signer) + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        return made(security, signer, body=content(amount))

    assert [asked.is_known(case, by(signer, "1")) for signer in ("old", "new")] == [False, False]
    assert [asked.is_known(case, by(signer, "2")) for signer in ("old", "new", "new", "old")] == [True] * 4


def test_a_template_that_names_no_key_tells_who_signed(asked: Asked) -> None:
    case = replace(CASE, trust=(entry("old"), entry("new")))

    def by(signer: str) -> bytes:
        return made(timestamp() + signature(BODY, TIMESTAMP, key_info=""), signer, body=content("1"))

    assert not asked.is_known(case, by("old"))
    trust, one = TrustSnapshot.of(*case.trust), asked.verifier(case.policy)
    for signer in ("new", "old", "old", "new"):
        verdict = one.verify(by(signer), trust, case.at, content_type=case.content_type)
        assert verdict == case.verdict(by(signer))
        assert [by.alias for by in verdict.verified_by] == [signer]
    assert asked.whole == 2 + 4  # the first, and each time by the whole procedure as well


def test_a_known_message_is_judged_by_what_is_trusted_now(asked: Asked) -> None:
    known = message()
    assert not asked.is_known(CASE, known)
    assert asked.is_known(CASE, known)

    assert asked.verdict(replace(CASE, trust=()), known).reason is Reason.UNKNOWN_KEY
    assert replace(CASE, trust=(entry("new"),)).verdict(known).reason is Reason.UNKNOWN_KEY
    retired = replace(CASE, trust=tuple(replace(e, state="retired") for e in CASE.trust))  # type: ignore[arg-type] # a StrEnum's value
    assert not asked.verdict(retired, known).accepted


def test_an_entry_that_is_trusted_for_a_time_is_asked_about_each_time(asked: Asked) -> None:
    until = CASE.at + timedelta(hours=1)
    case = replace(CASE, trust=(replace(entry("old"), trusted_until=until),))
    known = message()
    assert not asked.is_known(case, known)
    assert asked.is_known(case, known)

    assert asked.verdict(replace(case, at=until), known).reason is Reason.RETIRED_KEY


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
    assert not asked.is_known(CASE, known)

    other = known.replace(*altered, 1)

    by_template = asked.is_known(CASE, other)
    assert asked.verdict(CASE, other).reason is reason
    assert by_template is altered[1].endswith(b"\n")


@pytest.mark.parametrize("mark", [b"<ds:SignatureValue>", b"<wsu:Created>", b'Id="ts-1', b"<ds:DigestValue>"])
@pytest.mark.parametrize(("octets", "reason"), [(b"\x01", Reason.MALFORMED), (b"\xff", Reason.ENCODING)])
def test_what_no_parser_admits_in_a_value_is_left_to_it(
    mark: bytes, octets: bytes, reason: Reason, asked: Asked
) -> None:
    known = message()
    assert not asked.is_known(CASE, known)

    assert asked.verdict(CASE, known.replace(mark, mark + octets)).reason is reason


def test_the_instant_and_the_binding_are_decided_anew(asked: Asked) -> None:
    headers = RELATED.format(1, 2)
    known = message(headers=headers)
    expecting = replace(CASE, expects=Expectation(message_id="urn:uuid:2"))
    assert not asked.is_known(CASE, known)
    assert asked.is_known(expecting, known)
    assert "unbound" in asked.verdict(expecting, known).warnings[0]
    assert asked.is_known(CASE, message(headers=RELATED.format(3, 4)))

    assert asked.verdict(replace(CASE, at=CASE.at + timedelta(days=1)), known).reason is Reason.TIMESTAMP_STALE
    assert asked.verdict(replace(CASE, at=CASE.at - timedelta(days=1)), known).reason is Reason.TIMESTAMP_STALE


def test_a_value_that_a_parser_would_read_otherwise_is_left_to_it(asked: Asked) -> None:
    assert not asked.is_known(CASE, message(headers=RELATED.format(1, 2)))
    assert not asked.is_known(CASE, message(headers=RELATED.format("1\r\n", 2)))
    assert not asked.is_known(CASE, message(headers=RELATED.format("1&amp;", 2)))


def test_encrypted_and_attached_content_is_noticed_in_a_known_template(asked: Asked) -> None:
    assert not asked.is_known(CASE, message())

    for namespace, name in ((XENC, "EncryptedData"), (XOP, "Include")):
        for quote in "\"'":
            hidden = f"<o><x:{name} xmlns:x={quote}{namespace}{quote}/></o>"
            assert not asked.is_known(CASE, message(inner=hidden))
            assert asked.verdict(CASE, message(inner=hidden)).reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (f'<o xmlns:xsi="{XSI}" xmlns:t="urn:t" xsi:type="t:T"><t:a/></o>', False),
        (f'<o xmlns:xsi="{XSI}" xsi:nil="true"/>', True),
        (f'<t:o xmlns:xsi="{XSI}" xmlns:t="urn:t" xsi:type="t:T"/>', True),
    ],
)
def test_prefixes_in_types_are_looked_at(body: str, *, known: bool, asked: Asked) -> None:
    assert not asked.is_known(CASE, message())

    assert asked.is_known(CASE, message(inner=body)) is known


def test_a_prefix_that_declares_types_has_them_looked_at(asked: Asked) -> None:
    def typed(value: str) -> bytes:
        security = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        return made(
            security,
            "old",
            root_attributes=f'xmlns:xsi="{XSI}" xmlns:t="urn:t"',
            body=f'<o xsi:type="{value}"/>' if value else "<o/>",
        )

    assert not asked.is_known(CASE, typed(""))
    assert asked.is_known(CASE, typed(""))
    assert not asked.is_known(CASE, typed("t:T"))


def test_what_is_larger_than_admitted_is_refused_in_a_known_template(asked: Asked) -> None:
    case = replace(CASE, policy=Policy(max_message_bytes=8192, max_attributes=10, max_elements=50))
    assert not asked.is_known(case, message())

    for large in ("x" * 8192, "<x/>" * 60, "<x " + " ".join(f'a{n}="1"' for n in range(11)) + "/>"):
        assert asked.verdict(case, message(large)).reason is Reason.LIMITS
        assert case.verdict(message(large)).reason is Reason.LIMITS


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
def test_no_template_for_what_could_not_be_told_by_it(head: bytes, asked: Asked) -> None:
    assert asked.verdict(CASE, head).accepted
    assert not asked.is_known(CASE, head)


def test_no_template_whose_patterns_do_not_give_what_was_signed(asked: Asked) -> None:
    """The net under all of them: what came out once must come out of the pattern."""
    acceptance = examine(message(), conditions_of(CASE)).acceptance
    assert acceptance is not None
    [one] = acceptance.carrying
    known = KnownMessages()

    learn(known, replace(acceptance, carrying=[replace(one, octets=one.octets + b" ")]))
    assert len(known) == 0
    learn(known, acceptance)
    assert len(known) == 1


def test_what_is_more_than_is_kept_is_larger_than_that() -> None:
    assert len(MANY * 2) > MAX_PREFIX > len(MANY)


def test_a_timestamp_without_instants_bounds_nothing(asked: Asked) -> None:
    empty = made(
        token("old") + '<wsu:Timestamp wsu:Id="ts-1"/>' + signature(BODY, TIMESTAMP, key_info=direct()),
        "old",
        body=content("1"),
    )
    case = replace(CASE, policy=Policy())
    assert not asked.is_known(case, empty)

    assert asked.is_known(case, empty)
    assert asked.verdict(case, empty).replay_keys == ()


def test_one_snapshot_is_asked_for_its_keys_once(asked: Asked) -> None:
    """The order of the keys and what is said of the hint are remembered with the snapshot that they come from."""
    snapshot, other = TrustSnapshot.of(entry("old")), TrustSnapshot.of(entry("old"), entry("renewed"))
    documents = [message(str(number)) for number in range(4)]
    one = asked.verifier(CASE.policy)

    first, *more = [one.verify(document, snapshot, CASE.at) for document in documents]
    changed = one.verify(documents[0], other, CASE.at)

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
    assert not asked.is_known(CASE, message(headers='<x xmlns:Id="urn:1"/><y xmlns:Id="urn:1"/>'))
    assert asked.is_known(CASE, message("2", headers='<x xmlns:Id="urn:1"/><y xmlns:Id="urn:1"/>'))


# Small Bodies of the same tags


def test_other_texts_between_known_tags_need_no_parser(asked: Asked) -> None:
    assert not asked.is_known(CASE, message("1.00"))
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
def test_what_is_altered_between_known_tags_gets_the_verdict_that_it_gets_anew(
    altered: tuple[bytes, bytes], reason: Reason | None, asked: Asked
) -> None:
    for amount in ("2.00", "3.00", "4.00"):
        assert asked.verdict(CASE, message(amount)).accepted
    assert not asked.needs_a_parser(CASE, message("1.00"))

    other = message("1.00").replace(*altered)

    verdict = asked.verdict(CASE, other)
    assert verdict == CASE.verdict(other)
    assert verdict.reason is reason


def test_an_id_of_the_prefix_in_known_tags_is_noticed(asked: Asked) -> None:
    """The tags say `b-2` already when the prefix comes to say it."""

    def named(identifier: str) -> bytes:
        text = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())
        return made(
            text.replace("body-1", identifier),
            "old",
            body_attributes=f'xmlns:wsu="{WSU}" wsu:Id="{identifier}"',
            body='<ord:order xmlns:ord="urn:o" Id="b-2"><ord:amount>1</ord:amount></ord:order>',
        )

    for number in (3, 4, 5):
        asked.verdict(CASE, named(f"b-{number}"))
    assert not asked.needs_a_parser(CASE, named("b-6"))

    assert not asked.is_known(CASE, named("b-2"))
    assert asked.verdict(CASE, named("b-2")).reason is Reason.DUPLICATE_ID


@pytest.mark.parametrize(
    ("inner", "operation", "is_fault"),
    [
        ("<soap:Fault><faultcode>x</faultcode></soap:Fault>", f"{{{SOAP11}}}Fault", True),
        ("<x></x>", "x", False),
    ],
)
def test_known_tags_tell_operation_and_fault(inner: str, operation: str, *, is_fault: bool, asked: Asked) -> None:
    for _ in range(3):
        assert asked.verdict(CASE, message(inner=inner)).accepted
    assert not asked.needs_a_parser(CASE, message(inner=inner))

    verdict = asked.verdict(CASE, message(inner=inner))
    assert (verdict.operation, verdict.is_fault) == (operation, is_fault)


def test_only_with_plain_exclusive_canonicalization_are_tags_known(asked: Asked) -> None:
    """Others compare namespaces over the whole tree, and that is counted."""
    for name in ("c14n10", "c14n11", "exclusive-prefix-list-soap"):
        case = own_case(name)
        for _ in range(4):
            assert asked.verdict(case).accepted
        assert asked.needs_a_parser(case, case.message)


def test_where_asking_for_tags_does_not_pay_none_are_learnt(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(TagSequences, "is_worth_asking", lambda _: False)
        for amount in ("1", "2", "3"):
            assert asked.verdict(CASE, message(amount)).accepted
    assert asked.needs_a_parser(CASE, message("4"))


def test_of_a_message_whose_body_is_not_signed_nothing_is_remembered(asked: Asked) -> None:
    """Anybody may have written it, and it has to be looked at for what must not stand in an unsigned place."""
    case = replace(CASE, policy=Policy(required_parts=("Timestamp",)))
    known = made(token("old") + timestamp() + signature(TIMESTAMP, key_info=direct()), "old", body="<o>1</o>")
    long = f'<q xmlns="urn:{"n" * 1100}"><x>{{}}</x></q>'

    for text in ("1", "2", "3", "4" * 6000, "xmlns= " * 300 + '"'):
        other = known.replace(b"<o>1</o>", long.format(text).encode())
        assert asked.verdict(case, other) == case.verdict(other)
    assert not asked.is_known(case, known)
    assert not asked.is_known(case, known)
    assert asked.verdict(case, known.replace(b"<o>1</o>", b"<o><soap:Body/></o>")).reason is Reason.STRUCTURE


def test_tags_of_large_messages_are_not_remembered(asked: Asked) -> None:
    small, large = message("1" * 1000), message("1" * 40_000)
    for one in (small, small, small, large):
        assert asked.verdict(CASE, one).accepted
    assert not asked.needs_a_parser(CASE, small)

    before = asked.parsed
    assert asked.is_known(CASE, large)
    assert asked.parsed == before  # as a whole
    assert not asked.is_known(CASE, large.replace(b"<ord:amount>", b"<!-- c --><ord:amount>"))
    assert not asked.is_known(CASE, large.replace(b"<ord:amount>", b"<ord:amount><ord:open>"))


def test_tags_count_with_plain_exclusive_canonicalization_alone() -> None:
    """Even where a template says otherwise."""
    inclusive = transform_with_prefixes("soap")
    security = token("old") + timestamp() + signature(Reference("#body-1", (inclusive,)), TIMESTAMP, key_info=direct())
    document, conditions = made(security, "old", body="<o><a>1</a></o>"), conditions_of(CASE)
    acceptance = examine(document, conditions).acceptance
    assert acceptance is not None
    template = make_template(acceptance)
    assert template is not None
    assert template.body_tags is None
    known = KnownMessages()
    known.add(replace(template, body_tags=TagSequences()))

    accepted = []
    for _ in range(4):
        found = known.recognise(document)
        assert found is not None
        verdict, _ = accept_known(document, found, conditions)
        accepted.append(verdict is not None)

    assert accepted == [True, True, False, False]


def test_tags_with_types_whose_prefix_is_protected_are_remembered(asked: Asked) -> None:
    security = token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct())

    def typed(value: str) -> bytes:
        return made(
            security,
            "old",
            root_attributes=f'xmlns:xsi="{XSI}" xmlns:t="urn:t"',
            body=f'<t:o xmlns:t="urn:t" xmlns:xsi="{XSI}" xsi:type="{value}"></t:o>',
        )

    for _ in range(4):
        assert "unprotected" not in str(asked.verdict(CASE, typed("t:T")).warnings)
    assert not asked.needs_a_parser(CASE, typed("t:T"))


def test_header_blocks_that_seem_to_declare_much_are_counted(asked: Asked) -> None:
    """A long namespace name is admitted in a message of few declarations alone: the header counts as well."""
    crowd = f"<y>{'xmlns=' * 260}</y>"
    long = f'<o:o xmlns:o="urn:{"n" * 1100}">1</o:o>'
    assert not asked.is_known(CASE, message(headers=crowd))

    assert asked.verdict(CASE, message(inner=long, headers=crowd)).reason is Reason.LIMITS
    assert asked.verdict(CASE, message(inner=long)).accepted


@pytest.mark.parametrize("method", [transform_with_prefixes(" ".join(f"p{n}" for n in range(60))), C14N10])
def test_namespaces_are_counted_for_a_body_that_is_written_in_canonical_form(method: str, asked: Asked) -> None:
    declared = " ".join(f'xmlns:p{n}="urn:{n}"' for n in range(60))
    security = token("old") + timestamp() + signature(Reference("#body-1", (method,)), TIMESTAMP, key_info=direct())

    def of(elements: int) -> bytes:
        return made(security, "old", root_attributes=declared, body=f'<o xmlns="urn:o">{"<a></a>" * elements}</o>')

    for elements in (1, 2, 3):
        assert asked.verdict(CASE, of(elements)).accepted
    assert asked.is_known(CASE, of(4))

    assert asked.verdict(CASE, of(20_000)).reason is Reason.LIMITS
    assert CASE.verdict(of(20_000)).reason is Reason.LIMITS


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param("".join(f"<x{n}/>" for n in range(MAX_TAGS)), id="more elements than are kept"),
        pytest.param("".join(f"<x>{n}</x>" for n in range(MAX_VALUES)), id="more values than are kept"),
    ],
)
def test_unsigned_header_blocks_make_nothing_dear(headers: str, asked: Asked) -> None:
    assert len(headers) < MAX_PREFIX
    assert not asked.is_known(CASE, message(headers=headers))
    assert not asked.is_known(CASE, message(headers=headers))


def test_a_long_namespace_name_is_admitted_in_small_messages_alone(asked: Asked) -> None:
    """So a prefix with one, which is not parsed again, is not remembered."""
    declared = f'<x xmlns="urn:{"n" * 1100}"/>'
    assert not asked.is_known(CASE, message(headers=declared))

    assert not asked.is_known(CASE, message("2.00", headers=declared))
    assert asked.verdict(CASE, message("1" * 8192, headers=declared)).reason is Reason.LIMITS


# The memory


def test_whatever_the_content_type_is_the_template_is_the_same(asked: Asked) -> None:
    """What it may decide is decided anew, so that whoever chooses it fills no memory."""
    known = message()
    assert not asked.is_known(CASE, known)

    for content_type in (None, "", "text/xml", "application/soap+xml", "text/xml; charset=UTF-8", "text/plain; x=1"):
        assert asked.is_known(replace(CASE, content_type=content_type), known)
    for content_type, reason in (
        ("multipart/related; boundary=b", Reason.STRUCTURE),
        ("text/xml; charset=utf-8; charset=latin1", Reason.ENCODING),
        ("text/xml; charset=utf-16", Reason.ENCODING),
        ("text/xml; charset=iso-8859-1", Reason.ENCODING),
    ):
        case = replace(CASE, content_type=content_type)
        assert not asked.is_known(case, known)
        assert asked.verdict(case, known).reason is reason


def test_few_templates_are_kept_and_the_used_ones_stay(asked: Asked) -> None:
    def shaped(number: int) -> bytes:
        return message(headers=f"<x{number}/>")

    assert not asked.is_known(CASE, shaped(0))
    for number in range(1, MOST_TEMPLATES):
        assert not asked.is_known(CASE, shaped(number))
        assert asked.is_known(CASE, shaped(0))
    for _ in range(SELDOM):  # the next that is learnt from
        asked.verdict(CASE, shaped(MOST_TEMPLATES))

    assert asked.is_known(CASE, shaped(MOST_TEMPLATES))
    assert asked.is_known(CASE, shaped(0))
    assert not asked.is_known(CASE, shaped(1))


def test_a_signer_who_never_repeats_himself_is_not_learnt_from_for_ever(asked: Asked) -> None:
    for number in range(EAGER):
        assert not asked.is_known(CASE, message(headers=f"<x{number}/>"))

    late = message(headers="<late/>")
    assert not asked.is_known(CASE, late)
    assert not asked.is_known(CASE, late)
    for _ in range(SELDOM):
        asked.verdict(CASE, late)
    assert asked.is_known(CASE, late)


def test_more_prefixes_than_are_kept_are_not_learnt_in_turns(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would push out the one that comes next."""
    learnt: list[None] = []
    add = KnownMessages.add
    monkeypatch.setattr(KnownMessages, "add", lambda *given: learnt.append(add(*given)))
    documents = [message(headers=f"<x{number}/>") for number in range(MOST_TEMPLATES + 1)]

    for _ in range(40):
        for document in documents:
            assert asked.verdict(CASE, document).accepted

    assert len(learnt) <= EAGER + 40 * len(documents) // SELDOM
    assert asked.whole < 20 * len(documents)


def test_a_memory_is_bounded() -> None:
    known = KnownMessages()
    for number in range(EAGER + 1):
        acceptance = examine(message(headers=f"<x{number}/>"), conditions_of(CASE)).acceptance
        assert acceptance is not None
        template = make_template(acceptance)
        assert template is not None
        known.add(template)

    assert len(known) == MOST_TEMPLATES
    assert known.recognise(message(headers="<x0/>")) is None
    assert known.recognise(message(headers=f"<x{EAGER}/>")) is not None
    assert known.recognise(b"") is None


@pytest.mark.parametrize("identifier", ["two-signatures-any", "timestamp-unsigned", "latin1-allowed"])
def test_a_message_that_more_would_have_to_be_known_of_has_no_template(identifier: str) -> None:
    acceptance = examine(own_case(identifier).message, conditions_of(own_case(identifier))).acceptance
    assert acceptance is not None

    assert make_template(acceptance) is None


def test_a_verifier_owns_what_it_remembers(asked: Asked) -> None:
    one, other = Verifier(CASE.policy), Verifier(CASE.policy)
    assert (one.fast_path, Verifier(CASE.policy, fast_path=False).fast_path) == (True, False)

    def needs_the_whole(verifier: Verifier) -> bool:
        whole = asked.whole
        assert CASE.verdict_by(verifier, message()).accepted
        return asked.whole > whole

    assert needs_the_whole(one)
    assert not needs_the_whole(one)
    assert needs_the_whole(other)
    with pytest.raises(ValueError, match="time zone"):
        one.verify(message(), TrustSnapshot.of(*CASE.trust), datetime(2026, 1, 1))  # noqa: DTZ001 - what must be refused


def test_the_function_remembers_nothing(asked: Asked) -> None:
    for number in range(1, 5):
        assert CASE.verdict(message()).accepted
        assert asked.whole == number


@pytest.mark.parametrize("case", list(accepted_cases()), ids=lambda case: case.id)
def test_without_the_fast_path_every_message_goes_through_the_whole_procedure(case: Case, asked: Asked) -> None:
    slow, fast = Verifier(case.policy, fast_path=False), Verifier(case.policy)

    for number in range(1, 4):
        whole = asked.whole
        assert case.verdict_by(slow) == case.verdict_by(fast) == case.verdict()
        assert asked.whole >= whole + 2
        assert number == 1 or asked.whole <= whole + 3


@pytest.mark.parametrize("case", [*own_cases(), *public_cases()], ids=lambda case: case.id)
def test_with_and_without_the_fast_path_the_verdicts_are_the_same(case: Case) -> None:
    slow, fast = Verifier(case.policy, fast_path=False), Verifier(case.policy)

    assert [case.verdict_by(fast) for _ in range(4)] == [case.verdict_by(slow)] * 4


def test_of_a_message_with_an_assertion_nothing_is_remembered(asked: Asked) -> None:
    """A KeyInfo takes the key from its texts, which would be values of a template."""
    case = own_case("saml2-holder-of-key")

    assert not asked.is_known(case)
    assert not asked.is_known(case)


def test_what_is_parsed_in_part_is_too_small_for_what_its_header_may_add_to() -> None:
    """The limits on names and their repetition are asked of what is left of it alone."""
    assert MOST_PARSED_IN_PART // 4 * MAX_NAMESPACE_NAME <= MAX_NAMESPACE_OCTETS


def test_a_prefix_that_ends_early_is_not_recognised(asked: Asked) -> None:
    known = message()
    assert not asked.is_known(CASE, known)

    for mark in (b"<soap:E", b"BinarySecurityToken", b"body-1", b"<soap:Body", b'"body-1">'):
        assert asked.verdict(CASE, known[: known.index(mark) + 2]).reason is Reason.MALFORMED


def test_a_snapshot_tells_whether_it_changes_with_time() -> None:
    old = entry("old")

    assert not TrustSnapshot.of(old).changes_with_time
    assert TrustSnapshot.of(replace(old, trusted_until=CASE.at)).changes_with_time
