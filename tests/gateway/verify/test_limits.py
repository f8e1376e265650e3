"""Rule 28: what hostile input may cost. Counted is work, not time.

Two attackers: one signs with a key of his own and sends its certificate along, the other takes a message that a trusted
key signed and puts his content into it. The first gets no further than the signature value. The second makes us
canonicalize and digest what he wrote: that is where the traps are. The messages are made at run time, since many are
too large to commit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from lxml import etree

from fixtures.generator import uris
from fixtures.generator.signing import sign
from fixtures.generator.soap import (
    BODY,
    Envelope,
    Reference,
    direct,
    encode,
    key_info,
    signature,
    str_reference,
    token,
    transform_with_prefixes,
)
from fixtures.manifest import own_case
from gateway.verify import Reason, Verdict, references
from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.grammar import MAX_REFERENCES, MAX_SIGNATURES
from gateway.verify.signature_value import SignedOctets
from keystore import SigningKey

STRANGER, TRUSTED = "foreign", "old"
MOST_BYTES = 210_000
SIZE = 150_000
NOTHING = encode(bytes(32))
MOST_OCTETS = 16 + MAX_SIGNATURES
"""Octets of canonical forms that one octet of a message may cost: the budget, and a form for each signature that
finds it used up."""
MOST_CHECKS = MAX_SIGNATURES * (len(own_case("bst-x509v3").trust) + 4)
"""Signature checks: every trusted key for every signature, and the few certificates that a message carries."""


@dataclass
class Work:
    """What a verification did."""

    octets: int = 0
    """Of the canonical forms of what References name."""
    forms: int = 0
    checks: int = 0
    """Signature values computed with a key."""


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts what is done from now on."""
    found = Work()
    is_signed_by = SignedOctets.is_signed_by

    def counted(element: etree._Element, method: Canonicalization, *others: object) -> bytes:
        form = canonicalize(element, method, *others)  # type: ignore[arg-type] # passed on as they are
        found.octets += len(form)
        found.forms += 1
        return form

    def checked(signed: SignedOctets, key: SigningKey, value: bytes) -> bool:
        found.checks += 1
        return is_signed_by(signed, key, value)

    monkeypatch.setattr(references, "canonicalize", counted)
    monkeypatch.setattr(SignedOctets, "is_signed_by", checked)
    return found


def judged(message: bytes) -> Verdict:
    return own_case("bst-x509v3").verdict(message)


# Messages


def repeated(unit: str, size: int = SIZE) -> str:
    return unit * (size // len(unit))


def attributes(name: str, count: int) -> str:
    return " ".join(f'{name}{number}="urn:{number}"' for number in range(count))


def signed(signer: str, *covered: Reference, body: str = "", count: int = 1, prolog: str = "") -> bytes:
    """Signature values by `signer` over digests that cost and do not hold: the content came afterwards."""
    seals = "".join(signature(*(covered or (ANY,)), key_info=direct(), number=n) for n in range(count))
    envelope = Envelope(token(signer) + seals, body="@body@", body_attributes='Id="body-1"', prolog="<!--@prolog@-->")
    message = sign(envelope.text(), *[signer] * count)
    return message.replace(b"@body@", body.encode()).replace(b"<!--@prolog@-->", prolog.encode())


ANY = Reference("#body-1", digest=NOTHING)
INCLUSIVE = Reference("#body-1", (uris.C14N10,), digest=NOTHING)
INCLUSIVE_11 = Reference("#body-1", (uris.C14N11,), digest=NOTHING)
WITH_PREFIXES = Reference("#body-1", (transform_with_prefixes(" ".join(f"n{n}" for n in range(64))),), digest=NOTHING)
NESTED = tuple(Reference(f"#n{number}", digest=NOTHING) for number in range(MAX_REFERENCES))
NESTED_INCLUSIVE = tuple(Reference(f"#n{n}", (uris.C14N10,), digest=NOTHING) for n in range(MAX_REFERENCES))
LONG = "urn:" + "x" * 60_000


def nested(content: str) -> str:
    """Elements within each other, each with an id that `NESTED` refers to."""
    opening = "".join(f'<n Id="n{number}">' for number in range(MAX_REFERENCES))
    return opening + content + "</n>" * MAX_REFERENCES


def crowd(content: str, count: int = 240) -> str:
    """`content` with many namespaces in scope."""
    return f"<a {attributes('xmlns:n', count)}>{content}</a>"


# What the trusted signer's message is rejected for; the stranger's is at most an unknown key.
LIMITS = frozenset({Reason.LIMITS})
ALTERED = frozenset({Reason.DIGEST_MISMATCH})
EITHER = LIMITS | ALTERED

CONTENT: dict[str, tuple[Callable[[str], bytes], frozenset[Reason]]] = {
    "nothing but tags": (lambda by: signed(by, body=repeated("<a/>")), ALTERED),
    "attributes on one element": (lambda by: signed(by, body=f"<a {attributes('a', 10_000)}/>"), LIMITS),
    "attributes on many elements": (lambda by: signed(by, body=repeated(f"<a {attributes('a', 128)}/>")), ALTERED),
    "namespaces on one element": (lambda by: signed(by, body=f"<a {attributes('xmlns:n', 8_000)}/>"), LIMITS),
    "namespaces at every depth": (
        lambda by: signed(by, body="".join(f'<a xmlns:n{n}="urn:{n}">' for n in range(5_000)) + "</a>" * 5_000),
        LIMITS,
    ),
    "namespaces x elements, C14N 1.0": (lambda by: signed(by, INCLUSIVE, body=crowd(repeated("<b/>"))), LIMITS),
    "namespaces x elements, C14N 1.1": (lambda by: signed(by, INCLUSIVE_11, body=crowd(repeated("<b/>"))), LIMITS),
    "namespaces x elements, PrefixList": (lambda by: signed(by, WITH_PREFIXES, body=crowd(repeated("<b/>"))), LIMITS),
    "namespaces x elements, exclusive": (lambda by: signed(by, body=crowd(repeated('<n1:b n2:a="1"/>'))), EITHER),
    "namespaces x elements, in parts": (
        lambda by: signed(by, *NESTED_INCLUSIVE, body=nested(crowd(repeated("<b/>", 20_000)))),
        EITHER,
    ),
    "a long namespace name, used everywhere": (
        lambda by: signed(by, body=f'<a xmlns:p="{LONG}">{repeated("<p:b/>", 100_000)}</a>'),
        LIMITS,
    ),
    "a long default namespace, used everywhere": (
        lambda by: signed(by, body=f'<z:a xmlns:z="urn:z" xmlns="{LONG}">{repeated("<b/>", 100_000)}</z:a>'),
        LIMITS,
    ),
    "a long namespace name far from its xmlns": (
        lambda by: signed(by, body=f'<z:a xmlns:z="urn:z" xmlns{" " * 400}="{LONG}">{repeated("<b/>", 100_000)}</z:a>'),
        LIMITS,
    ),
    "a long namespace name with a long prefix": (
        lambda by: signed(by, body=f'<a xmlns:{"p" * 400}="{LONG}">{repeated("<" + "p" * 400 + ":b/>", 100_000)}</a>'),
        LIMITS,
    ),
    "a long namespace name on attributes": (
        lambda by: signed(
            by, body=f'<a xmlns:p="{LONG}">{repeated("<b p:c=_1_/>".replace("_", chr(34)), 100_000)}</a>'
        ),
        LIMITS,
    ),
    "many long namespace names": (
        lambda by: signed(
            by,
            body="<a "
            + " ".join(f'xmlns:p{n}="urn:{n}:{"x" * 3_000}"' for n in range(20))
            + ">"
            + repeated("<p1:b p2:c='' p3:c='' p4:c=''/>", 90_000)
            + "</a>",
        ),
        LIMITS,
    ),
    "deep": (lambda by: signed(by, body="<a>" * 20_000 + "</a>" * 20_000), LIMITS),
    "comments": (lambda by: signed(by, body=repeated("<!---->")), ALTERED),
    "comments between white space": (lambda by: signed(by, body=repeated("<!----> ")), ALTERED),
    "comments in many elements": (lambda by: signed(by, body=repeated("<a><!----> </a>")), ALTERED),
    "comments, and text at last": (
        lambda by: signed(by, body=repeated("<!---->") + "x"),
        frozenset({Reason.STRUCTURE}),
    ),
    "instructions": (lambda by: signed(by, body=repeated("<?p?>")), frozenset({Reason.STRUCTURE})),
    "instructions everywhere else": (lambda by: signed(by, prolog=repeated("<?p?>")), ALTERED),
    "ids": (lambda by: signed(by, body="".join(f'<a Id="i{number}"/>' for number in range(9_000))), ALTERED),
    "one id very often": (
        lambda by: signed(by, body=repeated('<a Id="body-2"/>').replace("2", "1")),
        frozenset({Reason.DUPLICATE_ID}),
    ),
    "types": (
        lambda by: signed(
            by,
            body='<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t">'
            + repeated('<b xsi:type="t:x"/>')
            + "</a>",
        ),
        ALTERED,
    ),
    "CDATA sections": (lambda by: signed(by, body=repeated("<![CDATA[]]>")), ALTERED),
    "CDATA sections between white space": (lambda by: signed(by, body=repeated("<![CDATA[]]> ")), ALTERED),
    "CDATA sections of text": (lambda by: signed(by, body=repeated("<![CDATA[a]]> ")), ALTERED),
    "CDATA sections between text": (lambda by: signed(by, body=repeated("<![CDATA[a]]>b")), ALTERED),
    "one long text": (lambda by: signed(by, body="A" * SIZE), ALTERED),
    "characters that grow": (lambda by: signed(by, body=repeated('"&gt;&lt;')), ALTERED),
    "references within each other": (lambda by: signed(by, *NESTED, body=nested(repeated("<b>t</b>"))), LIMITS),
    "references within each other, inclusive": (
        lambda by: signed(by, *NESTED_INCLUSIVE, body=nested(repeated("<b>t</b>"))),
        LIMITS,
    ),
    "references within each other, many signatures": (
        lambda by: signed(by, *NESTED, body=nested(repeated("<b>t</b>", 80_000)), count=MAX_SIGNATURES),
        LIMITS,
    ),
    "an inherited attribute, many references": (
        lambda by: signed(
            by, *NESTED_INCLUSIVE, body=f'<a xml:lang="{"x" * 100_000}">{nested("")}</a>', count=MAX_SIGNATURES
        ),
        LIMITS,
    ),
}
"""What the body may hold -> the message by a signer, and what it is rejected for where the signer is trusted."""


@pytest.mark.parametrize("name", CONTENT)
def test_content_in_a_trusted_message_costs_in_proportion(name: str, work: Work) -> None:
    make, reasons = CONTENT[name]
    message = make(TRUSTED)
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in reasons, verdict.detail
    assert work.octets <= MOST_OCTETS * len(message) + 65_536
    assert work.checks <= MOST_CHECKS


@pytest.mark.parametrize("name", CONTENT)
def test_content_in_a_strangers_message_is_not_looked_at(name: str, work: Work) -> None:
    make, _ = CONTENT[name]
    message = make(STRANGER)
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in {Reason.UNKNOWN_KEY, Reason.LIMITS}, verdict.detail
    assert work == Work(checks=work.checks)
    assert work.checks <= MOST_CHECKS


def test_the_counters_count(work: Work) -> None:
    """The control: an honest message is canonicalized once a Reference, and checked with its key."""
    assert own_case("timestamp-signed").verdict().accepted

    assert work.forms == 2
    assert work.octets > 300
    assert 1 <= work.checks <= len(own_case("timestamp-signed").trust)


# The grammar: what is refused before anything is computed


def edited(case: str, old: bytes, new: bytes) -> bytes:
    message = own_case(case).message
    assert old in message
    return message.replace(old, new, 1)


def by_stranger(key_information: str, **given: str) -> bytes:
    return sign(Envelope(signature(BODY, key_info=key_information, **given)).text(), STRANGER)  # type: ignore[arg-type] # by name


GRAMMAR: dict[str, tuple[Callable[[], bytes], frozenset[Reason]]] = {
    "many signatures": (lambda: signed(TRUSTED, count=40), LIMITS),
    "signatures without end": (
        lambda: edited(
            "bst-x509v3",
            b"</wsse:Security>",
            f'<ds:Signature xmlns:ds="{uris.DS}"/>'.encode() * 3_000 + b"</wsse:Security>",
        ),
        LIMITS,
    ),
    "references without end": (
        lambda: signed(TRUSTED, *(Reference(f"#r{number}", digest=NOTHING) for number in range(500))),
        LIMITS,
    ),
    "transforms without end": (
        lambda: signed(TRUSTED, Reference("#body-1", (uris.EXCLUSIVE,) * 1_500, digest=NOTHING)),
        LIMITS,
    ),
    "prefixes without end": (
        lambda: edited("exclusive-prefix-list", b'PrefixList="', b'PrefixList="' + b"a " * 60_000),
        LIMITS,
    ),
    "a long reference": (
        lambda: edited("bst-x509v3", b'URI="#body-1', b'URI="#' + b"b" * SIZE),
        frozenset({Reason.REFERENCE_URI}),
    ),
    "a long digest": (
        lambda: edited("bst-x509v3", b"<ds:DigestValue>", b"<ds:DigestValue>" + b"A" * SIZE),
        frozenset({Reason.STRUCTURE}),
    ),
    "headers without end": (
        lambda: edited(
            "bst-x509v3", b"</soap:Header>", f'<w:Security xmlns:w="{uris.WSSE}"/>'.encode() * 1_000 + b"</soap:Header>"
        ),
        LIMITS,
    ),
}


@pytest.mark.parametrize("name", GRAMMAR)
def test_grammar_is_refused_before_it_costs_anything(name: str, work: Work) -> None:
    make, reasons = GRAMMAR[name]
    message = make()
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in reasons, verdict.detail
    assert work == Work()


# The key: whatever is said about it, a few checks at most

KEYS: dict[str, Callable[[], bytes]] = {
    "a long signature value": lambda: edited(
        "bst-x509v3", b"<ds:SignatureValue>", b"<ds:SignatureValue>" + b"AAAA" * 40_000
    ),
    "a long issuer name": lambda: by_stranger(
        str_reference(
            "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>"
            + repeated("CN=a+O=b\\,,")
            + "</ds:X509IssuerName><ds:X509SerialNumber>4097</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>"
        )
    ),
    "a long serial number": lambda: edited(
        "unknown-key-issuer-serial", b"<ds:X509SerialNumber>", b"<ds:X509SerialNumber>" + b"9" * SIZE
    ),
    "a long key name": lambda: by_stranger(key_info(f"<ds:KeyName>{'CN=a,' * 30_000}</ds:KeyName>")),
    "a huge key": lambda: by_stranger(
        key_info(
            f"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{encode(bytes([255]) * 40_000)}</ds:Modulus>"
            f"<ds:Exponent>{encode(bytes([255]) * 40_000)}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
        )
    ),
    "certificates without end": lambda: by_stranger(
        key_info(
            "<ds:X509Data>"
            + f"<ds:X509Certificate>{encode(b'no certificate')}</ds:X509Certificate>" * 2_000
            + "</ds:X509Data>"
        )
    ),
    "good certificates without end": lambda: by_stranger(
        key_info(
            "<ds:X509Data>"
            + token("new").replace("wsse:BinarySecurityToken", "ds:X509Certificate").replace("wsu:Id", "Id") * 100
            + "</ds:X509Data>"
        )
    ),
    "key forms without end": lambda: by_stranger(key_info("<ds:KeyName>a</ds:KeyName>" * 5_000)),
}


@pytest.mark.parametrize("name", KEYS)
def test_what_is_said_about_the_key_costs_a_few_checks(name: str, work: Work) -> None:
    message = KEYS[name]()
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in {Reason.UNKNOWN_KEY, Reason.SIGNATURE_INVALID}, verdict.detail
    assert work.octets == 0
    assert work.checks <= len(own_case("bst-x509v3").trust) + 4
    assert len(verdict.detail) < 500


# The document: what never gets as far as a signature

UNSIGNED = own_case("unsigned").message
DOCUMENTS: dict[str, tuple[Callable[[], bytes], frozenset[Reason]]] = {
    "deep and unclosed": (lambda: b"<a>" * 50_000, frozenset({Reason.MALFORMED, Reason.LIMITS})),
    "entities": (lambda: edited("bst-x509v3", b"4711", b"&#65;" * 30_000), ALTERED),
    "undefined entities": (lambda: edited("bst-x509v3", b"4711", b"&a;" * 50_000), frozenset({Reason.MALFORMED})),
    "one long attribute": (lambda: edited("bst-x509v3", b"4711", b'<a b="' + b"A" * SIZE + b'"/>'), ALTERED),
    "one long name": (lambda: edited("bst-x509v3", b"4711", b"<" + b"a" * SIZE + b"/>"), EITHER | {Reason.MALFORMED}),
    "one long comment": (lambda: b"<!--" + b" " * SIZE + b"-->" + UNSIGNED, frozenset({Reason.UNSIGNED})),
    "long white space": (lambda: b" " * SIZE + UNSIGNED, frozenset({Reason.UNSIGNED})),
    "a long declaration": (lambda: b"<?xml " + b" " * SIZE + b"?>" + UNSIGNED, frozenset({Reason.MALFORMED})),
    "instructions before the root": (lambda: b"<?p?>" * 30_000 + UNSIGNED, frozenset({Reason.UNSIGNED})),
    "comments that never end": (lambda: b"<!---->" * 20_000 + b"<!--", frozenset({Reason.MALFORMED})),
    "quotes that never end": (lambda: b'<a b="' + b"xmlns='" * 20_000, frozenset({Reason.MALFORMED})),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_is_rejected(name: str, work: Work) -> None:
    make, reasons = DOCUMENTS[name]
    message = make()
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in reasons, verdict.detail
    assert work.octets <= 2 * len(message)
    assert len(verdict.detail) < 500


def test_fifty_megabytes_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the message was parsed")

    message = own_case("bst-x509v3").message + b" " * 50_000_000
    monkeypatch.setattr("gateway.verify.parsing._parsed", refuse)

    assert judged(message).reason is Reason.LIMITS
