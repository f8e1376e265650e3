"""The history as a hash chain (`keystore.hash_chain`): each revision is a link of it.

What is hashed is what the database holds: number, instant, who, why, and every entry that the revision changed, in
their order. Against someone who writes the whole chain anew it helps only together with a hash that was kept elsewhere
(`keystore.store.history_anchors`).
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from keystore.hash_chain import Content, link_hash
from keystore.store.table_definitions import chain, head, history, revisions

REVISION_COLUMNS: Final = (revisions.c.revision, revisions.c.time, revisions.c.who, revisions.c.why)
"""What of a revision is hashed."""
CHANGE_COLUMNS: Final = (
    history.c.id,
    history.c.entry_id,
    history.c.action,
    history.c.alias,
    history.c.thumbprint,
    history.c.entry,
    history.c.overrode,
    history.c.gate,
)
"""What of each change is hashed."""
JOINED_LATER: Final = frozenset({history.c.gate.name})
"""Those of the columns that are left out where they are NULL: hashes from before they were there stay what they are."""


def revision_hash(previous: str, revision: Content, changes: Iterable[Content]) -> str:
    """The hash of a revision, given as rows by the names of their columns, that follows one of the hash `previous`.

    Raises:
        TypeError: A value is of a type that was never written.
        ValueError: The same, or `previous` is no hash.
    """
    return link_hash(previous, hashed_revision(revision) | {"changes": [hashed_change(change) for change in changes]})


def hashed_revision(row: Content) -> dict[str, Any]:
    """What is hashed of a revision beside its changes, from a row that has the columns of the table of revisions."""
    return {column.name: row[column.name] for column in REVISION_COLUMNS}


def hashed_change(row: Content) -> dict[str, Any]:
    """What is hashed of one change, from a row that has the columns of the table of the history."""
    return {
        column.name: row[column.name]
        for column in CHANGE_COLUMNS
        if column.name not in JOINED_LATER or row.get(column.name) is not None
    }


def seal(connection: Connection, number: int, previous: str) -> None:
    """Put the hash of the revision `number`, whose rows are all written, into the chain and into its head.

    The rows are read back, so that what is hashed is what the database made of them.
    """
    revision = connection.execute(select(*REVISION_COLUMNS).where(revisions.c.revision == number)).mappings().one()
    changes = connection.execute(select(*CHANGE_COLUMNS).where(history.c.revision == number).order_by(history.c.id))
    sealed = revision_hash(previous, revision, changes.mappings())
    connection.execute(insert(chain).values(revision=number, hash=sealed))
    connection.execute(update(head).where(head.c.id == 1).values(hash=sealed))
