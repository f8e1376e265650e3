"""Which signatures are on record already: a stranger who sends an old genuine message again uses no key.

Every signature of a known key is remembered for `MEMORY_DAYS`, by the day of its arrival. Asked is only for messages
that were rejected: an accepted one counts in any case, for without its key it would not pass.

What a message costs is bounded, for strangers choose which ones come: of one group of records so many steps are taken,
and what is not looked up by then counts as a use, which keeps a gate shut and never opens one.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.clock import latest_instant
from gateway.ledger.database.connections import driver_connection, explain, is_postgresql, upsert, writing
from gateway.ledger.database.ledger_tables import signature_uses
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.use_cells import SeenSignature, short_id
from gateway.vocabulary import RecordedOutcome

MEMORY_DAYS: Final = 400
"""Days for which a signature is remembered."""
MOST_STEPS: Final = 20_000
"""Steps along the key, one for each day and signature, that one group of records may cost: some 20 ms."""
_MANY_STEPS: Final = 20 * MOST_STEPS
"""Those that may be taken where it is asked seldom: when something is told that could not be recorded, and by gates."""
FORGET_LIMIT: Final = 5000
"""Signatures that are forgotten in one transaction, which other writers wait for."""
_CLOCKS_DIFFER: Final = 7
"""Days by which a signer's clock may be ahead."""
_DAY: Final = 24 * 3_600_000_000
_INSERT: Final = "INSERT OR IGNORE INTO signature_uses (day, signature_id) VALUES "
_MOST: Final = 400
"""Rows of one INSERT on SQLite: two values each, and it took at most 999 before version 3.32."""
_TOGETHER: Final = 100
"""Signatures of one query, beside at most `MEMORY_DAYS` days: as many as fit into 999 values."""


def mark_repeated(connection: Connection, group: Sequence[Encoded], now: int) -> None:
    """Remember the signatures of `group`, and mark the signers of rejected records whose signature was known.

    Args:
        connection: In whose transaction the records are written.
        group: The records, in their order.
        now: The ledger's clock, in microseconds.
    """
    today = now // _DAY
    rejected = [one.record for one in group if one.record.signers and one.record.outcome != RecordedOutcome.ACCEPTED]
    asked = (SeenSignature.of(signer) for record in rejected for signer in record.signers or ())
    known = _known(connection, asked, today) if rejected else set()
    seen: set[bytes] = set()
    for encoded in group:
        signers = encoded.record.signers
        if not signers:
            continue
        ids = [short_id(signer) for signer in signers]
        if encoded.record.outcome != RecordedOutcome.ACCEPTED and any(one in known or one in seen for one in ids):
            marked = tuple(
                replace(signer, repeated=one in known or one in seen) for signer, one in zip(signers, ids, strict=True)
            )
            encoded.become(replace(encoded.record, signers=marked))
        seen.update(ids)
    if seen:
        _remember(connection, seen, today)


def note_signatures(
    connection: Connection, doubtful: Iterable[SeenSignature], others: Iterable[SeenSignature], now: int
) -> Collection[bytes]:
    """Remember signatures of messages that are not recorded; which of the `doubtful` ones were known.

    Args:
        connection: In whose transaction they are told.
        doubtful: Those of messages that were rejected.
        others: Those of further messages.
        now: The ledger's clock, in microseconds.
    """
    today, asked = now // _DAY, list(doubtful)
    known = _known(connection, asked, today, _MANY_STEPS) if asked else set()
    new = {signature.short for signature in (*asked, *others)} - known
    if new:
        _remember(connection, new, today)
    return known


def forget_signatures(engine: Engine, limit: int = FORGET_LIMIT) -> int:
    """Forget at most `limit` signatures of days that are long past; return how many: fewer, and none are left.

    Raises:
        LedgerUnavailable: The database cannot be written.
    """
    columns = signature_uses.c
    try:
        with writing(engine) as connection:
            # By the ledger's clock, as they were remembered.
            oldest = latest_instant(connection) // _DAY - MEMORY_DAYS
            some = (
                select(columns.day, columns.signature_id)
                .where(columns.day < oldest)
                .order_by(columns.day, columns.signature_id)
                .limit(limit)
            )
            last = connection.execute(some.offset(limit - 1).limit(1)).one_or_none()
            old = columns.day < oldest
            if last is not None:
                old = (columns.day < last.day) | (
                    (columns.day == last.day) & (columns.signature_id <= last.signature_id)
                )
            return connection.execute(delete(signature_uses).where(old)).rowcount
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"old signatures could not be forgotten: {explain(error, engine)}") from error


def known_signatures(connection: Connection, asked: Iterable[SeenSignature], now: int) -> Collection[bytes]:
    """Which of the signatures are on record at the instant `now` of the ledger's clock; of very many not all."""
    return _known(connection, asked, now // _DAY, _MANY_STEPS)


def _known(
    connection: Connection, signatures: Iterable[SeenSignature], today: int, most_steps: int = MOST_STEPS
) -> set[bytes]:
    """Which of the signatures are on record."""
    columns = signature_uses.c
    first = connection.execute(select(func.min(columns.day))).scalar_one()
    if first is None:
        return set()
    first = max(first, today - MEMORY_DAYS)
    asked: dict[int, set[bytes]] = {}
    for signature in signatures:
        asked.setdefault(max(first, _made(signature, today)), set()).add(signature.short)
    found: set[bytes] = set()
    left = most_steps
    # Those first of which the days are few.
    for day in sorted(asked, reverse=True):
        days = range(day, today + 1)
        ids = sorted(asked[day] - found)[: left // max(1, len(days))]
        left -= len(ids) * len(days)
        for start in range(0, len(ids), _TOGETHER):
            some = ids[start : start + _TOGETHER]
            query = select(columns.signature_id).where(columns.day.in_(days), columns.signature_id.in_(some))
            found.update(bytes(one) for one in connection.execute(query).scalars())
    return found


def _made(signature: SeenSignature, today: int) -> int:
    """The day before which the signature cannot have come, where a signed Timestamp tells it credibly."""
    if signature.signed_at is None:
        return 0
    day = signature.signed_at // _DAY
    return day - _CLOCKS_DIFFER if day <= today else 0


def _remember(connection: Connection, ids: set[bytes], day: int) -> None:
    # Sorted, so that two writers on a database with row locks take them in one order.
    values = sorted(ids)
    if is_postgresql(connection):
        statement = upsert(connection, signature_uses).on_conflict_do_nothing()
        connection.execute(statement, [{"day": day, "signature_id": one} for one in values])
        return
    driver = driver_connection(connection)
    for start in range(0, len(values), _MOST):
        some = values[start : start + _MOST]
        driver.execute(_INSERT + ",".join(["(?,?)"] * len(some)), [value for one in some for value in (day, one)])
