"""Receipts as the ledger keeps them: for each signature of a message what proves who made it, in little room.

A receipt is the canonical SignedInfo and the SignatureValue. What a partner's stack signs is the same text from message
to message, but for ids and digests. So that text is kept once, as a layout, and a record holds what changes:

    [[SIGNATURE, LAYOUT, [TEXT, ...], VALUE], ...]

SIGNATURE counts the record's signatures from 0, LAYOUT is the SHA-256 of the layout's text, VALUE is the SignatureValue
in base64. The layout's text is a JSON list of the pieces that stay the same; between each two of them goes one of the
texts. Where no layout serves, LAYOUT is empty, and in the place of the texts stands the SignedInfo, compressed (zlib,
RFC 1950), in base64. Both ways give back the exact octets.

Against zlib with the last SignedInfo as its dictionary, at 5 KB and two References: 533 octets instead of 654, and less
than a fifth of the processor time.
"""

import hashlib
import json
import re
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from sqlalchemy import Connection, select

from gateway.ledger.database.ledger_tables import receipt_layouts
from gateway.ledger.errors import ReceiptDamaged
from gateway.verify import SignatureReceipt

MAX_SIGNED_INFO: Final = 65_536
"""Octets of a canonical SignedInfo that are kept: one with 32 References has some 20,000."""
MAX_LAYOUT: Final = 16_384
"""Octets of a SignedInfo that is kept by its layout."""
MAX_VALUE: Final = 8192
"""Octets of a SignatureValue that are kept: one of RSA with 16,384 bits has 2,048."""
MAX_RECEIPTS: Final = 64
"""Receipts of one record."""
NO_LAYOUT: Final = ""

# An attribute's value or a digest: what changes from message to message. Each ends before a character that it cannot
# hold, so that looking for it takes one way through the text.
_CHANGING: Final = re.compile(r'((?<= URI=")[^"]*|(?<= Id=")[^"]*|(?<=DigestValue>)[^<]+)')
_HOLE: Final = b'([^"<]*)'
_LAYOUT_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What is the same in every SignedInfo of one kind."""

    id: str
    text: str
    pieces: Sequence[str]

    def pattern(self) -> re.Pattern[bytes]:
        """What a SignedInfo of this layout matches, with a group for each text that changes."""
        return re.compile(_HOLE.join(re.escape(piece.encode()) for piece in self.pieces))


def taken_apart(signed_info: bytes) -> tuple[Layout, list[bytes]] | None:
    """The layout of a SignedInfo, and what stands between its pieces; None where it is too long to have one.

    What is taken apart here is the same text when it is put together, whatever it is.
    """
    if len(signed_info) > MAX_LAYOUT:
        return None
    try:
        parts = _CHANGING.split(signed_info.decode())
    except UnicodeDecodeError:
        return None
    text = json.dumps(parts[::2], separators=(",", ":"), ensure_ascii=True)
    return Layout(layout_id(text), text, parts[::2]), [part.encode() for part in parts[1::2]]


def layout_id(text: str) -> str:
    """The id of the layout of this text."""
    return hashlib.sha256(text.encode()).hexdigest()


def fits(receipt: SignatureReceipt) -> bool:
    """Whether the receipt is of a size that is kept."""
    return len(receipt.signed_info) <= MAX_SIGNED_INFO and len(receipt.value) <= MAX_VALUE


def spelled(number: int, receipt: SignatureReceipt, layout: str, changing: Iterable[bytes]) -> str:
    """A receipt by its layout, of which the id is given, as one entry of the list that a record holds."""
    texts = ",".join([encode_basestring_ascii(text.decode()) for text in changing])
    return f'[{number},"{layout}",[{texts}],"{_base64(receipt.value)}"]'


def spelled_without_layout(number: int, receipt: SignatureReceipt) -> str:
    """The same for one of which no layout is known."""
    return f'[{number},"{NO_LAYOUT}","{_base64(zlib.compress(receipt.signed_info))}","{_base64(receipt.value)}"]'


def listed(spelled_receipts: Iterable[str]) -> str:
    """What a record holds; of `MAX_RECEIPTS` at most."""
    return f"[{','.join(spelled_receipts)}]"


def layouts_named(text: str) -> set[str]:
    """The ids of the layouts that are needed to read what a record holds.

    Raises:
        ReceiptDamaged: `text` is none of a record's.
    """
    return {layout for _, layout, _, _ in _entries(text) if layout != NO_LAYOUT}


def read_receipts(text: str, layouts: Mapping[str, str]) -> dict[int, SignatureReceipt]:
    """The receipts that a record holds, by the number of the signature.

    Args:
        text: What stands in the record.
        layouts: The texts of the layouts that it names, by their ids.

    Raises:
        ReceiptDamaged: This program never wrote that, or a layout is not there or not what it was.
    """
    found: dict[int, SignatureReceipt] = {}
    for number, layout, content, value in _entries(text):
        if number in found:
            raise ReceiptDamaged(f"there are two receipts of signature {number}")
        if layout == NO_LAYOUT:
            if not isinstance(content, str):
                raise ReceiptDamaged("a receipt without a layout holds no text")
            signed_info = _decompressed(content)
        else:
            signed_info = _filled_in(layout, layouts.get(layout), content)
        found[number] = SignatureReceipt(signed_info, _octets(value))
    return found


def stored_layouts(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """The texts of those layouts of receipts that are there, by id."""
    columns = receipt_layouts.c
    rows = connection.execute(select(columns.id, columns.layout).where(columns.id.in_(ids)).order_by(columns.id))
    return {row.id: row.layout for row in rows}


def _entries(text: str) -> list[tuple[int, str, Any, str]]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReceiptDamaged("the receipts are no JSON") from error
    if not isinstance(entries, list) or len(entries) > MAX_RECEIPTS:
        raise ReceiptDamaged(f"the receipts are no list of at most {MAX_RECEIPTS}")
    found = []
    for entry in entries:
        match entry:
            case [int(number), str(layout), content, str(value)] if not isinstance(number, bool) and (
                layout == NO_LAYOUT or _LAYOUT_ID.fullmatch(layout)
            ):
                found.append((number, layout, content, value))
            case _:
                raise ReceiptDamaged("a receipt has not the four values that one has")
    return found


def _filled_in(layout: str, text: str | None, changing: object) -> bytes:
    if text is None:
        raise ReceiptDamaged(f"the layout {layout} is not there")
    pieces = _pieces(layout, text)
    if not isinstance(changing, list) or len(changing) != len(pieces) - 1:
        raise ReceiptDamaged(f"a receipt does not fit its layout {layout}")
    if not all(isinstance(one, str) for one in changing):
        raise ReceiptDamaged("what changes in a receipt is no text")
    filled = pieces[0] + "".join(one + piece for one, piece in zip(changing, pieces[1:], strict=True))
    try:
        signed_info = filled.encode()
    except UnicodeEncodeError as error:
        raise ReceiptDamaged("a receipt holds what no text can") from error
    return _bounded(signed_info)


@lru_cache(maxsize=256)
def _pieces(layout: str, text: str) -> tuple[str, ...]:
    if layout_id(text) != layout:
        raise ReceiptDamaged(f"the layout {layout} does not match its hash")
    try:
        pieces = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReceiptDamaged(f"the layout {layout} is no JSON") from error
    if not isinstance(pieces, list) or not pieces or not all(isinstance(piece, str) for piece in pieces):
        raise ReceiptDamaged(f"the layout {layout} is no list of texts")
    return tuple(pieces)


def _decompressed(content: str) -> bytes:
    reader = zlib.decompressobj()
    try:
        signed_info = reader.decompress(_octets(content), MAX_SIGNED_INFO + 1)
    except zlib.error as error:
        raise ReceiptDamaged("a SignedInfo cannot be decompressed") from error
    signed_info = _bounded(signed_info)
    if not reader.eof or reader.unused_data:
        raise ReceiptDamaged("a compressed SignedInfo is cut off, or something stands behind it")
    return signed_info


def _bounded(signed_info: bytes) -> bytes:
    if len(signed_info) > MAX_SIGNED_INFO:
        raise ReceiptDamaged(f"a SignedInfo has more than {MAX_SIGNED_INFO} octets, of which none is kept")
    return signed_info


def _base64(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).decode()


def _octets(text: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise ReceiptDamaged("a receipt is not in base64") from error
