"""Reading: the entries now, what they were at any past revision, and who changed them."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from keystore.certificate import State
from keystore.errors import UnknownRevision
from keystore.identity import Alias, Thumbprint
from keystore.store.entry import StoredEntry
from keystore.store.instants import from_microseconds, to_microseconds
from keystore.store.outcome import Action, HistoryItem
from keystore.store.tables import entries, head, history, revisions


def current_revision(connection: Connection) -> int:
    """The number of the newest revision; 0 before the first change."""
    return connection.execute(select(head.c.revision).where(head.c.id == 1)).scalar_one_or_none() or 0


def entries_at(connection: Connection, revision: int) -> list[StoredEntry]:
    """The entries as of `revision`, those purged by then left out."""
    newest = (
        select(func.max(history.c.id).label("id"))
        .where(history.c.revision <= revision)
        .group_by(history.c.entry_id)
        .subquery()
    )
    found = connection.execute(
        select(history.c.entry).join(newest, history.c.id == newest.c.id).order_by(history.c.entry_id)
    )
    return [entry for entry in map(StoredEntry.from_json, found.scalars()) if entry.state is not State.PURGED]


def revision_at(connection: Connection, when: int | datetime) -> int:
    """The revision that `when` means: itself, or the one in force at that instant (0 before the first).

    Raises:
        UnknownRevision: there is no revision of that number.
        ValueError: `when` has no time zone.
    """
    if isinstance(when, datetime):
        latest = select(func.max(revisions.c.revision)).where(revisions.c.time <= to_microseconds(when))
        return connection.execute(latest).scalar_one() or 0
    newest = current_revision(connection)
    if not 0 <= when <= newest:
        raise UnknownRevision(f"there is no revision {when}: the newest one is {newest}")
    return when


def read_history(connection: Connection, alias: str | None) -> list[HistoryItem]:
    """Every change, oldest first; with `alias` (in whatever case) those of the entries that ever had it."""
    query = select(history, revisions.c.time, revisions.c.who, revisions.c.why).join(
        revisions, history.c.revision == revisions.c.revision
    )
    if alias is not None:
        query = query.where(history.c.entry_id.in_(select(entries.c.id).where(entries.c.alias_folded == alias.lower())))
    return [
        HistoryItem(
            revision=row["revision"],
            time=from_microseconds(row["time"]),
            who=row["who"],
            why=row["why"],
            action=Action(row["action"]),
            alias=Alias(row["alias"]),
            thumbprint=Thumbprint(row["thumbprint"]),
            entry=StoredEntry.from_json(row["entry"]),
        )
        for row in connection.execute(query.order_by(history.c.id)).mappings()
    ]
