"""Uses of keys in messages of which there is no record, as the writers told them (`gateway.ledger.event`): reports that
count from the roll-ups have to know them as well as gates, or they would call a key quiet that was not.
"""

from datetime import datetime

from sqlalchemy import Connection, select

from gateway.ledger.database.ledger_tables import events
from gateway.ledger.event import EventKind
from gateway.ledger.hours import MICROSECONDS_PER_HOUR, hour_of
from gateway.ledger.proof.event_contents import checked_event
from gateway.ledger.uses import Uses
from keystore import to_microseconds


def unrecorded_uses(
    connection: Connection, endpoint: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> Uses:
    """What was told, of one endpoint or all, from `since` to the end of the hour of `until`, by the ledger's clock.

    How many messages there were is 0 where nobody knows whether there was one. What was never written by this program
    is left out: `ledger verify` tells of it, and the gates stay shut.
    """
    columns = events.c
    query = select(events).where(columns.kind == str(EventKind.UNRECORDED))
    at = columns.time + columns.clock_offset
    if since is not None:
        query = query.where(at >= to_microseconds(since))
    if until is not None:
        query = query.where(at < (hour_of(to_microseconds(until)) + 1) * MICROSECONDS_PER_HOUR)
    uses = Uses()
    for row in connection.execute(query).mappings():
        event = checked_event(row)
        if event is not None:
            uses.merge(Uses.of_rows(use for use in event.content["uses"] if endpoint in {None, use[0]}))
    return uses
