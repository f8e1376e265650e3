"""What leaves of a multipart message, by what was verified and what the policy says."""

from dataclasses import replace

import pytest

from gateway.attachments import OpenedBody, open_body, what_leaves
from gateway.verify import AttachmentReport, Outcome, Policy, Reason, Verdict
from tests.mutation.mime_source import mime_sources

BY_NAME = {source.name: source for source in mime_sources()}


def opened(name: str, policy: Policy | None = None) -> OpenedBody:
    return open_body(BY_NAME[name].body(), BY_NAME[name].content_type, policy or Policy())


def verdict(body: OpenedBody, *covered: str, outcome: Outcome = Outcome.ACCEPTED) -> Verdict:
    """As of a message of which attachments are covered."""
    return Verdict(
        outcome,
        None,
        "",
        soap_version="1.1",
        encoding="utf-8",
        attachments=tuple(
            AttachmentReport(
                part.content_id,
                "",
                part.size,
                "",
                part.content_id in covered,
                included=part.content_id in body.attachments.included,
                is_token=part.content_id in body.attachments.tokens,
            )
            for part in body.attachments.parts
        ),
    )


def test_a_body_that_is_not_multipart_leaves_as_it_is() -> None:
    body = open_body(b"<a/>", "text/xml", Policy())
    assert body.unpacked is None
    assert what_leaves(body, verdict(body), Policy()) == (b"<a/>", None, 0)
    assert open_body(b"<a/>", None, Policy()).content_type is None


def test_what_cannot_be_read_is_a_problem_and_no_error() -> None:
    body = open_body(b"<a/>", "multipart/related", Policy())
    assert body.attachments.problem is not None
    assert body.attachments.problem.reason is Reason.STRUCTURE
    assert body.unpacked is None


def test_attachments_may_be_refused() -> None:
    body = opened("cxf-mtom", Policy(attachments="refuse"))
    assert body.attachments.problem is not None
    assert "the message has attachments (" in body.attachments.problem.detail


def test_what_is_included_is_put_in_and_the_rest_leaves_beside_it() -> None:
    body = opened("saaj-attachments")
    none = what_leaves(body, verdict(body), Policy())
    assert none == (body.message, None, 0)
    two = what_leaves(body, verdict(body, "two@acme.example"), Policy(unsigned_attachments="drop"))
    assert two.content_type is not None
    assert two.unsigned == 0
    assert b"two@acme.example" in two.body
    assert b"three" not in two.body
    everything = what_leaves(body, verdict(body, "two@acme.example"), Policy(unsigned_attachments="pass"))
    assert everything.unsigned == len(body.attachments.parts) - 1
    assert b"three" in everything.body


def test_of_a_message_that_nobody_signed_no_attachment_leaves() -> None:
    policy = Policy(unsigned_attachments="pass")
    body = opened("saaj-attachments")
    unsigned = verdict(body, outcome=Outcome.REJECTED)
    assert what_leaves(body, unsigned, policy) == (body.message, None, 0)


@pytest.mark.parametrize("form", ["rebuild", "references"])
def test_included_parts_stay_parts_where_the_policy_says_so(form: str) -> None:
    policy = Policy.model_validate({"attachments": form})
    body = opened("cxf-mtom")
    included = sorted(body.attachments.included)
    leaving = what_leaves(body, verdict(body, *included), policy)
    assert leaving.content_type is not None
    assert b"application/xop+xml" in leaving.content_type
    assert leaving.unsigned == 0
    assert what_leaves(body, verdict(body), policy).unsigned == len(included)
    bare = replace(verdict(body, *included), soap_version=None, encoding=None)
    assert what_leaves(body, bare, policy).content_type is not None


def test_a_message_without_attachments_leaves_as_a_plain_one() -> None:
    names = [name for name in BY_NAME if not opened(name).attachments.parts]
    for name in names:
        body = opened(name)
        assert what_leaves(body, verdict(body), Policy(attachments="rebuild")) == (body.message, None, 0)
