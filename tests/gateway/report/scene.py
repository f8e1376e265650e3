"""A receiver with real certificates, and a ledger that its messages go into."""

import contextlib
import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine

from gateway.ledger import LedgerWriter, MessageRecord, RecordRefused
from gateway.renewal import Cell, CutoverReport, EndpointCutover, SwitchCriteria, cutover_report
from gateway.verify import Signer, VerifiedBy
from keystore import Alias, State, TrustedCertificate, TrustSnapshot
from tests.gateway.ledger.load import NOON, OPERATIONS, accepted, rejected
from tests.gateway.ledger.losing import tell_left
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
NEW = certificate("acme-2026", days=-10, replaces=(OLD.thumbprint,))
"""Declared to replace `OLD`."""
RENEWED = certificate("acme-2025", days=-20, key="acme-2024", replaces=(OLD.thumbprint,))
"""The key of `OLD` in a newer certificate."""
OLDEST = certificate("acme-2022", days=-350, state=State.RETIRED)


class Scene:
    """Messages at minutes after noon, and the report on them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.trust = TrustSnapshot.of(OLD, NEW, revision=7)
        self.now = NOON + 100 * DAY
        self.criteria = SwitchCriteria(timedelta(hours=1), smallest_share=0.5)
        """Sixteen messages, and quiet for an hour."""
        self._writer = LedgerWriter(engine, "host:1")

    def close(self) -> None:
        self._writer.close()

    def accept(self, *minutes: float, by: Collection[TrustedCertificate], **fields: Any) -> None:
        """Messages that were accepted, verified by all of `by`."""
        self.add(*(self.accepted(m, by, **fields) for m in minutes))

    def accept_every_five(self, count: int, *, after: float, by: Collection[TrustedCertificate], **fields: Any) -> None:
        """So many messages, one each five minutes, the first five after `after`."""
        self.accept(*(after + 5 * (n + 1) for n in range(count)), by=by, **fields)

    def accepted(self, minutes: float, by: Collection[TrustedCertificate], **fields: Any) -> MessageRecord:
        """One such message."""
        entries = [VerifiedBy(e.alias, e.key_id, e.thumbprint) for e in by]
        values = {"time": NOON + minutes * MINUTE, "signers": signers(by)} | fields
        return accepted(*entries, **values)

    def reject(self, *minutes: float, by: Collection[TrustedCertificate] = (), **fields: Any) -> None:
        """Messages that were rejected; the signature is good under the keys `by`, none of which is trusted."""
        entries = tuple(VerifiedBy(e.alias, e.key_id, e.thumbprint) for e in by)
        values: dict[str, Any] = {"reason": "retired-key" if by else "unsigned", "recognised": entries} | fields
        self.add(*(rejected(**{"signers": signers(by), **values, "time": NOON + m * MINUTE}) for m in minutes))

    def add(self, *records: MessageRecord) -> None:
        for future in [self._writer.submit(record) for record in records]:
            future.result(10)

    def lose(self, *, by: Collection[TrustedCertificate], **fields: Any) -> None:
        """A message that cannot be stored: the next one tells it."""
        with contextlib.suppress(RecordRefused):
            self.add(self.accepted(0, by, upstream_ms=float("nan"), **fields))

    def leave(self, folder: Path, *, by: Collection[TrustedCertificate], **fields: Any) -> None:
        """A process is killed with a message, and the next one tells what it finds in `folder`."""
        tell_left(self.engine, folder, self.accepted(0, by, **fields))

    def report(self, **options: Any) -> CutoverReport:
        values: dict[str, Any] = {"now": self.now, "endpoint": "orders", "criteria": {"orders": self.criteria}}
        return cutover_report(self.engine, self.trust, **(values | options))

    def endpoint(self, **options: Any) -> EndpointCutover:
        (found,) = self.report(**options).endpoints
        return found

    def cell(self, operation: str | None = GET, server: str = "", **options: Any) -> Cell:
        cells = self.endpoint(**options).cells
        (found,) = (cell for cell in cells if (cell.operation, cell.server) == (operation, server))
        return found


def at(minutes: float) -> datetime:
    """Minutes after noon."""
    return NOON + minutes * MINUTE


def signers(
    by: Collection[TrustedCertificate], *, needed: bool = True, signed_at: datetime | None = None, repeats: str = ""
) -> tuple[Signer, ...]:
    """Who signed one message: each key with a signature of its own, or with one that is on record (`repeats`)."""
    message = repeats or uuid4().hex
    return tuple(
        Signer(
            entry=VerifiedBy(entry.alias, entry.key_id, entry.thumbprint),
            state=entry.state,
            signature=0,
            signature_id=hashlib.sha256(f"{entry.key_id}{message}".encode()).hexdigest(),
            covers=("Body",),
            needed=needed,
            signed_at=signed_at,
            repeated=bool(repeats),
        )
        for entry in by
    )
