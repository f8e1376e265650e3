"""Receipts on their way into the database: each by the layout that its SignedInfo has (`gateway.ledger.receipts`)."""

import re
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, select

from gateway.ledger.database.connections import upsert
from gateway.ledger.database.ledger_tables import receipt_layouts
from gateway.ledger.receipts import MAX_RECEIPTS, Layout, fits, listed, spelled, spelled_without_layout, taken_apart
from gateway.ledger.record import MessageRecord
from gateway.verify import SignatureReceipt

MAX_LAYOUTS: Final = 256
"""Layouts of one endpoint: a partner has a handful, and one that signs otherwise each time is to fill no table."""
_RECENT: Final = 8
"""Layouts that are tried before it is looked up which one a SignedInfo has: trying costs a fortieth of that."""


@dataclass(slots=True)
class _OfEndpoint:
    """What is known of one endpoint's layouts."""

    known: set[str]
    """Their ids; all of them are in the database, or will be with the transaction under way."""
    recent: list[tuple[str, re.Pattern[bytes]]] = field(default_factory=list)
    """Those that were used last, the last one first."""


class ReceiptLayouts:
    """The layouts that one writer has seen; used by its thread alone."""

    def __init__(self) -> None:
        """Know none yet: they are looked up when an endpoint's first receipt comes."""
        self._endpoints: dict[str, _OfEndpoint] = {}

    def forget(self) -> None:
        """Look everything up again: a transaction may have been taken back, and with it a layout that it added."""
        self._endpoints.clear()

    def encode(self, connection: Connection, record: MessageRecord) -> str | None:
        """The receipts of `record` as its row holds them, None where there are none; new layouts are stored.

        A receipt that is larger than any is kept leaves its signature without one.
        """
        receipts = [
            self._encode(connection, record.endpoint, number, signature.receipt)
            for number, signature in enumerate(record.signatures[:MAX_RECEIPTS])
            if signature.receipt is not None and fits(signature.receipt)
        ]
        return listed(receipts) if receipts else None

    def _encode(self, connection: Connection, endpoint: str, number: int, receipt: SignatureReceipt) -> str:
        of_endpoint = self._endpoints.get(endpoint)
        if of_endpoint is None:
            of_endpoint = self._endpoints[endpoint] = _OfEndpoint(_stored(connection, endpoint))
        recent = of_endpoint.recent
        for place, (layout, pattern) in enumerate(recent):
            match = pattern.fullmatch(receipt.signed_info)
            if match is not None:
                if place:
                    recent.insert(0, recent.pop(place))
                return spelled(number, receipt, layout, match.groups())
        taken = taken_apart(receipt.signed_info)
        if taken is None or not _is_stored(connection, endpoint, of_endpoint, taken[0]):
            return spelled_without_layout(number, receipt)
        recent.insert(0, (taken[0].id, taken[0].pattern()))
        del recent[_RECENT:]
        return spelled(number, receipt, taken[0].id, taken[1])


def _is_stored(connection: Connection, endpoint: str, of_endpoint: _OfEndpoint, layout: Layout) -> bool:
    """Whether the layout is in the database now: it was, or there was room for one more."""
    if layout.id in of_endpoint.known:
        return True
    if len(of_endpoint.known) < MAX_LAYOUTS:
        of_endpoint.known |= _stored(connection, endpoint)  # another writer may have added some
        if layout.id not in of_endpoint.known and len(of_endpoint.known) < MAX_LAYOUTS:
            # It may be there as that of another endpoint.
            values = {"id": layout.id, "endpoint": endpoint, "layout": layout.text}
            connection.execute(upsert(connection, receipt_layouts).values(values).on_conflict_do_nothing())
            of_endpoint.known.add(layout.id)
    return layout.id in of_endpoint.known


def _stored(connection: Connection, endpoint: str) -> set[str]:
    columns = receipt_layouts.c
    return set(connection.execute(select(columns.id).where(columns.endpoint == endpoint)).scalars())
