"""How often a key was used in a cell after a given instant: exact, for whole hours come from the roll-ups and the hour
of the instant from its records.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Subquery, and_, case, func, literal, not_, or_, select, union_all

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_usage_hourly, key_uses_hourly, messages
from gateway.ledger.hours import MICROSECONDS_PER_HOUR, hour_of
from gateway.ledger.read.stored_records import names_entry
from gateway.ledger.record import Role
from gateway.vocabulary import RecordedOutcome
from keystore import from_microseconds, to_microseconds

_OFF_AT_MOST: Final = 120_000_000
"""Microseconds by which a writer's clock may be off for its records to be found by their own instants."""


@dataclass(frozen=True, slots=True)
class Succession:
    """How often certificates were seen in a cell strictly after an instant."""

    messages: int
    first: datetime | None
    """The first of these messages."""
    exact: bool
    """False where records of the instant's own hour have been removed, or several certificates share the key: then
    `messages` is the least number that is certain."""


def seen_after(
    engine: Engine,
    endpoint: str,
    operation: str | None,
    server: str,
    thumbprints: Sequence[str],
    after: datetime,
    roles: Collection[Role],
    *,
    until: datetime | None = None,
) -> Succession:
    """How many messages of a cell the certificates' key signed after the instant `after`, and the first of them.

    Give only certificates over one key: a message counts once for all of them.

    Args:
        engine: The ledger's database.
        endpoint: The cell's,
        operation: and its operation,
        server: and server; empty where the endpoint does not tell its servers apart.
        thumbprints: Of the certificates.
        after: By the ledger's clock.
        roles: What the key's signature was to the message, whether that was accepted or not.
        until: The hour in which it lies is the last one that is counted; None counts everything.

    Raises:
        DatabaseUnavailable: The database cannot be read, or holds no ledger.
    """
    if not thumbprints or not roles:
        return Succession(0, None, exact=True)
    moment = to_microseconds(after)
    hour = hour_of(moment)
    per_hour = _hours(endpoint, operation or "", server, thumbprints, roles)
    later = select(func.coalesce(func.sum(per_hour.c.messages), 0), func.min(per_hour.c.first_seen)).where(
        per_hour.c.hour > hour
    )
    if until is not None:
        later = later.where(per_hour.c.hour <= hour_of(to_microseconds(until)))
    boundary = select(func.coalesce(func.sum(per_hour.c.messages), 0)).where(per_hour.c.hour == hour)
    instant = messages.c.time + func.coalesce(messages.c.clock_offset, 0)
    of_the_hour = select(
        func.count(),
        func.coalesce(func.sum(case((instant > moment, 1), else_=0)), 0),
        func.min(case((instant > moment, instant))),
    ).where(
        messages.c.endpoint == endpoint,
        messages.c.operation == (operation or ""),
        # A clock that was off by more has its records counted by the roll-ups alone: it is a least number then.
        messages.c.time >= hour * MICROSECONDS_PER_HOUR - _OFF_AT_MOST,
        messages.c.time < (hour + 1) * MICROSECONDS_PER_HOUR + _OFF_AT_MOST,
        instant >= hour * MICROSECONDS_PER_HOUR,
        instant < (hour + 1) * MICROSECONDS_PER_HOUR,
        func.coalesce(messages.c.server, "") == server,
        or_(*(_is_in_role(thumbprint, role) for thumbprint in thumbprints for role in roles)),
    )
    with reading(engine) as connection:
        later_count, later_first = connection.execute(later).one()
        expected = int(connection.execute(boundary).scalar_one())
        in_hour, in_hour_after, in_hour_first = connection.execute(of_the_hour).one()
    first = in_hour_first if in_hour_first is not None else later_first
    return Succession(
        messages=int(later_count) + int(in_hour_after),
        first=None if first is None else from_microseconds(first),
        exact=len(set(thumbprints)) == 1 and int(in_hour) == expected,
    )


def _hours(endpoint: str, operation: str, server: str, thumbprints: Sequence[str], roles: Collection[Role]) -> Subquery:
    """Of every hour how many messages, at least, and the first."""
    keys, old = key_uses_hourly.c, key_usage_hourly.c
    told_apart = select(keys.hour, keys.thumbprint, keys.messages, keys.first_seen).where(
        keys.endpoint == endpoint,
        keys.operation == operation,
        keys.server == server,
        keys.thumbprint.in_(list(thumbprints)),
        keys.role.in_([str(role) for role in roles]),
    )
    earlier = select(old.hour, old.thumbprint, old.messages, old.first_seen).where(
        old.endpoint == endpoint,
        old.operation == operation,
        literal(server == "" and Role.EARLIER in roles),
        old.thumbprint.in_(list(thumbprints)),
    )
    both = union_all(told_apart, earlier).subquery()
    per_certificate = (
        select(
            both.c.hour, func.sum(both.c.messages).label("messages"), func.min(both.c.first_seen).label("first_seen")
        )
        .group_by(both.c.hour, both.c.thumbprint)
        .subquery()
    )
    return (
        select(
            per_certificate.c.hour,
            func.max(per_certificate.c.messages).label("messages"),
            func.min(per_certificate.c.first_seen).label("first_seen"),
        )
        .group_by(per_certificate.c.hour)
        .subquery()
    )


def _is_in_role(thumbprint: str, role: Role) -> ColumnElement[bool]:
    """Whether the strongest role of the certificate in a record is `role`: as `gateway.ledger.uses` counts."""
    columns = messages.c
    if role is Role.EARLIER:
        named = or_(names_entry(columns.verified_by, thumbprint), names_entry(columns.recognised, thumbprint))
        return and_(columns.signers.is_(None), named)
    needed, present = _signed(thumbprint, needed=True), _signed(thumbprint, needed=False)
    if role is Role.NEEDED:
        return needed
    if role is Role.PRESENT:
        return and_(present, not_(needed))
    return and_(names_entry(columns.signers, thumbprint), not_(or_(needed, present)))


def _signed(thumbprint: str, *, needed: bool) -> ColumnElement[bool]:
    """Whether a signer of the certificate was `needed` or not, and its signature is a use: written so by
    `gateway.ledger.record_rows`.
    """
    signer = f'"thumbprint":"{thumbprint}"}},"needed":{"true" if needed else "false"},"repeated":'
    accepted = messages.c.outcome == str(RecordedOutcome.ACCEPTED)
    return or_(_contains(f"{signer}false"), and_(accepted, _contains(signer)))


def _contains(text: str) -> Any:
    return messages.c.signers.contains(text, autoescape=True)
