"""The history, handed out as links of its chain, from which anybody can recompute the hashes.

A link's hash is SHA-256 over the octets of the hash before it and its content as `keystore.hash_chain` spells it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from keystore.hash_chain import CHAIN_START
from keystore.identity import Thumbprint
from keystore.store.revision_chain import CHANGE_COLUMNS, REVISION_COLUMNS, hashed_change, hashed_revision
from keystore.store.table_definitions import chain, history, revisions


@dataclass(frozen=True, slots=True)
class HistoryLink:
    """One revision, as it is hashed."""

    content: Mapping[str, Any]
    """What of the revision is hashed, with `changes`: a list of what is hashed of each of them."""
    previous_hash: str
    hash: str


def history_links(connection: Connection, relied_on: Iterable[tuple[int, Thumbprint]]) -> list[HistoryLink]:
    """The end of the history that tells what the keystore held of some certificates, each at some revision.

    It begins with the oldest of the changes that were the last ones of their entries then, and ends with the newest
    revision; it is empty where none of the certificates was there.
    """
    firsts = []
    for revision, thumbprint in set(relied_on):
        query = select(func.max(history.c.revision)).where(
            history.c.thumbprint == str(thumbprint), history.c.revision <= revision
        )
        found = connection.execute(query).scalar_one_or_none()
        if found is not None:
            firsts.append(found)
    return _links_from(connection, min(firsts)) if firsts else []


def _links_from(connection: Connection, first: int) -> list[HistoryLink]:
    before = connection.execute(select(chain.c.hash).where(chain.c.revision == first - 1)).scalar_one_or_none()
    changes: dict[int, list[Mapping[str, Any]]] = {}
    of_changes = select(history.c.revision, *CHANGE_COLUMNS).where(history.c.revision >= first).order_by(history.c.id)
    for row in connection.execute(of_changes).mappings():
        changes.setdefault(row["revision"], []).append(hashed_change(row))
    query = (
        select(*REVISION_COLUMNS, chain.c.hash)
        .join(chain, chain.c.revision == revisions.c.revision)
        .where(revisions.c.revision >= first)
        .order_by(revisions.c.revision)
    )
    links: list[HistoryLink] = []
    for row in connection.execute(query).mappings():
        previous = links[-1].hash if links else before or CHAIN_START
        content = hashed_revision(row) | {"changes": changes.get(row["revision"], [])}
        links.append(HistoryLink(content, previous, row["hash"]))
    return links
