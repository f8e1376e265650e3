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
)
"""The head of each writer's hash chain: without it, rows missing at the end would not be missed."""

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
"""Messages per cell, certificate and hour. `how`: `verified` (accepted) or `recognised` (seen in a rejection)."""

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
