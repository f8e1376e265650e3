"""Multipart messages in files: with the header fields that they came with, or without, as people save them."""

import re
from typing import Final

from gateway.attachments.mime_fields import read_fields, read_media_type
from gateway.attachments.package_type import XOP_TYPE
from gateway.verify import Rejection

_FIRST_LINE: Final = re.compile(rb"[ \t\r\n]{0,1024}--([0-9A-Za-z'()+_,\-./:=?]{1,70})\r\n")
_FIELD: Final = re.compile(rb"(?:MIME-Version|Content-[A-Za-z\-]{1,40}|Date|SOAPAction|Server)[ \t]*:", re.IGNORECASE)
_LOOKED_AT: Final = 16 * 1024


def saved_message(data: bytes) -> tuple[bytes, str] | None:
    """The multipart body in the content of a file and its Content-Type; None where the file does not look like one.

    Where the file begins with header fields, the Content-Type among them counts. Where it begins with a delimiter, the
    Content-Type is put together from it and from the head of the first part, which is the root then.
    """
    begin = data[:_LOOKED_AT]
    if _FIELD.match(begin):
        head, separator, _ = begin.partition(b"\r\n\r\n")
        fields = _fields(head) if separator else {}
        content_type = fields.get("content-type")
        return None if content_type is None else (data[len(head) + len(separator) :], content_type)
    first = _FIRST_LINE.match(begin)
    if first is None:
        return None
    head, separator, _ = begin[first.end() :].partition(b"\r\n\r\n")
    fields = _fields(head) if separator else {}
    content_type = _package_type(first[1].decode("ascii"), fields.get("content-type"))
    return None if content_type is None else (data, content_type)


def _fields(head: bytes) -> dict[str, str]:
    try:
        return {name.lower(): value for name, value in read_fields(head, "the file")}
    except Rejection:
        return {}


def _package_type(boundary: str, root: str | None) -> str | None:
    """The Content-Type of a message whose root part is of the type `root` (RFC 2387, 3; XOP 1.0, 4.1)."""
    try:
        media_type = None if root is None else read_media_type(root, "the Content-Type of the root")
    except Rejection:
        return None
    if media_type is None:
        return None
    written = f'multipart/related; type="{media_type.name}"; boundary="{boundary}"'
    if media_type.name != XOP_TYPE:
        return written
    message_type = media_type.parameters.get("type", "text/xml").partition(";")[0]
    return f'{written}; start-info="{message_type}"'
