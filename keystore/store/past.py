"""Reading: the entries now, what they were at any past revision, and who changed them."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from keystore.certificate import State
from keystore.epoch import from_microseconds, to_microseconds
from keystore.errors import UnknownRevision
from keystore.identity import Alias, Thumbprint
from keystore.store.outcome import Action, HistoryItem, PastRevision
from keystore.store.revision_chain import hashed_change, hashed_revision
from keystore.store.stored_entry import StoredEntry
from keystore.store.table_definitions import chain, entries, head, history, revisions


def current_revision(connection: Connection) -> int:
    """The number of the newest revision; 0 before the first change."""
    return connection.execute(select(head.c.revision).where(head.c.id == 1)).scalar_one_or_none() or 0


def past_revision(connection: Connection, when: int | datetime) -> PastRevision:
    """The revision that `when` means, with its entries.

    Raises:
        UnknownRevision: there is no revision of that number.
        ValueError: `when` has no time zone.
    """
    number = revision_at(connection, when)
    made = connection.execute(select(revisions).where(revisions.c.revision == number)).mappings().one_or_none()
    return PastRevision(
        number=number,
        time=None if made is None else from_microseconds(made["time"]),
        who="" if made is None else made["who"],
        why="" if made is None else made["why"],
        entries=tuple(entries_at(connection, number)),
    )


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
    query = (
        select(history, revisions.c.time, revisions.c.who, revisions.c.why, chain.c.hash)
        .join(revisions, history.c.revision == revisions.c.revision)
        .outerjoin(chain, chain.c.revision == history.c.revision)
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
            overrode=row["overrode"] or "",
            gate=row["gate"] or "",
            hash=row["hash"],
            hashed_revision=hashed_revision(row),
            hashed_change=hashed_change(row),
        )
        for row in connection.execute(query.order_by(history.c.id)).mappings()
    ]


_STATE_AFTER = {
    Action.ADDED: State.TRUSTED,
    Action.STAGED: State.STAGED,
    Action.TRUSTED: State.TRUSTED,
    Action.RESTORED: State.TRUSTED,
    Action.RETIRED: State.RETIRED,
    Action.REVOKED: State.RETIRED,
    Action.PURGED: State.PURGED,
}
"""The state that each action leaves; one that is not here leaves it as it was."""


def states_since(connection: Connection) -> dict[int, datetime]:
    """Since when each entry has been in its stored state, by its id; told from the history, purged ones included."""
    query = (
        select(history.c.entry_id, history.c.action, revisions.c.time)
        .join(revisions, history.c.revision == revisions.c.revision)
        .order_by(history.c.id)
    )
    found: dict[int, tuple[State, int]] = {}
    for entry_id, action, time in connection.execute(query):
        before = found.get(entry_id)
        state = _STATE_AFTER.get(Action(action))
        if state is not None and (before is None or before[0] is not state):
            found[entry_id] = state, time
    return {entry_id: from_microseconds(time) for entry_id, (_, time) in found.items()}
