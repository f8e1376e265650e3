"""Cutovers that the ledger shows, whether or not anybody started a renewal: which key took over from which, and where.

A proposal, and nothing else rests on it: what is new is what a person declares. It goes by the order in which keys were
used in the same cell, never by the dates of certificates or by their names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine

from gateway.ledger import UsageRow, usage
from gateway.present import instant_json
from gateway.renewal.cutover import USES
from gateway.renewal.plan import Renewal
from gateway.vocabulary import RecordedOutcome
from keystore import KeyId, State, Thumbprint
from keystore.store import StoredEntry

INFERRED_SCHEMA: Final = "wssgate.inferred-cutovers/1"


@dataclass(frozen=True, slots=True)
class InferredCell:
    """One cell in which a key was used after another one had been."""

    operation: str | None
    server: str
    first_old: datetime
    last_old: datetime
    first_new: datetime
    last_new: datetime
    old_messages: int
    new_messages: int

    @property
    def new_came_last(self) -> bool:
        """Whether the last message was one of the later key."""
        return self.last_new > self.last_old


@dataclass(frozen=True, slots=True, kw_only=True)
class InferredCutover:
    """One key that took over from another one at an endpoint, as far as the records show."""

    endpoint: str
    old_alias: str
    old_thumbprint: Thumbprint
    new_alias: str
    new_thumbprint: Thumbprint
    cells: tuple[InferredCell, ...]
    only_old: tuple[tuple[str | None, str], ...]
    """Cells (operation, server) in which the earlier key alone was used."""
    is_declared: bool
    """Whether the keystore says that the one replaces the other."""
    renewal: str
    """The renewal that it belongs to; empty where nobody started one."""
    can_start: bool
    """Whether both certificates are in the keystore, and the earlier one is not retired."""

    @property
    def first_new(self) -> datetime:
        """When the later key was accepted first."""
        return min(cell.first_new for cell in self.cells)

    @property
    def last_old(self) -> datetime:
        """When the earlier one was used last in those cells."""
        return max(cell.last_old for cell in self.cells)

    @property
    def new_came_last(self) -> bool:
        """Whether in every cell the last message was one of the later key."""
        return not self.only_old and all(cell.new_came_last for cell in self.cells)


def infer_cutovers(
    engine: Engine, entries: Sequence[StoredEntry], renewals: Sequence[Renewal], endpoint: str | None = None
) -> list[InferredCutover]:
    """The cutovers of all endpoints, or of one, by endpoint and in the order of time.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    rows = [row for row in usage(engine, endpoint) if row.role in USES and row.messages]
    found = []
    for name in sorted({row.endpoint for row in rows}):
        cutovers = _of_endpoint(name, [row for row in rows if row.endpoint == name], entries, renewals)
        found += sorted(cutovers, key=lambda one: (one.first_new, one.new_thumbprint))
    return found


@dataclass(frozen=True, slots=True)
class _Use:
    """One key in one cell."""

    row: UsageRow
    """The one that was seen last, for the names."""
    first_accepted: datetime | None
    first: datetime
    last: datetime
    messages: int


def _of_endpoint(
    endpoint: str, rows: Sequence[UsageRow], entries: Sequence[StoredEntry], renewals: Sequence[Renewal]
) -> list[InferredCutover]:
    cells: dict[tuple[str | None, str], dict[KeyId, _Use]] = {}
    for cell in dict.fromkeys((row.operation, row.server) for row in rows):
        of_cell = [row for row in rows if (row.operation, row.server) == cell]
        cells[cell] = {
            key: _use([row for row in of_cell if row.key_id == key]) for key in {row.key_id for row in of_cell}
        }
    pairs: dict[tuple[KeyId, KeyId], list[tuple[tuple[str | None, str], _Use, _Use]]] = {}
    for cell, uses in cells.items():
        for new, use in uses.items():
            before = [
                (key, other)
                for key, other in uses.items()
                if key != new and use.first_accepted is not None and other.first < use.first_accepted
            ]
            if before:
                old, earlier = max(before, key=lambda one: (one[1].first, one[0]))
                pairs.setdefault((old, new), []).append((cell, earlier, use))
    found = []
    for (old, new), met in pairs.items():
        with_new = {cell for cell, uses in cells.items() if new in uses}
        alone = sorted(
            (cell for cell, uses in cells.items() if old in uses and cell not in with_new),
            key=lambda cell: (cell[0] or "", cell[1]),
        )
        found.append(_cutover(endpoint, met, alone, entries, renewals))
    return found


def _use(rows: Sequence[UsageRow]) -> _Use:
    accepted = [row.first_seen for row in rows if row.outcome is RecordedOutcome.ACCEPTED]
    by_thumbprint: dict[Thumbprint, int] = {}
    for row in rows:
        by_thumbprint[row.thumbprint] = by_thumbprint.get(row.thumbprint, 0) + row.messages
    return _Use(
        max(rows, key=lambda row: (row.last_seen, row.thumbprint)),
        min(accepted, default=None),
        min(row.first_seen for row in rows),
        max(row.last_seen for row in rows),
        # Certificates over one key sign the same messages.
        max(by_thumbprint.values()),
    )


def _cutover(
    endpoint: str,
    met: Sequence[tuple[tuple[str | None, str], _Use, _Use]],
    alone: Sequence[tuple[str | None, str]],
    entries: Sequence[StoredEntry],
    renewals: Sequence[Renewal],
) -> InferredCutover:
    old = max((earlier for _, earlier, _ in met), key=lambda use: use.last).row
    new = max((use for _, _, use in met), key=lambda use: use.last).row
    by_thumbprint: Mapping[Thumbprint, StoredEntry] = {entry.thumbprint: entry for entry in entries}
    kept_old, kept_new = by_thumbprint.get(old.thumbprint), by_thumbprint.get(new.thumbprint)
    belongs = (
        renewal.name
        for renewal in renewals
        if endpoint in renewal.endpoints
        and renewal.new.key_id == new.key_id
        and any(one.key_id == old.key_id for one in renewal.old)
    )
    return InferredCutover(
        endpoint=endpoint,
        old_alias=str(old.alias if kept_old is None else kept_old.alias),
        old_thumbprint=old.thumbprint,
        new_alias=str(new.alias if kept_new is None else kept_new.alias),
        new_thumbprint=new.thumbprint,
        cells=tuple(
            InferredCell(
                operation,
                server,
                earlier.first,
                earlier.last,
                use.first_accepted or use.first,
                use.last,
                earlier.messages,
                use.messages,
            )
            for (operation, server), earlier, use in sorted(met, key=lambda one: (one[0][0] or "", one[0][1]))
        ),
        only_old=tuple(alone),
        is_declared=kept_new is not None and old.thumbprint in kept_new.replaces,
        renewal=next(belongs, ""),
        can_start=kept_new is not None and kept_old is not None and kept_old.state is not State.RETIRED,
    )


def inferred_json(found: Sequence[InferredCutover]) -> dict[str, Any]:
    """The cutovers as an object of the schema `wssgate.inferred-cutovers/1`."""
    return {"schema": INFERRED_SCHEMA, "cutovers": [_json(one) for one in found]}


def _json(one: InferredCutover) -> dict[str, Any]:
    return {
        "endpoint": one.endpoint,
        "old": {"alias": one.old_alias, "thumbprint": one.old_thumbprint},
        "new": {"alias": one.new_alias, "thumbprint": one.new_thumbprint},
        "first_new": instant_json(one.first_new),
        "last_old": instant_json(one.last_old),
        "new_came_last": one.new_came_last,
        "declared": one.is_declared,
        "renewal": one.renewal or None,
        "only_old": [{"operation": operation, "server": server} for operation, server in one.only_old],
        "cells": [
            {
                "operation": cell.operation,
                "server": cell.server,
                "first_old": instant_json(cell.first_old),
                "last_old": instant_json(cell.last_old),
                "first_new": instant_json(cell.first_new),
                "last_new": instant_json(cell.last_new),
                "old_messages": cell.old_messages,
                "new_messages": cell.new_messages,
                "new_came_last": cell.new_came_last,
            }
            for cell in one.cells
        ],
    }
