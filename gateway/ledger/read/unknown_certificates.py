"""The certificates that are kept of signers whom the keystore does not know."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import messages, unknown_certificates
from gateway.ledger.errors import DatabaseUnavailable
from gateway.ledger.read.stored_records import RecordFilter, conditions
from keystore import Thumbprint, from_microseconds, to_microseconds


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """A certificate that rejected messages of one endpoint carried."""

    endpoint: str
    thumbprint: Thumbprint
    messages: int
    """That carried it, as far as is known: one that was dropped for newer ones and came again is counted anew."""
    good_messages: int
    """Those of them whose signature is good under it; 0: no message proves that anybody holds its private key."""
    first_seen: datetime
    last_seen: datetime
    record: str
    """The id of the last record with a good signature; of the last of all where there is none."""
    der: bytes


def kept_certificates(
    engine: Engine, endpoint: str | None = None, since: datetime | None = None
) -> list[KeptCertificate]:
    """The certificates that are kept, by endpoint; those that a good signature backs first, then the newest.

    Args:
        engine: The ledger's database.
        endpoint: Only those of this one.
        since: Only those that were seen since then, exactly.

    Raises:
        DatabaseUnavailable: The database cannot be read, or one of them was altered.
    """
    columns = unknown_certificates.c
    query = select(unknown_certificates)
    if endpoint is not None:
        query = query.where(columns.endpoint == endpoint)
    if since is not None:
        query = query.where(columns.last_seen >= to_microseconds(since))
    with reading(engine) as connection:
        found = [_kept(row) for row in connection.execute(query)]
    return _sorted(found)


def carried_certificates(engine: Engine, wanted: RecordFilter) -> list[KeptCertificate]:
    """Those of the kept certificates that a record carried which fits `wanted`, counted over such records alone.

    Raises:
        DatabaseUnavailable: The database cannot be read, or a certificate or a record in it was altered.
    """
    kept = {(one.endpoint, str(one.thumbprint)): one for one in kept_certificates(engine)}
    columns = messages.c
    identity = (columns.endpoint, columns.embedded)  # the same text for the same certificate and finding
    times = (func.min(columns.time).label("first_seen"), func.max(columns.time).label("last_seen"))
    query = (
        select(*identity, func.count().label("messages"), *times, func.max(columns.id).label("record"))
        .where(columns.embedded.is_not(None), *conditions(wanted))
        .group_by(*identity)
    )
    found: dict[tuple[str, str], KeptCertificate] = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            embedded = _embedded(row)
            key = row.endpoint, embedded["thumbprint"]
            if key in kept:
                counted = _counted(kept[key], row, is_good=embedded["signature_good"])
                found[key] = _together(found[key], counted) if key in found else counted
    return _sorted(found.values())


def _embedded(row: Any) -> Mapping[str, Any]:
    try:
        value = json.loads(row.embedded)
        return {"thumbprint": str(value["thumbprint"]), "signature_good": value["signature_good"] is True}
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DatabaseUnavailable(
            f"the record {row.record} was altered: what it says of the certificate that its message carried cannot be "
            "read; wssgate ledger verify tells what else was"
        ) from None


def _counted(kept: KeptCertificate, row: Any, *, is_good: bool) -> KeptCertificate:
    return replace(
        kept,
        messages=row.messages,
        good_messages=row.messages if is_good else 0,
        first_seen=from_microseconds(row.first_seen),
        last_seen=from_microseconds(row.last_seen),
        record=row.record,
    )


def _together(one: KeptCertificate, other: KeptCertificate) -> KeptCertificate:
    """The messages with a good signature and those without, the record being one of the former."""
    good = one if one.good_messages else other
    return replace(
        good,
        messages=one.messages + other.messages,
        first_seen=min(one.first_seen, other.first_seen),
        last_seen=max(one.last_seen, other.last_seen),
    )


def find_kept_certificate(engine: Engine, endpoint: str, thumbprint: Thumbprint) -> KeptCertificate | None:
    """The certificate of that thumbprint, of `endpoint` or else of another one; None where it is not kept.

    Raises:
        DatabaseUnavailable: The database cannot be read, or the certificate was altered.
    """
    columns = unknown_certificates.c
    query = select(unknown_certificates).where(columns.thumbprint == thumbprint).order_by(columns.endpoint != endpoint)
    with reading(engine) as connection:
        row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else _kept(row)


def _sorted(found: Iterable[KeptCertificate]) -> list[KeptCertificate]:
    return sorted(found, key=lambda one: (one.endpoint, not one.good_messages, -to_microseconds(one.last_seen)))


def _kept(row: Any) -> KeptCertificate:
    if Thumbprint.of(row.certificate) != row.thumbprint:
        raise DatabaseUnavailable(
            f"the certificate {row.thumbprint} of an unknown signer was altered in the database: it has another "
            "SHA-256; find out by whom, and delete its row in unknown_certificates"
        )
    return KeptCertificate(
        endpoint=row.endpoint,
        thumbprint=Thumbprint(row.thumbprint),
        messages=row.messages,
        good_messages=row.good_messages,
        first_seen=from_microseconds(row.first_seen),
        last_seen=from_microseconds(row.last_seen),
        record=row.record,
        der=row.certificate,
    )
