"""Altered multipart messages that were signed: whatever is accepted of them leaves as what the message says.

Nobody signs in which order attachments come, nor how their transfer encoding and their line ends are written where they
are text, nor the spelling where they are XML (WSS-SwA 1.1.1, 5.4): two attachments of one canonical form are the same.
"""

from collections import Counter
from typing import Any

import pytest

from gateway.verify import Policy
from gateway.verify.verdict import SignedPart
from tests.conftest import Count
from tests.gateway.verify.multipart_messages import COMPLETE, CONTENT, Part, made, signed_part
from tests.gateway.verify.multipart_messages import judged as verdict_on
from tests.mutation.mime_mutants import MIME_RULES, mime_mutants
from tests.mutation.signed_multipart import FORMS, SIGNED, SignedMessage, Verify, signed_message

AT_LEAST = 5000


def judged(message: SignedMessage, verify: Verify) -> tuple[Counter[tuple[str, str]], list[str]]:
    """How the mutants of a message fare by rule, and those of which something else leaves."""
    fates: Counter[tuple[str, str]] = Counter()
    findings = []
    for mutant in mime_mutants(message.source):
        found = list(message.released(mutant.content_type, mutant.body, verify))
        accepted = {one.unsigned for one in found}
        fate = "accepted" if "refuse" in accepted else "accepted without its unsigned parts" if accepted else "rejected"
        fates[mutant.name.split(": ")[1], fate] += 1
        findings += [
            f"{mutant.name} ({one.form}, {one.unsigned}): {wrong}"
            for one in found
            if (wrong := message.difference(one)) is not None
        ]
    return fates, findings


@pytest.mark.parametrize("case_id", SIGNED)
def test_whatever_leaves_of_a_mutant_is_what_was_signed(case_id: str, count: Count) -> None:
    message = signed_message(case_id)
    fates, findings = judged(message, message.verifying())

    assert not findings, "\n".join([f"{len(findings)}", *findings[:40]])
    for (rule, fate), number in fates.items():
        count("mutants of signed multipart messages by rule", f"{rule}: {fate}", number)
    for rule in MIME_RULES:
        assert fates[rule, "rejected"], f"nothing of {rule!r} is rejected"
    # And not everything is: what changes nothing that counts is somebody's honest message.
    assert fates.total() - sum(fates[rule, "rejected"] for rule in MIME_RULES) > 100


def test_there_are_many() -> None:
    sources = [signed_message(case_id).source for case_id in SIGNED]
    made = {(mutant.content_type, mutant.body) for source in sources for mutant in mime_mutants(source)}
    assert len(made) >= AT_LEAST


@pytest.mark.parametrize("case_id", SIGNED)
def test_the_message_itself_leaves_as_its_manifest_says(case_id: str) -> None:
    """Else nothing could be held against it."""
    message = signed_message(case_id)
    content = [part for part in message.case.attachments if not part.token]

    assert message.honest.keys() == set(FORMS)
    for form, honest in message.honest.items():
        included = {part.content_id for part in content if part.included}
        # What is so short that it could be the base64 of a word is put into the message.
        named = {part.content_id for part in content if part.included and (part.size >= 100 or len(part.covered) > 1)}
        assert {name for name, _ in honest.included} == (named if form == "rebuild" else set())
        kept = {part.content_id for part in content if part.covered} - included
        assert {name for name, _ in honest.attachments} == kept


@pytest.mark.parametrize("module", ["references", "attachment_references"])
def test_a_digest_that_is_not_compared_is_noticed(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: where every digest of elements, or of attachments, agrees, others leave, and each is found."""

    def intact(**fields: Any) -> SignedPart:
        return SignedPart(**fields | {"intact": True})

    monkeypatch.setattr(f"gateway.verify.{module}.SignedPart", intact)
    message = signed_message("cxf/mtom-and-swa")
    _, findings = judged(message, message.verifying())

    said = Counter(finding.rpartition(": ")[2] for finding in findings)
    assert said["another SOAP message" if module == "references" else "other attachments"] > 10


@pytest.mark.parametrize(
    ("signed", "content_type", "altered"),
    [
        (b"a\r\nb", "text/plain", b"a\nb"),
        (b"a\r\nb", "text/plain", b"a\rb"),
        (b'<a b="1"></a>', "text/xml", b"<!-- c --><a b='1'/>"),
    ],
)
def test_nobody_signs_the_type_of_a_part_whose_content_alone_is_signed(
    signed: bytes, content_type: str, altered: bytes
) -> None:
    """Nor, by another type, its octets: text may end its lines otherwise, XML be spelled otherwise (5.4.2, 5.4.3).

    That is a limit of the profile, and no fault of a verification: such parts come from honest signers too. Who signs
    the head as well signs the type.
    """
    part = Part("a@example", (signed,))
    for transform, types, octets, is_accepted in (
        (CONTENT, "application/octet-stream", altered, False),
        (CONTENT, content_type, altered, True),
        (COMPLETE, content_type, altered, False),
    ):
        head = b"Content-Type:application/octet-stream\r\n" if transform == COMPLETE else b""
        message = made(signed_part(part, head, signed, transform=transform))
        came = Part("a@example", (octets,), types)
        verdict = verdict_on(message, [came], Policy(attachments="rebuild"))
        assert verdict.accepted is is_accepted, verdict.detail
    honest = verdict_on(made(signed_part(part, signed)), [part], Policy())
    assert honest.accepted
