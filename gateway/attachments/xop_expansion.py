"""The octets of parts in the place of their xop:Include, as base64 (XOP 1.0 3.2).

What the Security header names is put in at once, for the verification reads it. What else is named gets a stand-in, and
its base64 is put in on release: no parser has to copy what may be long, and where the stand-in stands tells what a
signature covers.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.verify import Attachment, Attachments, Reason, Rejection, base64_pieces, printable

MAX_TOKEN_OCTETS: Final = 64 * 1024
"""Of an attachment that a Security header names: a certificate, a digest, the value of a signature."""


@dataclass(frozen=True, slots=True)
class Include:
    """An Include in the octets of a root, and the part that it names."""

    begin: int
    end: int
    part: Attachment
    in_security: bool
    """It stands within a Security header."""


def put_in_tokens(root: bytes, includes: Iterable[Include]) -> tuple[bytes, tuple[Include, ...]]:
    """The root with the base64 of what its Security header names, and where the other Includes are in it.

    Raises:
        Rejection: `limits`.
    """
    pieces: list[bytes] = []
    others: list[Include] = []
    position = length = 0
    for include in includes:
        pieces.append(root[position : include.begin])
        length += len(pieces[-1])
        if include.in_security:
            if include.part.size > MAX_TOKEN_OCTETS:
                raise Rejection(
                    Reason.LIMITS,
                    f"the Security header names the attachment {printable(include.part.content_id, 120)}, which has "
                    f"more than {MAX_TOKEN_OCTETS} octets: no value and no token of a signature is that long",
                )
            pieces.append(b"".join(base64_pieces(include.part.octets())))
        else:
            pieces.append(root[include.begin : include.end])
            others.append(replace(include, begin=length, end=length + len(pieces[-1])))
        length += len(pieces[-1])
        position = include.end
    pieces.append(root[position:])
    return b"".join(pieces), tuple(others)


def expand(root: bytes, includes: Iterable[Include]) -> tuple[bytes, Mapping[bytes, Attachment]]:
    """The root with stand-ins for what its `includes` name, and what each of them stands for."""
    texts: list[bytes] = []
    parts: list[Attachment] = []
    position = 0
    for include in includes:
        texts.append(root[position : include.begin])
        parts.append(include.part)
        position = include.end
    texts.append(root[position:])
    # Whoever writes the message cannot write a stand-in into it: it is made of the hash of all the rest of it.
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text)
    stand_ins = {_stand_in(digest.digest(), number): part for number, part in enumerate(parts)}
    fragments = [fragment for pair in zip(texts, stand_ins, strict=False) for fragment in pair]
    return b"".join([*fragments, texts[-1]]), stand_ins


def plain_message(message: bytes, attachments: Attachments) -> bytes:
    """`message` with base64 in the place of its stand-ins: the plain SOAP message.

    Raises:
        ValueError: The message is not the one that the stand-ins were made for.
    """
    if not attachments.stand_ins:
        return message
    # Written into room that is taken once: a list of the pieces would need as much again.
    whole = io.BytesIO()
    stood = sum(map(len, attachments.stand_ins))
    whole.seek(len(message) - stood + attachments.size_in(message) - 1)
    whole.write(b"\0")
    whole.seek(0)
    whole.writelines(plain_pieces(message, attachments))
    return whole.getvalue()


def plain_pieces(message: bytes, attachments: Attachments) -> Iterator[bytes]:
    """The plain message in pieces.

    Raises:
        ValueError: The message is not the one that the stand-ins were made for.
    """
    if sorted(attachments.stand_ins_in(message)) != sorted(attachments.stand_ins):
        raise ValueError("the message does not hold each stand-in once: take the one that unpack() made")
    yield from attachments.expanded(message)


def _stand_in(digest: bytes, number: int) -> bytes:
    return b"attachment" + hashlib.sha256(digest + number.to_bytes(2, "big")).hexdigest().encode("ascii")
