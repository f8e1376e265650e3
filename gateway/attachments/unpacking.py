"""A multipart body becomes one SOAP message and its attachments."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.attachments.body_parts import BodyPart, read_part
from gateway.attachments.delimiters import part_ranges
from gateway.attachments.mime_fields import read_media_type
from gateway.attachments.package_type import XOP_TYPE, PackageType, message_type, package_type
from gateway.attachments.xop_expansion import Include, expand, put_in_tokens
from gateway.attachments.xop_scan import FoundInclude, find_includes
from gateway.verify import Attachments, Reason, Rejection, printable


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A multipart message as the verification takes it."""

    root: bytes
    """The plain SOAP message: the root with stand-ins for what it includes, but for what its Security header names, of
    which the base64 is there."""
    content_type: str
    """That of the plain SOAP message."""
    attachments: Attachments
    includes: tuple[Include, ...]
    """Where `attachments.by_name` names parts by xop:Include, in document order."""


def unpack(
    body: bytes, content_type: str, *, max_part_bytes: int, max_elements: int = 500_000, actor: str | None = None
) -> Unpacked | None:
    """The SOAP message and the attachments in a multipart body; None where the Content-Type is not multipart.

    Args:
        body: of the HTTP message, without any content coding.
        content_type: the field's value.
        max_part_bytes: octets that the decoded content of a part may have.
        max_elements: elements that a root may have in which xop:Include is looked for.
        actor: that of the Security header that is ours; None for the one without any.

    Raises:
        Rejection: `structure`, `limits`, `encoding`, `malformed` or `dtd`, where it is not multipart as it is read
            here, or some reader could read it otherwise.
    """
    package = package_type(content_type)
    if package is None:
        return None
    parts = [
        read_part(body, begin, end, number, max_part_bytes)
        for number, (begin, end) in enumerate(part_ranges(body, package.boundary), 1)
    ]
    _refuse_same_ids(parts)
    root = _root(parts, package)
    plain_type = message_type(root.content_type, package)
    octets = b"".join(root.octets())
    charset = read_media_type(plain_type, "the Content-Type").parameters.get("charset")
    found = find_includes(octets, charset, max_elements, actor)
    attachments = tuple(part for part in parts if part is not root)
    includes = _resolved(found, attachments, package)
    included = frozenset(include.part.content_id for include in includes)
    tokens = frozenset(include.part.content_id for include in includes if include.in_security)
    by_name, includes = put_in_tokens(octets, includes) if tokens else (octets, includes)
    message, stand_ins = expand(by_name, includes) if includes else (by_name, {})
    return Unpacked(message, plain_type, Attachments(attachments, included, stand_ins, tokens, by_name), includes)


def _refuse_same_ids(parts: Sequence[BodyPart]) -> None:
    seen: dict[str, int] = {}
    for number, part in enumerate(parts, 1):
        # Some readers compare without regard to case.
        known = part.content_id.lower()
        if known and known in seen:
            raise Rejection(
                Reason.STRUCTURE,
                f"parts {seen[known]} and {number} of the multipart message have the same Content-ID, "
                f"{printable(part.content_id, 80)}, compared without escapes and case: each must have its own",
            )
        seen[known] = number


def _root(parts: Sequence[BodyPart], package: PackageType) -> BodyPart:
    if package.start is None:
        return parts[0]
    for part in parts:
        if part.content_id == package.start:
            return part
    raise Rejection(
        Reason.STRUCTURE,
        f"no part of the multipart message has the Content-ID {printable(package.start, 80)}, which the parameter "
        "start of its Content-Type names as the root",
    )


def _resolved(
    found: Sequence[FoundInclude], attachments: Sequence[BodyPart], package: PackageType
) -> tuple[Include, ...]:
    if found and package.root_type != XOP_TYPE:
        raise Rejection(
            Reason.STRUCTURE,
            f"the root part holds an xop:Include and is of the type {package.root_type}: some readers would follow it "
            f"and others not; it must be sent as {XOP_TYPE}",
        )
    by_id = {part.content_id: part for part in attachments if part.content_id}
    includes: list[Include] = []
    for include in found:
        part = by_id.pop(include.content_id, None)
        if part is None:
            raise Rejection(
                Reason.STRUCTURE,
                f"an xop:Include names cid:{printable(include.content_id, 80)}, which is no part of the message beside "
                "the root, or was named before: each part may be included once",
            )
        includes.append(Include(include.begin, include.end, part, include.in_security))
    return tuple(includes)
