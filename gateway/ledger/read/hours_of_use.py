"""In which hours certificates were used in one cell: where a report looks for pauses and for what came after them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, case, func, literal, select, union_all

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_usage_hourly, key_uses_hourly
from gateway.ledger.read.unrecorded import unrecorded_uses
from gateway.ledger.record import Role
from gateway.vocabulary import RecordedOutcome
from keystore import from_microseconds


@dataclass(frozen=True, slots=True)
class UseHour:
    """One hour (of UTC) of one cell in which some of the certificates were used. Instants are the ledger's."""

    messages: int
    """Of certificates over one key the most that one of them has: they sign the same messages."""
    accepted: int
    first_seen: datetime
    last_seen: datetime


def use_hours(
    engine: Engine,
    endpoint: str,
    operation: str | None,
    server: str,
    thumbprints: Sequence[str],
    roles: Collection[Role],
) -> list[UseHour]:
    """The hours in which the certificates were used in a cell, oldest first; what could not be recorded stands apart.

    Args:
        engine: The ledger's database.
        endpoint: The cell's,
        operation: and its operation,
        server: and server; empty where the endpoint does not tell its servers apart.
        thumbprints: Of the certificates.
        roles: What the signature was to the message.

    Raises:
        DatabaseUnavailable: The database cannot be read, or holds no ledger.
    """
    keys, old = key_uses_hourly.c, key_usage_hourly.c
    is_accepted = keys.outcome == str(RecordedOutcome.ACCEPTED)
    told_apart = select(
        keys.hour,
        keys.thumbprint,
        keys.messages,
        case((is_accepted, keys.messages), else_=0).label("accepted"),
        keys.first_seen,
        keys.last_seen,
    ).where(
        keys.endpoint == endpoint,
        keys.operation == (operation or ""),
        keys.server == server,
        keys.thumbprint.in_(list(thumbprints)),
        keys.role.in_([str(role) for role in roles]),
    )
    earlier = select(
        old.hour,
        old.thumbprint,
        old.messages,
        case((old.how == "verified", old.messages), else_=0).label("accepted"),
        old.first_seen,
        old.last_seen,
    ).where(
        old.endpoint == endpoint,
        old.operation == (operation or ""),
        literal(server == "" and Role.EARLIER in roles),
        old.thumbprint.in_(list(thumbprints)),
    )
    both = union_all(told_apart, earlier).subquery()
    sums = (func.sum(both.c[name]).label(name) for name in ("messages", "accepted"))
    first, last = func.min(both.c.first_seen).label("first_seen"), func.max(both.c.last_seen).label("last_seen")
    per_certificate = select(both.c.hour, *sums, first, last).group_by(both.c.hour, both.c.thumbprint).subquery()
    c = per_certificate.c
    query = select(func.max(c.messages), func.max(c.accepted), func.min(c.first_seen), func.max(c.last_seen)).group_by(
        c.hour
    )
    with reading(engine) as connection:
        found = [
            UseHour(int(messages), int(accepted), from_microseconds(begin), from_microseconds(end))
            for messages, accepted, begin, end in connection.execute(query.order_by(c.hour))
        ]
        unrecorded = unrecorded_uses(connection, endpoint)
    for (_, of, at, thumbprint, _, _, role, _, _), (count, begin, end, _) in unrecorded.counts.items():
        if (of, at) == (operation or "", server) and thumbprint in thumbprints and role in roles and count:
            found.append(UseHour(count, 0, from_microseconds(begin or 0), from_microseconds(end or 0)))
    return sorted(found, key=lambda hour: hour.first_seen)
