"""In which cells the keys of a record's signatures are used, as far as that is known before it is written."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from gateway.ledger.record import MessageRecord, Role
from gateway.ledger.record_rows import MAX_SIGNERS, stored_text
from gateway.present import OTHER_OPERATIONS
from gateway.verify import Signer
from gateway.vocabulary import RecordedOutcome
from keystore import to_microseconds

MOST_CELLS: Final = 1000
"""Cells that are told apart; operations beyond are counted together, for a client can make up what it asks for."""

UseCell = tuple[str, str, str, str, str, str, str]
"""Endpoint, operation, server, thumbprint, key id, alias, role."""


def short_id(signer: Signer) -> bytes:
    """The first 160 bits of its signature's id: nobody finds two signatures of one key that share them."""
    return bytes.fromhex(signer.signature_id[:40])


class SeenSignature(NamedTuple):
    """A signature, as it is asked for whether it is on record."""

    short: bytes
    """See `short_id`."""
    signed_at: int | None
    """When it was made, in microseconds, where a signed Timestamp tells."""

    @classmethod
    def of(cls, signer: Signer) -> "SeenSignature":
        """That of `signer`."""
        signed_at = None if signer.signed_at is None else to_microseconds(signer.signed_at)
        return cls(short_id(signer), signed_at)


class CellUse(NamedTuple):
    """A cell in which a message used a key."""

    cell: UseCell
    signatures: tuple[SeenSignature, ...]
    """Those that made it one."""
    is_certain: bool
    """Whether it is a use even where all of them are on record already: without its key an accepted message would not
    have passed. Of one that was rejected they are a stranger's who sends an old message again."""


def cell_uses(record: MessageRecord) -> Iterator[CellUse]:
    """The cells in which `record` uses keys, each once."""
    cells: dict[UseCell, list[SeenSignature]] = {}
    for signer in (record.signers or ())[:MAX_SIGNERS]:
        entry, role = signer.entry, Role.NEEDED if signer.needed else Role.PRESENT
        operation, server = stored_text(record.operation or ""), stored_text(record.server)
        key = str(entry.thumbprint), str(entry.key_id), str(entry.alias), role.value
        cell = stored_text(record.endpoint), operation, server, *key
        cells.setdefault(cell, []).append(SeenSignature.of(signer))
    is_certain = record.outcome == RecordedOutcome.ACCEPTED
    for cell, signatures in cells.items():
        yield CellUse(cell, tuple(signatures), is_certain)


def folded(cell: UseCell) -> UseCell:
    """The cell of all operations that are not told apart."""
    return cell[0], OTHER_OPERATIONS, "", *cell[3:]
