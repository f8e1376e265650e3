"""The tables of the ledger. Portable SQL: text, integers, floats and booleans only.

Instants are whole microseconds, hours are whole hours since the epoch (`keystore.to_microseconds`). Where a text has
nothing to say and belongs to the key of a cell (`operation`, `reason`), it is empty, never NULL: NULL equals nothing in
a key.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("writer", String(36), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("instance", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("verified_by", Text, nullable=False),
    Column("recognised", Text, nullable=False),
    Column("signatures", Text, nullable=False),
    Column("soap_version", Text),
    Column("message_id", Text),
    Column("relates_to", Text),
    Column("warnings", Text, nullable=False),
    Column("body_sha256", Text, nullable=False),
    Column("request_bytes", BigInteger, nullable=False),
    Column("response_bytes", BigInteger, nullable=False),
    Column("upstream_status", Integer),
    Column("upstream_ms", Float, nullable=False),
    Column("verify_ms", Float, nullable=False),
    Column("keystore_revision", BigInteger, nullable=False),
    Column("replay_keys", Text, nullable=False),
    Column("fresh_until", BigInteger),
    Column("replay_check", Boolean, nullable=False),
    Column("embedded", Text),
    Column("second_opinion", Text),
    Column("server", Text),
    Column("response_element", Text),
    Column("signers", Text),
    Column("receipts", Text),
    Column("clock_offset", BigInteger),
    Column("attachments", Text),
    UniqueConstraint("writer", "sequence", name="messages_chain"),
    Index("messages_by_time", "time"),
    Index("messages_by_cell", "endpoint", "operation", "time"),
)
"""One row per message, append-only: the database itself refuses to change a row. Lists are JSON texts."""

chains = Table(
    "chains",
    metadata,
    Column("writer", String(36), primary_key=True),
    Column("instance", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("event_number", BigInteger),
    Column("event_hash", String(64)),
    Column("time", BigInteger),
    Column("signature", Text),
)
"""The head of each writer's hash chain: without it, rows missing at the end would not be missed.

`event_number` and `event_hash` are the same of the writer's events, `time` the ledger's clock at the last commit, and
`signature` is over all of it (`gateway.ledger.proof.signed_heads`). NULL in chains from before there were events.
"""

events = Table(
    "events",
    metadata,
    Column("writer", String(36), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("clock_offset", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("records_hash", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("signature", Text),
    Index("events_by_kind", "kind", "time"),
)
"""What a writer tells beside the messages, as a chain of its own that is bound to that of its records
(`gateway.ledger.event`). Append-only."""

signature_uses = Table(
    "signature_uses",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("signature_id", LargeBinary(20), primary_key=True),
    sqlite_with_rowid=False,
)
"""Every signature of a known key that is on record: one that comes again is no new use of its key.

By the day of its arrival (whole days since the epoch, by the ledger's clock), so that those that are added lie side by
side, and whole days can be forgotten.
"""

key_uses_hourly = Table(
    "key_uses_hourly",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("server", Text, primary_key=True),
    Column("thumbprint", String(64), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("alias", Text, nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("last_signed", BigInteger),
    Index("key_uses_by_hour", "hour"),
)
"""Messages that a certificate's key signed, per cell, role (`gateway.ledger.record.Role`), outcome and hour, by the
ledger's clock."""

receipt_layouts = Table(
    "receipt_layouts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("layout", Text, nullable=False),
)
"""What is the same in the receipts of many messages (`gateway.ledger.receipts`). Append-only.

`id` is the SHA-256 of `layout`, `endpoint` the one for which it was added; others use it as well.
"""

expected_operations = Table(
    "expected_operations",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("seen", BigInteger, nullable=False),
)
"""Operations that a WSDL of the endpoint announced, whether or not a message of theirs ever came."""

unknown_certificates = Table(
    "unknown_certificates",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("thumbprint", String(64), primary_key=True),
    Column("messages", BigInteger, nullable=False),
    Column("good_messages", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("record", String(36), nullable=False),
    Column("certificate", LargeBinary, nullable=False),
)
"""Certificates that rejected messages carried, of signers that the keystore does not know, in DER.

Each once per endpoint, and only so many of them (`gateway.ledger.write.certificate_keeping`). `good_messages` are those
whose signature was good under it, `record` is the last of these, or the last of all where there are none. No evidence:
what a message carried is said by its record, whose thumbprint tells whether this is that certificate.
"""

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("writer", String(36), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("pruned_at", BigInteger, nullable=False),
)
"""How far each chain has been pruned: place, hash and instant of the last record that is gone, and when it went.

The database itself refuses a checkpoint that is not a record's own, and the removal of what none covers.
"""

chores = Table(
    "chores",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", Text, nullable=False),
    Column("held_until", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=False),
)
"""Work that one process at a time does: who is at it and until when at most, and when it was done last (0: never)."""

traffic_hourly = Table(
    "traffic_hourly",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("released", Boolean, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("messages", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Index("traffic_by_hour", "hour"),
)
"""Messages per cell, outcome and hour."""

key_usage_hourly = Table(
    "key_usage_hourly",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("thumbprint", String(64), primary_key=True),
    Column("how", String(16), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("alias", Text, nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
)
"""Messages per cell, certificate and hour from before signers were recorded; nothing is added any more. `how`:
`verified` (accepted) or `recognised` (seen in a rejection)."""

replay_guard = Table(
    "replay_guard",
    metadata,
    Column("replay_key", Text, primary_key=True),
    Column("seen", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Index("replay_guard_by_expiry", "expires"),
)
"""Signatures that were accepted and could still be repeated."""

instances = Table(
    "instances",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("instance", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("keystore_revision", BigInteger, nullable=False),
)
"""One row per gateway process, renewed every few seconds: which keystore revision it has loaded."""

renewal_statements = Table(
    "renewal_statements",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("renewal", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""What people say of renewals, as one chain (`gateway.ledger.statements`). Append-only."""

renewal_statements_head = Table(
    "renewal_statements_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""One row, of the id 1: the last statement. Whoever adds one holds its lock, and without it statements missing at the
end would not be missed before an event or an anchor knows them."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("event", String(32), nullable=False),
    Column("about", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("records", Text, nullable=False),
    Column("except_channel", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("told_times", BigInteger, nullable=False),
    Column("told_on", Boolean, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    Column("notices", BigInteger, nullable=False),
)
"""What somebody should know, each once, with how often it happened and what was told of it (`gateway.ledger.outbox`).
No evidence. `id` is made of what it is about, so that what is found again is found to be the same."""

alert_notices = Table(
    "alert_notices",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("alert", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("except_channel", Text, nullable=False),
    Column("handed_out", Boolean, nullable=False),
    Index("alert_notices_by_time", "made"),
)
"""What people are told, as it is told; until `handed_out` nobody knows yet to which channels it goes."""

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("notice", String(36), primary_key=True),
    Column("channel", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_try", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Index("alert_deliveries_by_state", "state", "channel", "next_try"),
)
"""A notice on its way to one channel: `waiting`, `delivered` or `given-up`; `at` is the last attempt, 0 before it."""
