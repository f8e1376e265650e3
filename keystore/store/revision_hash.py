"""The hash chain of the history: each revision has SHA-256 over the hash of the one before it and its own content.

What is hashed is what the database holds: number, instant, who, why, and every entry that the revision changed, in
their order. A changed word no longer fits its hash, nor the hashes of all later revisions. Against someone who writes
the whole chain anew it helps only together with a hash that was kept elsewhere (`keystore.store.history_anchors`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

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
)
"""What of each change is hashed. One that joins them later has to be left out where it is NULL, for old hashes stay."""

Columns = Mapping[Any, Any]
"""A row, by the names of its columns."""


def digest(previous: str, revision: Columns, changes: Iterable[Columns]) -> str:
    """The hash of a revision that follows one of the hash `previous`.

    Raises:
        TypeError: A value is of a type that was never written.
        ValueError: `previous` is no hash.
    """
    content = {column.name: revision[column.name] for column in REVISION_COLUMNS} | {
        "changes": [{column.name: change[column.name] for column in CHANGE_COLUMNS} for change in changes]
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(bytes.fromhex(previous) + text.encode("ascii")).hexdigest()


def seal(connection: Connection, number: int, previous: str) -> None:
    """Put the hash of the revision `number`, whose rows are all written, into the chain and into its head.

    The rows are read back, so that what is hashed is what the database made of them.
    """
    revision = connection.execute(select(*REVISION_COLUMNS).where(revisions.c.revision == number)).mappings().one()
    changes = connection.execute(select(*CHANGE_COLUMNS).where(history.c.revision == number).order_by(history.c.id))
    sealed = digest(previous, revision, changes.mappings())
    connection.execute(insert(chain).values(revision=number, hash=sealed))
    connection.execute(update(head).where(head.c.id == 1).values(hash=sealed))
