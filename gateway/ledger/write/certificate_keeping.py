"""The certificates of unknown signers: kept with the record of the message that carried them, and only so many.

Whoever answers for the receiver chooses these certificates, their number and their size. So they are bounded, and one
under which a signature was good goes before all without, however many of these come after it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, Insert, and_, case, delete, literal_column, or_, select

from gateway.ledger.database.connections import upsert
from gateway.ledger.database.ledger_tables import unknown_certificates
from gateway.ledger.database.prepared import Prepared
from gateway.ledger.record_rows import Row
from gateway.ledger.write.encoded import Encoded
from gateway.vocabulary import RecordedOutcome

MAX_CERTIFICATE_BYTES: Final = 64 * 1024
"""A certificate that is longer is not kept: real ones have one to four kilobytes."""
MAX_CERTIFICATES: Final = 100
"""Certificates that are kept for one endpoint."""


def keep_certificates(connection: Connection, group: Sequence[Encoded]) -> None:
    """Keep the certificates that the rejected messages of `group` carried, in the transaction that stores the records.

    Args:
        connection: In whose transaction.
        group: The records, each row with its `clock_offset`.
    """
    found: dict[tuple[str, str], Row] = {}
    for encoded in group:
        embedded = encoded.record.embedded
        if (
            embedded is not None
            and encoded.record.outcome is RecordedOutcome.REJECTED
            and 0 < len(embedded.der) <= MAX_CERTIFICATE_BYTES
        ):
            key = encoded.row["endpoint"], str(embedded.thumbprint)
            row = _row(encoded, key, embedded.der, is_good=embedded.signature_good)
            found[key] = row if key not in found else _together(found[key], row)
    if not found:
        return
    endpoints = sorted({endpoint for endpoint, _ in found})
    rows = [row for endpoint in endpoints for row in _first(found[key] for key in found if key[0] == endpoint)]
    # Sorted, so that two writers on a database with row locks take them in one order.
    _KEEPING.run(connection, sorted(rows, key=lambda row: (row["endpoint"], row["thumbprint"])))
    for endpoint in endpoints:
        _drop_surplus(connection, endpoint)


def _row(encoded: Encoded, key: tuple[str, str], der: bytes, *, is_good: bool) -> Row:
    instant = encoded.row["time"] + encoded.row["clock_offset"]
    return {
        "endpoint": key[0],
        "thumbprint": key[1],
        "messages": 1,
        "good_messages": int(is_good),
        "first_seen": instant,
        "last_seen": instant,
        "record": encoded.row["id"],
        "certificate": der,
    }


def _together(row: Row, more: Row) -> Row:
    """Two messages of one group that carried the same certificate."""
    return row | {
        "messages": row["messages"] + more["messages"],
        "good_messages": row["good_messages"] + more["good_messages"],
        "first_seen": min(row["first_seen"], more["first_seen"]),
        "last_seen": max(row["last_seen"], more["last_seen"]),
        "record": more["record"] if more["good_messages"] or not row["good_messages"] else row["record"],
    }


def _first(rows: Iterable[Row]) -> list[Row]:
    """Those that may stay: what would be dropped at once need not be written."""
    return sorted(rows, key=lambda row: (not row["good_messages"], -row["last_seen"]))[:MAX_CERTIFICATES]


_NONE: Final[ColumnElement[int]] = literal_column("0")
"""Written into the statement, which gets no values but those of its columns."""


def _keeping(connection: Connection) -> Insert:
    statement = upsert(connection, unknown_certificates)
    old, new = unknown_certificates.c, statement.excluded
    changes = {
        "messages": old.messages + new.messages,
        "good_messages": old.good_messages + new.good_messages,
        "first_seen": case((new.first_seen < old.first_seen, new.first_seen), else_=old.first_seen),
        "last_seen": case((new.last_seen > old.last_seen, new.last_seen), else_=old.last_seen),
        "record": case((or_(new.good_messages > _NONE, old.good_messages == _NONE), new.record), else_=old.record),
    }
    return statement.on_conflict_do_update(index_elements=list(unknown_certificates.primary_key), set_=changes)


_KEEPING: Final = Prepared(_keeping, unknown_certificates.columns.keys())


def _drop_surplus(connection: Connection, endpoint: str) -> None:
    columns = unknown_certificates.c
    of_endpoint = columns.endpoint == endpoint
    by_worth = (case((columns.good_messages > 0, 0), else_=1), columns.last_seen.desc(), columns.thumbprint)
    surplus = select(columns.thumbprint).where(of_endpoint).order_by(*by_worth).offset(MAX_CERTIFICATES)
    # Where rows are locked: never waits for a writer that has just seen one of them again.
    free = select(columns.thumbprint).where(of_endpoint, columns.thumbprint.in_(surplus))
    free = free.with_for_update(skip_locked=True)
    connection.execute(delete(unknown_certificates).where(and_(of_endpoint, columns.thumbprint.in_(free))))
