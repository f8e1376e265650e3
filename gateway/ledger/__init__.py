"""What happened: durable records of verdicts, key usage roll-ups, queries."""

from gateway.ledger.anchors import Anchor, anchors, find_anchors
from gateway.ledger.database import database_path, open_database
from gateway.ledger.errors import (
    AlreadyRecorded,
    DatabaseUnavailable,
    DatabaseUnsupported,
    LedgerBusy,
    LedgerClosed,
    LedgerError,
    LedgerTooSlow,
    LedgerUnavailable,
    RecordRefused,
    ReplayGuardBroken,
    SchemaMismatch,
)
from gateway.ledger.hours import start_of_hour
from gateway.ledger.instances import InstanceState, known_instances, loaded_everywhere
from gateway.ledger.queries import (
    RecordFilter,
    RejectionRow,
    Rejections,
    StoredRecord,
    Succession,
    TrafficRow,
    UsageRow,
    records,
    rejections,
    seen_after,
    traffic,
    usage,
)
from gateway.ledger.record import MessageRecord, Receipt, record_fields
from gateway.ledger.record_ids import new_record_id
from gateway.ledger.rollups import How
from gateway.ledger.schema import SchemaState, SchemaStatus, migrate, schema_state
from gateway.ledger.self_test import prove_replay_guard
from gateway.ledger.verification import ChainReport, ChainState, records_to_verify, verify_chain
from gateway.ledger.writer import LedgerWriter

__all__ = [
    # opening
    "open_database",
    "database_path",
    "migrate",
    "schema_state",
    "SchemaState",
    "SchemaStatus",
    # writing
    "LedgerWriter",
    "MessageRecord",
    "Receipt",
    "new_record_id",
    "record_fields",
    "prove_replay_guard",
    # reading
    "How",
    "RecordFilter",
    "RejectionRow",
    "Rejections",
    "StoredRecord",
    "Succession",
    "TrafficRow",
    "UsageRow",
    "records",
    "rejections",
    "start_of_hour",
    "traffic",
    "usage",
    "seen_after",
    # who else is there
    "InstanceState",
    "known_instances",
    "loaded_everywhere",
    # proving
    "ChainReport",
    "ChainState",
    "verify_chain",
    "records_to_verify",
    "Anchor",
    "anchors",
    "find_anchors",
    # errors
    "LedgerError",
    "DatabaseUnavailable",
    "DatabaseUnsupported",
    "SchemaMismatch",
    "LedgerUnavailable",
    "LedgerClosed",
    "LedgerTooSlow",
    "LedgerBusy",
    "ReplayGuardBroken",
    "RecordRefused",
    "AlreadyRecorded",
]
