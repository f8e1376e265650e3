"""What happened: durable records of verdicts, key usage roll-ups, queries."""

from gateway.ledger.clock import CLOCK_ALARM, CLOCK_FAR_OFF, followed_clock
from gateway.ledger.database.connections import explain, reading, writing
from gateway.ledger.database.notices import announcements
from gateway.ledger.database.opening import database_path, open_database, refuse_loose_database, shown_url
from gateway.ledger.database.partitions import make_partitions
from gateway.ledger.database.schema import SchemaState, SchemaStatus, migrate, schema_state
from gateway.ledger.errors import (
    AlreadyRecorded,
    BundleRefused,
    DatabaseUnavailable,
    DatabaseUnsupported,
    FilterUnreadable,
    KeptEndsUnusable,
    KeptUsesUnusable,
    LedgerBusy,
    LedgerClosed,
    LedgerError,
    LedgerTooSlow,
    LedgerUnavailable,
    ReceiptDamaged,
    RecordNotFound,
    RecordRefused,
    ReplayCacheBroken,
    SchemaMismatch,
    SigningKeyUnusable,
    TimeStampRefused,
    TimeStampsUnavailable,
)
from gateway.ledger.event import HEARTBEAT_SECONDS, Content, Event, EventKind, content_text
from gateway.ledger.hours import end_of_hours, last_before, start_of_hour
from gateway.ledger.instances import (
    BEAT_SECONDS,
    InstanceIdentity,
    InstanceState,
    known_instances,
    loaded_everywhere,
    record_departure,
    record_heartbeat,
)
from gateway.ledger.outbox.delivering import (
    RETRY_SECONDS,
    Delivery,
    DeliveryState,
    Notice,
    hand_out,
    next_delivery,
    note_delivery,
    tidy_outbox,
    waiting_deliveries,
)
from gateway.ledger.outbox.raising import AlertFinding, end_alert, raise_alert, sum_up_alerts
from gateway.ledger.outbox.told_alerts import Alert, ToldTo, find_alert, known_alerts, told_notices
from gateway.ledger.proof.anchors import Anchor, anchors, find_anchors
from gateway.ledger.proof.bundle_archive import opened_bundle
from gateway.ledger.proof.bundle_making import MadeBundle, make_bundle
from gateway.ledger.proof.bundle_report import BundleReport, RecordProof, SignedEnd
from gateway.ledger.proof.bundle_verification import verify_bundle
from gateway.ledger.proof.histories import broken_histories
from gateway.ledger.proof.kept_ends import KEPT_MICROSECONDS, KeptEnd, KeptEnds, LostEnd, lost_ends
from gateway.ledger.proof.ledger_findings import ChainReport, ChainState, Finding, LedgerReport, Signing
from gateway.ledger.proof.ledger_verification import (
    recorded_retention,
    records_to_verify,
    verify_chain,
    verify_ledger,
)
from gateway.ledger.proof.pinned_keys import find_pinned_keys, key_word
from gateway.ledger.proof.recounting import (
    ChainEnd,
    ChainEnds,
    CountedRecord,
    Recount,
    chain_ends,
    counted_record,
    records_up_to,
    recount,
)
from gateway.ledger.proof.signed_head_words import (
    SIGNED_HEAD_MARK,
    SignedHead,
    find_signed_heads,
    recent_signed_heads,
)
from gateway.ledger.proof.signer_proofs import ProofState, SignerProof, prove_signers
from gateway.ledger.proof.signing_key import SigningKey, is_signed_by, signing_key
from gateway.ledger.proof.time_stamps import (
    TIME_STAMP_QUERY,
    StampedWords,
    StampFinder,
    TimeStamp,
    TimeStampAuthority,
    find_stamped,
)
from gateway.ledger.read.announced_operations import expected_operations, local_operation
from gateway.ledger.read.event_window import EventWindow, WriterSeen, latest_event, read_events
from gateway.ledger.read.failure_counts import FailureRow, Failures, failures
from gateway.ledger.read.filter_language import FILTER_NAMES, FilterName, parse_filter
from gateway.ledger.read.following import RecordFollower
from gateway.ledger.read.hours_of_use import UseHour, use_hours
from gateway.ledger.read.last_hours import last_traffic, last_uses
from gateway.ledger.read.present_writers import WriterNow, writers_now
from gateway.ledger.read.rejection_sums import RejectionRow, Rejections, rejections
from gateway.ledger.read.rest_of_hour import exact_beginning
from gateway.ledger.read.roll_up_sums import (
    TrafficRow,
    UsageRow,
    traffic,
    usage,
)
from gateway.ledger.read.seen_later import Succession, seen_after
from gateway.ledger.read.stored_records import (
    RecordFilter,
    StoredRecord,
    find_record,
    receipts_of,
    records,
    several,
    stream_records,
)
from gateway.ledger.read.unknown_certificates import (
    KeptCertificate,
    carried_certificates,
    find_kept_certificate,
    kept_certificates,
)
from gateway.ledger.record import MessageRecord, Receipt, Role
from gateway.ledger.record_rows import row_of
from gateway.ledger.retention.announcing import Tell
from gateway.ledger.retention.maintenance_turn import leave_maintenance, take_maintenance
from gateway.ledger.retention.pruning import Prunable, Pruned, prune
from gateway.ledger.statements import (
    Statement,
    StatementsAnchor,
    add_statement,
    find_statements_anchors,
    read_statements,
    statements_anchor,
)
from gateway.ledger.uses import Uses
from gateway.ledger.write.expected_operations import remember_expected
from gateway.ledger.write.kept_uses import KeptUses
from gateway.ledger.write.left_uses import LeftUses, left_uses
from gateway.ledger.write.record_ids import new_record_id
from gateway.ledger.write.replay_cache_check import prove_replay_cache
from gateway.ledger.write.signature_uses import forget_signatures, known_signatures
from gateway.ledger.write.unrecorded_uses import is_repetition
from gateway.ledger.write.use_cells import CellUse
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
    "refuse_loose_database",
    "reading",
    "schema_state",
    "shown_url",
    "writing",
    # writing
    "CLOCK_ALARM",
    "CLOCK_FAR_OFF",
    "HEARTBEAT_SECONDS",
    "KeptUses",
    "CellUse",
    "LeftUses",
    "Content",
    "Event",
    "EventKind",
    "LedgerWriter",
    "MessageRecord",
    "Receipt",
    "Uses",
    "content_text",
    "followed_clock",
    "is_repetition",
    "left_uses",
    "new_record_id",
    "prove_replay_cache",
    "remember_expected",
    # what people say of renewals
    "Statement",
    "StatementsAnchor",
    "add_statement",
    "broken_histories",
    "find_statements_anchors",
    "read_statements",
    "statements_anchor",
    # reading
    "EventWindow",
    "FILTER_NAMES",
    "FailureRow",
    "Failures",
    "failures",
    "FilterName",
    "RecordFollower",
    "parse_filter",
    "KeptCertificate",
    "WriterNow",
    "RecordFilter",
    "RejectionRow",
    "Rejections",
    "Role",
    "StoredRecord",
    "Succession",
    "TrafficRow",
    "UsageRow",
    "UseHour",
    "WriterSeen",
    "writers_now",
    "latest_event",
    "read_events",
    "exact_beginning",
    "expected_operations",
    "local_operation",
    "carried_certificates",
    "find_kept_certificate",
    "find_record",
    "kept_certificates",
    "receipts_of",
    "records",
    "rejections",
    "row_of",
    "seen_after",
    "end_of_hours",
    "last_before",
    "last_traffic",
    "last_uses",
    "start_of_hour",
    "several",
    "stream_records",
    "traffic",
    "usage",
    "use_hours",
    # what people are told
    "RETRY_SECONDS",
    "Alert",
    "AlertFinding",
    "Delivery",
    "DeliveryState",
    "Notice",
    "ToldTo",
    "end_alert",
    "find_alert",
    "hand_out",
    "known_alerts",
    "next_delivery",
    "note_delivery",
    "raise_alert",
    "sum_up_alerts",
    "tidy_outbox",
    "told_notices",
    "waiting_deliveries",
    # who else is there
    "BEAT_SECONDS",
    "InstanceIdentity",
    "InstanceState",
    "known_instances",
    "loaded_everywhere",
    "record_departure",
    "record_heartbeat",
    # proof
    "SIGNED_HEAD_MARK",
    "Anchor",
    "BundleReport",
    "CountedRecord",
    "Recount",
    "ChainEnd",
    "ChainEnds",
    "ChainReport",
    "ChainState",
    "KEPT_MICROSECONDS",
    "KeptEnd",
    "KeptEnds",
    "LostEnd",
    "SignedHead",
    "MadeBundle",
    "ProofState",
    "RecordProof",
    "SignedEnd",
    "SignerProof",
    "Finding",
    "LedgerReport",
    "Signing",
    "SigningKey",
    "StampFinder",
    "StampedWords",
    "TimeStamp",
    "TimeStampAuthority",
    "TIME_STAMP_QUERY",
    "anchors",
    "chain_ends",
    "counted_record",
    "recount",
    "records_up_to",
    "find_anchors",
    "find_signed_heads",
    "find_stamped",
    "find_pinned_keys",
    "is_signed_by",
    "lost_ends",
    "recent_signed_heads",
    "key_word",
    "make_bundle",
    "opened_bundle",
    "prove_signers",
    "recorded_retention",
    "records_to_verify",
    "signing_key",
    "verify_bundle",
    "verify_chain",
    "verify_ledger",
    # retention
    "Prunable",
    "Pruned",
    "Tell",
    "forget_signatures",
    "known_signatures",
    "leave_maintenance",
    "prune",
    "take_maintenance",
    # errors
    "AlreadyRecorded",
    "BundleRefused",
    "DatabaseUnavailable",
    "DatabaseUnsupported",
    "FilterUnreadable",
    "KeptEndsUnusable",
    "KeptUsesUnusable",
    "LedgerBusy",
    "LedgerClosed",
    "LedgerError",
    "LedgerTooSlow",
    "LedgerUnavailable",
    "ReceiptDamaged",
    "RecordNotFound",
    "RecordRefused",
    "ReplayCacheBroken",
    "SchemaMismatch",
    "SigningKeyUnusable",
    "TimeStampRefused",
    "TimeStampsUnavailable",
]
