"""A multipart message written anew from what was read; nothing of the framing that came is kept (RFC 2387, XOP 1.0)."""

import hashlib
import io
import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from gateway.attachments.content_ids import address_of, read_content_id
from gateway.attachments.mime_fields import read_media_type
from gateway.attachments.package_type import XOP_TYPE
from gateway.attachments.unpacking import Unpacked
from gateway.attachments.xop_expansion import Include, plain_pieces
from gateway.verify import Attachment, base64_pieces

_MESSAGE_TYPES: Final = {"1.1": "text/xml", "1.2": "application/soap+xml"}
_TOKEN: Final = re.compile(r"[A-Za-z0-9._+\-]{1,40}")
_BINARY: Final = "Content-Transfer-Encoding: binary\r\n"
_BASE64: Final = "Content-Transfer-Encoding: base64\r\n"
_LINE_ENDS: Final = (b"", b"\r", b"\n")
_COVERED_FIELDS: Final = ("content-description", "content-disposition", "content-location")
"""Of a part whose head is signed (SwA Profile 1.1.1, 4.4.2); Content-ID and Content-Type are written anyhow."""


class Rebuilt(NamedTuple):
    """A multipart message to be sent."""

    content_type: bytes
    """The value of its Content-Type."""
    body: bytes


def rebuild(
    unpacked: Unpacked,
    kept: Collection[str] = (),
    *,
    with_xop: bool,
    soap_version: str,
    charset: str = "utf-8",
    put_in: Collection[str] = (),
    with_signed_head: Collection[str] = (),
) -> Rebuilt:
    """`unpacked` as multipart/related, the root first and the other parts in the order in which they came.

    The same comes out for the same: the boundary is made of the content.

    Args:
        unpacked: what `unpack` gave.
        kept: Content-IDs, decoded, of the parts that are written beside those that the root includes; the empty one
            keeps the parts that have none.
        with_xop: whether included parts stay parts, named by xop:Include; else they are put into the root.
        soap_version: "1.1" or "1.2".
        charset: the encoding of the root.
        put_in: Content-IDs of the included parts that are put into the root all the same.
        with_signed_head: Content-IDs of the parts whose head is signed as well: their Content-Description,
            Content-Disposition and Content-Location are written too.

    Raises:
        ValueError: The message has no part that `kept` names.
    """
    attachments = unpacked.attachments
    missing = set(kept) - {part.content_id for part in attachments.parts}
    if missing:
        raise ValueError(f"the message has no parts with these Content-IDs: {sorted(missing)}")
    includes = [one for one in unpacked.includes if with_xop and one.part.content_id not in put_in]
    named = set(kept) | {include.part.content_id for include in includes}
    parts = [part for part in attachments.parts if part.content_id in named]
    digest = hashlib.sha256()
    for pieces in (_root_pieces(unpacked, includes), *(part.octets() for part in parts)):
        for piece in pieces:
            digest.update(piece)
    # No part can hold what is made of its hash; so the boundary occurs in none, and no part has the Content-ID.
    mark = digest.hexdigest()[:40]
    boundary, root_id = f"wssgate-{mark}", f"root.{mark}@wssgate"
    message_type = _MESSAGE_TYPES[soap_version]
    root_type = XOP_TYPE if with_xop else message_type
    own_type = f'; type="{message_type}"' if with_xop else ""
    body = io.BytesIO()
    head = f"Content-Type: {root_type}; charset={charset}{own_type}\r\nContent-ID: <{root_id}>\r\n"
    _write_part(body, boundary, f"{head}{_BINARY}", _root_pieces(unpacked, includes))
    for part in parts:
        head = _head(part, with_all=part.content_id in with_signed_head)
        if _is_read_by_all(part):
            _write_part(body, boundary, f"{head}{_BINARY}", part.octets())
        else:
            _write_part(body, boundary, f"{head}{_BASE64}", base64_pieces(part.octets()))
    body.write(f"--{boundary}--\r\n".encode("ascii"))
    start_info = f'; start-info="{message_type}"' if with_xop else ""
    content_type = f'multipart/related; type="{root_type}"; boundary="{boundary}"; start="<{root_id}>"{start_info}'
    return Rebuilt(content_type.encode("ascii"), body.getvalue())


def _root_pieces(unpacked: Unpacked, includes: Collection[Include]) -> Iterator[bytes]:
    """The root with `includes` by name and the other parts put in."""
    attachments = unpacked.attachments
    if not includes:
        yield from plain_pieces(unpacked.root, attachments)
        return
    position = 0
    for include in unpacked.includes:
        yield attachments.by_name[position : include.begin]
        if include in includes:
            address = address_of(_written_id(include.part)).replace("&", "&amp;")
            yield f'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="{address}"/>'.encode("ascii")
        else:
            yield from base64_pieces(include.part.octets())
        position = include.end
    yield attachments.by_name[position:]


def _write_part(body: io.BytesIO, boundary: str, head: str, content: Iterator[bytes]) -> None:
    body.write(f"--{boundary}\r\n{head}\r\n".encode("ascii"))
    body.writelines(content)
    body.write(b"\r\n")


def _is_read_by_all(part: Attachment) -> bool:
    """Whether every reader takes the octets of `part` as they stand.

    zeep strips line ends off both ends of a part in `binary`, and SAAJ reads no part that is empty.
    """
    first, last = b"", b""
    for piece in part.octets():
        first, last = first or piece[:1], piece[-1:] or last
    return first not in _LINE_ENDS and last not in _LINE_ENDS


def _head(part: Attachment, *, with_all: bool) -> str:
    lines = []
    if part.content_type:
        lines.append(f"Content-Type: {part.content_type if with_all else _plain_type(part.content_type)}")
    if part.content_id:
        lines.append(f"Content-ID: <{_written_id(part)}>")
    if with_all:
        # A comment is in no canonical form, so that anybody can have put it there.
        lines += [
            f"{name}: {value}" for name, value in part.fields if name.lower() in _COVERED_FIELDS and "(" not in value
        ]
    return "".join(f"{line}\r\n" for line in lines)


def _plain_type(content_type: str) -> str:
    """As much of a Content-Type that nobody signed as a client needs: media type and charset."""
    media_type = read_media_type(content_type, "the Content-Type of a part")
    charset = media_type.parameters.get("charset", "")
    return f"{media_type.name}; charset={charset}" if _TOKEN.fullmatch(charset) else media_type.name


def _written_id(part: Attachment) -> str:
    """The Content-ID as it came: what the root names it by was compared with that, by whichever reader."""
    value = next(value for name, value in part.fields if name.lower() == "content-id")
    return read_content_id(value, "the Content-ID")[0]
