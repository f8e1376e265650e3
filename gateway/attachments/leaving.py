"""What of a multipart message leaves: made here from what was verified, whatever the framing was that came."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final, NamedTuple

from gateway.attachments.body_opening import OpenedBody
from gateway.attachments.rebuilding import rebuild
from gateway.attachments.xop_expansion import plain_message
from gateway.verify import Attachment, AttachmentReport, Policy, Verdict, as_signed, printable

_SHORT: Final = 100
"""Octets of an included attachment that is put into the message in any case.

The signature is the same whether a text stands there or an xop:Include that names its octets (XOP 1.0, 3.2). `true` and
`4711` are base64 as well: whoever stands in between could send them as attachments, and a client that looks for a text
would find none.
"""


class Leaving(NamedTuple):
    """A body that may leave."""

    body: bytes
    content_type: bytes | None
    """Of a multipart body that was written anew; None where it is a plain message."""
    unsigned: int
    """Attachments in it that no signature covers."""


def what_leaves(opened: OpenedBody, verdict: Verdict, policy: Policy) -> Leaving:
    """What leaves of a body that `verdict` lets pass.

    A message without attachments leaves as the plain message that it is, whatever it came in. Where it passes without a
    signature (a Fault, say) nothing vouches for an attachment, and none leaves.
    """
    unpacked = opened.unpacked
    if unpacked is None:
        return Leaving(opened.message, None, 0)
    attachments = unpacked.attachments
    content = [report for report in verdict.attachments if not report.is_token] if verdict.accepted else []
    by_itself = {part.path for signature in verdict.signatures for part in signature.parts}
    short = {
        one.content_id
        for one in content
        if one.covered and one.size < _SHORT and printable(f"cid:{one.content_id}", 240) not in by_itself
    }
    with_xop = policy.attachments in {"rebuild", "references"} and any(
        one.included and one.content_id not in short for one in content
    )
    kept = [one for one in content if not one.included and (one.covered or policy.unsigned_attachments == "pass")]
    unsigned = sum(not one.covered for one in content if one.included or one in kept)
    if not kept and not with_xop:
        return Leaving(plain_message(opened.message, attachments), None, unsigned)
    signed = {one.content_id for one in kept if one.covered and not one.head_covered}
    rebuilt = rebuild(
        replace(unpacked, attachments=replace(attachments, parts=_as_signed(attachments.parts, signed))),
        [one.content_id for one in kept],
        with_xop=with_xop,
        soap_version=verdict.soap_version or "1.1",
        charset=verdict.encoding or "utf-8",
        put_in=short,
        with_signed_head=_with_signed_head(kept),
    )
    return Leaving(rebuilt.body, rebuilt.content_type, unsigned)


def _as_signed(parts: tuple[Attachment, ...], signed: Collection[str]) -> tuple[Attachment, ...]:
    """`parts`, those that are `signed` without their head with the octets that were digested."""
    return tuple([as_signed(part) if part.content_id in signed else part for part in parts])


def _with_signed_head(reports: list[AttachmentReport]) -> list[str]:
    return [one.content_id for one in reports if one.head_covered]
