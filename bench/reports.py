"""What reports and gates cost over ten thousand records and over ten million, of the same ninety days and operations.

The roll-ups and the events are those of the real writer, to which ninety days pass in a moment: every hour it is given
a message of each operation, signed with one of two keys, and tells that it watches. The rest of the records is put in
beside them in bulk.
"""

import hashlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from bench.measuring import InProcess, Timing, compare
from bench.targets import Target
from fixtures.manifest import entry
from gateway.ledger import EventKind, LedgerWriter, MessageRecord, migrate, new_record_id, open_database
from gateway.ledger.clock import LedgerClock
from gateway.renewal import Delays, MeasuredGates, cutover_report, measure
from gateway.report import rejection_report, usage_report
from gateway.verify import Signer, VerifiedBy
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome
from keystore import Alias, State, TrustedCertificate, TrustSnapshot, from_microseconds, to_microseconds
from keystore.store import GateAnswer, StoredEntry

FEW, MANY = 10_000, 10_000_000
BOUND = 2.0
"""Times the cost over the few that the cost over the many may be."""
GATE_SECONDS = 2.0
"""Within which the gate before retiring answers, whatever there is: processor time."""
_DAYS = 90
_DAY = 24 * 3_600_000_000
"""Microseconds."""
_OPERATIONS = 6
_PATIENCE = 60
_NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

_RECORDS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count - 1)
INSERT INTO messages (id, writer, sequence, previous_hash, hash, time, instance, endpoint, mode, kind, operation,
  outcome, reason, detail, released, verified_by, recognised, signatures, warnings, body_sha256, request_bytes,
  response_bytes, upstream_ms, verify_ms, keystore_revision, replay_keys, replay_check)
SELECT printf('%036d', n), 'bench', n + 1, '', '', :start + n * :step, 'bench', 'orders', 'enforce', 'message',
  '{urn:orders}Operation' || (n * 7 % :operations), iif(n % 10, 'accepted', 'rejected'), iif(n % 10, '', 'unsigned'),
  '', n % 10 > 0, iif(n % 10, iif(n % 2, :old, :new), '[]'), '[]', '[]', '[]', '', 0, 0, 0.0, 0.0, 1, '[]', 0
FROM numbers
"""
"""Every tenth is rejected; two keys in turn, six operations."""
_INDEXES = {
    "messages_by_time": "CREATE INDEX messages_by_time ON messages (time)",
    "messages_by_cell": "CREATE INDEX messages_by_cell ON messages (endpoint, operation, time)",
}

_OLD, _NEW = (
    TrustedCertificate(Alias(alias), entry(name).certificate, trusted_from=_NOW - timedelta(days=_DAYS))
    for alias, name in (("acme-2024", "old"), ("acme-2026", "new"))
)

Report = Callable[[Engine], object]
REPORTS: Mapping[str, Report] = {
    "usage": lambda engine: usage_report(engine, now=_NOW),
    "rejections": lambda engine: rejection_report(engine, now=_NOW),
    "cutover": lambda engine: cutover_report(engine, TrustSnapshot.of(_OLD, _NEW), now=_NOW),
    "gate": lambda engine: retiring(engine),
}


def retiring(engine: Engine) -> GateAnswer:
    """What the gate before retiring the old certificate says."""
    old, new = (StoredEntry.of_certificate(one, at=_NOW - timedelta(days=_DAYS), who="bench") for one in (_OLD, _NEW))
    gates = MeasuredGates(measure(engine), {"orders": Delays(timedelta(days=14))}, _NOW)
    return gates.before_retiring(old, [new], at=_NOW, since=lambda _: _NOW - timedelta(days=_DAYS))


def run(console: Console) -> Mapping[str, Any]:
    """Make both ledgers, ask each for every report, print what it took."""
    with _ledger(FEW) as few, _ledger(MANY) as many:
        timings = {
            name: compare({"few": InProcess(partial(report, few)), "many": InProcess(partial(report, many))})
            for name, report in REPORTS.items()
        }
    console.print(_table(timings))
    ratio = timings["usage"]["many"].ratio_to(timings["usage"]["few"])
    targets = [
        Target(f"report usage over {MANY:,} records, times that over {FEW:,}", ratio, BOUND),
        Target(f"gate over {MANY:,} records, seconds", timings["gate"]["many"].microseconds / 1e6, GATE_SECONDS),
    ]
    for target in targets:
        target.show(console)
    figures = {
        name: {size: timing.microseconds for size, timing in timing_of.items()} for name, timing_of in timings.items()
    }
    return {
        "records": {"few": FEW, "many": MANY},
        "microseconds": figures,
        "targets": [target.figures for target in targets],
    }


@contextmanager
def _ledger(count: int) -> Iterator[Engine]:
    """A ledger of so many records: rows, indexes and roll-ups as the gateway would have made them, made in bulk."""
    with tempfile.TemporaryDirectory(prefix="wssgate-bench-") as folder:
        file = Path(folder) / "wssgate.db"
        engine = open_database(f"sqlite:///{file}")
        migrate(engine)
        written = _write(engine, count)
        engine.dispose()
        _fill(file, count - written)
        engine = open_database(f"sqlite:///{file}")
        try:
            yield engine
        finally:
            engine.dispose()


def _write(engine: Engine, count: int) -> int:
    """Let ninety days pass to a writer; the number of records that it wrote."""
    now = [to_microseconds(_NOW - timedelta(days=_DAYS))]
    clock = LedgerClock(lambda: now[0], lambda: now[0] / 1e6, lambda _: None)
    writer = LedgerWriter(engine, "bench:1", clock=clock)
    hours = _DAYS * 24
    cells = [(number, (_OLD, _NEW)[number % 2]) for number in range(_OPERATIONS)]
    told = {"guaranteed_delivery_time": 14 * _DAY, "retention": _DAYS * _DAY, "signatures": "any"}
    writer.tell(EventKind.CONFIGURATION, {"endpoints": {"orders": told}})
    written = 0
    for hour in range(hours):
        now[0] += _DAY // 24
        futures = [
            writer.submit(_record(number, one, now[0]))
            for number, one in islice(cycle(cells), written, written + min(len(cells), count // hours))
        ]
        written += len(futures)
        states = {"orders": {"serving": True, "reachable": True, "since": None}}
        writer.tell(EventKind.HEARTBEAT, {"endpoints": states, "keystore_revision": 1}).result(_PATIENCE)
        assert all(future.result(_PATIENCE) for future in futures), hour
    writer.close()
    return written


def _record(number: int, certificate: TrustedCertificate, at: int) -> MessageRecord:
    verified = VerifiedBy(certificate.alias, certificate.key_id, certificate.thumbprint)
    record_id = new_record_id()
    made = Signer(
        entry=verified,
        state=State.TRUSTED,
        signature=0,
        signature_id=hashlib.sha256(record_id.encode()).hexdigest(),
        covers=("Body",),
        needed=True,
        signed_at=None,
    )
    return MessageRecord(
        id=record_id,
        time=from_microseconds(at),
        instance="bench:1",
        endpoint="orders",
        mode=Mode.ENFORCE,
        kind=MessageKind.MESSAGE,
        operation=f"{{urn:orders}}Operation{number}",
        outcome=RecordedOutcome.ACCEPTED,
        reason=None,
        detail="",
        released=True,
        verified_by=(verified,),
        signers=(made,),
        body_sha256="",
        request_bytes=0,
        response_bytes=0,
        upstream_status=200,
        upstream_ms=0.0,
        verify_ms=0.0,
        keystore_revision=1,
    )


def _fill(file: Path, count: int) -> None:
    values = {
        "count": count,
        "operations": _OPERATIONS,
        "start": to_microseconds(_NOW - timedelta(days=_DAYS)),
        "step": timedelta(days=_DAYS) // timedelta(microseconds=1) // count,
        "old": '[{"alias":"acme-2024","key_id":"a","thumbprint":"1"}]',
        "new": '[{"alias":"acme-2026","key_id":"b","thumbprint":"2"}]',
    }
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        # Whatever makes it quick: a ledger that is cut short in the middle is made again.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for name in _INDEXES:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(_RECORDS, values)
        for statement in _INDEXES.values():
            connection.execute(statement)
    finally:
        connection.close()


def _table(timings: Mapping[str, Mapping[str, Timing]]) -> Table:
    table = Table(title="Reports over the ledger, processor time", title_justify="left")
    table.add_column("report")
    for count in (FEW, MANY):
        table.add_column(f"ms over {count:,} records", justify="right")
    table.add_column("times", justify="right")
    for name, timing in timings.items():
        table.add_row(
            name,
            *(f"{timing[size].microseconds / 1000:,.1f}" for size in ("few", "many")),
            f"{timing['many'].ratio_to(timing['few']):.2f}",
        )
    return table
