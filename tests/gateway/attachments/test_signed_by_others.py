"""Multipart messages that other stacks signed: judged, let go in every form, and judged again as they leave."""

import hashlib
import re
from dataclasses import replace
from datetime import datetime

import pytest

from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.manifest import entry
from gateway.attachments import Leaving, OpenedBody, open_body, what_leaves
from gateway.verify import Attachment, Policy, Verdict, Verifier
from keystore import TrustSnapshot

CASES = multipart_cases()
FORMS = ("inline", "rebuild")


def opened_case(case: MultipartCase, **policy: str) -> tuple[OpenedBody, Policy]:
    asked = Policy.model_validate({**case.policy, **case.needs, **policy})
    # As a field that was folded is taken from the wire.
    content_type = re.sub(r"\r\n(?=[ \t])", "", case.content_type)
    return open_body(case.body, content_type, asked), asked


def verdict_on(opened: OpenedBody, case: MultipartCase, policy: Policy) -> Verdict:
    trust = TrustSnapshot.of(*[entry(alias) for alias in case.trust])
    return Verifier(policy).verify(
        opened.message,
        trust,
        datetime.fromisoformat(case.at),
        content_type=opened.content_type,
        attachments=opened.attachments,
    )


def digests(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_it_is_judged_as_its_manifest_says(case: MultipartCase) -> None:
    opened, policy = opened_case(case)
    verdict = verdict_on(opened, case, policy)

    assert verdict.accepted is case.accepted, verdict.detail
    assert verdict.reason == case.reason
    assert {by.alias for by in verdict.verified_by} == case.verified_by
    if not verdict.accepted:
        return
    assert [(one.sha256, one.size, one.covered, one.included, one.is_token) for one in verdict.attachments] == [
        (part.sha256, part.size, bool(part.covered) and not part.token, part.included, part.token)
        for part in case.attachments
    ]
    assert [one.head_covered for one in verdict.attachments] == [
        "complete" in part.covered for part in case.attachments
    ]


@pytest.mark.parametrize("case", [case for case in CASES if case.needs], ids=lambda case: case.id)
def test_what_needs_a_setting_is_refused_without_it(case: MultipartCase) -> None:
    opened, _ = opened_case(case)
    assert not verdict_on(opened, case, Policy.model_validate(case.policy)).accepted


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", [case for case in CASES if case.accepted], ids=lambda case: case.id)
def test_what_leaves_is_what_was_signed(case: MultipartCase, form: str) -> None:
    """It is read again, with the attachments octet for octet as digested, and the signature is as good as before."""
    if "attachments" in case.needs and form == "inline":
        return
    opened, policy = opened_case(case, **({} if "attachments" in case.needs else {"attachments": form}))
    verdict = verdict_on(opened, case, policy)
    leaving = what_leaves(opened, verdict, policy)

    again = open_body(leaving.body, _type(leaving, verdict), policy)
    told = verdict_on(again, case, policy)
    # What a signature says of a name, of a part that is in the message now, or of a description of which a comment was
    # left out, nobody can check again.
    is_checkable = (
        policy.attachments != "references"
        and case.id != "wss4j/complete-description"
        and not (form == "inline" and any(part.included and "content" in part.covered for part in case.attachments))
    )
    if is_checkable:
        assert told.accepted, told.detail
        assert told.verified_by == verdict.verified_by
    content = [
        one if one.head_covered or one.included else replace(one, sha256=_as_digested(part))
        for one, part in zip(verdict.attachments, opened.attachments.parts, strict=True)
        if not one.is_token
    ]
    left = {(one.content_id, one.sha256) for one in told.attachments}
    if form == "rebuild":
        # What is short is put in: it could be a text of the message that somebody sent as an attachment.
        put_in = {part.content_id for part in case.attachments if part.covered == ("xop",) and part.size < 100}
        assert left == {(one.content_id, one.sha256) for one in content if one.covered or one.included} - {
            (one.content_id, one.sha256) for one in content if one.content_id in put_in
        }
    else:
        assert left == {(one.content_id, one.sha256) for one in content if one.covered and not one.included}
    # And it leaves only once in one way.
    assert what_leaves(opened, verdict, policy) == leaving


def _as_digested(part: Attachment) -> str:
    """SHA-256 of the octets that a signature over the content alone is over, where those are text."""
    octets = b"".join(part.octets())
    is_text = re.match("text/(?!xml)(?!.*utf-16)", part.content_type, re.IGNORECASE) is not None
    return digests(re.sub(rb"\r\n|\r|\n", b"\r\n", octets) if is_text else octets)


def _type(leaving: Leaving, verdict: Verdict) -> str:
    if leaving.content_type is not None:
        return leaving.content_type.decode("ascii")
    return "text/xml" if verdict.soap_version == "1.1" else "application/soap+xml"


@pytest.mark.parametrize("case", [case for case in CASES if case.accepted], ids=lambda case: case.id)
def test_attachments_may_be_refused(case: MultipartCase) -> None:
    opened, policy = opened_case(case, attachments="refuse")
    verdict = verdict_on(opened, case, policy)

    assert verdict.accepted is not bool(case.attachments)
    assert verdict.accepted or "the policy refuses them (attachments)" in verdict.detail
