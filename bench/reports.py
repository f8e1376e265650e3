"""What reports cost over ten thousand records and over ten million, of the same ninety days and operations."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from bench.measuring import InProcess, Timing, compare
from bench.targets import Target
from gateway.ledger import migrate, open_database
from gateway.renewal import cutover_report
from gateway.report import rejection_report, usage_report
from keystore import TrustSnapshot, to_microseconds

FEW, MANY = 10_000, 10_000_000
BOUND = 2.0
"""Times the cost over the few that the cost over the many may be."""
_DAYS = 90
_NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

_RECORDS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count - 1)
INSERT INTO messages (id, writer, sequence, previous_hash, hash, time, instance, endpoint, mode, kind, operation,
  outcome, reason, detail, released, verified_by, recognised, signatures, warnings, body_sha256, request_bytes,
  response_bytes, upstream_ms, verify_ms, keystore_revision, replay_keys, replay_check)
SELECT printf('%036d', n), 'bench', n + 1, '', '', :start + n * :step, 'bench', 'orders', 'enforce', 'message',
  '{urn:orders}Operation' || (n * 7 % 6), iif(n % 10, 'accepted', 'rejected'), iif(n % 10, '', 'unsigned'), '',
  n % 10 > 0, iif(n % 10, iif(n % 2, :old, :new), '[]'), '[]', '[]', '[]', '', 0, 0, 0.0, 0.0, 1, '[]', 0
FROM numbers
"""
"""Every tenth is rejected; two keys in turn, six operations."""
_TRAFFIC = """
INSERT INTO traffic_hourly SELECT endpoint, operation, kind, outcome, reason, released, time / 3600000000, count(*),
  min(time), max(time) FROM messages GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_USAGE = """
INSERT INTO key_usage_hourly SELECT endpoint, operation, verified_by ->> '$[0].thumbprint', 'verified',
  time / 3600000000, max(verified_by ->> '$[0].alias'), max(verified_by ->> '$[0].key_id'), count(*), min(time),
  max(time) FROM messages WHERE outcome = 'accepted' GROUP BY 1, 2, 3, 5
"""
_INDEXES = {
    "messages_by_time": "CREATE INDEX messages_by_time ON messages (time)",
    "messages_by_cell": "CREATE INDEX messages_by_cell ON messages (endpoint, operation, time)",
}

Report = Callable[[Engine], object]
REPORTS: Mapping[str, Report] = {
    "usage": lambda engine: usage_report(engine, now=_NOW),
    "rejections": lambda engine: rejection_report(engine, now=_NOW),
    "cutover": lambda engine: cutover_report(engine, TrustSnapshot.of(), now=_NOW),
}


def run(console: Console) -> Mapping[str, Any]:
    """Make both ledgers, ask each for every report, print what it took."""
    with _ledger(FEW) as few, _ledger(MANY) as many:
        timings = {
            name: compare({"few": InProcess(partial(report, few)), "many": InProcess(partial(report, many))})
            for name, report in REPORTS.items()
        }
    console.print(_table(timings))
    ratio = timings["usage"]["many"].ratio_to(timings["usage"]["few"])
    target = Target(f"report usage over {MANY:,} records, times that over {FEW:,}", ratio, BOUND)
    target.show(console)
    figures = {
        name: {size: timing.microseconds for size, timing in timing_of.items()} for name, timing_of in timings.items()
    }
    return {"records": {"few": FEW, "many": MANY}, "microseconds": figures, "target": target.figures}


@contextmanager
def _ledger(count: int) -> Iterator[Engine]:
    """A ledger of so many records: rows, indexes and roll-ups as the gateway would have made them, made in bulk."""
    with tempfile.TemporaryDirectory(prefix="wssgate-bench-") as folder:
        file = Path(folder) / "wssgate.db"
        engine = open_database(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()
        _fill(file, count)
        engine = open_database(f"sqlite:///{file}")
        try:
            yield engine
        finally:
            engine.dispose()


def _fill(file: Path, count: int) -> None:
    values = {
        "count": count,
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
        for statement in (*_INDEXES.values(), _TRAFFIC, _USAGE):
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
