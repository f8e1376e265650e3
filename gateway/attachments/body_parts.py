"""A part of a multipart message: its head, and its content decoded when it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.attachments.content_ids import read_content_id
from gateway.attachments.mime_fields import MAX_HEAD_OCTETS, read_fields, read_media_type
from gateway.attachments.transfer_encodings import TransferEncoding, encoding_named
from gateway.verify import Reason, Rejection, may_be_multipart, printable

_HEAD_END: Final = b"\r\n\r\n"
_REFUSED_FIELDS: Final = ("content-encoding", "transfer-encoding")


@dataclass(frozen=True, slots=True, eq=False)
class BodyPart:
    """A part as it came. It holds on to the body of the message, and copies nothing of it."""

    content_id: str
    """Without angle brackets, decoded; empty where the part has none."""
    content_type: str
    """Unfolded; empty where the part has none."""
    fields: tuple[tuple[str, str], ...]
    """The header fields as they came: name and unfolded value."""
    size: int
    """Octets of the decoded content."""
    _body: bytes = field(repr=False)
    _begin: int
    _end: int
    _encoding: TransferEncoding = field(repr=False)

    def octets(self) -> Iterator[bytes]:
        """The decoded content, in pieces of at most `gateway.verify.MAX_PIECE`. May be asked again and again."""
        return self._encoding.pieces(self._body, self._begin, self._end)


def read_part(body: bytes, begin: int, end: int, number: int, max_part_bytes: int) -> BodyPart:
    """The part that stands in `body` from `begin` to `end`.

    Args:
        body: of the message.
        begin: of its head.
        end: before the CRLF of the next delimiter.
        number: which part it is, from 1, for the sentences.
        max_part_bytes: octets that its decoded content may have.

    Raises:
        Rejection: `structure`, `limits`.
    """
    where = f"part {number} of the multipart message"
    head_end = begin - 2 if body.startswith(b"\r\n", begin, end) else body.find(_HEAD_END, begin, end)
    if (end if head_end < 0 else head_end) - begin > MAX_HEAD_OCTETS:
        raise Rejection(Reason.LIMITS, f"{where} has a head of more than {MAX_HEAD_OCTETS} octets")
    if head_end < 0:
        raise Rejection(
            Reason.STRUCTURE, f"{where} has no empty line between head and content: it must be there, with CR LF"
        )
    fields = read_fields(body[begin : max(head_end, begin)], where)
    by_name = {name.lower(): value for name, value in fields}
    content_begin = head_end + len(_HEAD_END)
    _check_fields(by_name, end - content_begin, where)
    encoding = encoding_named(by_name.get("content-transfer-encoding"), where)
    size = encoding.size(body, content_begin, end, where)
    if size > max_part_bytes:
        raise Rejection(
            Reason.LIMITS, f"{where} has {size} octets, more than the {max_part_bytes} that a part may have"
        )
    given = by_name.get("content-id")
    content_id = "" if given is None else read_content_id(given, f"the Content-ID of {where}")[1]
    return BodyPart(content_id, by_name.get("content-type", ""), fields, size, body, content_begin, end, encoding)


def _check_fields(by_name: dict[str, str], length: int, where: str) -> None:
    for name in _REFUSED_FIELDS:
        if name in by_name:
            raise Rejection(
                Reason.STRUCTURE,
                f"{where} has the header field {name}, which some readers follow in a part and others do not: it must "
                "be left out",
            )
    if by_name.get("content-length", str(length)) != str(length):
        raise Rejection(
            Reason.STRUCTURE,
            f"{where} has a Content-Length of {printable(by_name['content-length'], 40)}, and {length} octets up to "
            "the next delimiter: both must agree",
        )
    content_type = by_name.get("content-type")
    if content_type is None:
        return
    if may_be_multipart(content_type):
        raise Rejection(
            Reason.STRUCTURE,
            f"{where} is of the type {printable(content_type, 60)}: a part that has parts or is a message of its own "
            "is not read",
        )
    read_media_type(content_type, f"the Content-Type of {where}")
