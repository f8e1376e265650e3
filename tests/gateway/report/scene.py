"""A receiver with real certificates, and a ledger that its messages go into."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from gateway.ledger import LedgerWriter, MessageRecord
from gateway.renewal import Cell, CutoverReport, EndpointCutover, cutover_report
from gateway.verify import VerifiedBy
from keystore import Alias, State, TrustedCertificate, TrustSnapshot
from tests.gateway.ledger.load import NOON, OPERATIONS, accepted, rejected
from tests.keystore.issuing import issue

GET, PLACE, _ = OPERATIONS
assert GET is not None
assert PLACE is not None
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def certificate(alias: str, *, days: int, key: str = "", **fields: Any) -> TrustedCertificate:
    """An entry whose certificate is valid from `days` after noon on."""
    made = issue("acme", key=key or alias, not_before=NOON + days * DAY, not_after=NOON + 400 * DAY)
    return TrustedCertificate(Alias(alias), made, **fields)


OLD = certificate("acme-2024", days=-300)
NEW = certificate("acme-2026", days=-10)
RENEWED = certificate("acme-2025", days=-20, key="acme-2024")
"""The key of `OLD` in a newer certificate."""
OLDEST = certificate("acme-2022", days=-350, state=State.RETIRED)


class Scene:
    """Messages at minutes after noon, and the report on them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.trust = TrustSnapshot.of(OLD, NEW, revision=7)
        self.now = NOON + 100 * DAY
        self._writer = LedgerWriter(engine, "host:1")

    def close(self) -> None:
        self._writer.close()

    def accept(self, *minutes: float, by: Collection[TrustedCertificate], **fields: Any) -> None:
        """Messages that were accepted, verified by all of `by`."""
        entries = [VerifiedBy(e.alias, e.key_id, e.thumbprint) for e in by]
        self.add(*(accepted(*entries, **({"time": NOON + m * MINUTE} | fields)) for m in minutes))

    def reject(self, *minutes: float, by: Collection[TrustedCertificate] = (), **fields: Any) -> None:
        """Messages that were rejected; the signature is good under the untrusted keys `by`."""
        entries = tuple(VerifiedBy(e.alias, e.key_id, e.thumbprint) for e in by)
        values = {"reason": "retired-key" if by else "unsigned", "recognised": entries} | fields
        self.add(*(rejected(**(values | {"time": NOON + m * MINUTE})) for m in minutes))

    def add(self, *records: MessageRecord) -> None:
        for future in [self._writer.submit(record) for record in records]:
            future.result(10)

    def report(self, **options: Any) -> CutoverReport:
        values: dict[str, Any] = {"now": self.now, "endpoint": "orders"}
        return cutover_report(self.engine, self.trust, **(values | options))

    def endpoint(self, **options: Any) -> EndpointCutover:
        (found,) = self.report(**options).endpoints
        return found

    def cell(self, operation: str | None = GET, **options: Any) -> Cell:
        (found,) = (cell for cell in self.endpoint(**options).cells if cell.operation == operation)
        return found


def at(minutes: float) -> datetime:
    """Minutes after noon."""
    return NOON + minutes * MINUTE
