"""A body, multipart or not, as the verification takes it: one rule for the gateway, the commands and the replay."""

from dataclasses import replace

from gateway.attachments.unpacking import Unpacked, unpack
from gateway.made_often import made_often
from gateway.verify import (
    NO_ATTACHMENTS,
    Attachments,
    Policy,
    Reason,
    Rejection,
)


@made_often(frozen=True, slots=True)
class OpenedBody:
    """The message in a body, and what came with it."""

    message: bytes
    content_type: str | None
    """That of the message itself; None where nobody knows it."""
    attachments: Attachments = NO_ATTACHMENTS
    unpacked: Unpacked | None = None
    """What a multipart body was taken apart into; None where it is none, or cannot be read."""


def open_body(body: bytes, content_type: str | None, policy: Policy) -> OpenedBody:
    """Take `body` apart where its Content-Type is multipart. What cannot be read is a verdict later on, no exception.

    Args:
        body: without any content coding.
        content_type: the field's value; empty where it came without one, None where nobody knows.
        policy: says how long a part may be, and whether attachments are refused.
    """
    if content_type is None:
        return OpenedBody(body, None)
    try:
        unpacked = unpack(
            body,
            content_type,
            max_part_bytes=policy.max_message_bytes,
            max_elements=policy.max_elements,
            actor=policy.actor,
        )
        if unpacked is None:
            return OpenedBody(body, content_type)
    except Rejection as rejection:
        return OpenedBody(body, content_type, Attachments(problem=rejection))
    attachments = unpacked.attachments
    if policy.attachments == "refuse" and attachments.parts:
        detail = f"the message has attachments ({len(attachments.parts)}), and the policy refuses them (attachments)"
        attachments = replace(attachments, problem=Rejection(Reason.STRUCTURE, detail))
    return OpenedBody(unpacked.root, unpacked.content_type, attachments, unpacked)
