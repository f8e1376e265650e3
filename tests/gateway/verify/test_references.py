"""Step 9: what a Reference names, what its transforms make of it, and whether the digest is that of it."""

import pytest

from fixtures.generator import uris
from fixtures.generator.keys import der
from fixtures.generator.signing import sign
from fixtures.generator.soap import (
    BODY,
    STR_TRANSFORM,
    Envelope,
    Reference,
    direct,
    encode,
    issuer_serial,
    key_identifier,
    signature,
    str_reference,
    thumbprint,
    token,
    transform_with_prefixes,
    x509_data,
)
from fixtures.manifest import own_case, trust
from gateway.verify import Reason, Verdict, verify
from gateway.verify.grammar import MAX_SIGNATURES
from gateway.verify.references import MAX_CONTAINERS, path_of
from keystore import TrustSnapshot
from tests.gateway.verify.documents import element

NOTHING = encode(bytes(32))
STR_ID = f'xmlns:wsu="{uris.WSU}" wsu:Id="str-1"'
TOKEN_REFERENCE = Reference("#str-1", (STR_TRANSFORM,))


def judged(
    security: str, *signers: str, trusted: tuple[str, ...] = ("old",), added: str = "", **envelope: str
) -> Verdict:
    """The verdict on a message signed in place, to which the header blocks `added` were added afterwards."""
    message = sign(Envelope(security, **envelope).text(), *signers)  # type: ignore[arg-type] # fields of Envelope
    message = message.replace(b"</soap:Header>", f"{added}</soap:Header>".encode())
    case = own_case("bst-x509v3")
    return verify(message, TrustSnapshot.of(*trust(*trusted)), case.policy, case.at, content_type=case.content_type)


# Names and places


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('<a><Body Id="x"/></a>', "/a/Body"),
        ('<a xmlns="urn:a"><b><Timestamp Id="x"/></b></a>', "/a/b/Timestamp"),
        ('<é Id="x"/>', "/\\xe9"),
    ],
)
def test_a_place_is_shown(text: str, path: str) -> None:
    assert path_of(element(text)) == path


def test_what_is_shown_is_short() -> None:
    assert len(path_of(element("<a>" * 90 + '<b Id="x"/>' + "</a>" * 90))) <= 240


# What may be covered, and how often


@pytest.mark.parametrize("outwards", [False, True])
@pytest.mark.parametrize("count", [MAX_CONTAINERS, MAX_CONTAINERS + 1])
def test_signed_elements_may_stand_within_each_other_to_a_depth(count: int, *, outwards: bool) -> None:
    """By a signer that is trusted, in whatever order he names them; the Body is one of them."""
    body = "".join(f'<n Id="n{number}">' for number in range(count)) + "x" + "</n>" * count
    references = [BODY, *(Reference(f"#n{number}") for number in range(count))]
    if outwards:
        references.reverse()

    verdict = judged(token("old") + signature(*references, key_info=direct()), "old", body=body)

    assert verdict.accepted is (count == MAX_CONTAINERS)
    assert verdict.accepted or verdict.reason is Reason.LIMITS


def test_many_signed_elements_may_stand_beside_each_other() -> None:
    body = "".join(f'<n Id="n{number}"/>' for number in range(12))
    references = [BODY, *(Reference(f"#n{number}") for number in range(12))]

    assert judged(token("old") + signature(*references, key_info=direct()), "old", body=body).accepted


@pytest.mark.parametrize(
    ("size", "alike", "accepted"), [(1_000_000, False, True), (4_000_000, False, False), (4_000_000, True, True)]
)
def test_the_budget_is_that_of_the_message(size: int, *, alike: bool, accepted: bool) -> None:
    """One element canonicalized in many ways, by a signer that is trusted; in one way, it is done once."""
    seals = [
        signature(
            Reference("#body-1", (transform_with_prefixes("p" if alike else f"p{number}"),)),
            key_info=direct(),
            number=number,
        )
        for number in range(MAX_SIGNATURES)
    ]

    verdict = judged(token("old") + "".join(seals), *["old"] * len(seals), body="x" * size)

    assert verdict.accepted is accepted
    assert accepted or verdict.reason is Reason.LIMITS


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (Reference("#gone", digest=NOTHING), Reason.REFERENCE_URI),
        (Reference("cid:attachment", digest=NOTHING), Reason.REFERENCE_URI),
        (Reference("#twin", digest=NOTHING), Reason.DUPLICATE_ID),
        (Reference("#header", (uris.ENVELOPED, uris.EXCLUSIVE), digest=NOTHING), Reason.TRANSFORM_NOT_ALLOWED),
        (Reference("#twin-1", (STR_TRANSFORM,), digest=NOTHING), Reason.TRANSFORM_NOT_ALLOWED),
        (Reference("#relative", digest=NOTHING), Reason.STRUCTURE),
        (Reference("#split", digest=NOTHING), Reason.STRUCTURE),
        (Reference("#instructed", digest=NOTHING), Reason.DIGEST_MISMATCH),
        (Reference("#twin-1", digest=NOTHING), Reason.DIGEST_MISMATCH),
    ],
)
def test_a_reference_that_fails_ends_its_signature(reference: Reference, reason: Reason) -> None:
    blocks = (
        '<a Id="twin"/><b Id="twin"/><c Id="twin-1"/><d xmlns:r="relative" Id="relative"/>'
        '<e Id="split">1<!-- -->0</e><f Id="instructed"><?p?></f>'
    )
    security = token("old") + signature(BODY, reference, key_info=direct())

    verdict = judged(security, "old", added=blocks, security_attributes='Id="header"')

    assert verdict.reason is reason, verdict.detail
    assert verdict.verified_by == ()
    assert verdict.signatures[0].reason is reason


def test_what_was_found_before_the_failure_is_recorded() -> None:
    security = token("old") + signature(BODY, Reference("#gone", digest=NOTHING), key_info=direct())

    parts = judged(security, "old").signatures[0].parts

    assert [(part.name, part.path, part.intact) for part in parts] == [("Body", "/Envelope/Body", True)]


# The STR-Transform (WSS-Core 8.3)


def signed_token(key_info: str, *, trusted: tuple[str, ...] = ("old",), before: str = "", **envelope: str) -> Verdict:
    return judged(before + signature(BODY, TOKEN_REFERENCE, key_info=key_info), "old", trusted=trusted, **envelope)


@pytest.mark.parametrize(
    ("key_info", "before", "trusted"),
    [
        (direct(attributes=STR_ID), token("old"), ("old",)),
        (str_reference(x509_data("old"), STR_ID), "", ("old",)),
        (key_identifier(uris.X509V3, der("old"), STR_ID), "", ("old",)),
        # Described alone: the keystore knows the certificate.
        (issuer_serial("old", STR_ID), "", ("old",)),
        (issuer_serial("old", STR_ID), "", ("new", "old")),
        (key_identifier(uris.THUMBPRINT, thumbprint("old"), STR_ID), "", ("old",)),
    ],
)
def test_a_token_is_signed_through_its_reference(key_info: str, before: str, trusted: tuple[str, ...]) -> None:
    verdict = signed_token(key_info, before=before, trusted=trusted)

    assert verdict.accepted, verdict.detail
    assert len(verdict.signatures[0].parts) == 2


def test_a_token_in_a_default_namespace_keeps_it() -> None:
    own = token("old").replace("wsse:BinarySecurityToken", "BinarySecurityToken")
    own = own.replace("<BinarySecurityToken", f'<BinarySecurityToken xmlns="{uris.WSSE}"')

    assert signed_token(direct(attributes=STR_ID), before=own).accepted


def test_a_token_that_was_exchanged_is_noticed() -> None:
    case = own_case("str-transform-bst")
    old, new = encode(der("old")).encode(), encode(der("renewed")).encode()
    assert case.verdict().accepted
    assert old in case.message

    verdict = case.verdict(case.message.replace(old, new))

    assert verdict.reason is Reason.DIGEST_MISMATCH
    assert "BinarySecurityToken" in verdict.detail or "SecurityTokenReference" in verdict.detail


def test_a_described_token_that_nobody_holds_is_refused() -> None:
    security = signature(
        BODY, Reference("#str-1", (STR_TRANSFORM,), digest=NOTHING), key_info=issuer_serial("new", STR_ID)
    )

    verdict = judged(security, "old")

    assert verdict.reason is Reason.REFERENCE_URI
    assert "neither the message nor the keystore holds" in verdict.detail


def test_a_described_token_is_made_exclusively_canonical() -> None:
    inclusive = Reference("#str-1", (STR_TRANSFORM.replace(uris.EXCLUSIVE, uris.C14N10),), digest=NOTHING)

    verdict = judged(signature(BODY, inclusive, key_info=issuer_serial("old", STR_ID)), "old")

    assert verdict.reason is Reason.TRANSFORM_NOT_ALLOWED
    assert "must canonicalize exclusively" in verdict.detail


def test_a_reference_in_a_default_namespace_describes_the_same_token() -> None:
    """Its prefix goes into the form that is digested; the signer here writes one with a prefix, so that it differs."""
    prefixed = issuer_serial("old", STR_ID)
    plain = prefixed.replace("wsse:SecurityTokenReference", "SecurityTokenReference")
    plain = plain.replace("<SecurityTokenReference", f'<SecurityTokenReference xmlns="{uris.WSSE}"')
    security = signature(BODY, Reference("#str-1", (STR_TRANSFORM,), digest=NOTHING), key_info=plain)

    first = judged(security, "old").signatures[0].parts[1]
    second = judged(security.replace(plain, prefixed), "old").signatures[0].parts[1]

    assert first.name == second.name
    assert first.digest != second.digest


def test_a_stranger_makes_nobody_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests under a stranger's signature prove nothing: they are not computed, however good the value is."""
    asked: list[object] = []
    monkeypatch.setattr("gateway.verify.references.canonicalize", lambda *given: asked.append(given))

    verdict = judged(token("foreign") + signature(BODY, key_info=direct()), "foreign")

    assert verdict.reason is Reason.UNKNOWN_KEY
    assert asked == []
