"""What happened: durable records of verdicts, key usage roll-ups, queries."""

from gateway.ledger.database.connections import explain, reading, writing
from gateway.ledger.database.notices import announcements
from gateway.ledger.database.opening import database_path, open_database, shown_url
from gateway.ledger.database.partitions import make_partitions
from gateway.ledger.database.schema import SchemaState, SchemaStatus, migrate, schema_state
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
    ReplayCacheBroken,
    SchemaMismatch,
)
from gateway.ledger.hours import start_of_hour
from gateway.ledger.instances import (
    BEAT_SECONDS,
    InstanceIdentity,
    InstanceState,
    known_instances,
    loaded_everywhere,
    record_departure,
    record_heartbeat,
)
from gateway.ledger.proof.anchors import Anchor, anchors, find_anchors
from gateway.ledger.proof.chain_verification import ChainReport, ChainState, records_to_verify, verify_chain
from gateway.ledger.read.roll_up_sums import (
    RejectionRow,
    Rejections,
    Succession,
    TrafficRow,
    UsageRow,
    recorded_hours,
    rejections,
    seen_after,
    traffic,
    usage,
)
from gateway.ledger.read.stored_records import RecordFilter, StoredRecord, records, stream_records
from gateway.ledger.record import How, MessageRecord, Receipt
from gateway.ledger.record_rows import row_of
from gateway.ledger.retention.horizon import UNCONFIGURED_RETENTION, Keep, keep
from gateway.ledger.retention.maintenance_turn import leave_maintenance, take_maintenance
from gateway.ledger.retention.pruning import Prunable, Pruned, prune
from gateway.ledger.write.record_ids import new_record_id
from gateway.ledger.write.replay_cache_check import prove_replay_cache
from gateway.ledger.write.writer import LedgerWriter

__all__ = [
    # the database
    "SchemaState",
    "SchemaStatus",
    "announcements",
    "database_path",
    "explain",
    "make_partitions",
    "migrate",
    "open_database",
    "reading",
    "schema_state",
    "shown_url",
    "writing",
    # writing
    "LedgerWriter",
    "MessageRecord",
    "Receipt",
    "new_record_id",
    "prove_replay_cache",
    # reading
    "How",
    "RecordFilter",
    "RejectionRow",
    "Rejections",
    "StoredRecord",
    "Succession",
    "TrafficRow",
    "UsageRow",
    "recorded_hours",
    "records",
    "rejections",
    "row_of",
    "seen_after",
    "start_of_hour",
    "stream_records",
    "traffic",
    "usage",
    # who else is there
    "BEAT_SECONDS",
    "InstanceIdentity",
    "InstanceState",
    "known_instances",
    "loaded_everywhere",
    "record_departure",
    "record_heartbeat",
    # proof
    "Anchor",
    "ChainReport",
    "ChainState",
    "anchors",
    "find_anchors",
    "records_to_verify",
    "verify_chain",
    # retention
    "Keep",
    "Prunable",
    "Pruned",
    "UNCONFIGURED_RETENTION",
    "keep",
    "leave_maintenance",
    "prune",
    "take_maintenance",
    # errors
    "AlreadyRecorded",
    "DatabaseUnavailable",
    "DatabaseUnsupported",
    "LedgerBusy",
    "LedgerClosed",
    "LedgerError",
    "LedgerTooSlow",
    "LedgerUnavailable",
    "RecordRefused",
    "ReplayCacheBroken",
    "SchemaMismatch",
]
